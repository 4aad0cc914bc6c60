/**
 * Runs one test file as a process group of its own, with a limit, and hands on what it says in TAP, with the line that its result is.
 * Used by `run-tests.ts`.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What tap has to end a file by itself, and what a file leaves to close its output. */
const GRACE_MS = 30_000;
const LEFT_MS = 1000;

/**
 * Garbage is collected in the test's own thread: several files run beside each other on few processors, where those threads that V8 has for that wait
 * for each other, which was a fifth of all that tests of pools took.
 */
const NODE_OPTIONS = ["--single-threaded-gc"];

export interface FileRun {
	/** Its TAP, without the version. */
	readonly said: readonly string[];
	/** The line that says how it ended, as the so many-th of all. */
	readonly result: (number: number) => string;
	/** What there is to say of a failure: YAML, as TAP has it. */
	readonly more: readonly string[];
	/** Seconds of the processor, of the file and all that it has started and waited for: not of daemons. */
	readonly cpuSeconds: number;
}

/** Process groups that run. */
const running = new Set<number>();

/** Sends a signal to all that run. */
export function endAll(signal: NodeJS.Signals): void {
	for (const group of running) end(group, signal);
}

function end(group: number | undefined, signal: NodeJS.Signals): void {
	if (group === undefined) return;
	try {
		process.kill(-group, signal);
	} catch {
		// There is nobody left.
	}
}

/** Node tells nothing of what a child has used; a shell does, as `0m1.5s 0m0.5s` in two lines, of which the second is of its children. */
const TIMED = '"$@" 3>&-; code=$?; times >&3; exit $code';

function cpuSecondsIn(times: string): number {
	const [, children = ""] = times.split("\n");
	const each = children.matchAll(/(\d+)m([\d.]+)s/g);
	return [...each].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

export async function runFile(file: string, timeoutSeconds: number): Promise<FileRun> {
	const begunMs = performance.now();
	const test = spawn("sh", ["-c", TIMED, "sh", process.execPath, ...NODE_OPTIONS, file], {
		detached: true,
		stdio: ["ignore", "pipe", "inherit", "pipe"],
		env: { ...process.env, TAP_TIMEOUT: String(timeoutSeconds) },
	});
	const { pid, stdout } = test;
	if (stdout === null) throw new Error("there is no pipe");
	if (pid !== undefined) running.add(pid);
	const kill = () => end(pid, "SIGKILL");
	const limit = setTimeout(kill, timeoutSeconds * 1000 + GRACE_MS);
	const ended = new Promise<string>((resolve) => {
		test.once("error", (error) => resolve(`error: ${JSON.stringify(error.message)}`));
		test.once("exit", (code, signal) => {
			setTimeout(kill, LEFT_MS).unref();
			resolve(signal === null ? `exitCode: ${code}` : `signal: ${signal}`);
		});
	});
	let times = "";
	test.stdio[3]?.on("data", (data: Buffer) => {
		times += data.toString();
	});
	const said: string[] = [];
	for await (const line of createInterface({ input: stdout })) said.push(line);
	const how = await ended;
	clearTimeout(limit);
	if (pid !== undefined) running.delete(pid);
	const ok = how === "exitCode: 0";
	const [, why] = said.map((line) => /^1\.\.0 # (.*)$/.exec(line)).find((match) => match !== null) ?? [];
	const time = `time=${(performance.now() - begunMs).toFixed(1)}ms`;
	return {
		said: said.filter((line) => line !== "TAP version 14"),
		result: (number) =>
			`${ok ? "ok" : "not ok"} ${number} - ${file} # ${ok && why !== undefined ? `SKIP ${why}` : time}`,
		more: ok ? [] : ["---", how, "..."],
		cpuSeconds: cpuSecondsIn(times),
	};
}
