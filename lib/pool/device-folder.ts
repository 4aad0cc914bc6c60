/**
 * A pool on a block device: what would be files in a directory are parts of the device, at fixed places. It is opened, and kept from others,
 * as long as one of them is open. Made by `directory.ts`.
 */

import type { CloseEnd } from "../block/close.js";
import type { BlockDevice } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { SliceLayer } from "../block/slice.js";
import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Memory } from "../wire/memory.js";
import { fileName, fileNumber, HEAD_NAME, type PoolFolder } from "./folder.js";
import { BLOCK_BYTES, FILE_BYTES, SEGMENT_BYTES } from "./format.js";
import { HEAD_FILE_BYTES, looksLikeHead } from "./head.js";
import { run } from "./run.js";
import { SIGNED_BYTES, signatureIn } from "./signatures.js";

/** Before the first part of the log, so that parts begin where large blocks of storage do. */
const BEGIN_BYTES = SEGMENT_BYTES;
/** Behind the head, in two places: how many files of the log have been made. */
const COUNT_AT = [HEAD_FILE_BYTES, HEAD_FILE_BYTES + BLOCK_BYTES] as const;
const COUNT_MAGIC = 0x44424c56; // "VLBD"
/** At the end, where others keep copies of partition tables and the like. */
const END_BYTES = 1024 * 1024;

class Part extends SliceLayer {
	readonly #release: () => Promise<CloseEnd>;
	#closing: Promise<CloseEnd> | null = null;

	constructor(
		device: BlockDevice,
		offsetBytes: number,
		lengthBytes: number,
		release: () => Promise<CloseEnd>,
	) {
		super(device, offsetBytes, lengthBytes);
		this.#release = release;
	}

	override close(): Promise<CloseEnd> {
		this.#closing ??= this.#release();
		return this.#closing;
	}
}

export class DeviceFolder implements PoolFolder {
	/** There is nothing that a file system would have to note. */
	readonly fillsAhead = false;
	readonly path: string;
	readonly #site: string | undefined;
	readonly #openDevice: () => Promise<BlockDevice>;
	/** As long as somebody uses it. */
	#device: Promise<BlockDevice> | null = null;
	#users = 0;

	constructor(path: string, site: string | undefined, open: () => Promise<BlockDevice>) {
		this.path = path;
		this.#site = site;
		this.#openDevice = open;
	}

	async site(): Promise<string | undefined> {
		return this.#site;
	}

	list(): Promise<readonly string[]> {
		return this.#using(async (device) => {
			const memory = await this.#read(device, 0, HEAD_FILE_BYTES);
			if (!looksLikeHead(memory.bytes)) return [];
			const made = await this.#made(device);
			return [HEAD_NAME, ...Array.from({ length: made }, (_, file) => fileName(file))];
		});
	}

	async free(): Promise<undefined> {}

	most(): Promise<number> {
		return this.#using(async (device) => mostIn(device));
	}

	async open(name: string): Promise<BlockDevice> {
		const device = await this.#take();
		try {
			const file = fileNumber(name);
			if (file === undefined) return new Part(device, 0, HEAD_FILE_BYTES, () => this.#release());
			// (A device may have been copied to a smaller one.)
			if (file >= mostIn(device))
				throw new OperatorError(`${this.path}/${name}: lies behind the end of the device`);
			return new Part(device, BEGIN_BYTES + file * FILE_BYTES, FILE_BYTES, () => this.#release());
		} catch (error) {
			await this.#release();
			throw error;
		}
	}

	/** What it holds is of no pool that will be made. */
	async create(name: string): Promise<BlockDevice> {
		const file = fileNumber(name);
		if (file !== undefined) await this.#using((device) => this.#make(device, file));
		return this.open(name);
	}

	/** In order. */
	async #make(device: BlockDevice, file: number): Promise<void> {
		if (file >= mostIn(device)) throw new OperatorError(`${this.path}: there is no space left on the device`);
		const made = await this.#made(device);
		if (file < made) return;
		const memory = nativeMemory(BLOCK_BYTES);
		writeCount(memory, file + 1);
		// One after the other, so that one of them is whole.
		for (const at of COUNT_AT) {
			await run(device, BlockOp.write, at, BLOCK_BYTES, memory, this.path);
			await run(device, BlockOp.flush, 0, 0, undefined, this.path);
		}
	}

	/** Files of the log that have been made. */
	async #made(device: BlockDevice): Promise<number> {
		const counts: number[] = [];
		for (const at of COUNT_AT) counts.push(readCount(await this.#read(device, at, BLOCK_BYTES)));
		return Math.max(...counts);
	}

	async #read(device: BlockDevice, at: number, length: number): Promise<Memory> {
		const memory = nativeMemory(length);
		await run(device, BlockOp.read, at, length, memory, this.path);
		return memory;
	}

	/** What was there before is no more: nobody takes it for a file system or another pool. */
	prepare(force: boolean): Promise<void> {
		return this.#using(async (device) => {
			const { sizeBytes } = device.info;
			if (sizeBytes < BEGIN_BYTES + FILE_BYTES)
				throw new OperatorError(
					`${this.path}: has ${sizeBytes} bytes; a pool takes at least ${BEGIN_BYTES + FILE_BYTES}`,
				);
			if (!force) await this.#checkUnused(device);
			for (const at of [0, sizeBytes - END_BYTES]) {
				const length = at === 0 ? BEGIN_BYTES : END_BYTES;
				await run(device, BlockOp.write, at, length, nativeMemory(length), this.path);
			}
			await run(device, BlockOp.flush, 0, 0, undefined, this.path);
		});
	}

	/** What somebody may miss is not overwritten unasked. */
	async #checkUnused(device: BlockDevice): Promise<void> {
		const memory = await this.#read(device, 0, SIGNED_BYTES);
		const what = looksLikeHead(memory.bytes) ? "a pool" : signatureIn(memory.bytes);
		if (what !== undefined) throw new OperatorError(`${this.path}: has ${what} on it; --force overwrites it`);
	}

	async #using<T>(act: (device: BlockDevice) => Promise<T>): Promise<T> {
		const device = await this.#take();
		try {
			return await act(device);
		} finally {
			await this.#release();
		}
	}

	async #take(): Promise<BlockDevice> {
		this.#users++;
		this.#device ??= this.#openDevice();
		try {
			return await this.#device;
		} catch (error) {
			this.#device = null;
			this.#users--;
			throw error;
		}
	}

	async #release(): Promise<CloseEnd> {
		const device = this.#device;
		if (--this.#users > 0 || device === null) return "closed";
		this.#device = null;
		return (await device).close();
	}
}

function mostIn({ info }: BlockDevice): number {
	return Math.floor((info.sizeBytes - BEGIN_BYTES) / FILE_BYTES);
}

function writeCount({ bytes, view }: Memory, count: number): void {
	view.setUint32(0, COUNT_MAGIC, true);
	view.setUint32(4, count, true);
	view.setUint32(8, crc32c(bytes, 0, 8), true);
}

/** 0 if it is not whole. */
function readCount({ bytes, view }: Memory): number {
	const isWhole = view.getUint32(0, true) === COUNT_MAGIC && view.getUint32(8, true) === crc32c(bytes, 0, 8);
	return isWhole ? view.getUint32(4, true) : 0;
}
