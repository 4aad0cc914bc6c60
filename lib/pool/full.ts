/**
 * That a pool is full, and what that has come to: writes are refused, history is given up for them, there is no space for a checkpoint. Who is served
 * sees an error at the most, and who looks after it has to be told which, and when it is over. Told to by `history.ts`, asked by `pool.ts`.
 */

import { StorageStatus } from "../errors.js";
import type { Log } from "./log.js";
import type { Refusal, WriteRoom } from "./log-room.js";
import { isPlenty } from "./space/room.js";
import type { Slots } from "./space/slots.js";
import type { PoolFullReason, PoolState, PoolTold } from "./told.js";
import type { Unstored } from "./unstored.js";

/** History is being given up as long as there was none for which that was so long ago: how often it is depends on who writes how much. */
const GIVES_UP_US = 600e6;
/** Calls of `age` one after the other that find space, before it is told that there is some. */
const AGES = 2;

const WORDS: Record<PoolFullReason, string> = {
	changes: "nothing can be changed, nor removed",
	writes: "writes are refused",
	checkpoint: "there is no space for a checkpoint",
	history: "history is given up from its oldest end",
};
const LEAST: PoolFullReason = "history";

export interface FullnessOf {
	readonly log: Pick<Log, "hasFailed"> & {
		readonly room: Pick<WriteRoom, "isOut" | "reserve">;
		readonly refusal: Pick<Refusal, "status">;
	};
	readonly unstored: Pick<Unstored, "lacksSpace">;
	readonly slots: Pick<Slots, "count" | "free">;
	/** Where it is is not there, or another one is: why. */
	readonly segments: { readonly away: string | null };
	elapsed(): number;
}

export class Fullness {
	readonly #of: FullnessOf;
	/** When history was given up for space, the last time. */
	#gaveUpUs = Number.NEGATIVE_INFINITY;
	/** What was told since there was space. */
	readonly #told = new Set<string>();
	#agesWithSpace = 0;
	/** One that is back where it was looks for space first. */
	#wasAway = false;

	constructor(of: FullnessOf) {
		this.#of = of;
	}

	/** Some of the history, for space. */
	gaveUp(): void {
		this.#gaveUpUs = this.#of.elapsed();
	}

	get state(): Pick<PoolState, "full" | "fullFor"> {
		const fullFor = this.#reasons;
		return { full: fullFor.length === 0 ? null : textOf(fullFor), fullFor };
	}

	/** To be called every half minute: what is over by then was not worth a word. */
	age(tell: (told: PoolTold) => void): void {
		const wasAway = this.#wasAway;
		this.#wasAway = this.#of.segments.away !== null;
		if (wasAway || this.#wasAway) return;
		const { full, fullFor } = this.state;
		const told = this.#told;
		this.#agesWithSpace = full === null ? this.#agesWithSpace + 1 : 0;
		if (full !== null && !told.has(full)) {
			told.add(full);
			const level = fullFor.every((reason) => reason === LEAST) ? "warn" : "error";
			tell({ kind: "pool-full", level, message: full });
		}
		if (this.#agesWithSpace < AGES || told.size === 0) return;
		told.clear();
		tell({ kind: "pool-full", level: "info", message: "is not full any more" });
	}

	/** Of one that has failed, or is away and so can't grow, other things are told. */
	get #reasons(): PoolFullReason[] {
		const { log, unstored, segments } = this.#of;
		if (log.hasFailed || segments.away !== null) return [];
		const isStuck = log.refusal.status === StorageStatus.noSpace;
		return [
			...(isStuck ? (["changes"] as const) : []),
			...(log.room.isOut && !isStuck ? (["writes"] as const) : []),
			...(unstored.lacksSpace ? (["checkpoint"] as const) : []),
			...(this.#givesUp ? (["history"] as const) : []),
		];
	}

	get #givesUp(): boolean {
		const { log, slots, elapsed } = this.#of;
		const isLately = elapsed() - this.#gaveUpUs < GIVES_UP_US;
		return isLately && !isPlenty({ slots: slots.count, free: slots.free, reserve: log.room.reserve });
	}
}

function textOf(reasons: readonly PoolFullReason[]): string {
	const words = reasons.map((reason) => WORDS[reason]);
	return `it is full: ${words.join(", and ")}; that ends by itself when there is space: trim or remove something, snapshots too, or make it larger`;
}
