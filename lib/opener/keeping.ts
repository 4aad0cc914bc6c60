/**
 * The state directory: what survives a restart, kept for control, which can open nothing. A file is replaced as a whole, and is on
 * stable storage when that is told. Used by the opener alone.
 */

import { open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { makeFolder } from "./folders.js";

export class Keeping {
	#last: Promise<unknown> = Promise.resolve();

	private constructor(readonly folder: string) {}

	/** Makes the directory, if there is none. Throws an OperatorError if it can't be had. */
	static async in(folder: string): Promise<Keeping> {
		await makeFolder(folder, "the state directory");
		return new Keeping(folder);
	}

	/** What is there; undefined: nothing was ever kept by this name. */
	async kept(name: string): Promise<Uint8Array | undefined> {
		return readFile(path.join(this.folder, name)).catch(noneIfMissing);
	}

	/** Replaces a file, after those that are being replaced. Rejects if it can't be done: then the one before is still there. */
	keep(name: string, bytes: Uint8Array): Promise<void> {
		const kept = this.#last.then(() => this.#replace(name, bytes));
		this.#last = kept.catch(() => {});
		return kept;
	}

	async #replace(name: string, bytes: Uint8Array): Promise<void> {
		const file = path.join(this.folder, name);
		const handle = await open(`${file}.new`, "w", 0o600);
		try {
			await handle.writeFile(bytes);
			await handle.sync();
		} finally {
			await handle.close();
		}
		await rename(`${file}.new`, file);
		const folder = await open(this.folder);
		try {
			await folder.sync();
		} finally {
			await folder.close();
		}
	}
}

function noneIfMissing(error: unknown): undefined {
	if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
	throw error;
}
