#!/usr/bin/env -S sh -c 'export VBLADE_IGNORED="${VBLADE_IGNORED-$(grep SigIgn: /proc/self/status)}"; exec node --max-semi-space-size=1 "$0" "$@"'
/**
 * The program `vblade`. Looks at what the command line asks for, has it done, and turns every way of ending into an exit
 * status: 0 for done, 2 and one line for a mistake of the operator, 70 and a stack for one of ours.
 *
 * (Serving allocates nothing, so the young generation of the heap can be small: 1 MiB. What Node would take instead, some
 * 50 MiB after thousands of blades have been opened, would never be used again. And Node forgets which signals were ignored
 * when it was started, so a shell notes it first.)
 */

import { readFileSync } from "node:fs";
import { OperatorError } from "../errors.js";
import { interfaceNames } from "../link/interfaces.js";
import { complain, finishOutput, openOutput } from "../output.js";
import { oneLine } from "../text.js";
import { parseArguments } from "./arguments.js";
import { COMMANDS, type CommandName, helpText } from "./options.js";
import { serve } from "./serve.js";
import { ignoreInherited } from "./signals.js";

const EXIT_OPERATOR = 2;
/** EX_SOFTWARE of sysexits(3). */
const EXIT_BUG = 70;

async function main(argv: readonly string[]): Promise<number> {
	const command = COMMANDS.find(({ name }) => name === argv[0]);
	if (command !== undefined) return runCommand(command.name, argv.slice(1));
	const invocation = parseArguments(argv, interfaceNames);
	switch (invocation.kind) {
		case "help":
			process.stdout.write(helpText());
			return 0;
		case "version":
			process.stdout.write(`vblade ${packageVersion()}\n`);
			return 0;
		case "serve":
			return serve(invocation, packageVersion());
	}
}

/** Loaded when asked for: a server needs neither them nor what they are made of. */
async function runCommand(name: CommandName, argv: readonly string[]): Promise<number> {
	switch (name) {
		case "discover":
			return (await import("./discover.js")).discoverCommand(argv);
		case "bench":
			return (await import("./bench.js")).benchCommand(argv);
	}
}

/** The version in this package's package.json, three folders above the compiled file. */
function packageVersion(): string {
	const manifest: unknown = JSON.parse(
		readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
	);
	const { version } = manifest as { version: string };
	return version;
}

function fail(error: unknown): never {
	if (error instanceof OperatorError) {
		complain(`vblade: ${oneLine(error.message)}\n`);
		process.exit(EXIT_OPERATOR);
	}
	const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
	complain(`vblade: this is a bug in vblade:\n${stack}\n`);
	process.exit(EXIT_BUG);
}

ignoreInherited();
// Whoever read our output may go; the blades stay.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
// Node itself would wait for the reader.
process.removeAllListeners("warning");
process.on("warning", ({ name, message }) => complain(`vblade: warn: ${oneLine(`${name}: ${message}`)}\n`));
process.on("uncaughtException", fail);
process.on("exit", finishOutput);
openOutput();
main(process.argv.slice(2)).then((status) => process.exit(status), fail);
