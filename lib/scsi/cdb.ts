/** Numbers of CDBs and parameter lists, big-endian (SPC-4, 3.6), from bytes: without a view of them, which would have to be made. Used all over this room. */

export function uint16(bytes: Uint8Array, at: number): number {
	return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function uint24(bytes: Uint8Array, at: number): number {
	return (bytes[at]! << 16) | uint16(bytes, at + 1);
}

export function uint32(bytes: Uint8Array, at: number): number {
	return ((uint16(bytes, at) << 16) | uint16(bytes, at + 2)) >>> 0;
}

/** Exact up to 2^53; what is more is as good as any other number that no disk has. */
export function uint64(bytes: Uint8Array, at: number): number {
	return uint32(bytes, at) * 2 ** 32 + uint32(bytes, at + 4);
}
