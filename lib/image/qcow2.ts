/**
 * A qcow2 image, for reading: what its map says of a place, and the bytes there. The map is two tables deep; one table of each depth is
 * in memory, so that a map of any size costs little, and reading in order reads each once. Nothing in the file is believed: places
 * are held against its size, and a map of more than the file can hold ends as an error, so that a small file can't be work without end. Made by
 * `image.ts`.
 */

import { inflateRawSync } from "node:zlib";
import { invariant } from "../errors.js";
import type { ImageFile } from "./file.js";
import type { Layer, Run } from "./layer.js";
import { CLUSTER_BITS_MAX, type Qcow2Header, readHeader } from "./qcow2-header.js";
import { type Entry, entryOf, type TableShape, tableOffset } from "./qcow2-table.js";

/** Entries of the L1 table that are read at once. */
const L1_PART_ENTRIES = 512;
const ENTRY_BYTES = 8;
const NOWHERE = -1;
/** Deflate packs no more than so many bytes into one: what is compressed takes at least that of the file, wherever it says it is. */
const PACKED_MOST = 1032;

export class Qcow2Layer implements Layer {
	readonly path: string;
	readonly sizeBytes: number;
	readonly header: Qcow2Header;
	readonly #file: ImageFile;
	readonly #shape: TableShape;
	readonly #clusterBytes: number;
	/** Of one L2 table: it is a cluster. */
	readonly #tableEntries: number;
	#l1Part = Buffer.alloc(0);
	#l1PartFirst = NOWHERE;
	readonly #table: Buffer;
	#tableAt = NOWHERE;
	/** The compressed cluster that was read last. */
	#inflated: Uint8Array = new Uint8Array(0);
	#inflatedAt = NOWHERE;
	/** Bytes of the file that clusters and tables before these have been said to be. */
	#claimedBytes = 0;
	#claimedClusters = 0;
	#claimedTables = 0;

	static async open(file: ImageFile): Promise<Qcow2Layer> {
		const first = Buffer.alloc(Math.min(file.sizeBytes, 2 ** CLUSTER_BITS_MAX));
		await file.read(0, first);
		return new Qcow2Layer(
			file,
			readHeader(first, file.sizeBytes, (offset, what) => file.damage(offset, what)),
		);
	}

	private constructor(file: ImageFile, header: Qcow2Header) {
		this.path = file.path;
		this.sizeBytes = header.sizeBytes;
		this.header = header;
		this.#file = file;
		this.#shape = { ...header, fileBytes: file.sizeBytes };
		this.#clusterBytes = 2 ** header.clusterBits;
		this.#tableEntries = this.#clusterBytes / ENTRY_BYTES;
		this.#table = Buffer.alloc(this.#clusterBytes);
	}

	async run(offset: number, end: number): Promise<Run> {
		const bytes = this.#clusterBytes;
		const first = Math.floor(offset / bytes);
		const number = Math.floor(first / this.#tableEntries);
		const tableEnd = Math.min(end, (number + 1) * this.#tableEntries * bytes);
		if (!(await this.#load(number))) return { kind: "hole", lengthBytes: tableEnd - offset };
		const { kind } = this.#entry(first);
		let next = first + 1;
		// The last of them ends behind the range, perhaps.
		while (next * bytes < tableEnd && this.#entry(next).kind === kind) next += 1;
		return {
			kind: kind === "compressed" ? "data" : kind,
			lengthBytes: Math.min(next * bytes, tableEnd) - offset,
		};
	}

	async read(offset: number, into: Uint8Array): Promise<void> {
		const bytes = this.#clusterBytes;
		for (let done = 0; done < into.length; ) {
			const cluster = Math.floor((offset + done) / bytes);
			const skip = (offset + done) % bytes;
			const part = into.subarray(done, Math.min(into.length, done + bytes - skip));
			await this.#load(Math.floor(cluster / this.#tableEntries));
			const entry = this.#entry(cluster);
			if (entry.kind === "data") await this.#file.read(entry.place + skip, part);
			else if (entry.kind === "compressed")
				part.set((await this.#decompress(entry)).subarray(skip, skip + part.length));
			else invariant(false, "what is no data is read");
			done += part.length;
		}
	}

	/** Has the L2 table of this number in memory; false if there is none. */
	async #load(number: number): Promise<boolean> {
		const { l1Offset, l1Entries } = this.header;
		const first = number - (number % L1_PART_ENTRIES);
		if (this.#l1PartFirst !== first) {
			const entries = Math.min(L1_PART_ENTRIES, l1Entries - first);
			this.#l1Part = Buffer.alloc(entries * ENTRY_BYTES);
			await this.#file.read(l1Offset + first * ENTRY_BYTES, this.#l1Part);
			this.#l1PartFirst = first;
		}
		const at = l1Offset + number * ENTRY_BYTES;
		const place = tableOffset(this.#l1Part, number - first, this.#shape, (what) =>
			this.#file.damage(at, what),
		);
		if (place === 0) return false;
		if (this.#tableAt === place) return true;
		if (number >= this.#claimedTables) this.#claim(at, this.#clusterBytes);
		this.#claimedTables = Math.max(this.#claimedTables, number + 1);
		this.#tableAt = NOWHERE;
		await this.#file.read(place, this.#table);
		this.#tableAt = place;
		return true;
	}

	/** Of the table that is in memory: what it says of a cluster of the disk. */
	#entry(cluster: number): Entry {
		const index = cluster % this.#tableEntries;
		const at = this.#tableAt + index * ENTRY_BYTES;
		// Behind the disk's end there may be nothing in the file.
		const needed = Math.min(this.#clusterBytes, this.sizeBytes - cluster * this.#clusterBytes);
		const entry = entryOf(this.#table, index, needed, this.#shape, (what) => this.#file.damage(at, what));
		if (cluster >= this.#claimedClusters) {
			this.#claimedClusters = cluster + 1;
			if (entry.kind === "data") this.#claim(at, needed);
			else if (entry.kind === "compressed") this.#claim(at, Math.ceil(this.#clusterBytes / PACKED_MOST));
		}
		return entry;
	}

	/** Each is another part of the file, or the map is wrong. */
	#claim(at: number, bytes: number): void {
		this.#claimedBytes += bytes;
		if (this.#claimedBytes > this.#file.sizeBytes)
			throw this.#file.damage(at, "up to here more is mapped than the file holds");
	}

	async #decompress({ place, bytes }: Entry): Promise<Uint8Array> {
		if (this.#inflatedAt === place) return this.#inflated;
		const packed = Buffer.alloc(Math.min(bytes, this.#file.sizeBytes - place));
		await this.#file.read(place, packed);
		const inflated = inflate(packed, this.#clusterBytes);
		if (inflated === undefined) throw this.#file.damage(place, "what is compressed here is damaged");
		this.#inflated = inflated;
		this.#inflatedAt = place;
		return inflated;
	}

	close(): Promise<void> {
		return this.#file.close();
	}
}

/** So many bytes, compressed by deflate; undefined if that is not what comes out. What follows its end is of another cluster. */
function inflate(packed: Buffer, lengthBytes: number): Uint8Array | undefined {
	try {
		const unpacked = inflateRawSync(packed, { maxOutputLength: lengthBytes });
		return unpacked.length === lengthBytes ? unpacked : undefined;
	} catch {
		// Whatever zlib calls it.
		return undefined;
	}
}
