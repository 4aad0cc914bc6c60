/**
 * A pool's files in a directory of the file system, each served by the storage engine as any file is, and locked as long as it is open;
 * or the block device in their place (`device-folder.ts`).
 * Called by `openings.ts`, and by the commands. A process that can open nothing has another one open them (`PoolFiles`).
 */

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BlockDevice } from "../block/device.js";
import type { StorageEngine } from "../block/engine.js";
import { FileDevice } from "../block/file.js";
import type { FileOptions } from "../block/file-options.js";
import { OperatorError } from "../errors.js";
import { native, nativeMemory } from "../native.js";
import type { Pump } from "../pump.js";
import { DeviceFolder } from "./device-folder.js";
import { lookAt, makeFile, type PoolLook } from "./directory-files.js";
import { FailedSyncLayer } from "./failed-sync.js";
import { HEAD_NAME, type PoolFolder, type PoolWorld, type Uptime } from "./folder.js";

/** `randomInt` can't do more. */
const CHANCE_MAX = 2 ** 48 - 1;
/** A pool of a TiB has 16,384 files. */
const NAMES_PER_TURN = 1024;

/** How a directory or device is looked at, and files are made and opened. All throw an OperatorError. */
export interface PoolFiles {
	look(pool: string): Promise<PoolLook>;
	create(folder: string, name: string, sizeBytes: number): Promise<void>;
	open(engine: StorageEngine, file: string, options: FileOptions): Promise<BlockDevice>;
}

/** By this process. */
const OWN_FILES: PoolFiles = { look: lookAt, create: makeFile, open: FileDevice.open };

class Directory implements PoolFolder {
	/** Appending to space that was only reserved takes several times as long to sync. */
	readonly fillsAhead = true;
	/** Where the head was that was opened. */
	#site: string | undefined;
	readonly #opened = new Set<string>();

	constructor(
		readonly path: string,
		readonly engine: StorageEngine,
		readonly files: PoolFiles,
	) {}

	/** Throws an OperatorError also if the path leads to another one than it did: what is made there would be that one's. */
	async #look(): Promise<PoolLook> {
		const look = await this.files.look(this.path);
		if (this.#site !== undefined && look.site !== this.#site)
			throw new OperatorError(`${this.path}: is not there any more; another one may be in its place`);
		return look;
	}

	async list(): Promise<readonly string[]> {
		return (await this.#look()).names;
	}

	async site(): Promise<string | undefined> {
		const { site } = await this.#look();
		this.#site = site;
		return site;
	}

	async most(): Promise<undefined> {}

	async free(): Promise<number | undefined> {
		return (await this.#look()).freeBytes;
	}

	async prepare(): Promise<void> {
		const names = await this.list();
		if (names.includes(HEAD_NAME)) throw new OperatorError(`${this.path}: is a pool already`);
		if (names.length > 0) throw new OperatorError(`${this.path}: is not empty`);
	}

	async missing(): Promise<string | undefined> {
		const names = new Set(await this.list());
		let looked = 0;
		for (const name of this.#opened) {
			if (!names.has(name)) return name;
			if (++looked % NAMES_PER_TURN === 0) await nextTurn();
		}
		return undefined;
	}

	async open(name: string): Promise<BlockDevice> {
		const how = { readOnly: false, direct: false, synced: true };
		const device = await this.files.open(this.engine, path.join(this.path, name), how);
		this.#opened.add(name);
		return device;
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		await this.#look();
		await this.files.create(this.path, name, sizeBytes);
		return this.open(name);
	}
}

/** What the pool at a path stands on: a directory, or a block device. Throws an OperatorError. */
export async function poolWorld(
	pool: string,
	engine: StorageEngine,
	pump: Pump,
	files: PoolFiles = OWN_FILES,
): Promise<PoolWorld> {
	const { isDevice, site } = await files.look(pool);
	const how = { readOnly: false, direct: false, synced: true };
	const open = async () => new FailedSyncLayer(await files.open(engine, pool, how));
	return worldOf(isDevice ? new DeviceFolder(pool, site, open) : new Directory(pool, engine, files), pump);
}

export function directoryWorld(folder: string, engine: StorageEngine, pump: Pump): PoolWorld {
	return worldOf(new Directory(folder, engine, OWN_FILES), pump);
}

/** When this is loaded: a worker can open nothing later. */
function bootId(): string {
	try {
		return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
	} catch {
		return "";
	}
}

const UPTIME: Uptime = {
	boot: bootId(),
	us: () => Math.round(uptime() * 1e6),
	isSynchronised: () => native.clockState().synchronised,
};

/** With the time and chance of this machine. */
export function worldOf(folder: PoolFolder, pump: Pump): PoolWorld {
	return {
		folder,
		pump,
		now: () => Date.now() * 1000,
		elapsed: () => performance.now() * 1000,
		uptime: UPTIME,
		chance: () => randomInt(1, CHANCE_MAX),
		allocate: nativeMemory,
		nextTurn,
	};
}
