/**
 * The files of the log as devices, and where on them the log lies: which slot has which segment is a table (`space/table.ts`), and which slots
 * may be written to is kept beside it (`space/slots.ts`). Asked for every page that is read. Filled by `replay.ts` and `log.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { invariant, NoSpaceError, OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { fileName, type MissingFile, type PoolFolder } from "./folder.js";
import { FILE_BYTES, FILE_SLOTS, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import { type HeadSlots, KnownSlots } from "./known-slots.js";
import { COPIES_DIFFER, readSame } from "./mend.js";
import { run } from "./run.js";
import { type OpenAll, SegmentFiles } from "./segment-files.js";
import { NO_SLOT, Slots } from "./space/slots.js";
import { SegmentTable } from "./space/table.js";
import type { PoolTold } from "./told.js";

/** For what the file system keeps of a file besides. */
export const LEFT_BYTES = 2 ** 20;

/** What is to be told of, and how many such are kept until then. */
type Told = [place: string, what: string];
const TOLD_MAX = 64;

export class Segments {
	readonly slots = new Slots();
	readonly table = new SegmentTable(this.slots);
	readonly #folder: PoolFolder;
	readonly #files: SegmentFiles;
	/** Files that there can be. */
	#filesMax = Number.POSITIVE_INFINITY;
	/** That the file system has left for more than there is; undefined: no matter. */
	#freeBytes: number | undefined;
	/** Why there can't be more files: it is not where it was. Null: it is there. */
	away: string | null = null;
	/** As it was told last. */
	#awayTold: string | null = null;
	/** Not 0: slots that are taken are behind all that there were. */
	#clearFrom = 0;
	/** What `find` has found: a slot, and bytes of its file before the page. */
	slot = 0;
	offsetBytes = 0;
	readonly known: KnownSlots;
	/** What was not right and was found right in another copy, until that is told: its place, and what it is. */
	readonly mended: Told[] = [];
	/** And what could not be moved because its copies differ. */
	readonly differing: Told[] = [];

	constructor(folder: PoolFolder, head: HeadSlots = {}) {
		this.#folder = folder;
		this.#files = new SegmentFiles(folder);
		this.known = new KnownSlots(this.slots, head, folder.fillsAhead);
		this.slots.whenFree = (slot, release) => folder.freed?.(slot, release) ?? false;
		this.slots.endHolds = () => {
			folder.endHolds?.();
			return true;
		};
	}

	/** Opens the files that there are: see `SegmentFiles.openAll`. Throws an OperatorError. */
	async openAll(how: OpenAll = {}): Promise<void> {
		await this.#files.openAll(how);
		this.known.begin(this.#files.count * FILE_SLOTS);
		this.#lose(this.#files.count);
		await this.measure();
	}

	/** Slots of files that can't be had are nobody's. */
	#lose(files: number): void {
		if (this.#folder.isLost === undefined) return;
		for (let file = 0; file < files; file++)
			if (this.#folder.isLost(fileName(file)))
				for (let slot = file * FILE_SLOTS; slot < (file + 1) * FILE_SLOTS; slot++) this.slots.lose(slot);
	}

	/**
	 * Finds out how large it may become, or else why that can't be had: then it is as it was. With `tell`, files that are not open yet are tried again,
	 * and what is new is told.
	 */
	async measure(tell?: (told: PoolTold) => void): Promise<void> {
		try {
			this.#freeBytes = await this.#folder.free();
			this.#filesMax = (await this.#folder.most()) ?? this.#filesMax;
			this.away = missingText(this.#folder.path, await this.#folder.missing?.());
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.away = error.message;
		}
		if (tell === undefined) return;
		const before = this.#awayTold;
		this.#awayTold = this.away;
		if (this.away === null && before !== null)
			tell({ kind: "pool-away", level: "info", message: "is where it was again" });
		if (this.away !== null && before === null)
			tell({ kind: "pool-away", level: "error", message: `${this.away}; what is open is served on` });
		this.#files.retry();
		const news = this.#files.news();
		if (news !== undefined) tell(news);
	}

	/** What it has and may get, as it was last measured: less than it has, where there is no space for all of that. */
	get sizeBytes(): number {
		const most = this.slots.count + slotsIn(this.#freeBytes ?? Number.POSITIVE_INFINITY);
		return Math.max(0, Math.min(most, this.#filesMax * FILE_SLOTS)) * SEGMENT_BYTES;
	}

	/** Has all that was written to some segments, one after the other, on stable storage. Throws an OperatorError. */
	async sync(first: number, last: number): Promise<void> {
		const synced = new Set<BlockDevice>();
		for (let segment = first; segment <= last; segment++) {
			const device = this.deviceOf(segment * SEGMENT_SECTORS);
			if (synced.has(device)) continue;
			await run(device, BlockOp.flush, 0, 0, undefined, this.fileNameOf(this.slot));
			synced.add(device);
		}
	}

	close(limitMs?: number): Promise<void> {
		return this.#files.close(limitMs);
	}

	get folder(): PoolFolder {
		return this.#folder;
	}

	/** The log goes on in a segment, in that slot. */
	place(segment: number, slot: number): void {
		this.table.begin(segment, slot);
	}

	/** Until `isKnown`, slots that are taken are in files of their own: who has which of those that there are is not known yet. */
	keepClear(): void {
		this.#clearFrom = Math.max(this.#clearFrom, this.#files.count * FILE_SLOTS);
	}

	/** Who has which slot is known. */
	isKnown(): void {
		this.#clearFrom = 0;
	}

	/** A slot that has nothing that anybody needs; `NO_SLOT` if there is none. */
	takeSlot(): number {
		if (this.#clearFrom === 0) return this.slots.take();
		const slot = this.#clearFrom++;
		this.slots.took(slot);
		return slot;
	}

	/** The slot that the log goes on in. The last one is left to a checkpoint, by which others come back. */
	takeNext(): number {
		return this.slots.free > 1 ? this.takeSlot() : NO_SLOT;
	}

	/** Whether there can be more slots. */
	get mayGrow(): boolean {
		return this.slots.count < this.#filesMax * FILE_SLOTS;
	}

	/** Makes one more file, with all of its slots. (The first one may have less.) Throws an OperatorError. */
	async grow(): Promise<void> {
		const slot = this.#files.count * FILE_SLOTS;
		const freeBytes = (await this.#folder.free()) ?? Number.POSITIVE_INFINITY;
		if (slot > 0 && freeBytes < FILE_BYTES + LEFT_BYTES)
			throw new NoSpaceError(
				`${this.#folder.path}: there is no space for another file of ${FILE_BYTES} bytes`,
			);
		await this.fileOf(slot);
		if (this.#freeBytes !== undefined) this.#freeBytes -= FILE_BYTES; // (It has no space yet, but will.)
		this.slots.grow(slot + FILE_SLOTS);
	}

	/** The first slot that is not there, in a file that is made if there is none; it may be used when it is `filled`. Throws an OperatorError. */
	async nextNew(): Promise<number> {
		const slot = this.slots.whole;
		this.#freeBytes = await this.#folder.free();
		if (this.#freeBytes !== undefined && slotsIn(this.#freeBytes) <= 0)
			throw new NoSpaceError(`${this.#folder.path}: there is no space for more of the log`);
		await this.fileOf(slot);
		return slot;
	}

	/** It was written with zeros, which are stable. */
	filled(slot: number): void {
		if (this.#freeBytes !== undefined) this.#freeBytes -= SEGMENT_BYTES;
		this.known.filled(slot);
	}

	/** Reads bytes of a slot to put them elsewhere. Throws an OperatorError, also if its copies differ. */
	async readToMove(slot: number, offsetBytes: number, lengthBytes: number, into: Memory): Promise<void> {
		const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + offsetBytes;
		const [device, name] = [this.deviceOfSlot(slot), this.fileNameOf(slot)];
		if (await readSame({ device, name, offsetBytes: at, lengthBytes }, into)) return;
		const place = this.nameInSlot(slot, offsetBytes);
		if (this.differing.length < TOLD_MAX) this.differing.push([place, COPIES_DIFFER]);
		throw new OperatorError(`${place}: ${COPIES_DIFFER}`);
	}

	whenMended(place: string, what: string): void {
		if (this.mended.length < TOLD_MAX) this.mended.push([place, what]);
	}

	has(segment: number): boolean {
		return this.table.rows.of(segment) >= 0;
	}

	/** The device that has what is at a position of the log, and the fields above say where; undefined if nothing is known of it. */
	find(position: number): BlockDevice | undefined {
		const { table } = this;
		if (!table.locate(position)) return undefined;
		this.slot = table.slot;
		this.offsetBytes = (table.slot % FILE_SLOTS) * SEGMENT_BYTES + table.sector * SECTOR_BYTES;
		return this.#files.of(Math.floor(table.slot / FILE_SLOTS));
	}

	/** The same of what is known to be there. */
	deviceOf(position: number): BlockDevice {
		const device = this.find(position);
		invariant(device !== undefined, "the log is asked for where it is not");
		return device;
	}

	/** The same of a slot, whose file is there. */
	deviceOfSlot(slot: number): BlockDevice {
		const device = this.#files.of(Math.floor(slot / FILE_SLOTS));
		invariant(device !== undefined, "a slot without a file is used");
		return device;
	}

	/** Where a position is, for messages. */
	nameOf(position: number): string {
		const isThere = this.find(position) !== undefined;
		return isThere ? `${this.fileNameOf(this.slot)}, byte ${this.offsetBytes}` : this.#folder.path;
	}

	fileNameOf(slot: number): string {
		return `${this.#folder.path}/${fileName(Math.floor(slot / FILE_SLOTS))}`;
	}

	/** The same, and the byte; without a slot the pool alone. */
	nameInSlot(slot: number, offsetBytes: number): string {
		const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + offsetBytes;
		return slot === NO_SLOT ? this.#folder.path : `${this.fileNameOf(slot)}, byte ${at}`;
	}

	/** Whether the slot's file is there. */
	hasFile(slot: number): boolean {
		return this.#files.of(Math.floor(slot / FILE_SLOTS)) !== undefined;
	}

	/** Whether nothing of the slot's file can be had. */
	isAway(slot: number): boolean {
		return this.#folder.isLost?.(fileName(Math.floor(slot / FILE_SLOTS))) === true;
	}

	/** The file that has a slot, made if it is not there. Throws an OperatorError. */
	fileOf(slot: number): Promise<BlockDevice> {
		return this.#files.make(Math.floor(slot / FILE_SLOTS));
	}

	/** Nothing was ever stored there, as far as is known without reading it. */
	isNothing(slot: number, offsetBytes = 0, lengthBytes = SEGMENT_BYTES): boolean {
		return this.folder.isNothing?.(slot, offsetBytes, lengthBytes) === true;
	}

	/** Reads so many bytes of a slot, whatever it has; `copy`: as of a request, 0 is any. Throws an OperatorError. */
	async readSlot(
		slot: number,
		offsetBytes: number,
		lengthBytes: number,
		into: Memory,
		copy = 0,
	): Promise<void> {
		const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + offsetBytes;
		const name = this.fileNameOf(slot);
		await run(this.deviceOfSlot(slot), BlockOp.read, at, lengthBytes, into, name, 0, copy);
	}
}

function missingText(folder: string, missing: MissingFile | undefined): string | null {
	if (missing === undefined) return null;
	const { name, isReplaced } = missing;
	const how = isReplaced
		? "is another file than the one that is open, and what is in that"
		: "is not there any more, and what is in it";
	return `${folder}/${name}: ${how} is lost when the pool is closed unless it is put back`;
}

/** More slots that there is room for; less than none: of those that there are some have no space. */
function slotsIn(freeBytes: number): number {
	return Math.floor((freeBytes - LEFT_BYTES) / SEGMENT_BYTES);
}
