/**
 * The state directory: what survives a restart, kept for control, which can open nothing. A file is replaced as a whole, and is on
 * stable storage when that is told. One daemon has the directory at a time. All of them together have a limit: who has taken over control must not fill the disk. Used by the
 * opener alone.
 */

import { closeSync } from "node:fs";
import { open, readFile, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { codeOf, OperatorError } from "../errors.js";
import { Errno, isNativeError, native } from "../native.js";
import { makeFolder } from "./folders.js";
import { KEPT_FILES } from "./messages.js";
import { within } from "./patience.js";

/** Several times what a day of the figures of 4,096 disks takes. */
const MOST_BYTES = 2 * 1024 * 1024 * 1024;
/** A disk that is busy takes its time to make something durable. */
const LIMIT_MS = 60_000;
/** Locked by who has the directory, for as long as he lives. */
const LOCK_FILE = "lock";
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

export class Keeping {
	#last: Promise<unknown> = Promise.resolve();
	/** By name, of those that there are. */
	readonly #sizes = new Map<string, number>();
	readonly #mostBytes: number;

	private constructor(
		readonly folder: string,
		mostBytes: number,
		readonly lock: number | undefined,
	) {
		this.#mostBytes = mostBytes;
	}

	/** Makes the directory, if there is none. Throws an OperatorError if it can't be had, or another daemon has it. */
	static async in(folder: string, mostBytes = MOST_BYTES): Promise<Keeping> {
		await makeFolder(folder, "the state directory");
		const keeping = new Keeping(folder, mostBytes, await lockIn(folder));
		for (const name of KEPT_FILES) {
			const status = await stat(path.join(folder, name)).catch(() => undefined);
			if (status !== undefined) keeping.#sizes.set(name, status.size);
		}
		return keeping;
	}

	/** Others may have the directory. */
	release(): void {
		if (this.lock !== undefined) closeSync(this.lock);
	}

	/**
	 * What is there; undefined: nothing was ever kept by this name. Throws an OperatorError if it can't be read, or somebody has
	 * removed it: whoever took it for one that never was would give disks other identities.
	 */
	kept(name: string): Promise<Uint8Array | undefined> {
		return this.#inTurn(name, "can't be read", async () => {
			try {
				return await readFile(path.join(this.folder, name));
			} catch (error) {
				if (codeOf(error) === "ENOENT" && !this.#sizes.has(name)) return undefined;
				throw error;
			}
		});
	}

	/** Replaces a file, after those that are being replaced. Throws an OperatorError if it can't be done: then the one before is still there. */
	keep(name: string, bytes: Uint8Array): Promise<void> {
		return this.#inTurn(name, "can't be kept", () => this.#replace(name, bytes));
	}

	/** One at a time: in order, and so that a directory that hangs takes no more than one of Node's few threads. */
	#inTurn<T>(name: string, what: string, act: () => Promise<T>): Promise<T> {
		const file = path.join(this.folder, name);
		const done = this.#last.then(act).catch((error: unknown) => {
			const code = codeOf(error);
			throw code === undefined ? error : new OperatorError(`${file}: ${what} (${code})`);
		});
		this.#last = done.catch(() => {});
		return within(LIMIT_MS, file, done);
	}

	async #replace(name: string, bytes: Uint8Array): Promise<void> {
		const file = path.join(this.folder, name);
		let others = 0;
		for (const [other, size] of this.#sizes) if (other !== name) others += size;
		if (others + bytes.length > this.#mostBytes)
			throw new OperatorError(
				`${file}: can't be kept: no more than ${this.#mostBytes} bytes are kept in all`,
			);
		try {
			await writeDurably(`${file}.new`, bytes);
		} catch (error) {
			await unlink(`${file}.new`).catch(() => {});
			throw error;
		}
		await rename(`${file}.new`, file);
		this.#sizes.set(name, bytes.length);
		const folder = await open(this.folder);
		try {
			await folder.sync();
		} finally {
			await folder.close();
		}
	}
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
	const handle = await open(file, "w", 0o600);
	try {
		await handle.writeFile(bytes);
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** Undefined where nothing can be kept: those whose disks are known are served all the same. */
async function lockIn(folder: string): Promise<number | undefined> {
	const file = path.join(folder, LOCK_FILE);
	let why: string;
	try {
		await (await open(file, "a", 0o600)).close();
		return (await within(LIMIT_MS, file, native.fileOpenFor("", file, 0, 0, 0))).descriptor;
	} catch (error) {
		if (NO_ROOM.has(codeOf(error) ?? "")) return undefined;
		if (!isNativeError(error)) why = `can't be locked (${codeOf(error) ?? String(error)})`;
		else if (error.errno === Errno.EAGAIN) why = "another daemon has it";
		else why = `can't be locked (${error.message})`;
	}
	throw new OperatorError(`the state directory ${folder}: ${why}`);
}
