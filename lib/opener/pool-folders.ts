/**
 * Directories of pools, for workers that can open none: which files are there, or that it is a device, and a new one when the log goes on. Only names of a pool's files,
 * only in directories that root's files name (`grants.ts`), and no more than the next file of a log, so that who has taken over a worker
 * makes nothing else; and directories of logs of pools in object stores, whose files are sparse. Used by `answers.ts`.
 */

import { OperatorError } from "../errors.js";
import { identitiesIn, lookAt, makeFile, makeFolder, type PoolLook } from "../pool/directory-files.js";
import { fileName, fileNumber, HEAD_NAME } from "../pool/folder.js";
import { FILE_BYTES } from "../pool/format.js";
import { HEAD_FILE_BYTES } from "../pool/head.js";
import { isLogFile, isPoolFile } from "./grants.js";
import { within } from "./patience.js";

/** A disk that is busy takes its time to make a file durable. */
const LIMIT_MS = 60_000;
/** Each that hangs keeps one of Node's four threads. */
const MOST_AT_ONCE = 2;

export class PoolFolders {
	/** By directory: one thing at a time. */
	readonly #last = new Map<string, Promise<unknown>>();
	#underWay = 0;

	/** Throws an OperatorError. */
	look(pool: string): Promise<PoolLook> {
		return this.#inTurn(pool, () => lookAtPool(pool));
	}

	/** Where names of its log lead to. Throws an OperatorError. */
	identities(pool: string, first: number, count: number): Promise<readonly string[]> {
		return this.#inTurn(pool, () => identitiesIn(pool, first, count));
	}

	/** Throws an OperatorError, also if it is not the next one. One that is there already, as an earlier worker has asked for it, is left alone. */
	make(folder: string, file: number): Promise<void> {
		return this.#inTurn(folder, async () => {
			const { names } = await lookAtPool(folder);
			const name = fileName(file);
			if (names.includes(name)) return;
			const next = Math.max(-1, ...names.map((each) => fileNumber(each) ?? -1)) + 1;
			if (file > next)
				throw new OperatorError(`${folder}/${name}: the next file of the pool is ${fileName(next)}`);
			await makeFile(folder, name, FILE_BYTES);
		});
	}

	/** The same of a pool in an object store. */
	lookAtLog(folder: string): Promise<PoolLook> {
		return this.#inTurn(folder, async () => {
			const look = await lookAt(folder);
			return { ...look, names: look.names.filter(isLogFile) };
		});
	}

	/** Where there is none, the directory of a log is made. Throws an OperatorError. */
	beginLog(folder: string): Promise<void> {
		return this.#inTurn(folder, () => makeFolder(folder));
	}

	/** A file of it, which takes no space yet; one that is there is left alone. Throws an OperatorError. */
	makeInLog(folder: string, name: string): Promise<void> {
		return this.#inTurn(folder, async () => {
			if (!isLogFile(name)) throw new OperatorError(`${folder}: ${name} is no file of a log`);
			const { names } = await lookAt(folder);
			if (!names.includes(name))
				await makeFile(folder, name, name === HEAD_NAME ? HEAD_FILE_BYTES : FILE_BYTES);
		});
	}

	#inTurn<T>(folder: string, act: () => Promise<T>): Promise<T> {
		const done = (this.#last.get(folder) ?? Promise.resolve()).then(() => this.#act(folder, act));
		const settled = done.catch(() => {});
		this.#last.set(folder, settled);
		void settled.then(() => {
			if (this.#last.get(folder) === settled) this.#last.delete(folder);
		});
		return within(LIMIT_MS, folder, done);
	}

	async #act<T>(folder: string, act: () => Promise<T>): Promise<T> {
		if (this.#underWay >= MOST_AT_ONCE)
			throw new OperatorError(`${folder}: directories of other pools are being waited for`);
		this.#underWay += 1;
		try {
			return await act();
		} finally {
			this.#underWay -= 1;
		}
	}
}

async function lookAtPool(pool: string): Promise<PoolLook> {
	const look = await lookAt(pool);
	return { ...look, names: look.names.filter(isPoolFile) };
}
