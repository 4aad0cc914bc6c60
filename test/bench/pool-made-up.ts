/**
 * A pool of a size that no disk here has room for, by the pool's own code and without a network: one volume without history, filled in order and
 * written over at random, in files that have its map and nothing else (`hollow.ts`). What is counted is what a disk would have had to write. For
 * `pool-written.ts` and `pool-tebibyte.ts`.
 */

import { mkdirSync, rmSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BlockDevice } from "../../lib/block/device.js";
import { BlockOp, BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { BLOCK_BYTES, FILE_BYTES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { HollowFolder, PAGE, type WrittenBytes } from "./hollow.js";

export const VOLUME = "web";
/** As many as a record has room for: what is written in order. */
const RECORD_PAGES = 250;
/** Requests of that size under way: one is written while the next is gathered. */
const IN_ORDER = 2;
/** Pages that are written to the end of what was filled with records that are kept: some segments. */
const KEPT_PAGES = 8192;
const DAY_US = 1_764_000_000_000_000;

/** What is to be written next: a first page and how many, or undefined. */
type Next = () => readonly [page: number, pages: number] | undefined;

export class MadeUpPool {
	readonly pages: number;
	readonly #random = new Random(1);
	/** All that is ever written. */
	readonly #memory = heapMemory(RECORD_PAGES * BLOCK_BYTES);

	private constructor(
		readonly folder: HollowFolder,
		readonly pool: Pool,
		readonly device: BlockDevice,
	) {
		this.pages = device.info.sizeBytes / BLOCK_BYTES;
		for (let page = 0; page < RECORD_PAGES; page++) this.#memory.bytes.set(PAGE, page * BLOCK_BYTES);
	}

	/** Makes it in `path`, so that its volume is `share` of it. */
	static async create(path: string, sizeBytes: number, share: number): Promise<MadeUpPool> {
		rmSync(path, { recursive: true, force: true });
		mkdirSync(path);
		const folder = new HollowFolder(path, Math.ceil(sizeBytes / share / FILE_BYTES));
		const random = new Random(1);
		let timeUs = DAY_US;
		const tick = (): number => ++timeUs;
		const chance = (): number => 1 + random.below(2 ** 31);
		const pump = new Pump();
		const world = { folder, pump, now: tick, elapsed: tick, chance, allocate: heapMemory, nextTurn };
		const pool = await Pool.create(world);
		await pool.administration.create(VOLUME, sizeBytes, BLOCK_BYTES);
		await pool.administration.set(VOLUME, { historySeconds: 0 });
		const whole = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, durability: "ack" } as const;
		const { device } = await openVolumeStack(pool, VOLUME, whole);
		return new MadeUpPool(folder, pool, device);
	}

	/** Every page, in order. Nobody can open the pool before `end`. */
	async fill(progress: (share: number) => void): Promise<void> {
		this.folder.keepsLog = false;
		let page = 0;
		await this.#write(IN_ORDER, () => {
			const first = page;
			const pages = Math.min(RECORD_PAGES, this.pages - first);
			if (pages <= 0) return undefined;
			page += pages;
			if (first % (RECORD_PAGES * 1024) === 0) progress(first / this.pages);
			return [first, pages];
		});
	}

	/** So many pages by chance, as many at a time. */
	async overwrite(count: number, window: number): Promise<void> {
		let left = count;
		await this.#write(window, () => (left-- > 0 ? [this.#random.below(this.pages), 1] : undefined));
	}

	/** What `act` has written, for each byte of so many pages. */
	async written(count: number, window: number): Promise<WrittenBytes> {
		const { bytes } = this.folder;
		const before = { ...bytes };
		await this.overwrite(count, window);
		const each = (kind: keyof WrittenBytes): number => (bytes[kind] - before[kind]) / (count * BLOCK_BYTES);
		return { log: each("log"), moved: each("moved"), map: each("map") };
	}

	/** Closes it; it can be opened after that, if `keepsLog`. */
	async end(keepsLog: boolean): Promise<void> {
		if (keepsLog) {
			// (The log is read from the beginning of a segment on.)
			this.folder.keepsLog = true;
			await this.overwrite(KEPT_PAGES, 1);
		}
		await this.device.close();
		await this.pool.close();
	}

	async #write(window: number, next: Next): Promise<void> {
		const { device } = this;
		await Promise.all(
			Array.from({ length: window }, async () => {
				for (let what = next(); what !== undefined; what = next()) await this.#one(device, ...what);
			}),
		);
	}

	#one(device: BlockDevice, page: number, pages: number): Promise<void> {
		return new Promise((resolve, reject) => {
			const request = new BlockRequest({
				finished: ({ status }) =>
					status === StorageStatus.ok ? resolve() : reject(new Error(`a write fails: ${status}`)),
			});
			request.op = BlockOp.write;
			request.offsetBytes = page * BLOCK_BYTES;
			request.lengthBytes = pages * BLOCK_BYTES;
			request.memory = this.#memory;
			device.submit(request.begin());
		});
	}
}
