/**
 * What can't be stored of a pool beside its log: checkpoints, or the head alone. All that is written is safe meanwhile, so nobody who is served
 * notices, while the log grows and the next opening takes longer: whoever looks after the pool has to be told. Told to by `checkpoints.ts` and
 * `head-writer.ts`, asked by `pool.ts`.
 */

import { NoSpaceError } from "../errors.js";
import type { Log } from "./log.js";
import type { PoolState, PoolTold } from "./told.js";

/** Reasons that are told until all is well again: others only show where the pool is looked at. */
const TOLD_MAX = 16;

interface Trouble {
	readonly message: string;
	/** The volume whose part of the map it is, where that is known. */
	readonly volume: string | undefined;
	/** For lack of space alone, which is told elsewhere. */
	readonly lacksSpace: boolean;
}

export class Unstored {
	/** Checkpoints that have failed since the last one that was stored. */
	#failures = 0;
	#checkpoint: Trouble | null = null;
	#head: Trouble | null = null;
	readonly #told = new Set<string>();

	constructor(readonly log: Pick<Log, "hasFailed">) {}

	checkpointFailed(error: unknown, volume: string | undefined): void {
		this.#failures++;
		this.#checkpoint = { message: messageOf(error), volume, lacksSpace: error instanceof NoSpaceError };
	}

	checkpointStored(): void {
		this.#failures = 0;
		this.#checkpoint = null;
	}

	headFailed(error: unknown): void {
		this.#head = { message: messageOf(error), volume: undefined, lacksSpace: false };
	}

	headWritten(): void {
		this.#head = null;
	}

	get state(): Pick<PoolState, "unstored" | "checkpointFailures"> {
		return { unstored: this.#reason, checkpointFailures: this.#failures };
	}

	/** There is no space for a checkpoint. */
	get lacksSpace(): boolean {
		return this.#checkpoint?.lacksSpace === true;
	}

	/** What can't be stored and why, and what that means; null: all can, or nothing can any more, which is told elsewhere. */
	get #reason(): string | null {
		if (this.log.hasFailed) return null;
		if (this.#checkpoint?.lacksSpace === false)
			return `no checkpoint can be stored: ${this.#checkpoint.message}; what is written is safe, but the log grows, and what is free comes back only when one can; it is tried again`;
		if (this.#head !== null) return `the head can't be written: ${this.#head.message}; it is tried again`;
		return null;
	}

	/** To be called every half minute: what is over by then was not worth a word. */
	age(tell: (told: PoolTold) => void): void {
		if (this.log.hasFailed) return;
		const reason = this.#reason;
		const told = this.#told;
		if (reason === null && told.size > 0) {
			told.clear();
			tell({ kind: "pool-checkpoint", level: "info", message: "checkpoints are stored again" });
		}
		if (reason === null || told.has(reason) || told.size >= TOLD_MAX) return;
		told.add(reason);
		const volume = this.#checkpoint?.volume;
		tell({
			kind: "pool-checkpoint",
			level: "error",
			...(volume !== undefined && { volume }),
			message: reason,
		});
	}
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
