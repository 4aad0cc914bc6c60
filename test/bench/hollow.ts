/**
 * Files of a pool as large as they may be: only the map, the head, and if that is wanted the end of the log are really written. Pages, wherever they are
 * put, are holes of sparse files. All that a disk would have to write is counted. For `pool-made-up.ts`, which fills pools of sizes that no disk here
 * has room for: each page that is written has to be `PAGE`, which has the checksum of zeros and is none.
 */

import { closeSync, ftruncateSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import path from "node:path";
import type { CloseEnd } from "../../lib/block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo } from "../../lib/block/device.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import type { PoolFolder } from "../../lib/pool/folder.js";
import { BLOCK_BYTES, FILE_BYTES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import type { Memory } from "../../lib/wire/memory.js";

/** The polynomial of CRC32C, without its first bit. */
const POLYNOMIAL = 0x1edc6f41;
const MODE = 0o600;
/** What a record begins with: `VLBR`. */
const RECORD = 0x52424c56;

/** Not zeros, and the same checksum: what is added to them is a multiple of the polynomial. */
export const PAGE = ((): Uint8Array => {
	const page = new Uint8Array(BLOCK_BYTES);
	// Bits go into the sum from the lowest of each byte on.
	page[0] = 1;
	for (let bit = 0; bit < 32; bit++)
		if ((POLYNOMIAL >>> (31 - bit)) & 1) page[(bit + 1) >> 3]! |= 1 << ((bit + 1) & 7);
	return page;
})();

export type Written = "log" | "moved" | "map";

/** Bytes that were written, by what they are for. */
export type WrittenBytes = Record<Written, number>;

class HollowFile implements BlockDevice {
	readonly info: DeviceInfo;
	readonly #fd: number;
	readonly #folder: HollowFolder;
	/** What each slot has. */
	readonly #kinds: (Written | undefined)[] = [];

	constructor(folder: HollowFolder, fd: number, sizeBytes: number) {
		this.#folder = folder;
		this.#fd = fd;
		this.info = deviceInfo({ sizeBytes });
	}

	submit(request: BlockRequest): void {
		const { op, offsetBytes, lengthBytes, memory, memoryOffset } = request;
		if (op === BlockOp.read) readSync(this.#fd, memory.bytes, memoryOffset, lengthBytes, offsetBytes);
		else if (op === BlockOp.write) this.#write(offsetBytes, lengthBytes, memory, memoryOffset);
		this.#folder.later(request);
	}

	#write(at: number, length: number, { bytes }: Memory, from: number): void {
		const kind = this.info.sizeBytes === FILE_BYTES ? this.#kindAt(at, bytes, from) : "map";
		this.#folder.bytes[kind] += length;
		if (kind === "map") writeSync(this.#fd, bytes, from, length, at);
		else if (kind === "log" && this.#folder.keepsLog) this.#writeWithoutPages(at, length, bytes, from);
	}

	/** A slot has what its first block says. */
	#kindAt(at: number, bytes: Uint8Array, from: number): Written {
		const slot = Math.floor(at / SEGMENT_BYTES);
		if (at % SEGMENT_BYTES > 0) return this.#kinds[slot] ?? "map";
		const kind = kindOf(bytes.subarray(from, from + BLOCK_BYTES));
		// (What was a node's must not be taken for a page.)
		if (this.#kinds[slot] === "map" && kind !== "map")
			writeSync(this.#fd, new Uint8Array(SEGMENT_BYTES), 0, SEGMENT_BYTES, at);
		this.#kinds[slot] = kind;
		return kind;
	}

	#writeWithoutPages(at: number, length: number, bytes: Uint8Array, from: number): void {
		for (let done = 0; done < length; done += BLOCK_BYTES) {
			const block = bytes.subarray(from + done, from + done + BLOCK_BYTES);
			if (Buffer.compare(block, PAGE) !== 0) writeSync(this.#fd, block, 0, block.length, at + done);
		}
	}

	setWriteCache(enabled: boolean): boolean {
		return enabled;
	}

	cancel(): void {}

	listen(): () => void {
		return () => {};
	}

	async close(): Promise<CloseEnd> {
		closeSync(this.#fd);
		return "closed";
	}
}

/** Moved pages are read from holes. */
function kindOf(block: Uint8Array): Written {
	const words = new Int32Array(block.buffer, block.byteOffset, BLOCK_BYTES / 4);
	if (words[0] === RECORD) return "log";
	return words.every((word) => word === 0) ? "moved" : "map";
}

export class HollowFolder implements PoolFolder {
	readonly fillsAhead = false;
	readonly bytes: WrittenBytes = { log: 0, moved: 0, map: 0 };
	/** Records are written, for whoever opens the pool after this. */
	keepsLog = true;
	readonly #done: BlockRequest[] = [];

	/** With room for so many files of the log. */
	constructor(
		readonly path: string,
		readonly files: number,
	) {}

	/** Completes it when others have had a turn, as storage does. */
	later(request: BlockRequest): void {
		if (this.#done.push(request) > 1) return;
		setImmediate(() => {
			for (const each of this.#done.splice(0))
				each.complete(each.op <= BlockOp.flush ? StorageStatus.ok : StorageStatus.unsupported);
		});
	}

	async list(): Promise<readonly string[]> {
		return readdirSync(this.path);
	}

	async site(): Promise<string | undefined> {
		return undefined;
	}

	async most(): Promise<number> {
		return this.files;
	}

	async free(): Promise<undefined> {}

	async prepare(): Promise<void> {}

	async open(name: string): Promise<BlockDevice> {
		throw new Error(`${this.path}/${name}: is made, not opened`);
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		const fd = openSync(path.join(this.path, name), "wx+", MODE);
		ftruncateSync(fd, sizeBytes);
		return new HollowFile(this, fd, sizeBytes);
	}
}
