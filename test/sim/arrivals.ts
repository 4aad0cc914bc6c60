/**
 * What a disk holds, seen from its target's port: requests that overlap are carried out in the order in which they arrive,
 * late ones and copies too. So a read is answered with exactly what the last writes that came in before it have left, on any
 * network. Reads frames byte by byte, with none of the fields that the target reads them with. Fed by `world.ts` with what
 * reaches and leaves the port; not for storage that fails.
 */

import { ModelError } from "./model.js";
import { generationOf, SECTOR, ZEROS } from "./stamps.js";

const READ = 0x24;
const WRITE = 0x34;
const WRITE_FUA = 0x3d;
const TRIM = 0x06;

/** Offsets in a frame: AoE specification, sections 2 and 3.1. */
const FLAGS = 14;
const TAG = 20;
const COUNT = 26;
const COMMAND = 27;
const LBA = 28;
const DATA = 36;

export interface Arrival {
	/** Of a write: its first sector, and the generation of that. */
	readonly lba?: number;
	readonly generation?: number;
}

export class Arrivals {
	/** Generations by sector. */
	readonly #disk: number[];
	/** By tag: what the reads with it must be answered with. A read that came twice is answered twice. */
	readonly #expected = new Map<string, { lba: number; generations: readonly number[] }[]>();

	/** `address`: the six bytes of the target's MAC address, three of shelf and slot. */
	constructor(
		sectorCount: number,
		readonly target: Uint8Array,
		readonly address: Uint8Array,
	) {
		this.#disk = new Array<number>(sectorCount).fill(ZEROS);
	}

	/** A frame has come in. */
	cameIn(frame: Uint8Array): Arrival {
		if (!this.#isAta(frame, 0x10) || !same(frame, 0, this.target)) return {};
		const lba = lbaOf(frame);
		const count = frame[COUNT]!;
		switch (frame[COMMAND]) {
			case WRITE:
			case WRITE_FUA:
				for (let at = 0; at < count; at++)
					this.#disk[lba + at] = generationOf(frame, DATA + at * SECTOR, lba + at) ?? ZEROS;
				return { lba, generation: this.#disk[lba]! };
			case TRIM:
				this.#trim(new DataView(frame.buffer, frame.byteOffset + DATA, count * SECTOR));
				return {};
			case READ: {
				const key = keyOf(frame, 6);
				const generations = this.#disk.slice(lba, lba + count);
				this.#expected.set(key, [...(this.#expected.get(key) ?? []), { lba, generations }]);
				return {};
			}
			default:
				return {};
		}
	}

	/** A frame leaves. Throws a ModelError if it answers a read with something else. */
	leaves(frame: Uint8Array): void {
		if (!this.#isAta(frame, 0x18) || frame[COMMAND] !== 0x40) return;
		const expected = this.#expected.get(keyOf(frame, 0));
		if (expected === undefined) return;
		const fits = expected.findIndex(({ lba, generations }) =>
			generations.every((generation, at) => generationOf(frame, DATA + at * SECTOR, lba + at) === generation),
		);
		if (fits >= 0) {
			expected.splice(fits, 1);
			return;
		}
		const [first] = expected;
		if (first === undefined) throw new ModelError("a read is answered more often than it came");
		const { lba, generations } = first;
		const found = generations.map((_, at) => generationOf(frame, DATA + at * SECTOR, lba + at));
		throw new ModelError(`sectors ${lba}...: generations ${found}, in order of arrival ${generations}`);
	}

	/** The target has started again on a disk that holds this. */
	restart(read: (lba: number) => Uint8Array | undefined): void {
		this.#expected.clear();
		for (const lba of this.#disk.keys()) {
			const bytes = read(lba);
			this.#disk[lba] = bytes === undefined ? ZEROS : (generationOf(bytes, 0, lba) ?? ZEROS);
		}
	}

	#isAta(frame: Uint8Array, flags: number): boolean {
		const isAoe = frame[12] === 0x88 && frame[13] === 0xa2 && frame[FLAGS] === flags;
		return isAoe && same(frame, 16, this.address) && frame[19] === 0;
	}

	#trim(list: DataView): void {
		for (let at = 0; at < list.byteLength; at += 8) {
			const sectors = list.getUint16(at + 6, true);
			if (sectors > 0) this.#disk.fill(ZEROS, list.getUint32(at, true), list.getUint32(at, true) + sectors);
		}
	}
}

function same(frame: Uint8Array, at: number, bytes: Uint8Array): boolean {
	return bytes.every((byte, index) => frame[at + index] === byte);
}

function lbaOf(frame: Uint8Array): number {
	return frame[LBA]! | (frame[LBA + 1]! << 8) | (frame[LBA + 2]! << 16);
}

/** The initiator, whose address is at `mac`, and the tag. */
function keyOf(frame: Uint8Array, mac: number): string {
	return (
		Buffer.from(frame.subarray(mac, mac + 6)).toString("hex") + String(Buffer.from(frame).readUInt32BE(TAG))
	);
}
