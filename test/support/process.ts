/**
 * Programs that tests and the demo run: in a network namespace or not, with all they say kept, with a limit on every wait
 * and surely ended. Each is the leader of a process group of its own, and that group is what gets ended.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { atEnd } from "./cleanup.js";
import { LIMIT_MS } from "./limit.js";

export interface RunOptions {
	/** Name of the network namespace to run in. */
	readonly namespace?: string | undefined;
	/** Added to this process's environment. */
	readonly env?: Readonly<Record<string, string>>;
	readonly cwd?: string;
	/** Called with each whole line of output, for a demo that shows it. */
	readonly onLine?: (line: string) => void;
}

/** How a program ended: its exit code, or the signal that ended it. */
export interface Ended {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

/**
 * tap has every Node that a test starts load a part of it, which writes to its own folder when the program ends: one that
 * has let go of root may not, and one that is measured should do nothing of the kind. The command that sets NODE_OPTIONS
 * back to what the test wants, for what tap puts there it puts there when the program is started.
 */
function withoutTap(env: RunOptions["env"]): string[] {
	const wanted = env?.NODE_OPTIONS;
	return wanted === undefined
		? ["/usr/bin/env", "-u", "NODE_OPTIONS"]
		: ["/usr/bin/env", `NODE_OPTIONS=${wanted}`];
}

/** A running program. */
export class Program {
	/** What it has written to stdout and stderr, in the order in which it came. */
	output = "";
	stdout = "";
	stderr = "";
	ended: Ended | undefined;
	readonly end: Promise<Ended>;
	readonly #child: ChildProcess;
	readonly #stop: () => void;
	#watchers: (() => void)[] = [];

	constructor(
		readonly command: readonly string[],
		options: RunOptions = {},
	) {
		const [file, ...args] = [...withoutTap(options.env), ...wrap(options.namespace), ...command];
		this.#child = spawn(file!, args, {
			detached: true,
			stdio: ["pipe", "pipe", "pipe"],
			env: { ...process.env, ...options.env },
			...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		});
		this.#stop = atEnd(() => this.signal("SIGKILL"));
		this.#listen(options.onLine);
		this.end = new Promise((resolve) => {
			this.#child.on("error", (error) => this.#finish({ code: 127, signal: null }, resolve, String(error)));
			this.#child.on("close", (code, signal) => this.#finish({ code, signal }, resolve, ""));
		});
	}

	get pid(): number {
		return this.#child.pid ?? 0;
	}

	/** Writes to its standard input. */
	write(text: string): void {
		this.#child.stdin?.write(text);
	}

	/** Ends its standard input. */
	endInput(): void {
		this.#child.stdin?.end();
	}

	/** Waits for output that matches, from the beginning of what it said or from index `from` of `output`. */
	async waitFor(pattern: RegExp, limitMs: number, from = 0): Promise<RegExpExecArray> {
		const found = () => pattern.exec(this.output.slice(from));
		await this.#wait(() => found() !== null || this.ended !== undefined, limitMs);
		const match = found();
		if (match) return match;
		const why = this.ended ? `it ended (${JSON.stringify(this.ended)})` : `not within ${limitMs} ms`;
		throw new Error(`${this.command.join(" ")}: waiting for ${pattern}: ${why}; it said:\n${this.output}`);
	}

	/** Waits for its end. Kills it and throws after `limitMs`. */
	async finished(limitMs: number): Promise<Ended> {
		await this.#wait(() => this.ended !== undefined, limitMs);
		if (this.ended) return this.ended;
		this.signal("SIGKILL");
		throw new Error(`${this.command.join(" ")}: still running after ${limitMs} ms; it said:\n${this.output}`);
	}

	/** Ends it: `signal` first, SIGKILL for all of its group when it has gone or `limitMs` are over. */
	async stop(signal: NodeJS.Signals = "SIGTERM", limitMs = LIMIT_MS): Promise<Ended> {
		if (!this.ended && signal === "SIGKILL") this.signal(signal);
		else if (!this.ended) this.#child.kill(signal);
		await this.#wait(() => this.ended !== undefined, limitMs);
		this.#stop();
		await this.#wait(() => this.ended !== undefined, limitMs);
		if (!this.ended) throw new Error(`${this.command.join(" ")}: survived SIGKILL`);
		return this.ended;
	}

	/** Sends `signal` to it and to all that it started. */
	signal(signal: NodeJS.Signals): void {
		if (this.#child.pid) sendSignal(-this.#child.pid, signal);
	}

	#listen(onLine?: (line: string) => void): void {
		let rest = "";
		const take = (stream: "stdout" | "stderr") => (chunk: string) => {
			this[stream] += chunk;
			this.output += chunk;
			if (onLine) {
				const lines = (rest + chunk).split("\n");
				rest = lines.pop() ?? "";
				for (const line of lines) onLine(line);
			}
			this.#wakeWatchers();
		};
		this.#child.stdout?.setEncoding("utf8").on("data", take("stdout"));
		this.#child.stderr?.setEncoding("utf8").on("data", take("stderr"));
		// A program that ends without reading is no error of ours.
		this.#child.stdin?.on("error", () => undefined);
	}

	#finish(ended: Ended, resolve: (ended: Ended) => void, message: string): void {
		if (this.ended) return;
		this.output += message;
		this.ended = ended;
		this.#stop();
		resolve(ended);
		this.#wakeWatchers();
	}

	#wakeWatchers(): void {
		const watchers = this.#watchers;
		this.#watchers = [];
		for (const watcher of watchers) watcher();
	}

	async #wait(condition: () => boolean, limitMs: number): Promise<void> {
		const end = Date.now() + limitMs;
		while (!condition() && Date.now() < end) {
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, end - Date.now());
				this.#watchers.push(() => {
					clearTimeout(timer);
					resolve();
				});
			});
		}
	}
}

/** Sends a signal to a process, or to the process group -`pid`; one that is no more is fine. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
}

/** What goes before a command: the kernel ends it if we are killed, and `ip` puts it into its namespace. */
function wrap(namespace: string | undefined): string[] {
	const guard = ["setpriv", "--pdeathsig", "KILL"];
	return namespace === undefined ? guard : [...guard, "ip", "netns", "exec", namespace];
}

/** Runs a program to its end. `limitMs` is for all of it. */
export async function run(
	command: readonly string[],
	limitMs: number,
	options: RunOptions = {},
): Promise<Ended & { stdout: string; stderr: string; output: string }> {
	const program = new Program(command, options);
	try {
		const ended = await program.finished(limitMs);
		const { stdout, stderr, output } = program;
		return { ...ended, stdout, stderr, output };
	} finally {
		await program.stop();
	}
}
