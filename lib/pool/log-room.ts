/**
 * What the log takes: whether writes may take space, as `upkeep.ts` finds out and the log asks before anything has a place in a record; and why
 * nothing is taken at all, when that is so. Used by `log.ts`.
 */

import { StorageStatus, storageStatusName } from "../errors.js";
import { mayWrite } from "./space/room.js";
import type { Slots } from "./space/slots.js";

export class WriteRoom {
	/** Slots that no write gets: trims, deletions, checkpoints and the cleaner do. */
	reserve = 0;
	/** There is nothing more to be had: who writes is told. */
	isRefusing = false;
	/** That was so, and there was no room since, though it may be looked for again. */
	#wasRefusing = false;
	/** Called when somebody waits for room, or a slot was taken. */
	wanted: () => void = () => {};
	/** Called when the log has gone on by so many bytes. */
	advanced: (bytes: number) => void = () => {};
	readonly #slots: Slots;

	constructor(slots: Slots) {
		this.#slots = slots;
	}

	get mayWrite(): boolean {
		return mayWrite({ free: this.#slots.free, reserve: this.reserve });
	}

	/** The same; if not, somebody looks for space. */
	get mayWriteNow(): boolean {
		if (this.mayWrite) return true;
		this.wanted();
		return false;
	}

	refuse(): void {
		this.isRefusing = true;
		this.#wasRefusing = true;
	}

	goOn(): void {
		this.isRefusing = false;
		this.#wasRefusing = false;
	}

	/** Whether whoever writes now is or was told so. */
	get isOut(): boolean {
		return this.#wasRefusing && !this.mayWrite;
	}

	/** A write finds no space, and there is none to be had. */
	get isFull(): boolean {
		return !this.mayWriteNow && this.isRefusing;
	}
}

/** After "no space" it is tried again, so long after the last time. */
const RETRY_US = 1_000_000;

/** Why nothing is taken. */
export class Refusal {
	status: StorageStatus = StorageStatus.ok;
	errno = 0;
	/** File and byte that the log had come to when storage failed. */
	where = "";
	/** The slot that can't be made ready, for a reason other than space: file and byte. */
	slotWhere = "";
	#sinceUs = 0;
	readonly #elapsed: () => number;
	readonly #whenBegun: () => void;

	/** `whenBegun`: whoever waits is told. */
	constructor(elapsed: () => number, whenBegun: () => void) {
		this.#elapsed = elapsed;
		this.#whenBegun = whenBegun;
	}

	begin(status: StorageStatus, errno: number): void {
		this.status = status;
		this.errno = errno;
		this.#sinceUs = this.#elapsed();
		this.#whenBegun();
	}

	/** One line of that: with `status`, of a change that has ended so. */
	what(status = this.status): string {
		const name = storageStatusName(status);
		if (this.where === "" && this.slotWhere !== "")
			return `${this.slotWhere}: can't be made ready (${name}); the pool takes no changes until it can`;
		if (this.where === "") return `the pool takes no changes: ${name}`;
		return `${this.where}: storage has failed (${name}); the pool takes no changes until it is opened again`;
	}

	/** It is long enough ago to look again whether there is space. */
	get mayRetry(): boolean {
		return this.status !== StorageStatus.ok && this.#elapsed() - this.#sinceUs >= RETRY_US;
	}
}
