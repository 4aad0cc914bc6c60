/**
 * Writes a qcow2 image, version 3, as QEMU's docs/interop/qcow2.txt has it: the clusters of the disk one behind the other as they come,
 * an L2 table before the first one that it maps, and at the end what maps those, the reference counts, and the header, without which
 * the file is nothing. Where a cluster lies follows from the extents alone, so an attempt that was interrupted is gone on with by telling the extents again,
 * without their bytes. Made by `lib/send/export.ts`.
 */

import { invariant } from "../errors.js";
import type { Extent } from "./extent.js";
import type { OutputFile } from "./output.js";
import { HeaderField, QCOW2_MAGIC } from "./qcow2-header.js";
import type { ImageWriter } from "./writer.js";

const CLUSTER_BITS = 16;
const CLUSTER_BYTES = 2 ** CLUSTER_BITS;
const ENTRY_BYTES = 8;
const TABLE_ENTRIES = CLUSTER_BYTES / ENTRY_BYTES;
/** Reference counts have 2^4 bits. */
const REFCOUNT_ORDER = 4;
const REFCOUNTS = CLUSTER_BYTES / 2;
const HEADER_BYTES = 112;
const VERSION = 3;
/** Of an entry: one reference, so it may be written to; of L2: it reads as zeros. */
const COPIED = 1n << 63n;
const ZERO = 1n;

export class Qcow2Writer implements ImageWriter {
	readonly #file: OutputFile;
	readonly #sizeBytes: number;
	readonly #l1: Buffer;
	readonly #table = Buffer.alloc(CLUSTER_BYTES);
	/** Which L2 table is in memory, and where it will be. */
	#tableNumber = -1;
	#tableAt = 0;
	/** In clusters; the first is the header's. */
	#end = 1;

	constructor(file: OutputFile, sizeBytes: number) {
		this.#file = file;
		this.#sizeBytes = sizeBytes;
		this.#l1 = Buffer.alloc(Math.ceil(sizeBytes / (CLUSTER_BYTES * TABLE_ENTRIES)) * ENTRY_BYTES);
	}

	async put({ kind, offsetBytes, lengthBytes, bytes }: Extent): Promise<void> {
		if (kind === "zero") await this.#zero(offsetBytes, offsetBytes + lengthBytes);
		else if (kind === "data") await this.#data(offsetBytes, lengthBytes, bytes);
	}

	async skip({ kind, offsetBytes, lengthBytes }: Omit<Extent, "bytes">): Promise<void> {
		if (kind === "zero") await this.#zero(offsetBytes, offsetBytes + lengthBytes);
		else if (kind === "data") await this.#data(offsetBytes, lengthBytes, undefined);
	}

	/** Gives each cluster its place, and writes what goes side by side at once. */
	async #data(offset: number, length: number, bytes: Uint8Array | undefined): Promise<void> {
		const end = offset + length;
		let from = offset;
		let place = await this.#place(offset);
		for (let at = offset; at < end; ) {
			const next = Math.min(end, at + CLUSTER_BYTES - (at % CLUSTER_BYTES));
			const nextPlace = next < end ? await this.#place(next) : undefined;
			if (nextPlace !== place + (next - from)) {
				if (bytes !== undefined) await this.#file.write(place, bytes.subarray(from - offset, next - offset));
				place = nextPlace ?? 0;
				from = next;
			}
			at = next;
		}
	}

	/** Only whole clusters can be zeros by a flag; parts of others are if nobody writes to them. */
	async #zero(begin: number, end: number): Promise<void> {
		const whole = end === this.#sizeBytes ? Math.ceil : Math.floor;
		const last = whole(end / CLUSTER_BYTES);
		for (let cluster = Math.ceil(begin / CLUSTER_BYTES); cluster < last; cluster++) {
			await this.#turnTo(cluster);
			this.#table.writeBigUInt64BE(ZERO, (cluster % TABLE_ENTRIES) * ENTRY_BYTES);
		}
	}

	/** Where in the file what is at `offset` goes. */
	async #place(offset: number): Promise<number> {
		const cluster = Math.floor(offset / CLUSTER_BYTES);
		await this.#turnTo(cluster);
		const at = (cluster % TABLE_ENTRIES) * ENTRY_BYTES;
		let entry = this.#table.readBigUInt64BE(at);
		if (entry === 0n) {
			entry = COPIED | BigInt(this.#allocate(1));
			this.#table.writeBigUInt64BE(entry, at);
		}
		return Number(entry & ~COPIED) + (offset % CLUSTER_BYTES);
	}

	/** Has the L2 table of a cluster in memory. */
	async #turnTo(cluster: number): Promise<void> {
		const number = Math.floor(cluster / TABLE_ENTRIES);
		if (this.#tableNumber === number) return;
		invariant(number > this.#tableNumber, "extents come in order");
		await this.#writeTable();
		this.#tableNumber = number;
		this.#tableAt = this.#allocate(1);
		this.#table.fill(0);
		this.#l1.writeBigUInt64BE(COPIED | BigInt(this.#tableAt), number * ENTRY_BYTES);
	}

	async #writeTable(): Promise<void> {
		if (this.#tableNumber !== -1) await this.#file.write(this.#tableAt, this.#table);
	}

	/** The place of so many clusters more. */
	#allocate(clusters: number): number {
		const place = this.#end * CLUSTER_BYTES;
		this.#end += clusters;
		return place;
	}

	sync(): Promise<void> {
		return this.#file.sync();
	}

	async finish(): Promise<void> {
		await this.#writeTable();
		const l1At = this.#allocate(clustersOf(this.#l1.length));
		await this.#file.write(l1At, this.#l1);
		const refcounts = await this.#writeRefcounts();
		await this.#file.truncate(this.#end * CLUSTER_BYTES);
		await this.#file.sync();
		await this.#file.write(0, this.#header(l1At, refcounts));
		await this.#file.finish();
	}

	/** One for each cluster, those of the counts and of their table among them. */
	async #writeRefcounts(): Promise<{ place: number; clusters: number }> {
		let blocks = 0;
		let tables = 0;
		// Each adds clusters, which may want one more.
		for (let total = 0; total !== this.#end + blocks + tables; ) {
			total = this.#end + blocks + tables;
			blocks = Math.ceil(total / REFCOUNTS);
			tables = clustersOf(blocks * ENTRY_BYTES);
		}
		const table = Buffer.alloc(blocks * ENTRY_BYTES);
		const place = this.#allocate(tables);
		const first = this.#allocate(blocks);
		const block = Buffer.alloc(CLUSTER_BYTES);
		for (let number = 0; number < blocks; number++) {
			const counted = Math.min(REFCOUNTS, this.#end - number * REFCOUNTS);
			block.fill(0);
			for (let i = 0; i < counted; i++) block.writeUInt16BE(1, 2 * i);
			await this.#file.write(first + number * CLUSTER_BYTES, block);
			table.writeBigUInt64BE(BigInt(first + number * CLUSTER_BYTES), number * ENTRY_BYTES);
		}
		await this.#file.write(place, table);
		return { place, clusters: tables };
	}

	#header(l1At: number, refcounts: { place: number; clusters: number }): Buffer {
		const header = Buffer.alloc(HEADER_BYTES);
		header.writeUInt32BE(QCOW2_MAGIC, HeaderField.magic);
		header.writeUInt32BE(VERSION, HeaderField.version);
		header.writeUInt32BE(CLUSTER_BITS, HeaderField.clusterBits);
		header.writeBigUInt64BE(BigInt(this.#sizeBytes), HeaderField.size);
		header.writeUInt32BE(this.#l1.length / ENTRY_BYTES, HeaderField.l1Entries);
		header.writeBigUInt64BE(BigInt(l1At), HeaderField.l1Offset);
		header.writeBigUInt64BE(BigInt(refcounts.place), HeaderField.refcountOffset);
		header.writeUInt32BE(refcounts.clusters, HeaderField.refcountClusters);
		header.writeUInt32BE(REFCOUNT_ORDER, HeaderField.refcountOrder);
		header.writeUInt32BE(HEADER_BYTES, HeaderField.headerLength);
		return header;
	}
}

function clustersOf(bytes: number): number {
	return Math.ceil(bytes / CLUSTER_BYTES);
}
