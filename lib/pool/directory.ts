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
import { IDENTIFIED_MAX, identitiesIn, lookAt, makeFile, type PoolLook } from "./directory-files.js";
import { FailedSyncLayer } from "./failed-sync.js";
import {
	fileName,
	fileNumber,
	HEAD_NAME,
	type MissingFile,
	type PoolFolder,
	type PoolWorld,
	type Uptime,
} from "./folder.js";

/** `randomInt` can't do more. */
const CHANCE_MAX = 2 ** 48 - 1;
/** A pool of a TiB has 16,384 files. */
const NAMES_PER_TURN = 1024;

/** How a directory or device is looked at, and files are made and opened. All throw an OperatorError. */
export interface PoolFiles {
	look(pool: string): Promise<PoolLook>;
	create(folder: string, name: string, sizeBytes: number): Promise<void>;
	/** `told`: which one it is, if it is a file of the log and that is known, as `identities` tells it. */
	open(
		engine: StorageEngine,
		file: string,
		options: FileOptions,
		told?: (identity: string) => void,
	): Promise<BlockDevice>;
	/** Where names of the log lead to, some from one on; not more than `IDENTIFIED_MAX`. */
	identities(pool: string, first: number, count: number): Promise<readonly string[]>;
}

/** By this process. */
const OWN_FILES: PoolFiles = {
	look: lookAt,
	create: makeFile,
	identities: identitiesIn,
	async open(engine, file, options, told) {
		const device = await FileDevice.open(engine, file, options);
		const number = fileNumber(path.basename(file));
		// (Whoever opens can't be told at once; nobody replaces it in between but by chance.)
		if (told !== undefined && number !== undefined) {
			const [identity] = await identitiesIn(path.dirname(file), number, 1);
			if (identity !== undefined) told(identity);
		}
		return device;
	},
};

class Directory implements PoolFolder {
	/** Appending to space that was only reserved takes several times as long to sync. */
	readonly fillsAhead = true;
	/** Where the head was that was opened. */
	#site: string | undefined;
	/** By name, which file each was; empty: that is not known. */
	readonly #opened = new Map<string, string>();
	/** Those of the log whose names lead to others, as it was looked last. */
	readonly #replaced = new Set<string>();
	/** The number of the first one that is to be looked at next. */
	#next = 0;

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

	async missing(): Promise<MissingFile | undefined> {
		const names = new Set(await this.list());
		let looked = 0;
		let count = 0;
		for (const name of this.#opened.keys()) {
			if (!names.has(name)) return { name, isReplaced: false };
			count = Math.max(count, (fileNumber(name) ?? -1) + 1);
			if (++looked % NAMES_PER_TURN === 0) await nextTurn();
		}
		await this.#lookForOthers(count);
		const [name] = this.#replaced;
		return name === undefined ? undefined : { name, isReplaced: true };
	}

	/** Whether names lead to the files that were opened: some at a time, in turn, of a pool of thousands. (Of the head `site` tells that.) */
	async #lookForOthers(count: number): Promise<void> {
		const first = this.#next < count ? this.#next : 0;
		this.#next = first + IDENTIFIED_MAX;
		const some = Math.min(IDENTIFIED_MAX, count - first);
		if (some === 0) return;
		const now = await this.files.identities(this.path, first, some);
		for (const [at, identity] of now.entries()) {
			const name = fileName(first + at);
			const opened = this.#opened.get(name) ?? "";
			// (One that is gone by now is not there the next time that names are looked at.)
			if (identity.startsWith("-")) continue;
			if (opened === "" || opened === identity) this.#replaced.delete(name);
			else this.#replaced.add(name);
		}
	}

	async open(name: string): Promise<BlockDevice> {
		const how = { readOnly: false, direct: false, synced: true };
		const file = path.join(this.path, name);
		let which = "";
		const device = await this.files.open(this.engine, file, how, (identity) => {
			which = identity;
		});
		this.#opened.set(name, which);
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

/** What of a pool in an object store is on this host. */
export function directoryFolder(folder: string, engine: StorageEngine, files: PoolFiles): PoolFolder {
	return new Directory(folder, engine, files);
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
