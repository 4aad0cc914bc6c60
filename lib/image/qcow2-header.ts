/**
 * The header of a qcow2 image, versions 2 and 3, as QEMU's docs/interop/qcow2.txt has it. Nothing in it is believed: sizes and
 * places are held against the file, and what asks for an ability that is not here is refused in one line. Used by `qcow2.ts`; the
 * numbers by `qcow2-writer.ts` too.
 */

import type { FailedError } from "../errors.js";
import type { ImageFormat } from "./layer.js";

/** `QFI` and 0xfb. */
export const QCOW2_MAGIC = 0x514649fb;
/** All that a header can have is in the first cluster, and no cluster is longer. */
export const CLUSTER_BITS_MAX = 21;
const CLUSTER_BITS_MIN = 9;
/** QEMU's own limit: 32 MiB. */
const L1_ENTRIES_MAX = 4 * 1024 * 1024;
const NAME_MAX_BYTES = 1023;

/** Where the fields are. Numbers are big-endian. */
export const HeaderField = {
	magic: 0,
	version: 4,
	backingOffset: 8,
	backingLength: 16,
	clusterBits: 20,
	size: 24,
	encryption: 32,
	l1Entries: 36,
	l1Offset: 40,
	refcountOffset: 48,
	refcountClusters: 56,
	/** From here on: version 3. */
	incompatible: 72,
	refcountOrder: 96,
	headerLength: 100,
} as const;

const HEADER_BYTES_2 = 72;
const HEADER_BYTES_3 = 104;

const Extension = { end: 0, backingFormat: 0xe2792aca } as const;

/** What of `incompatible` may be set: it is about reference counts, and reading needs none. */
const DIRTY = 1n << 0n;
const REFUSED: readonly (readonly [bit: bigint, why: string])[] = [
	[1n << 1n, "is marked as damaged (qemu-img check -r all mends it)"],
	[1n << 2n, "keeps its data in another file, which is not supported"],
	[1n << 3n, "is compressed with zstd, which is not supported (qemu-img convert makes one that is not)"],
	[1n << 4n, "has subclusters (extended L2 entries), which are not supported"],
];

export interface Qcow2Header {
	readonly version: 2 | 3;
	readonly clusterBits: number;
	/** Of the disk. */
	readonly sizeBytes: number;
	readonly l1Offset: number;
	readonly l1Entries: number;
	readonly backing: { readonly name: string; readonly format: ImageFormat | undefined } | undefined;
}

/** Makes an error that says what is wrong at a byte of the file. */
export type Damage = (offset: number, what: string) => FailedError;

/** `bytes` are the first of the file, a whole cluster of them if there is one; `fileBytes` is how many it has. */
export function readHeader(bytes: Buffer, fileBytes: number, damage: Damage): Qcow2Header {
	if (bytes.length < HEADER_BYTES_2 || bytes.readUInt32BE(HeaderField.magic) !== QCOW2_MAGIC)
		throw damage(0, "this is no qcow2 image");
	const version = bytes.readUInt32BE(HeaderField.version);
	if (version !== 2 && version !== 3)
		throw damage(HeaderField.version, `qcow2 version ${version} is not known: 2 and 3 are`);
	const clusterBits = bytes.readUInt32BE(HeaderField.clusterBits);
	if (clusterBits < CLUSTER_BITS_MIN || clusterBits > CLUSTER_BITS_MAX)
		throw damage(HeaderField.clusterBits, `clusters of 2^${clusterBits} bytes, instead of 2^9 to 2^21`);
	if (bytes.readUInt32BE(HeaderField.encryption) !== 0)
		throw damage(HeaderField.encryption, "is encrypted, which is not supported");
	const header = new Header(bytes.subarray(0, 2 ** clusterBits), fileBytes, damage);
	const headerBytes = version === 3 ? header.third() : HEADER_BYTES_2;
	return { version, clusterBits, ...header.size(clusterBits), backing: header.backing(headerBytes) };
}

/** The first cluster, and how its parts are read. */
class Header {
	readonly #bytes: Buffer;
	readonly #fileBytes: number;
	readonly #damage: Damage;

	constructor(bytes: Buffer, fileBytes: number, damage: Damage) {
		this.#bytes = bytes;
		this.#fileBytes = fileBytes;
		this.#damage = damage;
	}

	/** What version 3 has in addition, and how long it is then. */
	third(): number {
		const bytes = this.#bytes;
		const length = bytes.length < HEADER_BYTES_3 ? 0 : bytes.readUInt32BE(HeaderField.headerLength);
		if (length < HEADER_BYTES_3 || length > bytes.length || length % 8 !== 0)
			throw this.#damage(HeaderField.headerLength, `a header of ${length} bytes`);
		const features = bytes.readBigUInt64BE(HeaderField.incompatible);
		for (const [bit, why] of REFUSED) if (features & bit) throw this.#damage(HeaderField.incompatible, why);
		if (features & ~DIRTY)
			throw this.#damage(
				HeaderField.incompatible,
				`has features that are not known (0x${features.toString(16)})`,
			);
		return length;
	}

	/** The disk's size, and the table that is the root of its map. */
	size(clusterBits: number): Pick<Qcow2Header, "sizeBytes" | "l1Offset" | "l1Entries"> {
		const clusterBytes = 2 ** clusterBits;
		const size = this.#place(HeaderField.size);
		const l1Offset = this.#place(HeaderField.l1Offset);
		const l1Entries = this.#bytes.readUInt32BE(HeaderField.l1Entries);
		// An L2 table is one cluster of eight bytes for each cluster.
		const needed = Math.ceil(size / (clusterBytes * (clusterBytes / 8)));
		if (l1Entries > L1_ENTRIES_MAX || l1Entries < needed)
			throw this.#damage(HeaderField.l1Entries, `an L1 table of ${l1Entries} entries for ${size} bytes`);
		if (l1Offset % clusterBytes !== 0 || l1Offset + 8 * l1Entries > this.#fileBytes)
			throw this.#damage(HeaderField.l1Offset, `the L1 table is at ${l1Offset}, which can't be`);
		return { sizeBytes: Math.ceil(size / 512) * 512, l1Offset, l1Entries };
	}

	/** A number of 64 bits that can be counted exactly. */
	#place(field: number): number {
		const place = this.#bytes.readBigUInt64BE(field);
		if (place <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(place);
		throw this.#damage(field, `0x${place.toString(16)} is more than can be`);
	}

	backing(headerBytes: number): Qcow2Header["backing"] {
		const offset = this.#place(HeaderField.backingOffset);
		if (offset === 0) return undefined;
		const length = this.#bytes.readUInt32BE(HeaderField.backingLength);
		if (length === 0) return undefined;
		if (offset < headerBytes || length > NAME_MAX_BYTES || offset + length > this.#bytes.length)
			throw this.#damage(HeaderField.backingOffset, "the name of the backing file is not in the header");
		const bytes = this.#bytes.subarray(offset, offset + length);
		const name = bytes.toString("utf8");
		if (name.includes("\0") || !Buffer.from(name, "utf8").equals(bytes))
			throw this.#damage(offset, "the name of the backing file is not text in UTF-8");
		return { name, format: this.#backingFormat(headerBytes, offset) };
	}

	/** What an extension of the header says, between `begin` and `end`. */
	#backingFormat(begin: number, end: number): ImageFormat | undefined {
		const bytes = this.#bytes;
		for (let at = begin; at + 8 <= end; ) {
			const type = bytes.readUInt32BE(at);
			const length = bytes.readUInt32BE(at + 4);
			if (type === Extension.end) return undefined;
			if (length > end - at - 8) throw this.#damage(at + 4, `an extension of the header of ${length} bytes`);
			if (type === Extension.backingFormat) return this.#format(at + 8, length);
			at += 8 + Math.ceil(length / 8) * 8;
		}
		return undefined;
	}

	#format(at: number, length: number): ImageFormat {
		const name = this.#bytes.toString("latin1", at, at + length);
		if (name === "raw" || name === "qcow2") return name;
		// QEMU's word for a block device.
		if (name === "host_device") return "raw";
		throw this.#damage(
			at,
			`the backing file is of another format than raw and qcow2 (${JSON.stringify(name)})`,
		);
	}
}
