/**
 * A pool's files in a directory of the file system, each served by the storage engine as any file is, and locked as long as it is open.
 * Called by `openings.ts`.
 */

import { randomInt } from "node:crypto";
import { mkdir, open, readdir, unlink } from "node:fs/promises";
import path from "node:path";
import type { BlockDevice } from "../block/device.js";
import type { StorageEngine } from "../block/engine.js";
import { FileDevice } from "../block/file.js";
import { codeOf, OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Pump } from "../pump.js";
import type { PoolFolder, PoolWorld } from "./folder.js";

/** Nobody else's business: what is in it belongs to other machines. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** `randomInt` can't do more. */
const CHANCE_MAX = 2 ** 48 - 1;

class Directory implements PoolFolder {
	/** Appending to space that was only reserved takes several times as long to sync. */
	readonly fillsAhead = true;

	constructor(
		readonly path: string,
		readonly engine: StorageEngine,
	) {}

	list(): Promise<readonly string[]> {
		return inWords(this.path, () => readdir(this.path));
	}

	open(name: string): Promise<BlockDevice> {
		return FileDevice.open(this.engine, path.join(this.path, name), {
			readOnly: false,
			direct: false,
			synced: true,
		});
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		const file = path.join(this.path, name);
		await inWords(file, async () => {
			const handle = await open(file, "wx", FILE_MODE);
			try {
				await handle.truncate(sizeBytes);
				await handle.sync();
			} catch (error) {
				await unlink(file);
				throw error;
			} finally {
				await handle.close();
			}
			await syncFolder(this.path);
		});
		return this.open(name);
	}
}

/** The folder of a pool that is to be made: made too, if it is not there. Throws an OperatorError. */
export async function makeFolder(folder: string): Promise<void> {
	await inWords(folder, async () => {
		await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
		await syncFolder(path.dirname(path.resolve(folder)));
	});
}

export function directoryWorld(folder: string, engine: StorageEngine, pump: Pump): PoolWorld {
	return {
		folder: new Directory(folder, engine),
		pump,
		now: () => Date.now() * 1000,
		chance: () => randomInt(1, CHANCE_MAX),
		allocate: nativeMemory,
	};
}

/** So that names in it survive a loss of power. */
async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

async function inWords<T>(name: string, act: () => Promise<T>): Promise<T> {
	try {
		return await act();
	} catch (error) {
		const code = codeOf(error);
		if (code === undefined) throw error;
		throw new OperatorError(`${name}: ${WORDS[code] ?? (error as Error).message}`);
	}
}

const WORDS: Readonly<Record<string, string>> = {
	ENOENT: "there is no such directory",
	ENOTDIR: "is no directory",
	EEXIST: "is there already",
	EACCES: "may not be used by this user",
	ENOSPC: "there is no space left",
};
