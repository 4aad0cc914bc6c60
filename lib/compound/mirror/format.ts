/**
 * What a mirror keeps on each of its members, byte by byte (`docs/mirrors.md` has the table): the last MiB of the member is reserved for two
 * copies of a superblock and for bitmaps. Pure: bytes in, superblocks out. Used by `metadata.ts`, which reads and writes them.
 */

import { crc32c } from "../../crc32c.js";

/** Reserved at the end of each member. */
export const RESERVED_BYTES = 1024 * 1024;
/** A superblock, of which there are two copies, from the beginning of what is reserved. */
export const SUPERBLOCK_BYTES = 4096;
export const SUPERBLOCKS = 2;
/** The bitmaps begin here, within what is reserved: first that of intents, then one for each member. */
export const BITMAPS_AT = 64 * 1024;
export const BITMAP_BYTES = 32 * 1024;
export const MEMBERS_MAX = 8;
export const REGION_BYTES_MIN = 64 * 1024;

/** Each sector of a bitmap stands for itself: what is damaged or torn is one of them. */
export const MAP_SECTOR_BYTES = 512;
const MAP_HEAD_BYTES = 8;
/** Words of 32 regions that a sector of a bitmap has. */
export const MAP_SECTOR_WORDS = (MAP_SECTOR_BYTES - MAP_HEAD_BYTES) / 4;
export const MAP_SECTORS = BITMAP_BYTES / MAP_SECTOR_BYTES;
export const REGIONS_MAX = MAP_SECTORS * MAP_SECTOR_WORDS * 32;

/** What is reserved begins and ends at a multiple of this, for disks with large sectors. */
const ALIGN_BYTES = 4096;
const MAGIC = 0x76626d6972726f72n;
const FORMAT = 1;
const CRC_AT = 12;
const ENTRIES_AT = 96;
const ENTRY_BYTES = 48;
const UUID_BYTES = 16;
const ID_BYTES = 8;
const IN_SYNC = 1;
const BEHIND = 2;
/** What a `Date` can hold. */
const LATEST_MS = 8.64e15;

/** In place of an id. The member never had a superblock; the operator has said so, and that it may be overwritten. */
export const NO_ID = "0".repeat(2 * ID_BYTES);
export const OVERWRITE_ID = "f".repeat(2 * ID_BYTES);

/** What a superblock says of one member. */
export interface MemberEntry {
	/** 32 hexadecimal digits. */
	readonly uuid: string;
	/** It has everything that was acknowledged. Else it lacks what its bitmap says. */
	readonly inSync: boolean;
	/** The generation that its own superblock is known to have had, and the one that it may have instead: 16 hexadecimal digits. */
	readonly confirmed: string;
	readonly attempted: string;
	/** Milliseconds since 1970: since when it lacks something; 0 if it is in sync, or that is not known. */
	readonly lacksSinceMs: number;
}

export interface Superblock {
	/** Of two copies the one that was written later. */
	readonly sequence: number;
	readonly mirror: string;
	/** Which of `entries` this member is. */
	readonly index: number;
	readonly dataBytes: number;
	readonly regionBytes: number;
	/** How often it has changed who is in sync. */
	readonly generation: number;
	/** A number of chance, another one for each generation: two that went on separately never have the same. */
	readonly id: string;
	/** All members, by their index; 1 to 8. */
	readonly entries: readonly MemberEntry[];
}

/** What never changes of a mirror, and where it stands. */
export interface Identity {
	readonly mirror: string;
	readonly dataBytes: number;
	readonly regionBytes: number;
	readonly generation: number;
}

/** What there is where a superblock would be. `foreign`: of a format that this program does not know. */
export type Found =
	| { readonly kind: "none" }
	| { readonly kind: "damaged" }
	| { readonly kind: "foreign"; readonly format: number }
	| { readonly kind: "superblock"; readonly superblock: Superblock };

/** Where what is reserved begins on a member of that size; negative if it is too small. */
export function reservedAt(sizeBytes: number): number {
	return sizeBytes - (sizeBytes % ALIGN_BYTES) - RESERVED_BYTES;
}

/** The smallest regions, of a power of two, of which a bitmap can tell. */
export function regionBytesFor(dataBytes: number): number {
	let bytes = REGION_BYTES_MIN;
	while (dataBytes > bytes * REGIONS_MAX) bytes *= 2;
	return bytes;
}

export function encodeSuperblock(superblock: Superblock, bytes: Uint8Array): void {
	const view = new DataView(bytes.buffer, bytes.byteOffset, SUPERBLOCK_BYTES);
	bytes.fill(0, 0, SUPERBLOCK_BYTES);
	view.setBigUint64(0, MAGIC);
	view.setUint32(8, FORMAT);
	view.setBigUint64(16, BigInt(superblock.sequence));
	putHex(bytes, 24, superblock.mirror);
	putHex(bytes, 40, superblock.entries[superblock.index]!.uuid);
	view.setBigUint64(56, BigInt(superblock.dataBytes));
	view.setUint32(64, superblock.regionBytes);
	view.setUint8(68, superblock.index);
	view.setUint8(69, superblock.entries.length);
	view.setBigUint64(72, BigInt(superblock.generation));
	putHex(bytes, 80, superblock.id);
	superblock.entries.forEach((entry, i) => {
		const at = ENTRIES_AT + i * ENTRY_BYTES;
		putHex(bytes, at, entry.uuid);
		view.setUint8(at + 16, entry.inSync ? IN_SYNC : BEHIND);
		putHex(bytes, at + 24, entry.confirmed);
		putHex(bytes, at + 32, entry.attempted);
		view.setBigUint64(at + 40, BigInt(entry.lacksSinceMs));
	});
	view.setUint32(CRC_AT, crc32c(bytes, 0, SUPERBLOCK_BYTES));
}

/** Understands one copy, whatever its bytes are. Magic, format and sum are where they are in every format. */
export function decodeSuperblock(bytes: Uint8Array): Found {
	const view = new DataView(bytes.buffer, bytes.byteOffset, SUPERBLOCK_BYTES);
	if (view.getBigUint64(0) !== MAGIC) return { kind: "none" };
	const copy = bytes.slice(0, SUPERBLOCK_BYTES);
	copy.fill(0, CRC_AT, CRC_AT + 4);
	if (crc32c(copy) !== view.getUint32(CRC_AT)) return { kind: "damaged" };
	const format = view.getUint32(8);
	if (format !== FORMAT) return { kind: "foreign", format };
	const index = view.getUint8(68);
	const count = view.getUint8(69);
	const dataBytes = Number(view.getBigUint64(56));
	const regionBytes = view.getUint32(64);
	// What has the right sum was written by somebody; that it makes sense is another matter.
	const isSound =
		count >= 1 &&
		count <= MEMBERS_MAX &&
		index < count &&
		Number.isSafeInteger(dataBytes) &&
		dataBytes > 0 &&
		dataBytes % ALIGN_BYTES === 0 &&
		regionBytes === regionBytesFor(dataBytes);
	if (!isSound) return { kind: "damaged" };
	const entries = Array.from({ length: count }, (_, i) => entryAt(bytes, ENTRIES_AT + i * ENTRY_BYTES));
	return {
		kind: "superblock",
		superblock: {
			sequence: Number(view.getBigUint64(16)),
			mirror: hex(bytes, 24, UUID_BYTES),
			index,
			dataBytes,
			regionBytes,
			generation: Number(view.getBigUint64(72)),
			id: hex(bytes, 80, ID_BYTES),
			entries,
		},
	};
}

/**
 * What both copies together say: the later one of those that can be read. One that is damaged beside none at all is the first that was ever
 * written here, and was never finished: both are written before anything counts.
 */
export function decodeCopies(bytes: Uint8Array): Found {
	let best: Found = { kind: "none" };
	let missing = 0;
	for (let i = 0; i < SUPERBLOCKS; i++) {
		const found = decodeSuperblock(bytes.subarray(i * SUPERBLOCK_BYTES, (i + 1) * SUPERBLOCK_BYTES));
		if (found.kind === "foreign") return found;
		if (found.kind === "none") missing++;
		if (found.kind === "none") continue;
		if (best.kind !== "superblock") best = found;
		else if (found.kind === "superblock" && found.superblock.sequence > best.superblock.sequence)
			best = found;
	}
	return missing > 0 && best.kind === "damaged" ? { kind: "none" } : best;
}

function entryAt(bytes: Uint8Array, at: number): MemberEntry {
	return {
		uuid: hex(bytes, at, UUID_BYTES),
		inSync: bytes[at + 16] === IN_SYNC,
		confirmed: hex(bytes, at + 24, ID_BYTES),
		attempted: hex(bytes, at + 32, ID_BYTES),
		lacksSinceMs: timeAt(bytes, at + 40),
	};
}

/** Only told, so one that can't be is none. */
function timeAt(bytes: Uint8Array, at: number): number {
	const ms = Number(new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0));
	return ms <= LATEST_MS ? ms : 0;
}

/** Writes `MAP_SECTOR_WORDS` of `words` as sector `sector` of the bitmap `map`. */
export function encodeMapSector(
	words: Uint32Array,
	map: number,
	sector: number,
	bytes: Uint8Array,
	at: number,
): void {
	const view = new DataView(bytes.buffer, bytes.byteOffset + at, MAP_SECTOR_BYTES);
	view.setUint32(4, mapName(map, sector));
	for (let i = 0; i < MAP_SECTOR_WORDS; i++)
		view.setUint32(MAP_HEAD_BYTES + 4 * i, words[sector * MAP_SECTOR_WORDS + i] ?? 0);
	view.setUint32(0, crc32c(bytes, at + 4, at + MAP_SECTOR_BYTES));
}

/** Reads it back; all ones if it is not what was written there, for then every region of it may differ. */
export function decodeMapSector(
	words: Uint32Array,
	map: number,
	sector: number,
	bytes: Uint8Array,
	at: number,
): void {
	const view = new DataView(bytes.buffer, bytes.byteOffset + at, MAP_SECTOR_BYTES);
	const isSound =
		view.getUint32(4) === mapName(map, sector) &&
		view.getUint32(0) === crc32c(bytes, at + 4, at + MAP_SECTOR_BYTES);
	for (let i = 0; i < MAP_SECTOR_WORDS; i++) {
		const word = sector * MAP_SECTOR_WORDS + i;
		if (word >= words.length) return;
		words[word] = isSound ? view.getUint32(MAP_HEAD_BYTES + 4 * i) : 0xffffffff;
	}
}

/** Nothing but zeros and what a mirror writes first: the making of one was begun here, or nothing. */
export function isUnused(reserved: Uint8Array): boolean {
	for (let at = 0; at < RESERVED_BYTES; at += MAP_SECTOR_BYTES) {
		if (isZeros(reserved, at) || isMapSector(reserved, at)) continue;
		const copyAt = at - (at % SUPERBLOCK_BYTES);
		const view = new DataView(reserved.buffer, reserved.byteOffset + copyAt, SUPERBLOCK_BYTES);
		if (copyAt >= SUPERBLOCKS * SUPERBLOCK_BYTES || view.getBigUint64(0) !== MAGIC) return false;
	}
	return true;
}

function isZeros(bytes: Uint8Array, at: number): boolean {
	for (let i = at; i < at + MAP_SECTOR_BYTES; i++) if (bytes[i] !== 0) return false;
	return true;
}

function isMapSector(bytes: Uint8Array, at: number): boolean {
	const number = Math.floor((at - BITMAPS_AT) / BITMAP_BYTES);
	if (number < 0 || number > MEMBERS_MAX) return false;
	const view = new DataView(bytes.buffer, bytes.byteOffset + at, MAP_SECTOR_BYTES);
	const sector = ((at - BITMAPS_AT) % BITMAP_BYTES) / MAP_SECTOR_BYTES;
	return (
		view.getUint32(4) === mapName(number, sector) &&
		view.getUint32(0) === crc32c(bytes, at + 4, at + MAP_SECTOR_BYTES)
	);
}

/** Tells sectors of bitmaps apart, and from sectors of zeros. */
function mapName(map: number, sector: number): number {
	return 0x6d000000 | (map << 16) | sector;
}

function hex(bytes: Uint8Array, at: number, length: number): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString("hex");
}

function putHex(bytes: Uint8Array, at: number, text: string): void {
	bytes.set(Buffer.from(text, "hex"), at);
}
