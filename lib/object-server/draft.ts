/**
 * An object that is being received: a file without a name that anybody asks for, which is given one by `shelf.ts` when all of it is there
 * and synced. Whatever goes wrong before that leaves nothing. Made by `shelf.ts`, filled by `upload.ts`.
 */

import { createHash } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { codeOf } from "../errors.js";
import { S3Fault } from "./fault.js";
import { endingOf, type Known } from "./object-file.js";

const MODE = 0o600;

/** What the client said that the bytes are. */
export interface Wanted {
	readonly bytes: number;
	/** In hexadecimal; undefined: it was not said. */
	readonly sha256: string | undefined;
	/** In base64. */
	readonly md5: string | undefined;
}

export class Draft {
	readonly #handle: FileHandle;
	readonly #sha256 = createHash("sha256");
	readonly #md5 = createHash("md5");
	#bytes = 0;
	#isOpen = true;

	private constructor(
		readonly file: string,
		handle: FileHandle,
	) {
		this.#handle = handle;
	}

	static async begin(file: string): Promise<Draft> {
		return new Draft(file, await open(file, "wx", MODE));
	}

	async write(slice: Buffer): Promise<void> {
		this.#sha256.update(slice);
		this.#md5.update(slice);
		for (let at = 0; at < slice.length; ) {
			const { bytesWritten } = await this.#handle.write(slice, at, slice.length - at);
			at += bytesWritten;
		}
		this.#bytes += slice.length;
	}

	/** All of it is on stable storage. Throws an `S3Fault` if it is not what it was to be. */
	async finish(wanted: Wanted, key: string, headers: Known["headers"]): Promise<Known> {
		if (this.#bytes !== wanted.bytes)
			throw new S3Fault("IncompleteBody", `${this.#bytes} bytes have come, of ${wanted.bytes}`);
		if (wanted.sha256 !== undefined && this.#sha256.digest("hex") !== wanted.sha256)
			throw new S3Fault("XAmzContentSHA256Mismatch", "the body is not what was signed");
		const md5 = this.#md5.digest();
		if (wanted.md5 !== undefined && md5.toString("base64") !== wanted.md5)
			throw new S3Fault("BadDigest", "the body is not what Content-MD5 says");
		const known = { key, bytes: this.#bytes, etag: md5.toString("hex"), headers };
		await this.#handle.appendFile(endingOf(known));
		await this.#handle.sync();
		await this.#close();
		return known;
	}

	/** To be called in the end, whatever happened: takes away what has got no name. */
	async discard(): Promise<void> {
		await this.#close();
		await unlink(this.file).catch((error: unknown) => {
			if (codeOf(error) !== "ENOENT") throw error;
		});
	}

	async #close(): Promise<void> {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		await this.#handle.close();
	}
}
