/**
 * An image of a disk, for reading: a file in raw or qcow2 format, with the files behind it if it names some, as one row of extents.
 * Made for `lib/send/`. Which format a file has is never taken from bytes that a disk's user may have written: a raw disk can begin
 * as a qcow2 image does, and would then name any file as the one behind it.
 */

import { createHash } from "node:crypto";
import path from "node:path";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { dataLength, type Extent, type ExtentKind, NO_BYTES } from "./extent.js";
import { ImageFile } from "./file.js";
import { refuseForeign } from "./foreign.js";
import type { ImageFormat, Layer, Run } from "./layer.js";
import { Qcow2Layer } from "./qcow2.js";
import { QCOW2_MAGIC } from "./qcow2-header.js";
import { RawLayer } from "./raw.js";

/** Files behind each other; each is kept open. */
const LAYERS_MAX = 64;

export class Image {
	readonly #layers: readonly Layer[];

	private constructor(
		readonly format: ImageFormat,
		/** Another text when it, or a file behind it, is another or has been changed. */
		readonly state: string,
		layers: readonly Layer[],
	) {
		this.#layers = layers;
	}

	/** Throws an OperatorError, or a FailedError if what is in the file is damaged. */
	static async open(file: string, format?: ImageFormat): Promise<Image> {
		const chain = new Chain();
		try {
			const first = await chain.open(file, async (opened) => format ?? formatOf(opened));
			const state = createHash("sha256").update(chain.states.join(" ")).digest("hex");
			return new Image(first, state, chain.layers);
		} catch (error) {
			await closeAll(chain.layers);
			throw error;
		}
	}

	get sizeBytes(): number {
		return this.#layers[0]!.sizeBytes;
	}

	/** The files that it consists of. */
	get files(): string[] {
		return this.#layers.map((layer) => layer.path);
	}

	/** All of it from `begin` on, in order. The bytes of data are there until the next extent is asked for. */
	async *extents(begin = 0): AsyncGenerator<Extent> {
		const end = this.sizeBytes;
		const room = new Uint8Array(dataLength(0, end));
		for (let offset = begin; offset < end; ) {
			const { kind, lengthBytes, layer } = await this.#run(offset, end);
			for (const runEnd = offset + lengthBytes; offset < runEnd; ) {
				const length = kind === "data" ? dataLength(offset, runEnd) : lengthBytes;
				const bytes = kind === "data" ? room.subarray(0, length) : NO_BYTES;
				if (kind === "data") await layer.read(offset, bytes);
				yield { kind, offsetBytes: offset, lengthBytes: length, bytes };
				offset += length;
			}
		}
	}

	/** The first layer that has something at `offset`, for as long as none before it has. */
	async #run(offset: number, end: number): Promise<Run & { kind: ExtentKind; layer: Layer }> {
		let until = end;
		let last = this.#layers[0]!;
		for (const layer of this.#layers) {
			last = layer;
			// A file that is shorter than the one before it: behind its end there is nothing.
			if (offset >= layer.sizeBytes) break;
			const { kind, lengthBytes } = await layer.run(offset, Math.min(until, layer.sizeBytes));
			until = offset + lengthBytes;
			if (kind !== "hole") return { kind, lengthBytes, layer };
		}
		return { kind: "hole", lengthBytes: until - offset, layer: last };
	}

	close(): Promise<void> {
		return closeAll(this.#layers);
	}
}

async function closeAll(layers: readonly Layer[]): Promise<void> {
	for (const layer of layers) await layer.close();
}

/** The files of an image while they are being opened. */
class Chain {
	readonly layers: Layer[] = [];
	readonly states: string[] = [];
	readonly #inodes = new Set<string>();

	/** Opens a file and all behind it. Resolves to its format. */
	async open(file: string, choose: (opened: ImageFile) => Promise<ImageFormat>): Promise<ImageFormat> {
		if (this.layers.length === LAYERS_MAX)
			throw new OperatorError(
				`${quote(file)}: the image has more than ${LAYERS_MAX} files behind each other`,
			);
		const opened = await ImageFile.open(file);
		let layer: Layer | undefined;
		try {
			if (this.#inodes.has(opened.inode))
				throw new OperatorError(`${quote(file)}: this file is behind itself`);
			this.#inodes.add(opened.inode);
			const format = await choose(opened);
			layer = format === "raw" ? new RawLayer(opened) : await Qcow2Layer.open(opened);
			this.layers.push(layer);
			this.states.push(`${format}:${opened.state}`);
			if (layer instanceof Qcow2Layer && layer.header.backing !== undefined)
				await this.#openBacking(file, layer.header.backing);
			return format;
		} catch (error) {
			if (layer === undefined) await opened.close();
			throw error;
		}
	}

	async #openBacking(
		file: string,
		{ name, format }: { name: string; format: ImageFormat | undefined },
	): Promise<void> {
		// QEMU's other ways to name something: nbd://host/disk, json:{...}.
		if (/^[a-z][\w+.-]*:/i.test(name))
			throw new OperatorError(`${quote(file)}: is on ${quote(name)}, and only a file may be behind an image`);
		await this.open(path.resolve(path.dirname(file), name), async (opened) => {
			if (format !== undefined) return format;
			if (!(await looksLikeQcow2(opened))) return "raw";
			throw new OperatorError(
				`${quote(file)}: doesn't say which format ${quote(name)} is in, which begins as qcow2 does (qemu-img rebase -u -F says it)`,
			);
		});
	}
}

/** By its name, else by its beginning; but that is not enough where it makes others be opened. */
async function formatOf(file: ImageFile): Promise<ImageFormat> {
	const extension = path.extname(file.path).toLowerCase();
	if (extension === ".raw") return "raw";
	const isCalledQcow2 = extension === ".qcow2" || extension === ".qcow";
	if (!(await looksLikeQcow2(file))) {
		await refuseForeign(file);
		if (isCalledQcow2)
			throw new OperatorError(
				`${quote(file.path)}: is called so and does not begin as qcow2 does; if it is a raw disk, say --format=raw`,
			);
		return "raw";
	}
	if (isCalledQcow2) return "qcow2";
	const layer = await Qcow2Layer.open(file);
	if (layer.header.backing === undefined) return "qcow2";
	throw new OperatorError(
		`${quote(file.path)}: begins as a qcow2 image on ${quote(layer.header.backing.name)}; if it is one, and no raw disk whose user wrote that, say --format=qcow2`,
	);
}

async function looksLikeQcow2(file: ImageFile): Promise<boolean> {
	const magic = Buffer.alloc(4);
	if (file.sizeBytes < magic.length) return false;
	await file.read(0, magic);
	return magic.readUInt32BE(0) === QCOW2_MAGIC;
}
