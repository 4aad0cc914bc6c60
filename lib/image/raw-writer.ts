/**
 * Writes a raw image: data at its place, and holes where there is none. Made by `lib/send/export.ts`.
 */

import type { Extent } from "./extent.js";
import type { OutputFile } from "./output.js";
import type { ImageWriter } from "./writer.js";

export class RawWriter implements ImageWriter {
	readonly #file: OutputFile;
	readonly #sizeBytes: number;

	constructor(file: OutputFile, sizeBytes: number) {
		this.#file = file;
		this.#sizeBytes = sizeBytes;
	}

	async put({ kind, offsetBytes, bytes }: Extent): Promise<void> {
		if (kind === "data") await this.#file.write(offsetBytes, bytes);
	}

	async skip(): Promise<void> {}

	sync(): Promise<void> {
		return this.#file.sync();
	}

	async finish(): Promise<void> {
		await this.#file.truncate(this.#sizeBytes);
		await this.#file.finish();
	}
}
