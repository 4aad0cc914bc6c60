/**
 * The state directory: what survives a restart, kept for control, which can open nothing. A file is replaced as a whole, and is on
 * stable storage when that is told. Used by the opener alone.
 */

import { open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { OperatorError } from "../errors.js";
import { makeFolder } from "./folders.js";

export class Keeping {
	#last: Promise<unknown> = Promise.resolve();

	private constructor(readonly folder: string) {}

	/** Makes the directory, if there is none. Throws an OperatorError if it can't be had. */
	static async in(folder: string): Promise<Keeping> {
		await makeFolder(folder, "the state directory");
		return new Keeping(folder);
	}

	/** What is there; undefined: nothing was ever kept by this name. Rejects with an OperatorError if it can't be read. */
	async kept(name: string): Promise<Uint8Array | undefined> {
		return readFile(path.join(this.folder, name)).catch((error: unknown) => {
			if (codeOf(error) === "ENOENT") return undefined;
			return this.#refuse(name, "read", error);
		});
	}

	/**
	 * Replaces a file, after those that are being replaced. Rejects with an OperatorError if it can't be done: then the one before is still
	 * there.
	 */
	keep(name: string, bytes: Uint8Array): Promise<void> {
		const kept = this.#last
			.then(() => this.#replace(name, bytes))
			.catch((error: unknown) => this.#refuse(name, "kept", error));
		this.#last = kept.catch(() => {});
		return kept;
	}

	#refuse(name: string, what: string, error: unknown): never {
		const code = codeOf(error);
		if (code === undefined) throw error;
		throw new OperatorError(`${path.join(this.folder, name)}: can't be ${what} (${code})`);
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

/** ENOSPC, if it is the file system that refuses. */
function codeOf(error: unknown): string | undefined {
	return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
