/**
 * What the program does, whichever way it was put together: has `commands.ts` do what the command line asks for, and turns every
 * way of ending into an exit status: 0 for done, 1 and one line for what failed, 2 and one line for a mistake of the operator, 70 and a stack for one of ours.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { codeOf, FailedError, OperatorError } from "../errors.js";
import { Errno, isNativeError } from "../native.js";
import { complain, finishOutput, openOutput, outputTaken, processName } from "../output.js";
import { oneLine } from "../text.js";
import { runCommand } from "./commands.js";
import { ignoreInherited } from "./signals.js";

const EXIT_FAILED = 1;
const EXIT_OPERATOR = 2;
/** EX_SOFTWARE of sysexits(3). */
const EXIT_BUG = 70;

/** Says what it is. Returns the exit status. */
function told(error: unknown): number {
	if (error instanceof OperatorError || error instanceof FailedError) {
		complain(`${processName()}: ${oneLine(error.message)}\n`);
		return error instanceof OperatorError ? EXIT_OPERATOR : EXIT_FAILED;
	}
	if (lacksDescriptors(error)) {
		complain(
			`${processName()}: this process may open no more descriptors (ulimit -n): ${oneLine(String(error))}\n`,
		);
		return EXIT_OPERATOR;
	}
	const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
	complain(`${processName()}: this is a bug in vblade:\n${stack}\n`);
	return EXIT_BUG;
}

/** What a command has printed is not where it was to go. Returns the exit status. */
function toldLost(): number {
	complain(`${processName()}: standard output can't be written\n`);
	return EXIT_FAILED;
}

/** It can happen at any call, and everywhere it is the operator who can mend it. */
function lacksDescriptors(error: unknown): boolean {
	if (!(error instanceof Error)) return false;
	if (isNativeError(error)) return error.errno === Errno.EMFILE || error.errno === Errno.ENFILE;
	return /^(EMFILE|ENFILE)$/.test(codeOf(error) ?? "");
}

ignoreInherited();
// Whoever read our output may go; the blades stay.
let isOutputLost = false;
process.stdout.on("error", (error) => {
	// (A reader who has gone wants no more; a file was to have all of it.)
	isOutputLost ||= codeOf(error) !== "EPIPE";
});
process.stderr.on("error", () => undefined);
// Node itself would wait for the reader.
process.removeAllListeners("warning");
process.on("warning", ({ name, message }) =>
	complain(`${processName()}: warn: ${oneLine(`${name}: ${message}`)}\n`),
);
process.on("uncaughtException", (error) => process.exit(told(error)));
process.on("exit", finishOutput);
openOutput();
runCommand(process.argv.slice(2))
	.catch(told)
	.then(async (status) => {
		await outputTaken();
		// (What a file had no room for is known a turn later.)
		await nextTurn();
		process.exit(isOutputLost && status === 0 ? toldLost() : status);
	});
