/**
 * Looks, each interval, how it stands with a server: whether what is under way waits for too long, which is told, and in the end given up;
 * and whether one that has nothing to do is still there, which a small read asks it. Kept by `session.ts`.
 */

import type { Clock } from "../../clock.js";
import type { Memory } from "../../wire/memory.js";
import { Call, type CallOwner } from "./call.js";

/** What a ping reads: a disk has at least so much. */
const PING_BYTES = 512;

export interface Watched {
	/** For how long what is under way has not heard of the server; null: nothing is under way. */
	waitedMs(nowMs: number): number | null;
	/** For how long it has been idle, with the server at the other end; null: it is not there. */
	idleMs(nowMs: number): number | null;
	/** Has a call done before all others. */
	beginFirst(call: Call): void;
	stalled(waitedMs: number): void;
	resumed(waitedMs: number): void;
	/** It has been too long. */
	late(): void;
}

interface LookoutOptions {
	readonly clock: Clock;
	readonly resend: number;
	readonly intervalMs: number;
}

export class Lookout implements CallOwner {
	readonly ping = new Call();
	readonly #options: LookoutOptions;
	readonly #watched: Watched;
	/** When what waits began to; null: nothing has waited for an interval. */
	#stalledMs: number | null = null;
	#forget: () => void = () => {};

	constructor(options: LookoutOptions, allocate: (byteLength: number) => Memory, watched: Watched) {
		this.#options = options;
		this.#watched = watched;
		this.ping.owner = this;
		this.ping.memory = allocate(PING_BYTES);
		this.ping.lengthBytes = PING_BYTES;
	}

	/** Again and again from now on. */
	begin(): void {
		const { clock, intervalMs } = this.#options;
		this.#forget = clock.after(intervalMs, () => {
			this.begin();
			this.#look(clock.now());
		});
	}

	#look(nowMs: number): void {
		const { intervalMs, resend } = this.#options;
		const watched = this.#watched;
		const waitedMs = watched.waitedMs(nowMs);
		if (waitedMs !== null && waitedMs >= intervalMs) {
			if (this.#stalledMs === null) {
				this.#stalledMs = nowMs - waitedMs;
				watched.stalled(waitedMs);
			}
			if (waitedMs >= resend * intervalMs) watched.late();
			return;
		}
		const idleMs = watched.idleMs(nowMs);
		// (Where nobody waits any more because it has been too long, it does not answer again.)
		if (this.#stalledMs !== null && idleMs !== null) {
			watched.resumed(nowMs - this.#stalledMs);
			this.#stalledMs = null;
		}
		if (waitedMs === null && idleMs !== null && idleMs >= intervalMs && this.ping.index < 0)
			watched.beginFirst(this.ping);
	}

	/** The ping was answered; or it was not, and whoever lost the connection knows. */
	over(): void {}

	end(): void {
		this.#forget();
	}
}
