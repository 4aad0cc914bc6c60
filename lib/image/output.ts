/**
 * The file that an image is written to. As long as it is not whole it is called FILE.part, so nobody takes a part for an image, and
 * what is there already is found again by the next attempt. Used by `raw-writer.ts`, `qcow2-writer.ts` and `lib/send/export.ts`.
 */

import { closeSync, constants, type Stats } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import path from "node:path";
import { codeOf, FailedError, OperatorError } from "../errors.js";
import { Errno, isNativeError, native } from "../native.js";
import { syncFolder } from "../sync-folder.js";
import { quote } from "../text.js";

/** What disks hold is their owner's to read. */
const OWNER_ALONE = 0o600;

export class OutputFile {
	/** What it will be called. */
	readonly path: string;
	readonly #handle: FileHandle;
	/** A descriptor that says to other processes that the file is ours. */
	#claim: number | undefined;

	private constructor(file: string, handle: FileHandle, claim: number) {
		this.path = file;
		this.#handle = handle;
		this.#claim = claim;
	}

	/** Opens FILE.part, new or as it is. Throws an OperatorError if that can't be. */
	static async open(file: string): Promise<OutputFile> {
		const handle = await openToWrite(partOf(file));
		try {
			return new OutputFile(file, handle, claim(partOf(file), await handle.stat()));
		} catch (error) {
			await handle.close();
			throw error;
		}
	}

	/** All of them, at a place. */
	async write(offset: number, bytes: Uint8Array): Promise<void> {
		for (let done = 0; done < bytes.length; ) {
			const rest = bytes.subarray(done);
			const { bytesWritten } = await this.#try(() => this.#handle.write(rest, 0, rest.length, offset + done));
			done += bytesWritten;
		}
	}

	/** Longer by a hole, or cut. */
	truncate(bytes: number): Promise<void> {
		return this.#try(() => this.#handle.truncate(bytes));
	}

	/** What has been written is on stable storage afterwards. */
	sync(): Promise<void> {
		return this.#try(() => this.#handle.datasync());
	}

	/** It is whole: from now on it is called what it should be. */
	async finish(): Promise<void> {
		await this.#try(async () => {
			await this.#handle.sync();
			await rename(partOf(this.path), this.path);
			await syncFolder(path.dirname(this.path));
		});
	}

	/** One that is not whole stays as it is, for another attempt. */
	async close(): Promise<void> {
		if (this.#claim !== undefined) closeSync(this.#claim);
		this.#claim = undefined;
		await this.#handle.close();
	}

	async #try<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			throw new FailedError(`${quote(this.path)}: can't be written (${codeOf(error)})`);
		}
	}
}

/** What a file is called until it is whole. */
export function partOf(file: string): string {
	return `${file}.part`;
}

async function openToWrite(part: string): Promise<FileHandle> {
	const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
	try {
		return await open(part, O_RDWR | O_CREAT | O_NOFOLLOW, OWNER_ALONE);
	} catch (error) {
		throw new OperatorError(`${quote(part)}: can't be written (${codeOf(error)})`);
	}
}

/** Two that write to one file would spoil it. */
function claim(part: string, { dev, ino }: Stats): number {
	try {
		return native.takeName(`vblade image ${dev}:${ino}`);
	} catch (error) {
		if (!isNativeError(error) || error.errno !== Errno.EADDRINUSE) throw error;
		throw new OperatorError(`${quote(part)}: another process is writing it`);
	}
}
