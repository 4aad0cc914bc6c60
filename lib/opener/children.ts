/**
 * A process of the daemon as the opener sees it: started as a hidden form of this program, with its end of a channel as descriptor 3, and
 * started again whenever it ends, at once if it had lived for a while. Used by `opener.ts`, which is told of each start.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { Asking, type AskingOptions, type Delivery, type Parcel } from "../channel/asking.js";
import { type Clock, systemClock } from "../clock.js";
import type { Log } from "../log.js";
import { native } from "../native.js";
import { CHILD_VARIABLE, type Order, type ProcessKind } from "./messages.js";
import { standBack } from "./priority.js";

/** How long to wait before each start; the last one goes on. From the beginning again for one that has lived for `LIVED_MS`. */
const PAUSES_MS = [0, 100, 300, 1000, 3000];
const LIVED_MS = 10_000;

export interface ChildOptions {
	readonly kind: ProcessKind;
	readonly index: number;
	/** What starts this program again: an executable and its arguments, up to the name of the form. */
	readonly program: readonly string[];
	readonly log: Log;
	readonly asking: AskingOptions;
	/** It has been started, again perhaps: what is said to it goes there. */
	readonly onStart: (child: Child) => void;
	/** It has ended though nobody wanted it to, and will be started again. */
	readonly onEnd: (child: Child, why: string) => void;
	/** What it asks. */
	readonly answer: (child: Child, question: Delivery) => Parcel | Promise<Parcel>;
	readonly clock?: Clock;
}

export class Child {
	readonly #options: ChildOptions;
	readonly #clock: Clock;
	#process: ChildProcess | null = null;
	#asking: Asking | null = null;
	#startedMs = 0;
	#failures = 0;
	/** What was wrong with what it said. */
	#whyKilled: string | undefined;
	#starts = 0;
	#since = new Date();
	#stopWaiting: () => void = () => {};
	#isEnding = false;
	#ended: () => void = () => {};
	/** Resolves after `end`, when the process is no more. */
	readonly ended = new Promise<void>((resolve) => {
		this.#ended = resolve;
	});

	constructor(options: ChildOptions) {
		this.#options = options;
		this.#clock = options.clock ?? systemClock;
	}

	get name(): string {
		const { kind, index } = this.#options;
		return kind === "worker" ? `worker ${index}` : kind;
	}

	get kind(): ProcessKind {
		return this.#options.kind;
	}

	get index(): number {
		return this.#options.index;
	}

	/** Says something to it; the descriptors are no longer the caller's. False if there is none to hear it. */
	tell(body: Order, files: readonly number[] = []): boolean {
		if (this.#asking !== null) return this.#asking.tell({ body, files });
		for (const file of files) closeSync(file);
		return false;
	}

	/** Resolves to false if it does not answer within so long. */
	async isAlive(limitMs: number): Promise<boolean> {
		const answer = this.#asking?.ask({ body: { kind: "alive" } }, limitMs);
		return answer === undefined
			? false
			: answer.then(
					() => true,
					() => false,
				);
	}

	/** Undefined while there is none. */
	get pid(): number | undefined {
		return this.#process?.pid;
	}

	get since(): Date {
		return this.#since;
	}

	get restarts(): number {
		return Math.max(0, this.#starts - 1);
	}

	start(): void {
		const { kind, program, asking, onStart, answer } = this.#options;
		const [command = process.execPath, ...args] = program;
		let ends: readonly [number, number];
		try {
			ends = native.socketPair();
		} catch (error) {
			this.#over(`no channel: ${String(error)}`);
			return;
		}
		const [ours, theirs] = ends;
		// What somebody has set for Node, in the environment of the daemon, is not meant for those who have no privileges.
		const { NODE_OPTIONS: _, ...env } = process.env;
		let child: ChildProcess;
		try {
			child = spawn(command, [...args, kind], {
				stdio: ["ignore", "inherit", "inherit", theirs],
				env: { ...env, [CHILD_VARIABLE]: kind },
				cwd: "/",
			});
		} catch (error) {
			// What Node does not tell as an event: there is no memory for another process.
			closeSync(ours);
			this.#startedMs = this.#clock.now();
			this.#over(`can't be started (${String(error)})`);
			return;
		} finally {
			closeSync(theirs);
		}
		this.#whyKilled = undefined;
		this.#startedMs = this.#clock.now();
		this.#since = new Date();
		this.#starts += 1;
		this.#process = child;
		if (kind === "control" && this.#starts > 1 && child.pid !== undefined)
			standBack(child.pid, () => this.#process === child, this.#clock);
		this.#asking = new Asking(
			ours,
			{
				answer: (question) => answer(this, question),
				told: () => {},
				// Its end is told by the kernel, and one that lives without a channel is of no use.
				ended: (why) => {
					if (why !== "ended") this.#whyKilled = why;
					child.kill("SIGKILL");
				},
			},
			asking,
		);
		// One that can't be started only has an error, all others end.
		child.once("error", (error) => this.#over(`can't be started (${error.message})`));
		child.once("exit", (status, signal) => this.#over(this.#whyKilled ?? signal ?? `status ${status}`));
		onStart(this);
	}

	/** It is not started again. Whoever wants it to end tells it so. */
	end(): void {
		this.#isEnding = true;
		this.#stopWaiting();
		if (this.#process === null) this.#ended();
	}

	/** `why` is for the log. */
	kill(why?: string): void {
		this.#whyKilled ??= why;
		this.#process?.kill("SIGKILL");
	}

	#over(why: string): void {
		this.#process?.removeAllListeners();
		this.#process = null;
		this.#asking?.close();
		this.#asking = null;
		if (this.#isEnding) {
			this.#ended();
			return;
		}
		if (this.#clock.now() - this.#startedMs >= LIVED_MS) this.#failures = 0;
		const pauseMs = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 0;
		this.#failures += 1;
		this.#options.log.error(`${this.name} ended (${why}); it is started again`);
		this.#options.onEnd(this, why);
		this.#stopWaiting = this.#clock.after(pauseMs, () => this.start());
	}
}
