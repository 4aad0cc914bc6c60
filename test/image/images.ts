/**
 * Images for tests: qcow2 put together by hand from QEMU's docs/interop/qcow2.txt, and what an image is read as.
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import type { Extent } from "../../lib/image/extent.js";
import { Image } from "../../lib/image/image.js";
import type { ImageFormat } from "../../lib/image/layer.js";
import { scratchDirectory } from "../support/cleanup.js";

export const directory = scratchDirectory();

export interface Qcow2Spec {
	readonly version?: 2 | 3;
	readonly clusterBits?: number;
	readonly sizeBytes: number;
	/** By number; one that is missing is not there. */
	readonly clusters?: Readonly<Record<number, Uint8Array | "zero" | { readonly deflated: Uint8Array }>>;
	readonly backing?: { readonly name: string; readonly format?: string };
	readonly incompatible?: bigint;
}

const COPIED = 1n << 63n;
const COMPRESSED = 1n << 62n;

/** Header, L1 table, L2 tables, clusters, each at the beginning of a cluster; the compressed ones side by side at the end. */
export function qcow2(spec: Qcow2Spec): Buffer {
	const bits = spec.clusterBits ?? 9;
	const cluster = 2 ** bits;
	const entries = cluster / 8;
	const tables = Math.ceil(spec.sizeBytes / (cluster * entries));
	const parts = new Parts(cluster);
	parts.add(header(spec, bits, tables));
	const l1 = Buffer.alloc(8 * tables);
	const l1At = parts.add(l1);
	const packed: [entry: Buffer, deflated: Uint8Array][] = [];
	for (let number = 0; number < tables; number++) {
		const own = Object.entries(spec.clusters ?? {}).filter(
			([at]) => Math.floor(Number(at) / entries) === number,
		);
		if (own.length === 0) continue;
		const l2 = Buffer.alloc(cluster);
		l1.writeBigUInt64BE(COPIED | BigInt(parts.add(l2)), 8 * number);
		for (const [at, content] of own) {
			const entry = l2.subarray(8 * (Number(at) % entries)).subarray(0, 8);
			if (content === "zero") entry.writeBigUInt64BE(1n);
			else if ("deflated" in content) packed.push([entry, deflateRawSync(content.deflated)]);
			else entry.writeBigUInt64BE(COPIED | BigInt(parts.add(content)));
		}
	}
	const placeBits = BigInt(62 - (bits - 8));
	for (const [entry, deflated] of packed) {
		const place = parts.append(deflated);
		const sectors = Math.floor((place + deflated.length - 1) / 512) - Math.floor(place / 512);
		entry.writeBigUInt64BE(COMPRESSED | (BigInt(sectors) << placeBits) | BigInt(place));
	}
	const bytes = parts.whole();
	bytes.writeBigUInt64BE(BigInt(l1At), 40);
	return bytes;
}

function header(spec: Qcow2Spec, bits: number, tables: number): Buffer {
	const { version = 3, backing, incompatible = 0n } = spec;
	const bytes = Buffer.alloc(2 ** bits);
	bytes.write("QFI\xfb", 0, "latin1");
	bytes.writeUInt32BE(version, 4);
	bytes.writeUInt32BE(bits, 20);
	bytes.writeBigUInt64BE(BigInt(spec.sizeBytes), 24);
	bytes.writeUInt32BE(tables, 36);
	let end = 72;
	if (version === 3) {
		bytes.writeBigUInt64BE(incompatible, 72);
		bytes.writeUInt32BE(4, 96);
		bytes.writeUInt32BE(104, 100);
		end = 104;
	}
	if (backing?.format !== undefined) {
		bytes.writeUInt32BE(0xe2792aca, end);
		bytes.writeUInt32BE(backing.format.length, end + 4);
		bytes.write(backing.format, end + 8, "latin1");
		end += 8 + Math.ceil(backing.format.length / 8) * 8;
	}
	if (backing !== undefined) {
		bytes.writeBigUInt64BE(BigInt(end + 8), 8);
		bytes.writeUInt32BE(Buffer.byteLength(backing.name), 16);
		bytes.write(backing.name, end + 8);
	}
	return bytes;
}

/** A file that is put together. Parts may still be changed. */
class Parts {
	readonly #parts: [place: number, bytes: Uint8Array][] = [];
	#end = 0;

	constructor(readonly cluster: number) {}

	/** At the beginning of a cluster. */
	add(bytes: Uint8Array): number {
		this.#end = Math.ceil(this.#end / this.cluster) * this.cluster;
		const place = this.append(bytes);
		this.#end = Math.ceil(this.#end / this.cluster) * this.cluster;
		return place;
	}

	append(bytes: Uint8Array): number {
		const place = this.#end;
		this.#parts.push([place, bytes]);
		this.#end += bytes.length;
		return place;
	}

	whole(): Buffer {
		const whole = Buffer.alloc(this.#end);
		for (const [place, bytes] of this.#parts) whole.set(bytes, place);
		return whole;
	}
}

/** A file of this name, in a directory of its own. */
export function file(name: string, bytes: Uint8Array): string {
	const made = path.join(directory, name);
	writeFileSync(made, bytes);
	return made;
}

export interface Read {
	readonly bytes: Buffer;
	/** `data 512`, `hole 1024`: what comes one behind the other, joined where it is of one kind. */
	readonly map: string[];
}

/** All that an image has. */
export async function read(name: string, format?: ImageFormat): Promise<Read> {
	const image = await Image.open(name, format);
	try {
		return await collected(image.sizeBytes, image.extents());
	} finally {
		await image.close();
	}
}

/** Extents as one, which have to come one behind the other. */
export async function collected(sizeBytes: number, extents: AsyncIterable<Extent>): Promise<Read> {
	const bytes = Buffer.alloc(sizeBytes);
	const runs: { kind: string; length: number }[] = [];
	let end = 0;
	for await (const extent of extents) {
		if (extent.offsetBytes !== end) throw new Error(`from ${end} to ${extent.offsetBytes}`);
		if (extent.kind === "data") bytes.set(extent.bytes, end);
		end += extent.lengthBytes;
		const last = runs.at(-1);
		if (last?.kind === extent.kind) last.length += extent.lengthBytes;
		else runs.push({ kind: extent.kind, length: extent.lengthBytes });
	}
	if (end !== sizeBytes) throw new Error(`ends at ${end} instead of ${sizeBytes}`);
	return { bytes, map: runs.map(({ kind, length }) => `${kind} ${length}`) };
}

/** So many bytes of a pattern that tells where each sector belongs. */
export function pattern(lengthBytes: number, seed = 1): Buffer {
	const bytes = Buffer.alloc(lengthBytes, seed);
	for (let at = 0; at + 4 <= lengthBytes; at += 512) bytes.writeUInt32BE(at + seed, at);
	return bytes;
}
