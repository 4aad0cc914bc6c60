/**
 * A raw image: the file is the disk, byte by byte. Its holes are the disk's. Made by `image.ts`.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import type { ImageFile } from "./file.js";
import type { Layer, Run } from "./layer.js";

export class RawLayer implements Layer {
	readonly path: string;
	/** What is missing of the last sector is zeros. */
	readonly sizeBytes: number;
	readonly #file: ImageFile;

	constructor(file: ImageFile) {
		this.path = file.path;
		this.sizeBytes = Math.ceil(file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
		this.#file = file;
	}

	async run(offset: number, end: number): Promise<Run> {
		const piece = this.#file.piece(offset);
		// Data is whole sectors, whatever the file system says.
		const sectors = (piece.isData ? Math.ceil : Math.floor)(piece.end / SECTOR_BYTES);
		const until = Math.min(sectors * SECTOR_BYTES, end);
		if (until > offset) return { kind: piece.isData ? "data" : "hole", lengthBytes: until - offset };
		return { kind: "data", lengthBytes: SECTOR_BYTES };
	}

	async read(offset: number, into: Uint8Array): Promise<void> {
		const there = Math.max(0, Math.min(into.length, this.#file.sizeBytes - offset));
		await this.#file.read(offset, into.subarray(0, there));
		into.fill(0, there);
	}

	close(): Promise<void> {
		return this.#file.close();
	}
}
