/**
 * What is on this host of a pool in an object store, as it survives the process and the power: whose files these are, and by file which pieces are here,
 * and in which something may be that is not in the store. Kept in the file `image` of the local directory: a sector for each file of the log,
 * each written as a whole. Before anything is written to a piece its sector says so, and is stable. Used by `local-files.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { crc32c } from "../../crc32c.js";
import { DamagedError, invariant } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import type { Memory } from "../../wire/memory.js";
import { SECTOR_BYTES } from "../../wire/sector.js";
import { FILE_BYTES, putU64, takeU64 } from "../format.js";
import { run } from "../run.js";
import { FILE_PIECES, IDENTITY_TEXT } from "./layout.js";

export const TABLE_NAME = "image";
/** Sparse: a sector for itself, and for each of 131,071 files, which is 8 TiB. */
export const TABLE_FILE_BYTES = FILE_BYTES;
export const TABLE_FILES = TABLE_FILE_BYTES / SECTOR_BYTES - 1;

const HEADER_MAGIC = 0x48494c56; // "VLIH"
const ROW_MAGIC = 0x52494c56; // "VLIR"
const AT = {
	magic: 0,
	crc: 4,
	pool: 8,
	life: 24,
	file: 40,
	incarnation: 48,
	hostSince: 56,
	present: 64,
	intent: 192,
} as const;
const WORDS = FILE_PIECES / 32;
const READ_BYTES = 256 * 1024;

export interface LocalOwner {
	/** The pool, and what is here, which the superblock names, too, as long as it is what the store's image goes on from: 16 bytes in hexadecimal each. */
	readonly pool: string;
	readonly life: string;
	/** Of a replica: how often the pool had been opened when something of it was last known here (`HeadState.incarnation`). Default: 0. */
	readonly incarnation?: number;
	/** Of a replica: by which epoch this host had got the pool from another one then. Default: 0, as of a pool that is in no store. */
	readonly hostSince?: number;
}

/** Bits by piece. */
export interface LocalRow {
	readonly present: Int32Array;
	/** Of these something may be newer than what the store has: all of such a piece is here. */
	readonly intent: Int32Array;
}

export class LocalTable {
	readonly #device: BlockDevice;
	readonly #name: string;
	readonly #memory: Memory;
	readonly #turns = new InTurn();
	/** Rows that somebody waits for, and what they wait for. */
	#waiting = new Map<number, LocalRow>();
	#next: Promise<void> | null = null;
	/** Pool and life, as each sector begins with. */
	#owner = Buffer.alloc(0);

	constructor(device: BlockDevice, name: string, allocate: (byteLength: number) => Memory) {
		this.#device = device;
		this.#name = name;
		this.#memory = allocate(READ_BYTES);
	}

	/** Undefined: nothing was ever written there. Throws a DamagedError. */
	async owner(): Promise<LocalOwner | undefined> {
		await run(this.#device, BlockOp.read, 0, SECTOR_BYTES, this.#memory, this.#name);
		const { bytes, view } = this.#memory;
		if (bytes.subarray(0, SECTOR_BYTES).every((byte) => byte === 0)) return undefined;
		if (view.getUint32(AT.magic, true) !== HEADER_MAGIC || !isSummed(this.#memory, 0))
			throw new DamagedError(`${this.#name}: is damaged`);
		this.#owner = Buffer.from(bytes.subarray(AT.pool, AT.file));
		const [pool, life] = [this.#owner.toString("hex", 0, 16), this.#owner.toString("hex", 16)];
		const [incarnation, hostSince] = [takeU64(view, AT.incarnation), takeU64(view, AT.hostSince)];
		return { pool, life, incarnation, hostSince };
	}

	/** Whose what is here is from now on; stable when it resolves. */
	begin({ pool, life, incarnation = 0, hostSince = 0 }: LocalOwner): Promise<void> {
		invariant(IDENTITY_TEXT.test(pool) && IDENTITY_TEXT.test(life), "what is here has no identity");
		return this.#turns.run(async () => {
			this.#owner = Buffer.from(pool + life, "hex");
			this.#head(HEADER_MAGIC);
			putU64(this.#memory.view, AT.incarnation, incarnation);
			putU64(this.#memory.view, AT.hostSince, hostSince);
			sum(this.#memory, 0);
			await run(this.#device, BlockOp.write, 0, SECTOR_BYTES, this.#memory, this.#name);
			await this.#sync();
		});
	}

	/** How a sector begins. What is of another life is nothing. */
	#head(magic: number): void {
		const { bytes, view } = this.#memory;
		bytes.fill(0, 0, SECTOR_BYTES);
		view.setUint32(AT.magic, magic, true);
		bytes.set(this.#owner, AT.pool);
	}

	/** What is known of the first files, so many; what can't be read of a file throws a DamagedError. */
	async read(count: number, found: (file: number, row: LocalRow) => void): Promise<void> {
		const bytes = count * SECTOR_BYTES;
		for (let at = 0; at < bytes; at += READ_BYTES) {
			const length = Math.min(READ_BYTES, bytes - at);
			await run(this.#device, BlockOp.read, SECTOR_BYTES + at, length, this.#memory, this.#name);
			for (let row = 0; row < length; row += SECTOR_BYTES) this.#take(row, (at + row) / SECTOR_BYTES, found);
		}
	}

	#take(at: number, file: number, found: (file: number, row: LocalRow) => void): void {
		const { bytes, view } = this.#memory;
		const magic = view.getUint32(at + AT.magic, true);
		if (magic === 0) return;
		if (magic !== ROW_MAGIC || !isSummed(this.#memory, at) || view.getUint32(at + AT.file, true) !== file)
			throw new DamagedError(`${this.#name}, byte ${(file + 1) * SECTOR_BYTES}: is damaged`);
		if (!this.#owner.equals(bytes.subarray(at + AT.pool, at + AT.file))) return;
		const bitmap = (from: number): Int32Array =>
			Int32Array.from({ length: WORDS }, (_, word) => view.getInt32(at + from + 4 * word, true));
		found(file, { present: bitmap(AT.present), intent: bitmap(AT.intent) });
	}

	/** What is so by now of a file is stable when it resolves; others who ask meanwhile are served by one sync. */
	save(file: number, row: LocalRow): Promise<void> {
		this.#waiting.set(file, row);
		this.#next ??= this.#turns.run(() => this.#write());
		return this.#next;
	}

	async #write(): Promise<void> {
		const rows = this.#waiting;
		this.#waiting = new Map();
		this.#next = null;
		for (const [file, { present, intent }] of rows) {
			const { view } = this.#memory;
			this.#head(ROW_MAGIC);
			view.setUint32(AT.file, file, true);
			for (let word = 0; word < WORDS; word++) {
				view.setInt32(AT.present + 4 * word, present[word]!, true);
				view.setInt32(AT.intent + 4 * word, intent[word]!, true);
			}
			sum(this.#memory, 0);
			const at = SECTOR_BYTES * (file + 1);
			await run(this.#device, BlockOp.write, at, SECTOR_BYTES, this.#memory, this.#name);
		}
		await this.#sync();
	}

	#sync(): Promise<void> {
		return run(this.#device, BlockOp.flush, 0, 0, undefined, this.#name);
	}

	async close(): Promise<void> {
		await this.#turns.idle();
		await this.#device.close();
	}
}

function crcAt({ bytes }: Memory, at: number): number {
	const begin = at + AT.crc + 4;
	return crc32c(bytes, begin, at + SECTOR_BYTES, crc32c(bytes, at, at + AT.crc));
}

function sum(memory: Memory, at: number): void {
	memory.view.setUint32(at + AT.crc, crcAt(memory, at), true);
}

function isSummed(memory: Memory, at: number): boolean {
	return memory.view.getUint32(at + AT.crc, true) === crcAt(memory, at);
}
