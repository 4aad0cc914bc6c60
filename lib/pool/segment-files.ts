/**
 * The files of a pool's log, by number: opened when the pool is, and made when it grows. A pool of thousands of files is opened when their names are
 * known: each of them is opened when it is first needed, all others one after the other in the background. Used by `segments.ts`.
 */

import { type BlockDevice, deviceInfo } from "../block/device.js";
import { OperatorError } from "../errors.js";
import { fileName, fileNumber, type PoolFolder } from "./folder.js";
import { FILE_BYTES } from "./format.js";
import { LateFile } from "./late-file.js";
import type { PoolTold } from "./told.js";

/** Files that are being opened at a time, while somebody waits for all of them, and in the background. */
const OPENED_AT_ONCE = 32;
const OPENED_LATE_AT_ONCE = 4;
/** So many are opened before the pool is: some hundredths of a second. */
const OPENED_FIRST = 256;

/** Whoever opens a file looks whether it is so long. */
const INFO = deviceInfo({ sizeBytes: FILE_BYTES, writeCache: true });

export interface OpenAll {
	/** In the background others have their turn; without, all files are open when it resolves. */
	readonly nextTurn?: (() => Promise<void>) | undefined;
	/** Another number than usual of files that are opened before anything else is done. */
	readonly openedFirst?: number | undefined;
}

export class SegmentFiles {
	readonly #folder: PoolFolder;
	readonly #devices: BlockDevice[] = [];
	/** Those that are being made. */
	readonly #making = new Map<number, Promise<BlockDevice>>();
	/** Those that are there and not open. */
	readonly #late = new Map<number, LateFile>();
	#background: Promise<void> | null = null;
	#nextTurn: () => Promise<void> = async () => {};
	#isClosed = false;
	/** What was told of files that can't be opened. */
	#told: string | null = null;

	constructor(folder: PoolFolder) {
		this.#folder = folder;
	}

	/** One more than the highest number of a file. */
	get count(): number {
		return this.#devices.length;
	}

	/** Undefined: there is none of that number. */
	of(file: number): BlockDevice | undefined {
		return this.#devices[file];
	}

	/** Opens those that there are, or those of a large pool later. Throws an OperatorError. */
	async openAll({ nextTurn, openedFirst = OPENED_FIRST }: OpenAll): Promise<void> {
		const numbers = (await this.#folder.list()).map(fileNumber).filter((number) => number !== undefined);
		if (nextTurn !== undefined && numbers.length > openedFirst) {
			this.#nextTurn = nextTurn;
			for (const file of numbers) this.#later(file);
			this.retry();
			return;
		}
		for (let from = 0; from < numbers.length; from += OPENED_AT_ONCE) {
			const some = numbers.slice(from, from + OPENED_AT_ONCE);
			// (All of these are opened, or not, before anything is closed.)
			const opened = await Promise.allSettled(
				some.map(async (file) => {
					const device = await this.#folder.open(fileName(file));
					this.#devices[file] = device;
					this.#check(file, device);
				}),
			);
			for (const each of opened) if (each.status === "rejected") throw each.reason;
		}
	}

	#later(file: number): void {
		const late = new LateFile(INFO, async () => {
			const device = await this.#folder.open(fileName(file));
			try {
				this.#check(file, device);
			} catch (error) {
				await device.close();
				throw error;
			}
			this.#late.delete(file);
			this.#devices[file] = device;
			return device;
		});
		this.#devices[file] = late;
		this.#late.set(file, late);
	}

	/** Throws an OperatorError unless it is as long as all are. */
	#check(file: number, device: BlockDevice): void {
		const { sizeBytes } = device.info;
		if (sizeBytes !== FILE_BYTES)
			throw new OperatorError(
				`${this.#folder.path}/${fileName(file)}: is ${sizeBytes} bytes long, not ${FILE_BYTES}`,
			);
	}

	/** Goes through those that are not open yet, also those that could not be opened, in the background. */
	retry(): void {
		this.#background ??= this.#openLate().finally(() => {
			this.#background = null;
		});
	}

	async #openLate(): Promise<void> {
		const waiting = [...this.#late.values()];
		for (let from = 0; from < waiting.length && !this.#isClosed; from += OPENED_LATE_AT_ONCE) {
			await Promise.all(waiting.slice(from, from + OPENED_LATE_AT_ONCE).map((late) => late.begin()));
			await this.#nextTurn();
		}
	}

	/** What is to be told of files that could not be opened, or can be again; undefined: what was told holds. */
	news(): PoolTold | undefined {
		let [count, first] = [0, ""];
		for (const { trouble } of this.#late.values()) if (trouble !== null && count++ === 0) first = trouble;
		const now = count === 0 ? null : `${first}${count > 1 ? `, and ${count - 1} more files` : ""}`;
		if (now === this.#told) return undefined;
		this.#told = now;
		return now === null
			? { kind: "pool-away", level: "info", message: "all files of its log are open" }
			: { kind: "pool-away", level: "error", message: `${now}; what it has can't be read` };
	}

	/** A file that has a number, made if it is not there. Throws an OperatorError. */
	async make(file: number): Promise<BlockDevice> {
		const device = this.#devices[file];
		if (device !== undefined) return device;
		const making = this.#making.get(file) ?? this.#folder.create(fileName(file), FILE_BYTES);
		this.#making.set(file, making);
		try {
			this.#devices[file] = await making;
			return this.#devices[file];
		} finally {
			this.#making.delete(file);
		}
	}

	async close(limitMs?: number): Promise<void> {
		this.#isClosed = true;
		await Promise.allSettled(this.#making.values());
		await Promise.all(this.#devices.map((device) => device?.close(limitMs)));
	}
}
