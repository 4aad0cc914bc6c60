/**
 * Which slot has which segment of the log, and which device has that slot. Asked for every page that is read, so a table. Filled by
 * `replay.ts` and `log.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { invariant, OperatorError, StorageStatus, storageStatusName } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { fileName, fileNumber, type PoolFolder } from "./folder.js";
import { FILE_BYTES, FILE_SLOTS, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";

const NONE = -1;
/** Files that are being opened at a time. */
const OPENED_AT_ONCE = 32;

export class Segments {
	readonly #folder: PoolFolder;
	/** By number of the file. */
	readonly #devices: BlockDevice[] = [];
	/** Those that are being made. */
	readonly #making = new Map<number, Promise<BlockDevice>>();
	/** By number of the segment. */
	#slots = new Int32Array(1024).fill(NONE);
	/** Slots from here on were never used. */
	#freshSlot = 0;

	/** `filledSlots`: so many, the first ones, need not be written with zeros before they are used. */
	constructor(
		folder: PoolFolder,
		readonly filledSlots = 0,
	) {
		this.#folder = folder;
	}

	/** Opens the files that there are, some at a time. Throws an OperatorError. */
	async openAll(): Promise<void> {
		const names = await this.#folder.list();
		for (let from = 0; from < names.length; from += OPENED_AT_ONCE) {
			const some = names.slice(from, from + OPENED_AT_ONCE);
			// (All of these are opened, or not, before anything is closed.)
			const opened = await Promise.allSettled(some.map((name) => this.#open(name)));
			for (const each of opened) if (each.status === "rejected") throw each.reason;
		}
	}

	async #open(name: string): Promise<void> {
		const file = fileNumber(name);
		if (file === undefined) return;
		const device = await this.#folder.open(name);
		this.#devices[file] = device;
		const { sizeBytes } = device.info;
		if (sizeBytes !== FILE_BYTES)
			throw new OperatorError(`${this.#folder.path}/${name}: is ${sizeBytes} bytes long, not ${FILE_BYTES}`);
	}

	/** Has all that was written to some segments, one after the other, on stable storage. Throws an OperatorError. */
	async sync(first: number, last: number): Promise<void> {
		const synced = new Set<BlockDevice>();
		for (let segment = first; segment <= last; segment++) {
			const device = this.deviceOf(segment * SEGMENT_SECTORS);
			if (synced.has(device)) continue;
			await run(device, BlockOp.flush, 0, 0, undefined, this.fileNameOf(this.#slots[segment]!));
			synced.add(device);
		}
	}

	async close(limitMs?: number): Promise<void> {
		await Promise.allSettled(this.#making.values());
		await Promise.all(this.#devices.map((device) => device?.close(limitMs)));
	}

	get folder(): PoolFolder {
		return this.#folder;
	}

	/** Bytes of slots that have been used. */
	get usedBytes(): number {
		return this.#freshSlot * SEGMENT_BYTES;
	}

	/** From now on the segment is in that slot. */
	place(segment: number, slot: number): void {
		if (segment >= this.#slots.length) {
			const larger = new Int32Array(2 * segment).fill(NONE);
			larger.set(this.#slots);
			this.#slots = larger;
		}
		this.#slots[segment] = slot;
		this.took(slot);
	}

	/** The slots of all segments before `end`, in order; -1 for those that have none. */
	slotsBefore(end: number): Int32Array {
		return this.#slots.slice(0, end);
	}

	/** Slots that are taken from now on are in files of their own: who has which of those that there are is not known yet. */
	keepClear(): void {
		this.#freshSlot = Math.max(this.#freshSlot, this.#devices.length * FILE_SLOTS);
	}

	/** The slot is spoken for. */
	took(slot: number): void {
		if (slot >= this.#freshSlot) this.#freshSlot = slot + 1;
	}

	/** A slot that has nothing that anybody needs. */
	takeSlot(): number {
		return this.#freshSlot++;
	}

	has(segment: number): boolean {
		return segment < this.#slots.length && this.#slots[segment] !== NONE;
	}

	/** The device that a position of the log is on; `offsetOf` says where there. */
	deviceOf(position: number): BlockDevice {
		const slot = this.#slots[Math.floor(position / SEGMENT_SECTORS)]!;
		return this.#devices[Math.floor(slot / FILE_SLOTS)]!;
	}

	/** The same of a slot, whose file is there. */
	deviceOfSlot(slot: number): BlockDevice {
		const device = this.#devices[Math.floor(slot / FILE_SLOTS)];
		invariant(device !== undefined, "a slot without a file is used");
		return device;
	}

	/** In bytes. */
	offsetOf(position: number): number {
		const segment = Math.floor(position / SEGMENT_SECTORS);
		const inSegment = position - segment * SEGMENT_SECTORS;
		return (this.#slots[segment]! % FILE_SLOTS) * SEGMENT_BYTES + inSegment * SECTOR_BYTES;
	}

	/** Where a position is, for messages. */
	nameOf(position: number): string {
		const slot = this.#slots[Math.floor(position / SEGMENT_SECTORS)]!;
		return `${this.fileNameOf(slot)}, byte ${this.offsetOf(position)}`;
	}

	fileNameOf(slot: number): string {
		return `${this.#folder.path}/${fileName(Math.floor(slot / FILE_SLOTS))}`;
	}

	/** Whether the slot's file is there. */
	hasFile(slot: number): boolean {
		return this.#devices[Math.floor(slot / FILE_SLOTS)] !== undefined;
	}

	/** The file that has a slot, made if it is not there. Throws an OperatorError. */
	async fileOf(slot: number): Promise<BlockDevice> {
		const file = Math.floor(slot / FILE_SLOTS);
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

	/** Reads so many bytes of a segment. Throws an OperatorError. */
	async read(segment: number, offsetBytes: number, lengthBytes: number, into: Memory): Promise<void> {
		const position = segment * SEGMENT_SECTORS;
		const name = this.nameOf(position).replace(/, byte.*/, "");
		await run(
			this.deviceOf(position),
			BlockOp.read,
			this.offsetOf(position) + offsetBytes,
			lengthBytes,
			into,
			name,
		);
	}
}

/** One request, waited for. Throws an OperatorError that begins with `name` if it fails. */
export async function run(
	device: BlockDevice,
	op: BlockOp,
	offsetBytes: number,
	lengthBytes: number,
	memory: Memory | undefined,
	name: string,
	memoryOffset = 0,
): Promise<void> {
	const promised = new PromisedRequest();
	const { request } = promised;
	request.op = op;
	request.offsetBytes = offsetBytes;
	request.lengthBytes = lengthBytes;
	if (memory !== undefined) request.memory = memory;
	request.memoryOffset = memoryOffset;
	const { status, failedOffsetBytes } = await promised.run(device);
	if (status !== StorageStatus.ok)
		throw new OperatorError(`${name}: byte ${failedOffsetBytes}: ${storageStatusName(status)}`);
}
