/**
 * Buckets and their objects in a directory, which one process has at a time: a folder for each bucket, a file for each object. What has a
 * name is whole and on stable storage, whenever the process or the machine ends; of several who change one name at once each finds what
 * the one before has left. Opened by `lib/cli/objects.ts`, asked by `server.ts`.
 */

import { randomUUID } from "node:crypto";
import { closeSync } from "node:fs";
import {
	access,
	chown,
	constants,
	link,
	lstat,
	mkdir,
	open,
	opendir,
	readdir,
	rename,
	rmdir,
	unlink,
} from "node:fs/promises";
import path from "node:path";
import { codeOf, InUseError, OperatorError } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { Errno, isNativeError, native } from "../native.js";
import { syncFolder } from "../sync-folder.js";
import { quote } from "../text.js";
import { Draft, type Wanted } from "./draft.js";
import { S3Fault } from "./fault.js";
import { checkBucket, fileOf, isBucket, keyOf } from "./names.js";
import { type Found, type Known, openObject } from "./object-file.js";
import { checkPlace, OWN } from "./place.js";
import { NamesSync, type SyncFolder, Turns } from "./turns.js";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** A file system may hang. */
const LOCK_MS = 10_000;

/** What has to hold of a name for a change to be made. ETags without quotes. */
export interface Conditions {
	/** There is nothing. */
	readonly isNew: boolean;
	/** It is one of these; `*`: whatever there is. */
	readonly match: readonly string[] | undefined;
}

export interface Bucket {
	readonly name: string;
	readonly made: Date;
}

export class Shelf {
	readonly #folder: string;
	readonly #lock: number;
	readonly #turns = new Turns();
	readonly #syncs = new Map<string, NamesSync>();
	readonly #syncFolder: SyncFolder;

	private constructor(folder: string, lock: number, sync: SyncFolder) {
		this.#folder = folder;
		this.#lock = lock;
		this.#syncFolder = sync;
	}

	/** Makes the directory, for that user if one is named, to whom one that was there has to belong. Throws an OperatorError. */
	static async prepare(
		folder: string,
		owner?: { readonly uid: number; readonly gid: number },
	): Promise<void> {
		const made: string[] = [];
		try {
			await checkPlace(folder, owner);
			for (const each of [folder, path.join(folder, OWN)]) {
				if ((await lstat(each).catch(() => undefined)) !== undefined) continue;
				await makeFolders(each, FOLDER_MODE);
				made.push(each);
			}
			if (owner !== undefined) for (const each of made) await chown(each, owner.uid, owner.gid);
		} catch (error) {
			throw unusable(folder, error);
		}
	}

	/** Takes away what was being received when another one ended. Throws an OperatorError, an `InUseError` if another process has the directory. */
	static async open(folder: string, sync: SyncFolder = syncFolder): Promise<Shelf> {
		const own = path.join(folder, OWN);
		let descriptor: number | undefined;
		try {
			await access(folder, constants.W_OK | constants.X_OK);
			const file = path.join(own, "lock");
			await (await open(file, "a", FILE_MODE)).close();
			descriptor = await lock(folder, file);
			const halves = (await readdir(own)).filter((name) => name.startsWith("half-"));
			for (const name of halves) await unlink(path.join(own, name));
			await sync(folder);
			return new Shelf(folder, descriptor, sync);
		} catch (error) {
			if (descriptor !== undefined) closeSync(descriptor);
			throw unusable(folder, error);
		}
	}

	close(): void {
		closeSync(this.#lock);
	}

	async buckets(): Promise<Bucket[]> {
		const names = (await readdir(this.#folder)).filter(isBucket).sort();
		const all = await Promise.all(
			names.map(async (name) => ({ name, status: await lstat(path.join(this.#folder, name)) })),
		);
		return all
			.filter(({ status }) => status.isDirectory())
			.map(({ name, status }) => ({ name, made: status.mtime }));
	}

	/** False: there was one. */
	async makeBucket(name: string): Promise<boolean> {
		try {
			await mkdir(path.join(this.#folder, checkBucket(name)), { mode: FOLDER_MODE });
		} catch (error) {
			if (codeOf(error) !== "EEXIST") throw error;
			await this.checkBucket(name);
			await this.#syncFolder(this.#folder);
			return false;
		}
		await this.#syncFolder(this.#folder);
		return true;
	}

	async removeBucket(name: string): Promise<void> {
		await this.checkBucket(name);
		try {
			await rmdir(path.join(this.#folder, name));
		} catch (error) {
			if (codeOf(error) !== "ENOTEMPTY") throw error;
			throw new S3Fault("BucketNotEmpty", "there are still objects in it");
		}
		this.#syncs.delete(name);
		await this.#syncFolder(this.#folder);
	}

	/** Throws an `S3Fault` if there is none of that name. */
	async checkBucket(name: string): Promise<void> {
		const status = isBucket(name)
			? await lstat(path.join(this.#folder, name)).catch((error: unknown) => {
					if (codeOf(error) !== "ENOENT") throw error;
				})
			: undefined;
		if (status?.isDirectory() !== true) throw new S3Fault("NoSuchBucket", "there is no such bucket");
	}

	draft(): Promise<Draft> {
		return Draft.begin(path.join(this.#folder, OWN, `half-${randomUUID()}`));
	}

	/** Gives a draft its name, on conditions. Throws an `S3Fault`. */
	async put(
		bucket: string,
		key: string,
		{ draft, wanted, headers }: { draft: Draft; wanted: Wanted; headers: Known["headers"] },
		{ isNew, match }: Conditions,
	): Promise<Known> {
		await this.checkBucket(bucket);
		const file = this.#file(bucket, key);
		const known = await draft.finish(wanted, key, headers);
		await this.#turns.run(file, async () => {
			if (match !== undefined) await this.#checkMatch(bucket, key, match);
			try {
				if (isNew) await linked(draft.file, file);
				else await rename(draft.file, file).catch(withoutBucket);
			} finally {
				// (What is said to be there has to stay, too.)
				await this.#names(bucket).sync();
			}
		});
		return known;
	}

	/** A condition that does not hold is known before anything is received; what decides is `put`. */
	async checkConditions(bucket: string, key: string, { isNew, match }: Conditions): Promise<void> {
		if (match !== undefined) await this.#checkMatch(bucket, key, match);
		if (!isNew) return;
		const file = this.#file(bucket, key);
		if ((await lstat(file).catch(() => undefined)) === undefined) return;
		await this.#names(bucket).sync();
		throw exists();
	}

	async #checkMatch(bucket: string, key: string, match: readonly string[]): Promise<void> {
		const found = await openObject(this.#file(bucket, key), key);
		await found?.handle.close();
		if (found === undefined) throw new S3Fault("NoSuchKey", "there is no such object");
		if (!match.includes("*") && !match.includes(found.etag))
			throw new S3Fault("PreconditionFailed", "it is not what it was to be (If-Match)");
	}

	/** What is there for good; its handle is the caller's to close. Throws an `S3Fault` if there is none. */
	async find(bucket: string, key: string): Promise<Found> {
		await this.checkBucket(bucket);
		const found = await this.look(bucket, key);
		if (found === undefined) throw new S3Fault("NoSuchKey", "there is no such object");
		return found;
	}

	/** The same of a bucket that is there; undefined: there is none. */
	async look(bucket: string, key: string): Promise<Found | undefined> {
		const file = this.#file(bucket, key);
		return this.#turns.run(file, async () => {
			// (In its turn: whoever gave it its name before may have failed to make that last.)
			await this.#names(bucket).settle();
			return openObject(file, key);
		});
	}

	/** They are gone for good, or were. */
	async remove(bucket: string, keys: readonly string[]): Promise<void> {
		await this.checkBucket(bucket);
		for (const key of keys) {
			const file = this.#file(bucket, key);
			await this.#turns.run(file, () =>
				unlink(file).catch((error: unknown) => {
					if (codeOf(error) !== "ENOENT") throw error;
				}),
			);
		}
		await this.#names(bucket).sync();
	}

	/** All names, in no order, some at a time. */
	async *keys(bucket: string): AsyncGenerator<string> {
		await this.checkBucket(bucket);
		const folder = await opendir(path.join(this.#folder, bucket), { bufferSize: 1024 });
		for await (const entry of folder) {
			const key = entry.isFile() ? keyOf(entry.name) : undefined;
			if (key !== undefined) yield key;
		}
	}

	#file(bucket: string, key: string): string {
		return path.join(this.#folder, checkBucket(bucket), fileOf(key));
	}

	#names(bucket: string): NamesSync {
		const known =
			this.#syncs.get(bucket) ??
			new NamesSync([path.join(this.#folder, bucket), this.#folder], this.#syncFolder);
		this.#syncs.set(bucket, known);
		return known;
	}
}

function exists(): S3Fault {
	return new S3Fault("PreconditionFailed", "there is an object of that name (If-None-Match)");
}

function withoutBucket(error: unknown): never {
	if (codeOf(error) === "ENOENT") throw new S3Fault("NoSuchBucket", "there is no such bucket");
	throw error;
}

/** Not renamed: that would put it over one that is there. */
async function linked(from: string, to: string): Promise<void> {
	try {
		await link(from, to);
	} catch (error) {
		if (codeOf(error) === "EEXIST") throw exists();
		withoutBucket(error);
	}
}

async function lock(folder: string, file: string): Promise<number> {
	let timer: NodeJS.Timeout | undefined;
	const hung = new Promise<never>((_, reject) => {
		const error = new OperatorError(`${quote(folder)}: does not answer: its file system hangs`);
		timer = setTimeout(() => reject(error), LOCK_MS);
	});
	try {
		return (await Promise.race([native.fileOpenFor("", file, 0, 0, 0), hung])).descriptor;
	} catch (error) {
		if (isNativeError(error) && error.errno === Errno.EAGAIN)
			throw new InUseError(`${quote(folder)}: another process serves it`);
		throw error;
	} finally {
		clearTimeout(timer);
	}
}

function unusable(folder: string, error: unknown): unknown {
	if (error instanceof OperatorError) return error;
	if (isNativeError(error)) return new OperatorError(`${quote(folder)}: can't be locked (${error.message})`);
	const code = codeOf(error);
	return code === undefined ? error : new OperatorError(`${quote(folder)}: can't be served (${code})`);
}
