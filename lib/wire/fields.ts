/**
 * Fields of a frame: where each one is, how wide, in which byte order. A field is declared once as a constant and the
 * same declaration both reads and writes it, straight in the receive ring or in a reply's slot; nothing is sliced or copied.
 * Declared by `lib/wire/ethernet.ts`, `lib/aoe/` and `lib/client/`.
 *
 * `frame` is always the index in `bytes` of the frame's first byte (the destination MAC address).
 */

/** One byte at `offset` bytes into the frame. */
export class Field8 {
	constructor(readonly offset: number) {}
	get(bytes: Uint8Array, frame: number): number {
		return bytes[frame + this.offset]!;
	}
	set(bytes: Uint8Array, frame: number, value: number): void {
		bytes[frame + this.offset] = value;
	}
}

/** An unsigned 16-bit number in network byte order (big-endian). */
export class Field16 {
	constructor(readonly offset: number) {}
	get(bytes: Uint8Array, frame: number): number {
		const at = frame + this.offset;
		return (bytes[at]! << 8) | bytes[at + 1]!;
	}
	set(bytes: Uint8Array, frame: number, value: number): void {
		const at = frame + this.offset;
		bytes[at] = value >>> 8;
		bytes[at + 1] = value;
	}
}

/** An unsigned 32-bit number in network byte order (big-endian). */
export class Field32 {
	constructor(readonly offset: number) {}
	get(bytes: Uint8Array, frame: number): number {
		const at = frame + this.offset;
		return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
	}
	set(bytes: Uint8Array, frame: number, value: number): void {
		const at = frame + this.offset;
		bytes[at] = value >>> 24;
		bytes[at + 1] = value >>> 16;
		bytes[at + 2] = value >>> 8;
		bytes[at + 3] = value;
	}
}

/** An unsigned 48-bit number, least significant byte first: an ATA LBA as AoE carries it. */
export class FieldLba48 {
	constructor(readonly offset: number) {}
	get(bytes: Uint8Array, frame: number): number {
		const at = frame + this.offset;
		const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
		const high = bytes[at + 3]! | (bytes[at + 4]! << 8) | (bytes[at + 5]! << 16);
		return high * 0x1000000 + low;
	}
	set(bytes: Uint8Array, frame: number, value: number): void {
		const at = frame + this.offset;
		const high = Math.floor(value / 0x1000000);
		bytes[at] = value;
		bytes[at + 1] = value >>> 8;
		bytes[at + 2] = value >>> 16;
		bytes[at + 3] = high;
		bytes[at + 4] = high >>> 8;
		bytes[at + 5] = high >>> 16;
	}
}

/** A MAC address. As a number it has 48 bits, first byte on the wire most significant: cheap to keep and to look up. */
export class FieldMac {
	constructor(readonly offset: number) {}
	/** True if it is the one at `other[0..5]`. For the hot path: a number of 48 bits may cost an allocation, this does not. */
	is(bytes: Uint8Array, frame: number, other: Uint8Array): boolean {
		const at = frame + this.offset;
		return (
			bytes[at] === other[0] &&
			bytes[at + 1] === other[1] &&
			bytes[at + 2] === other[2] &&
			bytes[at + 3] === other[3] &&
			bytes[at + 4] === other[4] &&
			bytes[at + 5] === other[5]
		);
	}
	/** Copies it from `other[from..from+5]`. */
	copy(bytes: Uint8Array, frame: number, other: Uint8Array, from: number): void {
		const at = frame + this.offset;
		for (let i = 0; i < 6; i++) bytes[at + i] = other[from + i]!;
	}
	get(bytes: Uint8Array, frame: number): number {
		const at = frame + this.offset;
		const high = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
		const low = (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
		return high * 0x1000000 + low;
	}
	set(bytes: Uint8Array, frame: number, value: number): void {
		const at = frame + this.offset;
		const high = Math.floor(value / 0x1000000);
		bytes[at] = high >>> 16;
		bytes[at + 1] = high >>> 8;
		bytes[at + 2] = high;
		bytes[at + 3] = value >>> 16;
		bytes[at + 4] = value >>> 8;
		bytes[at + 5] = value;
	}
}
