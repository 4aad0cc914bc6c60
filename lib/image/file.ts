/**
 * The file under an image, for reading: bytes at a place, and where the file has holes. It is opened with the rights of who
 * asks, and is a regular file or a block device: nothing that could be waited on for ever. What it can't do ends as an error of one line.
 * Used by `raw.ts`, `qcow2.ts` and `image.ts`.
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { codeOf, FailedError, OperatorError } from "../errors.js";
import { Errno, native, SeekTo } from "../native.js";
import { quote } from "../text.js";

/** A piece of the file: data or a hole, and where it ends. */
export interface Piece {
	readonly isData: boolean;
	readonly end: number;
}

export class ImageFile {
	readonly #handle: FileHandle;

	private constructor(
		readonly path: string,
		readonly sizeBytes: number,
		/** Which file it is, whatever it is called. */
		readonly inode: string,
		/** Another text when somebody has changed it. */
		readonly state: string,
		handle: FileHandle,
	) {
		this.#handle = handle;
	}

	/** Throws an OperatorError if it can't be opened. */
	static async open(path: string): Promise<ImageFile> {
		const handle = await openToRead(path);
		try {
			const stat = await handle.stat({ bigint: true });
			if (!stat.isFile() && !stat.isBlockDevice())
				throw new OperatorError(`${quote(path)}: is neither a file nor a block device`);
			const size = stat.isFile() ? Number(stat.size) : native.fileSeek(handle.fd, 0, SeekTo.end);
			const inode = stat.isFile() ? `${stat.dev}:${stat.ino}` : `device ${stat.rdev}`;
			return new ImageFile(path, size, inode, `${inode}:${size}:${stat.mtimeNs}`, handle);
		} catch (error) {
			await handle.close();
			throw error;
		}
	}

	/** Fills `into`; all of it has to be there. */
	async read(offset: number, into: Uint8Array): Promise<void> {
		for (let done = 0; done < into.length; ) {
			const { bytesRead } = await this.#read(offset + done, into.subarray(done));
			if (bytesRead === 0) throw this.damage(offset + done, "the file ends");
			done += bytesRead;
		}
	}

	async #read(offset: number, into: Uint8Array): Promise<{ bytesRead: number }> {
		try {
			return await this.#handle.read(into, 0, into.length, offset);
		} catch (error) {
			throw this.damage(offset, `can't be read (${codeOf(error)})`);
		}
	}

	/** What begins at `offset`, which is before the end. Where the file system can't tell, all is data. */
	piece(offset: number): Piece {
		const data = native.fileSeek(this.#handle.fd, offset, SeekTo.data);
		if (data === -Errno.ENXIO) return { isData: false, end: this.sizeBytes };
		if (data > offset) return { isData: false, end: Math.min(data, this.sizeBytes) };
		const hole = data < 0 ? data : native.fileSeek(this.#handle.fd, offset, SeekTo.hole);
		return { isData: true, end: hole > offset ? Math.min(hole, this.sizeBytes) : this.sizeBytes };
	}

	/** An error that says what is wrong, and where. */
	damage(offset: number, what: string): FailedError {
		return new FailedError(`${quote(this.path)}: at byte ${offset}: ${what}`);
	}

	close(): Promise<void> {
		return this.#handle.close();
	}
}

async function openToRead(path: string): Promise<FileHandle> {
	try {
		// A named pipe without a writer would be waited for.
		return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
	} catch (error) {
		const code = codeOf(error);
		const why = code === "ENOENT" ? "there is no such file" : `can't be opened (${code ?? "no such path"})`;
		throw new OperatorError(`${quote(path)}: ${why}`);
	}
}
