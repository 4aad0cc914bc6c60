/**
 * What an attempt that may be interrupted keeps of how far it is: a short text in JSON, in a file beside what is written, or on a device
 * of its own, for a pool has no other place that is written in order with a volume's data. Used by `export.ts`, and by the commands that
 * import and receive.
 */

import { open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { codeOf, FailedError, StorageStatus, storageStatusText } from "../errors.js";
import { nativeMemory } from "../native.js";
import { syncFolder } from "../sync-folder.js";
import { quote } from "../text.js";
import { KEPT_BYTES } from "./kept-bytes.js";

export interface Kept {
	/** What was written last; undefined if there is nothing that can be made sense of. */
	read(): Promise<unknown>;
	/** Is on stable storage when it resolves. */
	write(value: object): Promise<void>;
}

export class KeptInFile implements Kept {
	constructor(readonly path: string) {}

	async read(): Promise<unknown> {
		try {
			return JSON.parse(await readFile(this.path, "utf8"));
		} catch {
			return undefined;
		}
	}

	async write(value: object): Promise<void> {
		try {
			const file = await open(`${this.path}.new`, "w", 0o600);
			try {
				await file.writeFile(JSON.stringify(value));
				await file.datasync();
			} finally {
				await file.close();
			}
			await rename(`${this.path}.new`, this.path);
			await syncFolder(path.dirname(this.path));
		} catch (error) {
			throw new FailedError(`${quote(this.path)}: can't be written (${codeOf(error)})`);
		}
	}

	remove(): Promise<void> {
		return rm(this.path, { force: true });
	}
}

/** Length of the text 4, its CRC32C 4. */
const TEXT_AT = 8;

export class KeptOnDevice implements Kept {
	readonly #device: BlockDevice;
	readonly #asked = new PromisedRequest();

	constructor(device: BlockDevice) {
		this.#device = device;
		this.#asked.request.memory = nativeMemory(KEPT_BYTES);
	}

	async read(): Promise<unknown> {
		await this.#do(BlockOp.read);
		const { bytes, view } = this.#asked.request.memory;
		const length = view.getUint32(0, true);
		if (length === 0 || length > KEPT_BYTES - TEXT_AT) return undefined;
		if (view.getUint32(4, true) !== crc32c(bytes, TEXT_AT, TEXT_AT + length)) return undefined;
		return JSON.parse(Buffer.from(bytes.subarray(TEXT_AT, TEXT_AT + length)).toString("utf8"));
	}

	async write(value: object): Promise<void> {
		const text = Buffer.from(JSON.stringify(value));
		const { bytes, view } = this.#asked.request.memory;
		bytes.fill(0);
		bytes.set(text, TEXT_AT);
		view.setUint32(0, text.length, true);
		view.setUint32(4, crc32c(text), true);
		await this.#do(BlockOp.write);
		await this.#do(BlockOp.flush);
	}

	async #do(op: BlockOp): Promise<void> {
		const { request } = this.#asked;
		request.op = op;
		request.lengthBytes = op === BlockOp.flush ? 0 : KEPT_BYTES;
		const { status } = await this.#asked.run(this.#device);
		if (status !== StorageStatus.ok)
			throw new FailedError(`how far it is can't be kept (${storageStatusText(status)})`);
	}
}
