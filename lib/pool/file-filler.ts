/**
 * Makes a pool in a directory larger: the next file is made, and slot by slot written with zeros and synced before anything is written there. So
 * space is there for good, and no sync of the log has zeros to write. In the background, somewhat faster than the log goes on, so that a
 * slow disk is left to those who write; at once when they wait for a slot, and the first file, without which a pool is hardly one. What can't be had
 * is no error of theirs. Used by `upkeep.ts`.
 */

import { BlockOp } from "../block/request.js";
import type { Memory } from "../wire/memory.js";
import { BESIDE_SYNC_BYTES, type PoolWorld } from "./folder.js";
import { FILE_SLOTS, SEGMENT_BYTES } from "./format.js";
import { run } from "./run.js";
import type { Segments } from "./segments.js";

const PIECE_BYTES = 512 * 1024;
/** So much faster than the log: of what it makes writes don't get all. */
const LEAD = 3;

export class FileFiller {
	/** Called when there is one more slot, or none can be had now. */
	whenTold: () => void = () => {};
	/** The last one could not be had. */
	hasFailed = false;
	readonly #segments: Segments;
	readonly #world: Pick<PoolWorld, "allocate">;
	#zeros: Memory | null = null;
	#running: Promise<void> | null = null;
	#isClosed = false;
	/** Since it began: what was written, and what may be by now. */
	#doneBytes = 0;
	#allowedBytes = 0;
	#goOn: (() => void) | null = null;
	/** Those who wait for a slot. */
	#waiting: (() => void)[] = [];

	constructor(segments: Segments, world: Pick<PoolWorld, "allocate">) {
		this.#segments = segments;
		this.#world = world;
	}

	/** Makes slots until their file is full. */
	begin(): void {
		if (this.#isClosed) return;
		this.#running ??= this.#run().finally(() => {
			this.#running = null;
			this.#zeros = null;
			this.#tell();
		});
	}

	/** The log has gone on by so much. */
	advance(bytes: number): void {
		if (this.#running === null) return;
		this.#allowedBytes += LEAD * bytes;
		if (this.#mayGoOn) this.#release();
	}

	/** Resolves when there is one more slot, or none can be had. */
	async next(): Promise<void> {
		if (this.#running === null) return;
		const isThere = new Promise<void>((resolve) => {
			this.#waiting.push(resolve);
		});
		this.#release();
		await isThere;
	}

	/** Nothing is under way when it resolves. */
	async close(): Promise<void> {
		this.#isClosed = true;
		this.#release();
		await this.#running;
	}

	get #mayGoOn(): boolean {
		if (this.#segments.slots.whole < FILE_SLOTS) return true;
		return this.#isClosed || this.#waiting.length > 0 || this.#doneBytes < this.#allowedBytes;
	}

	#release(): void {
		const goOn = this.#goOn;
		this.#goOn = null;
		goOn?.();
	}

	async #run(): Promise<void> {
		const { slots } = this.#segments;
		this.#doneBytes = 0;
		this.#allowedBytes = 0;
		try {
			do {
				const slot = await this.#segments.nextNew();
				this.hasFailed = false;
				if (!(await this.#fill(slot))) return;
				this.#segments.filled(slot);
				this.#tell();
			} while (slots.whole % FILE_SLOTS !== 0);
		} catch {
			// (Whoever finds no room is told that there is no space; it is tried again later.)
			this.hasFailed = true;
		}
	}

	/** False if that was broken off. */
	async #fill(slot: number): Promise<boolean> {
		const device = this.#segments.deviceOfSlot(slot);
		const name = this.#segments.fileNameOf(slot);
		this.#zeros ??= this.#world.allocate(PIECE_BYTES);
		for (let done = 0; done < SEGMENT_BYTES; done += PIECE_BYTES) {
			if (!this.#mayGoOn)
				await new Promise<void>((resolve) => {
					this.#goOn = resolve;
				});
			if (this.#isClosed) return false;
			const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + done;
			await run(device, BlockOp.write, at, PIECE_BYTES, this.#zeros, name);
			this.#doneBytes += PIECE_BYTES;
			if ((done + PIECE_BYTES) % BESIDE_SYNC_BYTES === 0)
				await run(device, BlockOp.flush, 0, 0, undefined, name);
		}
		return true;
	}

	#tell(): void {
		for (const waiting of this.#waiting.splice(0)) waiting();
		this.whenTold();
	}
}
