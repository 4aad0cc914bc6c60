/**
 * The state directory: what survives a restart, kept for control, which can open nothing. A file is replaced as a whole, and is on
 * stable storage when that is told. One daemon has the directory at a time. All of them together have a limit: who has taken over control
 * must not fill the disk. Of what can't be made again the file before the last is kept too (`spare.ts`), and a damaged file is
 * put aside, not written over. Used by the opener alone.
 */

import { closeSync, constants } from "node:fs";
import { open, readdir, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { codeOf, DamagedError, OperatorError } from "../errors.js";
import { InTurn } from "../in-turn.js";
import { Errno, isNativeError, native } from "../native.js";
import { syncFolder } from "../sync-folder.js";
import { makeFolder } from "./folders.js";
import { KEPT_FILES } from "./messages.js";
import { within } from "./patience.js";
import { SPARED, spare } from "./spare.js";

/** Several times what a day of the figures of 4,096 disks takes. */
const MOST_BYTES = 2 * 1024 * 1024 * 1024;
/** Of one file: more than control may have kept. */
const LONGEST_BYTES = 80 * 1024 * 1024;
/** A disk that is busy takes its time to make something durable. */
const LIMIT_MS = 60_000;
/** Locked by who has the directory, for as long as he lives. */
const LOCK_FILE = "lock";
/** Damaged files that are kept, of all names. */
const MOST_ASIDE = 16;
const ASIDE = ".damaged-";
/** Of a file that will be no better when it is read once more. */
const DAMAGE: ReadonlySet<string> = new Set(["ENOENT", "EIO", "EISDIR", "EBADMSG", "EUCLEAN"]);
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

export class Keeping {
	readonly #turns = new InTurn();
	/** By name, of those that there are. */
	readonly #sizes = new Map<string, number>();
	/** Names of those that were put aside. */
	readonly #aside: string[] = [];
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
			// What is longer was never kept, and will be found to be damaged.
			if (status !== undefined) keeping.#sizes.set(name, status.size > LONGEST_BYTES ? 0 : status.size);
		}
		const all = await readdir(folder).catch(() => []);
		keeping.#aside.push(...all.filter((name) => name.includes(ASIDE)));
		return keeping;
	}

	/** Others may have the directory. */
	release(): void {
		if (this.lock !== undefined) closeSync(this.lock);
	}

	/**
	 * What is there; undefined: nothing was ever kept by this name. Throws an OperatorError if it can't be read, a DamagedError if that
	 * will stay so, or somebody has removed it: whoever took it for one that never was would give disks other identities.
	 */
	kept(name: string): Promise<Uint8Array | undefined> {
		return this.#inTurn(name, "can't be read", async () => {
			const file = path.join(this.folder, name);
			try {
				return await readWhole(file);
			} catch (error) {
				const code = codeOf(error) ?? "";
				const wasThere = this.#sizes.has(name) || this.#aside.some((each) => each.startsWith(name + ASIDE));
				if (code === "ENOENT" && !wasThere) return undefined;
				if (DAMAGE.has(code)) throw new DamagedError(`${file}: can't be read (${code})`);
				throw error;
			}
		});
	}

	/** Puts a file that nobody understands out of the way, for people to look at. The new name, within the folder. */
	setAside(name: string): Promise<string> {
		return this.#inTurn(name, "can't be put aside", async () => {
			if (this.#aside.length >= MOST_ASIDE)
				throw new OperatorError(`${this.folder}: has ${MOST_ASIDE} damaged files already`);
			const aside = name + ASIDE + new Date().toISOString().replaceAll(":", "");
			await rename(path.join(this.folder, name), path.join(this.folder, aside));
			this.#aside.push(aside);
			this.#sizes.delete(name);
			return aside;
		});
	}

	/** Replaces a file, after those that are being replaced. Throws an OperatorError if it can't be done: then the one before is still there. */
	keep(name: string, bytes: Uint8Array): Promise<void> {
		return this.#inTurn(name, "can't be kept", () => this.#replace(name, bytes));
	}

	/** One at a time: in order, and so that a directory that hangs takes no more than one of Node's few threads. */
	#inTurn<T>(name: string, what: string, act: () => Promise<T>): Promise<T> {
		const file = path.join(this.folder, name);
		const done = this.#turns.run(() =>
			act().catch((error: unknown) => {
				const code = codeOf(error);
				throw code === undefined ? error : new OperatorError(`${file}: ${what} (${code})`);
			}),
		);
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
		if (SPARED.has(name)) await spare(file);
		await rename(`${file}.new`, file);
		this.#sizes.set(name, bytes.length);
		await syncFolder(this.folder);
	}
}

/** Throws a DamagedError if it is no file that was ever kept. */
async function readWhole(file: string): Promise<Uint8Array> {
	// A pipe of that name must not keep us waiting.
	const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
	try {
		const status = await handle.stat();
		if (!status.isFile()) throw new DamagedError(`${file}: is no file`);
		if (status.size > LONGEST_BYTES) throw new DamagedError(`${file}: has ${status.size} bytes`);
		return await handle.readFile();
	} finally {
		await handle.close();
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
