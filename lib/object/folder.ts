/**
 * Objects in a directory: each is a file, with its checksum behind its bytes. A file is written under another name, synced, and only
 * then linked to its own, which fails if there is one; so what has a name is whole and durable. For tests, and for one host: what
 * hangs below it holds up as many threads of this process as it likes. A backend of `objects.ts`.
 */

import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, readdir, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { type Clock, systemClock } from "../clock.js";
import { codeOf } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { syncFolder } from "../sync-folder.js";
import type { ObjectBackend } from "./backend.js";
import { checkCrc, crcOf, crcText, slicesOf } from "./bytes.js";
import { type ObjectOp, RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import { fileFault } from "./file-fault.js";
import { type ByteRange, isObjectName, type Listed, OBJECT_MAX_BYTES } from "./store.js";

/** Behind the bytes of an object: who wrote it, and their CRC32C. */
const MAGIC = "vbo1";
const TRAILER_BYTES = 8;
const MODE = { file: 0o600, folder: 0o700 };
/** Before the name of a file that is being written; no name of an object has a space. */
const HALF = "half ";
/** What is older was left by a process that is no more. */
const HALF_MAX_MS = 24 * 3_600_000;
const WRITE_BYTES = 1024 * 1024;

/** A name has slashes, a file's has none; no name of an object has this. */
const SLASH = "=";

export class FolderObjects implements ObjectBackend {
	readonly deletesAtOnce = 1000;
	readonly counts = new RequestCounts();
	readonly #clock: Clock;

	constructor(
		readonly name: string,
		{ clock = systemClock }: { readonly clock?: Clock } = {},
	) {
		this.#clock = clock;
	}

	open(): Promise<void> {
		return this.#do("container", async () => {
			await makeFolders(this.name, MODE.folder);
			const halves = (await readdir(this.name)).filter((file) => file.startsWith(HALF));
			for (const half of halves) {
				const file = path.join(this.name, half);
				if (Date.now() - (await stat(file)).mtimeMs > HALF_MAX_MS) await unlink(file);
			}
		});
	}

	present(): Promise<void> {
		return this.#do("container", async () => {
			const isThere = await stat(this.name).then(
				(status) => status.isDirectory(),
				() => false,
			);
			if (!isThere) throw new ObjectError(ObjectFault.refused, `${this.name}: there is no such directory`);
		});
	}

	put(name: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<"created" | "exists"> {
		return this.#do("put", async () => {
			const half = path.join(this.name, `${HALF}${randomUUID()}`);
			try {
				await writeWhole(half, bytes, signal);
				const isNew = await linked(half, this.#file(name));
				// Of one that was there already, too: whoever linked it may not have come so far.
				await syncFolder(this.name);
				return isNew ? "created" : "exists";
			} catch (error) {
				if (codeOf(error) !== "ENOENT") throw error;
				throw new ObjectError(ObjectFault.refused, `${this.name}: there is no such directory`);
			} finally {
				await unlink(half).catch(() => undefined);
			}
		});
	}

	get(name: string, range: ByteRange | undefined): Promise<Buffer> {
		return this.#do("get", () =>
			this.#opened(name, async (handle, length) => {
				const what = `${this.name}: ${name}`;
				const { offset, length: wanted } = range ?? { offset: 0, length };
				if (offset + wanted > length || wanted > OBJECT_MAX_BYTES)
					throw new ObjectError(
						ObjectFault.damaged,
						`${what}: has ${length} bytes, not ${wanted} from ${offset}`,
					);
				const bytes = await readWhole(handle, what, offset, wanted);
				if (range !== undefined) return bytes;
				const trailer = await readWhole(handle, what, length, TRAILER_BYTES);
				await checkCrc(what, bytes, crcText(trailer.readUInt32LE(MAGIC.length)));
				return bytes;
			}),
		);
	}

	head(name: string): Promise<number> {
		return this.#do("head", () => this.#opened(name, async (_handle, length) => length));
	}

	delete(names: readonly string[], signal: AbortSignal): Promise<void> {
		return this.#do("delete", async () => {
			for (const name of names) {
				signal.throwIfAborted();
				await unlink(this.#file(name)).catch((error: unknown) => {
					if (codeOf(error) !== "ENOENT") throw error;
				});
			}
		});
	}

	list(prefix: string, after: string, most: number): Promise<Listed> {
		return this.#do("list", async () => {
			const names = (await readdir(this.name))
				.map((file) => file.replaceAll(SLASH, "/"))
				.filter((name) => isObjectName(name) && name.startsWith(prefix) && name > after)
				.sort();
			const some = names.slice(0, most);
			return { names: some, next: names.length > most ? some.at(-1) : undefined };
		});
	}

	async close(): Promise<void> {}

	#file(name: string): string {
		return path.join(this.name, name.replaceAll("/", SLASH));
	}

	/** @param use is given how many bytes the object has */
	async #opened<T>(name: string, use: (handle: FileHandle, length: number) => Promise<T>): Promise<T> {
		const handle = await open(this.#file(name), "r");
		try {
			const length = (await handle.stat()).size - TRAILER_BYTES;
			if (length < 0) throw new ObjectError(ObjectFault.damaged, `${this.name}: ${name}: was cut off`);
			const magic = await readWhole(handle, `${this.name}: ${name}`, length, MAGIC.length);
			if (magic.toString("latin1") === MAGIC) return await use(handle, length);
			throw new ObjectError(ObjectFault.damaged, `${this.name}: ${name}: does not end as an object does`);
		} finally {
			await handle.close();
		}
	}

	async #do<T>(op: ObjectOp, work: () => Promise<T>): Promise<T> {
		const beganMs = this.#clock.now();
		try {
			const done = await work();
			this.counts.record(op, "ok", beganMs, this.#clock);
			return done;
		} catch (error) {
			const fault = fileFault(`${this.name}: ${op}`, error);
			this.counts.record(
				op,
				codeOf(error) ?? (fault instanceof ObjectError ? fault.kind : "error"),
				beganMs,
				this.#clock,
			);
			throw fault;
		}
	}
}

/** False: there is one already. */
async function linked(from: string, to: string): Promise<boolean> {
	try {
		await link(from, to);
		return true;
	} catch (error) {
		if (codeOf(error) !== "EEXIST") throw error;
		return false;
	}
}

async function readWhole(handle: FileHandle, what: string, offset: number, length: number): Promise<Buffer> {
	const bytes = Buffer.allocUnsafe(length);
	let at = 0;
	while (at < length) {
		const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
		if (bytesRead === 0)
			throw new ObjectError(ObjectFault.damaged, `${what}: ended after ${offset + at} bytes`);
		at += bytesRead;
	}
	return bytes;
}

async function writeWhole(file: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<void> {
	const trailer = Buffer.alloc(TRAILER_BYTES);
	trailer.write(MAGIC, "latin1");
	trailer.writeUInt32LE(await crcOf(bytes), MAGIC.length);
	const handle = await open(file, "wx", MODE.file);
	try {
		for (const slice of slicesOf([...bytes, trailer], WRITE_BYTES)) {
			signal.throwIfAborted();
			await handle.appendFile(slice);
		}
		await handle.sync();
	} finally {
		await handle.close();
	}
}
