/**
 * Entries of the tables that a qcow2 image's map consists of: one of L1 says where an L2 table is, one of L2 where a cluster is. All
 * that can't be is refused. Pure; used by `qcow2.ts`.
 */

import type { FailedError } from "../errors.js";

/** What a table has to be held against. */
export interface TableShape {
	readonly version: 2 | 3;
	readonly clusterBits: number;
	readonly fileBytes: number;
}

export interface Entry {
	readonly kind: "data" | "compressed" | "zero" | "hole";
	/** Where in the file it is, of the first two kinds. */
	readonly place: number;
	/** How many bytes it has there. */
	readonly bytes: number;
}

/** Says what is wrong with the entry. */
type Damage = (what: string) => FailedError;

const HOLE: Entry = { kind: "hole", place: 0, bytes: 0 };
const ZERO: Entry = { kind: "zero", place: 0, bytes: 0 };
const HIGH = 2 ** 32;
/** Of an entry's upper half: bits 62 (compressed) and 48 to 55, 32 to 47 (place); 56 to 61 are reserved. Bit 63 does not matter here. */
const COMPRESSED = 0x40000000;
const RESERVED = 0x3f000000;
const PLACE = 0x00ffffff;
/** Of its lower half: bits 9 to 31 are of the place, 0 says that it reads as zeros, 1 to 8 are reserved. */
const PLACE_LOW = 0xfffffe00;
const ZERO_FLAG = 1;
const COMPRESSED_UNIT_BYTES = 512;

/** Where the L2 table is that entry `index` of a part of the L1 table names; 0: there is none. */
export function tableOffset(part: Buffer, index: number, shape: TableShape, damage: Damage): number {
	const high = part.readUInt32BE(8 * index);
	const low = part.readUInt32BE(8 * index + 4);
	if (high & (COMPRESSED | RESERVED) || low & ~PLACE_LOW)
		throw damage("an entry of the L1 table that can't be");
	const place = (high & PLACE) * HIGH + low;
	if (place !== 0) hold(place, 2 ** shape.clusterBits, shape, "an L2 table", damage);
	return place;
}

/** What entry `index` of an L2 table says of a cluster, of which `needed` bytes have to be there. */
export function entryOf(
	table: Buffer,
	index: number,
	needed: number,
	shape: TableShape,
	damage: Damage,
): Entry {
	const high = table.readUInt32BE(8 * index);
	const low = table.readUInt32BE(8 * index + 4);
	if (high & COMPRESSED) return compressed(high, low, shape, damage);
	const reserved = shape.version === 2 ? ~PLACE_LOW : ~PLACE_LOW & ~ZERO_FLAG;
	if (high & RESERVED || low & reserved) throw damage("an entry of an L2 table that can't be");
	if (low & ZERO_FLAG) return ZERO;
	const place = (high & PLACE) * HIGH + low;
	if (place === 0) return HOLE;
	hold(place, needed, shape, "a cluster", damage);
	return { kind: "data", place, bytes: needed };
}

/** `>>> 0` as bits are signed here. */
function hold(
	place: number,
	bytes: number,
	{ clusterBits, fileBytes }: TableShape,
	what: string,
	damage: Damage,
): void {
	const clusterBytes = 2 ** clusterBits;
	if (place % clusterBytes !== 0) throw damage(`${what} is at ${place}, within a cluster`);
	if (place + bytes > fileBytes) throw damage(`${what} is at ${place}, behind the end of the file`);
}

/** A place of any number, and how many sectors it reaches into after its first: the wider clusters are, the more bits has the latter. */
function compressed(high: number, low: number, shape: TableShape, damage: Damage): Entry {
	const placeBits = 62 - (shape.clusterBits - 8);
	const above = placeBits - 32;
	const place = (high & (2 ** above - 1)) * HIGH + low;
	const sectors = (high & ~(COMPRESSED | 0x80000000)) >>> above;
	const bytes = (sectors + 1) * COMPRESSED_UNIT_BYTES - (place % COMPRESSED_UNIT_BYTES);
	if (place >= shape.fileBytes)
		throw damage(`a compressed cluster is at ${place}, behind the end of the file`);
	return { kind: "compressed", place, bytes };
}
