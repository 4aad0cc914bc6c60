/**
 * What the commands of our initiator (`bench.ts`, `discover.ts`) have in common: their arguments are read with yargs, the
 * port they name is opened, and a request that fails is told in one line.
 */

import yargs, { type Argv } from "yargs";
import { InitiatorError } from "../client/errors.js";
import { Initiator } from "../client/initiator.js";
import { OperatorError } from "../errors.js";
import { interfaceNames } from "../link/interfaces.js";
import type { Link, LinkLog } from "../link/link.js";
import { openLink } from "../link/open.js";
import { UnixLink } from "../link/unix.js";
import { Pump } from "../pump.js";
import { oneLine, quote } from "../text.js";
import { parseNetif } from "./netif.js";

/** A request failed: no answer, or an error of the target's or the disk's. */
export const EXIT_FAILED = 1;

/** Where a command writes: standard output and standard error. */
export interface Output {
	out(text: string): void;
	err(text: string): void;
}

export const processOutput: Output = {
	out: (text) => void process.stdout.write(text),
	err: (text) => void process.stderr.write(text),
};

/**
 * A yargs parser that leaves printing and ending to us. `command` is yargs' form of the arguments: `bench <netif>`.
 * Mistakes become OperatorErrors.
 */
export function commandLine(name: string, positionals: string, description: string): Argv {
	return (
		yargs()
			.scriptName("vblade")
			.usage(`$0 ${name} ${positionals}\n\n${description}`)
			.command(`$0 ${positionals}`, false)
			.parserConfiguration({
				"boolean-negation": false,
				"camel-case-expansion": false,
				"duplicate-arguments-array": false,
				"parse-positional-numbers": false,
			})
			// Not the operator's: all that we say is in one language, and in our words.
			.locale("en")
			.updateStrings({
				"Not enough non-option arguments: got %s, need at least %s": sameForAll("missing after %s of %s"),
				"Unknown argument: %s": { one: "unknown argument: %s", other: "unknown arguments: %s" },
			} as unknown as Record<string, string>)
			.strict()
			.version(false)
			.exitProcess(false)
			.showHelpOnFail(false)
			.fail((message, error) => {
				throw error ?? new OperatorError(`${inWords(message, positionals)}; see vblade ${name} --help`);
			})
	);
}

/** yargs' plural form of a message. */
function sameForAll(text: string): { one: string; other: string } {
	return { one: text, other: text };
}

/** What yargs has found wrong. It counts arguments; we name those that are missing. */
function inWords(message: string, positionals: string): string {
	const [, given] = /^missing after ([0-9]+) of [0-9]+$/.exec(message) ?? [];
	if (given === undefined) return message;
	const missing = [...positionals.matchAll(/<(\w+)>/g)].map(([, name]) => name).slice(Number(given));
	return `missing argument${missing.length === 1 ? "" : "s"}: ${missing.join(", ")}`;
}

/** Parses `argv`. Undefined if all that was wanted is help, which has then been written. */
export async function parse<T>(parser: Argv<T>, argv: readonly string[], output: Output) {
	let help = "";
	const values = await parser.parseAsync([...argv], {}, (_error, _values, text) => {
		help = text;
	});
	if (help === "") return values;
	output.out(`${help}\n`);
	return undefined;
}

/** Runs `work` with an initiator on the port that `netif` names. Resolves to the exit status. */
export async function withInitiator(
	netif: string,
	framesInFlight: number,
	output: Output,
	work: (initiator: Initiator) => Promise<number>,
): Promise<number> {
	const link = await openPort(netif, framesInFlight, output);
	const initiator = new Initiator(link);
	try {
		if (!link.up) throw new OperatorError(`${link.name}: this interface is down`);
		return await tellingFailures(output, () => work(initiator));
	} finally {
		initiator.close();
		await link.close();
	}
}

/** Runs `work`, which resolves to the exit status; a request that fails is told in one line, and a status of its own. */
export async function tellingFailures(output: Output, work: () => Promise<number>): Promise<number> {
	try {
		return await work();
	} catch (error) {
		if (!(error instanceof InitiatorError)) throw error;
		output.err(`vblade: ${oneLine(error.message)}\n`);
		return EXIT_FAILED;
	}
}

/** As the netif of a blade, except that a unix socket is connected to, and that it is one port. */
async function openPort(netif: string, framesInFlight: number, output: Output): Promise<Link> {
	const pump = new Pump();
	const log: LinkLog = (message, level = "warn") => {
		if (level === "warn") output.err(`vblade: ${oneLine(message)}\n`);
	};
	const [spec, ...others] = parseNetif(netif, interfaceNames);
	if (spec === undefined || others.length > 0)
		throw new OperatorError(`netif ${quote(netif)}: one interface or unix:PATH is allowed here`);
	if (spec.kind === "unix") return UnixLink.connect(spec.path, { pump, log, framesInFlight });
	return openLink(spec, pump, { log, framesInFlight });
}
