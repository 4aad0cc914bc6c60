/**
 * What the commands that ask a running daemon have in common: their command line is taken apart, the daemon at its `--socket` is
 * asked, and what it refuses is told, a line each. For those that go on until they are stopped: how they rest and notice the end.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError } from "../../errors.js";
import { outputTaken } from "../../output.js";
import type { CommandLine } from "../../spec/getopt.js";
import { oneLine, quote } from "../../text.js";
import { EXIT_FAILED, type Output, understand } from "../client.js";
import type { Form } from "../forms.js";
import { AskError, DaemonClient } from "./client.js";
import type { ASKING_OPTIONS } from "./options.js";

/** A command line that has been taken apart, who is asked, and where what it answers goes. */
export interface Question<Name extends string = string> {
	readonly line: Pick<CommandLine<Name>, "has" | "last" | "positionals">;
	readonly daemon: DaemonClient;
	readonly output: Output;
	/** JSON is wanted. */
	readonly json: boolean;
}

type AskingName = (typeof ASKING_OPTIONS)[number]["name"];

/**
 * Runs `work`, which resolves to the exit status. 0 if all that was wanted is help; 1, with lines on standard error, if the daemon
 * could not be asked or has refused. Throws an OperatorError for what the operator got wrong.
 */
export async function asking<Name extends string>(
	form: Form<Name | AskingName>,
	argv: readonly string[],
	output: Output,
	work: (question: Question<Name | AskingName>) => Promise<number>,
): Promise<number> {
	const line = await understand(form, argv, output);
	if (line === undefined) return 0;
	return withDaemon(line.last("socket") ?? "", output, (daemon) =>
		work({ line, daemon, output, json: line.has("json") }),
	);
}

/** The same for a command line that has been taken apart already. `hint`: what may be meant where nobody is at the socket. */
export async function withDaemon(
	socket: string,
	output: Output,
	work: (daemon: DaemonClient) => Promise<number>,
	hint?: string,
): Promise<number> {
	const daemon = new DaemonClient(socket);
	try {
		return await work(daemon);
	} catch (error) {
		if (!(error instanceof AskError)) throw error;
		const more = error.isNobody && hint !== undefined ? ` (${hint})` : "";
		for (const message of error.lines) output.err(`vblade: ${oneLine(message)}${more}\n`);
		return EXIT_FAILED;
	} finally {
		daemon.close();
	}
}

/** `key=value&...` of what is given. */
export function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
	const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
	return new URLSearchParams(
		given.map(([name, value]): [string, string] => [name, String(value)]),
	).toString();
}

const AGAIN_MS = 1000;
export const NO_ANSWER = "the daemon does not answer; going on when it does";

/** The daemon has said no. What is in the way otherwise may pass, as when it is started again. */
export function isRefusal(error: unknown): error is AskError {
	return error instanceof AskError && (error.status ?? 500) < 500;
}

/**
 * Asks until there is an answer, and tells once that there is none. For what goes on: nobody is there to start it again. Throws what the
 * daemon refuses; resolves to undefined when `signal` says so.
 */
export async function untilAnswered<T>(
	ask: () => Promise<T>,
	output: Output,
	signal: AbortSignal,
): Promise<T | undefined> {
	for (let isTold = false; ; isTold = true) {
		try {
			return await ask();
		} catch (error) {
			if (!(error instanceof AskError) || isRefusal(error)) throw error;
			if (!isTold) output.err(`vblade: ${NO_ANSWER}\n`);
		}
		if (!(await rest(AGAIN_MS, signal))) return undefined;
	}
}

/** Waits, at least until what was printed has been read. False if that was ended before its time. */
export async function rest(ms: number, signal: AbortSignal): Promise<boolean> {
	await outputTaken();
	return sleep(ms, undefined, { signal }).then(
		() => true,
		() => false,
	);
}

/** Aborted when whoever reads our output is gone: nobody wants to know more. */
export function whileRead(): AbortSignal {
	const controller = new AbortController();
	process.stdout.once("error", () => controller.abort());
	return controller.signal;
}

/** One of several words that an option may have. */
export function readWord<Word extends string>(
	what: string,
	text: string | undefined,
	words: readonly Word[],
): Word | undefined {
	if (text === undefined) return undefined;
	const word = words.find((known) => known === text);
	if (word === undefined)
		throw new OperatorError(`${what} ${quote(text)}: one of ${words.join(", ")} is allowed`);
	return word;
}
