/**
 * Reads and writes what a mirror keeps on a member: superblocks and bitmaps, as bytes of `format.ts`. Used by `ledger.ts`, which writes,
 * and by `open.ts` and `returns.ts`, which look at what is there.
 */

import { BlockOp } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import type { View } from "./assess.js";
import {
	BITMAP_BYTES,
	BITMAPS_AT,
	decodeCopies,
	encodeMapSector,
	encodeSuperblock,
	isUnused,
	MAP_SECTOR_BYTES,
	RESERVED_BYTES,
	SUPERBLOCK_BYTES,
	SUPERBLOCKS,
	type Superblock,
} from "./format.js";
import type { Member, Outcome } from "./member.js";
import type { Regions } from "./regions.js";

/** What of the bitmaps is written at once, and how their changes are rounded: a sector of large disks. */
const BLOCK_BYTES = 4096;
const SECTORS_PER_BLOCK = BLOCK_BYTES / MAP_SECTOR_BYTES;

export type Allocate = (byteLength: number) => Memory;

const DONE: Outcome = { op: BlockOp.write, status: StorageStatus.ok, errno: 0, synced: true };

/** Looks at what is there; `absent` if it can't be read. */
export async function viewOf(member: Member, allocate: Allocate): Promise<View> {
	const { device } = member;
	if (device === null) return { kind: "absent" };
	const at = member.reservedAt;
	if (at <= 0) return { kind: "misplaced", reason: "is too small for a mirror: what it keeps takes 1 MiB" };
	// What is seen must be what is there after a loss of power: others will rely on it.
	if ((await member.flush()).status !== StorageStatus.ok) return { kind: "absent" };
	const memory = allocate(SUPERBLOCKS * SUPERBLOCK_BYTES);
	const { status } = await member.read(memory, 0, at, SUPERBLOCKS * SUPERBLOCK_BYTES);
	// A sector that can't be read is one copy that is damaged; the other one may be well.
	const copies = status === StorageStatus.ok ? SUPERBLOCKS : await readSingly(member, memory, at);
	if (copies === 0) return { kind: "absent" };
	const found = decodeCopies(memory.bytes);
	switch (found.kind) {
		case "none":
			return status === StorageStatus.ok ? await blankView(member, allocate) : { kind: "damaged" };
		case "superblock":
			if (found.superblock.dataBytes > at)
				return {
					kind: "misplaced",
					reason: `has ${device.info.sizeBytes} bytes, of ${found.superblock.dataBytes + RESERVED_BYTES} that its superblock speaks of`,
				};
			return { ...found, isHalf: copies < SUPERBLOCKS };
		case "damaged":
		case "foreign":
			return found;
	}
}

/** Reads each copy by itself; how many of them can be. */
async function readSingly(member: Member, memory: Memory, at: number): Promise<number> {
	let copies = 0;
	for (let i = 0; i < SUPERBLOCKS; i++) {
		const offset = i * SUPERBLOCK_BYTES;
		const { status } = await member.read(memory, offset, at + offset, SUPERBLOCK_BYTES);
		if (status === StorageStatus.ok) copies++;
		else memory.bytes.fill(0, offset, offset + SUPERBLOCK_BYTES);
	}
	return copies;
}

/**
 * The same, for certain: a copy that could not be read may be of a generation that was begun later, and may be read the next time, when others
 * rely on what is seen now. It gets what the other one says. `absent` if it can't be written.
 */
export async function certain(member: Member, view: View, allocate: Allocate): Promise<View> {
	if (view.kind !== "superblock" || view.isHalf !== true) return view;
	const { superblock } = view;
	// The next copy in turn is the one that could not be read.
	member.sequence = superblock.sequence;
	const { status } = await writeSuperblock(member, superblock, allocate(SUPERBLOCK_BYTES));
	if (status !== StorageStatus.ok) return { kind: "absent" };
	return { kind: "superblock", superblock: { ...superblock, sequence: member.sequence } };
}

/** No superblock: is there anything else? */
async function blankView(member: Member, allocate: Allocate): Promise<View> {
	const memory = allocate(RESERVED_BYTES);
	const lengthBytes = Math.min(RESERVED_BYTES, member.reservedAt);
	const begin = await member.read(memory, 0, 0, lengthBytes);
	if (begin.status !== StorageStatus.ok) return { kind: "absent" };
	if (memory.bytes.some((byte) => byte !== 0)) return { kind: "blank", isEmpty: false };
	const reserved = await member.read(memory, 0, member.reservedAt, RESERVED_BYTES);
	if (reserved.status !== StorageStatus.ok) return { kind: "absent" };
	if (!isUnused(memory.bytes)) return { kind: "blank", isEmpty: false };
	return { kind: "blank", isEmpty: true };
}

/** Reads bitmaps, in the order of their numbers; what can't be read is damaged. False if nothing can be read at all. */
export async function readBitmaps(
	member: Member,
	maps: readonly Regions[],
	allocate: Allocate,
): Promise<boolean> {
	const at = member.reservedAt + BITMAPS_AT;
	const memory = allocate(BITMAP_BYTES);
	let any = false;
	for (const [number, map] of maps.entries()) {
		const { status } = await member.read(memory, 0, at + number * BITMAP_BYTES, BITMAP_BYTES);
		if (status === StorageStatus.ok) any = true;
		else memory.bytes.fill(0);
		map.read(number, memory.bytes, 0);
	}
	return any;
}

/**
 * Writes both copies of a superblock, one after the other, each stable before anything else happens. One that could not be written is the next
 * in turn again: the other one may be all that is whole.
 */
export async function writeSuperblock(
	member: Member,
	superblock: Superblock,
	memory: Memory,
): Promise<Outcome> {
	const at = member.reservedAt;
	for (let i = 0; i < SUPERBLOCKS; i++) {
		const sequence = member.sequence + 1;
		encodeSuperblock({ ...superblock, sequence }, memory.bytes);
		const copy = sequence % SUPERBLOCKS;
		const written = await stable(member, [
			member.write(memory, 0, at + copy * SUPERBLOCK_BYTES, SUPERBLOCK_BYTES),
		]);
		if (written.status !== StorageStatus.ok) return written;
		member.sequence = sequence;
	}
	return DONE;
}

/** The bitmaps of a mirror as they are stored, and which of their blocks have changed since. The same bytes go to all members. */
export class Bitmaps {
	readonly #maps: readonly Regions[];
	readonly #image: Memory;
	/** Runs of blocks that have changed: pairs of the first and the number. */
	#runs: number[] = [];

	/** `maps`: in the order of their numbers. */
	constructor(maps: readonly Regions[], allocate: Allocate) {
		this.#maps = maps;
		this.#image = allocate(maps.length * BITMAP_BYTES);
		for (const [number, map] of maps.entries())
			for (let sector = 0; sector < BITMAP_BYTES / MAP_SECTOR_BYTES; sector++)
				this.#encode(map, number, sector);
	}

	get changed(): boolean {
		for (const map of this.#maps) if (map.anyChanged) return true;
		return false;
	}

	/** Takes down what the bitmaps are now. What could not be stored is told to be changed again by `again`. */
	take(): void {
		for (const [number, map] of this.#maps.entries()) {
			if (!map.anyChanged) continue;
			for (let block = 0; block < BITMAP_BYTES / BLOCK_BYTES; block++) {
				let any = false;
				for (let i = 0; i < SECTORS_PER_BLOCK; i++) {
					if (map.changed[block * SECTORS_PER_BLOCK + i] === 0) continue;
					this.#encode(map, number, block * SECTORS_PER_BLOCK + i);
					any = true;
				}
				if (any) this.#add(number * (BITMAP_BYTES / BLOCK_BYTES) + block);
			}
			map.stored();
		}
	}

	#encode(map: Regions, number: number, sector: number): void {
		encodeMapSector(
			map.words,
			number,
			sector,
			this.#image.bytes,
			number * BITMAP_BYTES + sector * MAP_SECTOR_BYTES,
		);
	}

	/** Blocks that could not be stored the last time are still in the list: each is in it once. */
	#add(block: number): void {
		const runs = this.#runs;
		for (let i = 0; i < runs.length; i += 2) if (block >= runs[i]! && block < runs[i]! + runs[i + 1]!) return;
		if (runs.length > 0 && runs.at(-2)! + runs.at(-1)! === block) runs[runs.length - 1]!++;
		else runs.push(block, 1);
	}

	/** All members have what was taken. */
	done(): void {
		this.#runs = [];
	}

	/** Writes what was taken to a member, or all of it, and has it stable there. */
	store(member: Member, all: boolean): Promise<Outcome> {
		const runs = all ? [0, this.#image.bytes.length / BLOCK_BYTES] : this.#runs;
		const at = member.reservedAt + BITMAPS_AT;
		const writes: Promise<Outcome>[] = [];
		for (let i = 0; i < runs.length; i += 2) {
			const offset = runs[i]! * BLOCK_BYTES;
			writes.push(member.write(this.#image, offset, at + offset, runs[i + 1]! * BLOCK_BYTES));
		}
		return stable(member, writes);
	}
}

/** Waits for all of them, and for a flush unless they are stable already. */
async function stable(member: Member, writes: readonly Promise<Outcome>[]): Promise<Outcome> {
	const outcomes = await Promise.all(writes);
	const failed = outcomes.find(({ status }) => status !== StorageStatus.ok);
	if (failed !== undefined) return failed;
	return outcomes.every(({ synced }) => synced) ? DONE : member.flush();
}
