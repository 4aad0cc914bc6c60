/**
 * Names and new files in a pool's directory, as system calls make them: for `directory.ts`, and for the opener of the daemon, which does it
 * for processes that can't.
 */

import { link, open, readdir, rm, stat, statfs, unlink } from "node:fs/promises";
import path from "node:path";
import { deviceIdentity } from "../block/identity.js";
import { codeOf, OperatorError } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { isNativeError, native } from "../native.js";
import { syncFolder } from "../sync-folder.js";
import { fileName, HEAD_NAME } from "./folder.js";

/** Nobody else's business: what is in it belongs to other machines. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** What there is where a pool is, or is to be. */
export interface PoolLook {
	/** It is no directory, but a block device. */
	readonly isDevice: boolean;
	/** Files in the directory. */
	readonly names: readonly string[];
	/** See `PoolFolder.site`. */
	readonly site: string | undefined;
	/** What its file system has left for whoever is not root. Undefined: it is a device. */
	readonly freeBytes: number | undefined;
}

/** Throws an OperatorError. */
export function lookAt(pool: string): Promise<PoolLook> {
	return inWords(pool, async () => {
		const stats = await stat(pool);
		if (stats.isBlockDevice())
			return { isDevice: true, names: [], site: deviceIdentity(stats.rdev), freeBytes: undefined };
		const [names, site, { bavail, bsize }] = await Promise.all([
			readdir(pool),
			siteOf(path.join(pool, HEAD_NAME)),
			statfs(pool),
		]);
		return { isDevice: false, names, site, freeBytes: bavail * bsize };
	});
}

/** Names that are looked at in one go: a pool of a TiB has 16,384. */
export const IDENTIFIED_MAX = 1024;

/**
 * Which file each name of the log leads to, from a number on: the same words as for whoever opens it for others. Looked at by a thread of its own;
 * nothing where that can't be had.
 */
export async function identitiesIn(pool: string, first: number, count: number): Promise<readonly string[]> {
	const names = Array.from({ length: count }, (_, at) => `${path.join(pool, fileName(first + at))}\0`);
	try {
		return await native.fileLook(Buffer.from(names.join("")));
	} catch (error) {
		if (!isNativeError(error)) throw error;
		return [];
	}
}

/** Whoever copies a file makes another one, at another time. Undefined if it can't be looked at: who opens it hears why. */
async function siteOf(head: string): Promise<string | undefined> {
	const stats = await stat(head, { bigint: true }).catch(() => undefined);
	return stats && `file ${stats.ino} of ${stats.birthtimeNs}`;
}

/** A new file of zeros, which is there after a loss of power. Throws an OperatorError. */
export async function makeFile(folder: string, name: string, sizeBytes: number): Promise<void> {
	const file = path.join(folder, name);
	const unfinished = `${file}.new`;
	await inWords(file, async () => {
		await rm(unfinished, { force: true });
		const handle = await open(unfinished, "wx", FILE_MODE);
		try {
			await handle.truncate(sizeBytes);
			await handle.sync();
		} catch (error) {
			await unlink(unfinished);
			throw error;
		} finally {
			await handle.close();
		}
		// So that none is ever there that is too short, and none is replaced.
		await link(unfinished, file);
		await unlink(unfinished);
		await syncFolder(folder);
	});
}

/** The folder of a pool that is to be made: made too, if there is neither it nor a block device. Throws an OperatorError. */
export async function makeFolder(folder: string): Promise<void> {
	await inWords(folder, async () => {
		const stats = await stat(folder).catch(() => undefined);
		if (stats?.isBlockDevice()) return;
		if (stats !== undefined && !stats.isDirectory())
			throw new OperatorError(
				`${folder}: is no directory and no block device; a pool is made in a directory, or on a block device`,
			);
		await makeFolders(folder, FOLDER_MODE);
		await syncFolder(path.dirname(path.resolve(folder)));
	});
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
