/**
 * The head of a pool: what is needed to find everything else, in two places of a file that are written by turns, so that one of them
 * is always whole. Read when a pool is opened, written by whoever has something that must not be lost without it.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { InTurn } from "../in-turn.js";
import { nativeMemory } from "../native.js";
import type { Memory } from "../wire/memory.js";
import { type BlobRef, isBlobRef } from "./blob-ref.js";
import { newestCopy } from "./copies.js";
import { areNumbers, BLOCK_BYTES, FORMAT, FORMAT_FIRST } from "./format.js";
import { hasOthers } from "./mend.js";
import { run } from "./run.js";
import { storedJson } from "./stored-json.js";

/** Where the log is to be read from. */
export interface LogStart {
	readonly segment: number;
	readonly slot: number;
	/** Of the last record before. */
	readonly sequence: number;
	readonly crc: number;
	readonly timeUs: number;
}

export interface HeadState {
	/** A number by chance: each pool has another. */
	readonly pool: number;
	/** How often the pool has been opened for writing. */
	readonly incarnation: number;
	/** Of ownership. */
	readonly epoch: number;
	readonly start: LogStart;
	/** A record that is known to be on stable storage. */
	readonly stable: number;
	/** So many slots, the first ones, were written with zeros when the pool was made. */
	readonly filled?: number;
	/** So many may be used, at least; undefined: all that files have room for. */
	readonly slots?: number;
	/** Where the head was made (`PoolFolder.site`): somewhere else it is a copy. */
	readonly site?: string | undefined;
	/** Numbers that the pool had before it was made one of its own out of a copy: older records have them. */
	readonly former?: readonly number[];
	/** What the log has said up to a record; none in a pool that is new. */
	readonly checkpoint?: CheckpointRef | undefined;
	/** What time it was, and how long the machine had run, when this was written. */
	readonly clock?: ClockMark | undefined;
}

/** What the next life of a pool knows of the time: `pool-clock.ts`. */
export interface ClockMark {
	readonly boot: string;
	readonly runUs: number;
	readonly shownUs: number;
	readonly agedUs: number;
}

/** Where a checkpoint is. */
export interface CheckpointRef extends BlobRef {
	/** The last record that is in it, its time, and where it ends. */
	readonly sequence: number;
	readonly timeUs: number;
	readonly position: number;
	/** Its time by what had passed; undefined: it was not known. */
	readonly agedUs?: number;
}

export const HEAD_FILE_BYTES = 2 * BLOCK_BYTES;
const MAGIC = 0x48424c56; // "VLBH"
const AT = { magic: 0, format: 4, length: 8, crc: 12, text: 16 } as const;

interface Written extends HeadState {
	readonly generation: number;
}

/** One place of the head, as bytes. */
export function encodeHead(state: HeadState, generation: number): Uint8Array {
	const bytes = new Uint8Array(BLOCK_BYTES);
	const view = new DataView(bytes.buffer);
	const { length } = bytes.subarray(AT.text);
	const text = new TextEncoder().encode(JSON.stringify({ ...state, generation }));
	if (text.length > length)
		throw new OperatorError(`the head of the pool would be larger than ${length} bytes`);
	view.setUint32(AT.magic, MAGIC, true);
	view.setUint32(AT.format, FORMAT, true);
	view.setUint32(AT.length, text.length, true);
	bytes.set(text, AT.text);
	view.setUint32(AT.crc, crcOf(bytes, text.length), true);
	return bytes;
}

function crcOf(bytes: Uint8Array, length: number): number {
	return crc32c(bytes, AT.text, AT.text + length, crc32c(bytes, 0, AT.crc));
}

/** What was written there; undefined if it is not whole. Throws an OperatorError for a format that is not ours. */
export function decodeHead(bytes: Uint8Array, name: string): Written | undefined {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const length = view.getUint32(AT.length, true);
	if (view.getUint32(AT.magic, true) !== MAGIC || length > BLOCK_BYTES - AT.text) return undefined;
	if (crcOf(bytes, length) !== view.getUint32(AT.crc, true)) return undefined;
	const format = view.getUint32(AT.format, true);
	if (format < FORMAT_FIRST || format > FORMAT)
		throw new OperatorError(
			`${name}: a pool of format ${format}; this version knows formats ${FORMAT_FIRST} to ${FORMAT}`,
		);
	const value: unknown = storedJson(bytes.subarray(AT.text, AT.text + length));
	return isHead(value) ? value : undefined;
}

/** Whether one of the two places looks as if it was written by us. */
export function looksLikeHead({ buffer, byteOffset }: Uint8Array): boolean {
	const view = new DataView(buffer, byteOffset, HEAD_FILE_BYTES);
	return [0, BLOCK_BYTES].some((at) => view.getUint32(at + AT.magic, true) === MAGIC);
}

function isHead(value: unknown): value is Written {
	if (typeof value !== "object" || value === null) return false;
	const {
		start,
		site,
		checkpoint,
		clock,
		filled = 0,
		slots = 0,
		former = [],
		...rest
	} = value as Record<string, unknown>;
	return (
		(site === undefined || typeof site === "string") &&
		Number.isSafeInteger(filled) &&
		Number.isSafeInteger(slots) &&
		Array.isArray(former) &&
		former.every((each) => Number.isSafeInteger(each)) &&
		areNumbers(rest, ["pool", "incarnation", "epoch", "stable", "generation"]) &&
		isLogStart(start) &&
		(clock === undefined || isClockMark(clock)) &&
		(checkpoint === undefined || isCheckpointRef(checkpoint))
	);
}

export function isLogStart(value: unknown): value is LogStart {
	return areNumbers(value, ["segment", "slot", "sequence", "crc", "timeUs"]);
}

export function isCheckpointRef(value: unknown): value is CheckpointRef {
	if (!isBlobRef(value) || !areNumbers(value, ["sequence", "timeUs", "position"])) return false;
	return !("agedUs" in value) || areNumbers(value, ["agedUs"]);
}

function isClockMark(value: unknown): value is ClockMark {
	return areNumbers(value, ["runUs", "shownUs", "agedUs"]) && typeof (value as ClockMark).boot === "string";
}

export class Head {
	#state: HeadState;
	#generation: number;
	readonly #turns = new InTurn();

	private constructor(
		readonly device: BlockDevice,
		readonly name: string,
		readonly memory: Memory,
		state: HeadState,
		generation: number,
		/** Bytes at which a copy was read that was not whole. */
		readonly damagedAt: readonly number[] = [],
	) {
		this.#state = state;
		this.#generation = generation;
	}

	get state(): HeadState {
		return this.#state;
	}

	/**
	 * `memory`: of the head's size. Where the device has several copies, the newest of what these have is in all of them when it resolves. Throws an
	 * OperatorError if there is none that is whole.
	 */
	static async read(device: BlockDevice, name: string, memory: Memory): Promise<Head> {
		const isLong = device.info.sizeBytes >= HEAD_FILE_BYTES;
		if (isLong) await levelled(device, name);
		if (isLong) await run(device, BlockOp.read, 0, HEAD_FILE_BYTES, memory, name);
		const places = isLong ? [0, BLOCK_BYTES] : [];
		const copies = places.map((at) => decodeHead(memory.bytes.subarray(at, at + BLOCK_BYTES), name));
		const found = copies.filter((state) => state !== undefined).sort((a, b) => b.generation - a.generation);
		const [newest] = found;
		if (newest === undefined)
			throw new OperatorError(`${name}: no head of a pool, or both of its copies are damaged`);
		const { generation, ...state } = newest;
		const damagedAt = places.filter((_, i) => copies[i] === undefined);
		return new Head(device, name, memory, state, generation, damagedAt);
	}

	/** The same of one that is open, when nothing is written; resolves to the bytes at which a copy had something else. Throws an OperatorError. */
	scrub(): Promise<readonly number[]> {
		return levelled(this.device, this.name);
	}

	static async create(device: BlockDevice, name: string, memory: Memory, state: HeadState): Promise<Head> {
		const head = new Head(device, name, memory, state, 0);
		await head.write({});
		await head.write({});
		return head;
	}

	/** Stable when it resolves. Throws an OperatorError. */
	write(changes: Partial<HeadState>): Promise<void> {
		return this.#turns.run(() => this.#write(changes));
	}

	/**
	 * The pool counts as one that was opened once more, and more often than `above`, in both places: who believes what he knows of it by that number does not any more.
	 * How often that is now; 0: it was never opened. Throws an OperatorError.
	 */
	again(above: number): Promise<number> {
		return this.#turns.run(async () => {
			if (this.#state.incarnation === 0) return 0;
			const incarnation = Math.max(above, this.#state.incarnation) + 1;
			for (const changes of [{ incarnation }, {}]) await this.#write(changes);
			return incarnation;
		});
	}

	async #write(changes: Partial<HeadState>): Promise<void> {
		const state = { ...this.#state, ...changes };
		const generation = this.#generation + 1;
		this.memory.bytes.set(encodeHead(state, generation));
		const at = (generation % 2) * BLOCK_BYTES;
		await run(this.device, BlockOp.write, at, BLOCK_BYTES, this.memory, this.name);
		await run(this.device, BlockOp.flush, 0, 0, undefined, this.name);
		this.#state = state;
		this.#generation = generation;
	}
}

/** Each place is in all copies as it is in the one that has the newest there. Resolves to those that were not. */
async function levelled(device: BlockDevice, name: string): Promise<readonly number[]> {
	const wrong: number[] = [];
	if (!hasOthers(device)) return wrong;
	for (const at of [0, BLOCK_BYTES]) {
		const found = await newestCopy(device, at, name, async (copy) => {
			const memory = nativeMemory(BLOCK_BYTES);
			await run(device, BlockOp.read, at, BLOCK_BYTES, memory, name, 0, copy);
			const value = decodeHead(memory.bytes, name);
			return value && { value, rank: value.generation, memory };
		});
		if (found?.wasMended) wrong.push(at);
	}
	return wrong;
}
