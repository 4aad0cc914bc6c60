/**
 * What is done now and then with what is on this host of a pool in an object store: what has come, and what the store has by now, gets known to the table, so
 * that it is here after the power was cut; and when there is more than there may be, slots are given up that the store has and nobody has used
 * lately. Made by `stored-files.ts`.
 */

import { PromisedRequest } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { FILE_SLOTS, SEGMENT_BYTES } from "../format.js";
import type { LocalFile } from "./local-file.js";
import type { LocalSizes } from "./local-sizes.js";

const EVERY_MS = 15_000;
/** What was not written for so many times is settled. */
const SETTLED_AFTER = 4;
/** Whoever wants one slot to be given up waits for so many turns until nobody uses it. */
const TURNS = 1000;
/** Somewhat more is given up than has to be, so that it is not begun for each piece. */
const SPARE_SHARE = 1 / 32;
/** Of what is here where there is no room for it; that is more again by so much each time that it is looked. */
const SQUEEZED_SHARE = 3 / 4;
const GROWTH = 1 / 64;

export interface UpkeepFiles {
	readonly opened: Iterable<LocalFile>;
	/** What is here of a file is stable, and that it is. Throws an OperatorError. */
	save(file: LocalFile): Promise<void>;
	/** Whether what was written to it counts as stable. Default: `save` sees to that. */
	maySettle?(file: LocalFile): boolean;
	/** What is not here any more is not after a loss of power either. Throws an OperatorError. */
	tellAbsent(file: LocalFile): Promise<void>;
}

export interface LocalUpkeepOf {
	readonly files: UpkeepFiles;
	readonly clock: Clock;
	/** So many pieces may be here. */
	readonly sizes: Pick<LocalSizes, "piecesMax">;
	readonly nextTurn: () => Promise<void>;
	/** What is here alone is in the store when it resolves, unless that does not get on. Default: nothing is. */
	readonly ship?: () => Promise<unknown>;
}

export class LocalUpkeep {
	readonly #of: LocalUpkeepOf;
	#cancelTimer: () => void = () => {};
	#running: Promise<void> = Promise.resolve();
	#isClosed = false;
	/** Where the next slot is looked for that can be given up. */
	#hand = 0;
	/** So many pieces are enough, since there was no room for more. */
	#lowered = Number.POSITIVE_INFINITY;
	#isSqueezing = false;

	constructor(of: LocalUpkeepOf) {
		this.#of = of;
		this.#wait();
	}

	#wait(): void {
		this.#cancelTimer = this.#of.clock.after(EVERY_MS, () => {
			this.#running = this.#run().finally(() => {
				if (!this.#isClosed) this.#wait();
			});
		});
	}

	/** There is no room on this host: what the store has is given up, a part of all that is here, and what is here alone is brought there for that. */
	squeeze(): void {
		if (this.#isSqueezing || this.#isClosed) return;
		this.#isSqueezing = true;
		const squeezed = this.#running.then(async () => {
			await this.#of.ship?.();
			const pieces = this.#pieces;
			this.#lowered = Math.floor(pieces * SQUEEZED_SHARE);
			await this.#run(0);
		});
		this.#running = squeezed.finally(() => {
			this.#isSqueezing = false;
		});
	}

	get #pieces(): number {
		return [...this.#of.files.opened].reduce((sum, file) => sum + file.presentPieces, 0);
	}

	async #run(settledAfter = SETTLED_AFTER): Promise<void> {
		// (There may be room again.)
		if (settledAfter > 0) this.#lowered = Math.ceil(this.#lowered * (1 + GROWTH)) + 1;
		try {
			await this.#learn(settledAfter);
			await this.#evict();
		} catch (error) {
			// (What is not known to be here is fetched again; it is tried again, too.)
			if (!(error instanceof OperatorError)) throw error;
		}
	}

	async #learn(settledAfter: number): Promise<void> {
		const { files, nextTurn } = this.#of;
		for (const file of [...files.opened]) {
			if (this.#isClosed) return;
			const isSettled = file.age(settledAfter) && (files.maySettle?.(file) ?? true);
			if (isSettled) file.settle();
			if (isSettled || file.isNews) await files.save(file);
			else await nextTurn();
		}
	}

	/** Goes around, as often as it takes, twice at most: what was used since the last time stays this time. */
	async #evict(): Promise<void> {
		const { nextTurn } = this.#of;
		const mostPieces = Math.min(this.#of.sizes.piecesMax, this.#lowered);
		const files = [...this.#of.files.opened];
		let pieces = this.#pieces;
		if (pieces <= mostPieces) return;
		const enough = mostPieces * (1 - SPARE_SHARE);
		for (let looks = 2 * files.length; looks > 0 && pieces > enough && !this.#isClosed; looks--) {
			const file = files[this.#hand++ % files.length]!;
			const idle = slots().filter((slot) => file.isIdle(slot));
			if (file.presentPieces > 0 && idle.length > 0) pieces -= await this.#give(file, idle);
			await nextTurn();
		}
	}

	/** Nothing of a slot is here when it resolves; false: it is being used, or was written lately. Throws an OperatorError. */
	async giveUp(file: LocalFile, slot: number): Promise<boolean> {
		for (let turn = 0; turn < TURNS && !this.#isClosed; turn++) {
			if (file.leaving !== null) await file.leaving;
			else if (file.isFree(slot)) {
				await this.#give(file, [slot]);
				return true;
			} else await this.#of.nextTurn();
		}
		return false;
	}

	/** Nothing of these slots is here when it resolves; how many pieces that were. Throws an OperatorError. */
	async #give(file: LocalFile, idle: readonly number[]): Promise<number> {
		const left = idle.map((slot) => ({ slot, pieces: file.leave(slot) })).filter(({ pieces }) => pieces > 0);
		const leaving = this.#empty(
			file,
			left.map(({ slot }) => slot),
		);
		file.leaving = leaving.catch(() => {});
		try {
			await leaving;
		} finally {
			file.leaving = null;
		}
		return left.reduce((sum, { pieces }) => sum + pieces, 0);
	}

	async #empty(file: LocalFile, left: readonly number[]): Promise<void> {
		// (Before anything is gone.)
		await this.#of.files.tellAbsent(file);
		for (const slot of left) {
			const promised = new PromisedRequest();
			promised.request.op = BlockOp.trim;
			promised.request.offsetBytes = slot * SEGMENT_BYTES;
			promised.request.lengthBytes = SEGMENT_BYTES;
			// (Where there is no way to give back the space it is written over the next time.)
			await promised.run(file.device);
		}
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		this.#cancelTimer();
		await this.#running;
	}
}

function slots(): number[] {
	return Array.from({ length: FILE_SLOTS }, (_, slot) => slot);
}
