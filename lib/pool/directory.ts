/**
 * A pool's files in a directory of the file system, each served by the storage engine as any file is, and locked as long as it is open.
 * Called by `openings.ts`, and by the commands. A process that can open nothing has another one open them (`PoolFiles`).
 */

import { randomInt } from "node:crypto";
import path from "node:path";
import type { BlockDevice } from "../block/device.js";
import type { StorageEngine } from "../block/engine.js";
import { FileDevice } from "../block/file.js";
import type { FileOptions } from "../block/file-options.js";
import { nativeMemory } from "../native.js";
import type { Pump } from "../pump.js";
import { makeFile, namesIn } from "./directory-files.js";
import type { PoolFolder, PoolWorld } from "./folder.js";

/** `randomInt` can't do more. */
const CHANCE_MAX = 2 ** 48 - 1;

/** How a directory is looked into and files in it are made and opened. All throw an OperatorError. */
export interface PoolFiles {
	list(folder: string): Promise<readonly string[]>;
	create(folder: string, name: string, sizeBytes: number): Promise<void>;
	open(engine: StorageEngine, file: string, options: FileOptions): Promise<BlockDevice>;
}

/** By this process. */
const OWN_FILES: PoolFiles = { list: namesIn, create: makeFile, open: FileDevice.open };

class Directory implements PoolFolder {
	/** Appending to space that was only reserved takes several times as long to sync. */
	readonly fillsAhead = true;

	constructor(
		readonly path: string,
		readonly engine: StorageEngine,
		readonly files: PoolFiles,
	) {}

	list(): Promise<readonly string[]> {
		return this.files.list(this.path);
	}

	open(name: string): Promise<BlockDevice> {
		const how = { readOnly: false, direct: false, synced: true };
		return this.files.open(this.engine, path.join(this.path, name), how);
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		await this.files.create(this.path, name, sizeBytes);
		return this.open(name);
	}
}

export function directoryWorld(
	folder: string,
	engine: StorageEngine,
	pump: Pump,
	files: PoolFiles = OWN_FILES,
): PoolWorld {
	return {
		folder: new Directory(folder, engine, files),
		pump,
		now: () => Date.now() * 1000,
		chance: () => randomInt(1, CHANCE_MAX),
		allocate: nativeMemory,
	};
}
