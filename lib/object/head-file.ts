/**
 * A head in a file, for those on one host: whoever changes it has the lock of a file beside it, compares, and puts another file in its
 * place, synced before and after. The lock goes with its process. A backend of `head.ts`.
 */

import { createHash, randomUUID } from "node:crypto";
import { closeSync } from "node:fs";
import { open, readFile, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { type Clock, systemClock } from "../clock.js";
import { codeOf } from "../errors.js";
import { Errno, isNativeError, native } from "../native.js";
import { syncFolder } from "../sync-folder.js";
import { type ObjectOp, RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import { fileFault } from "./file-fault.js";
import type { HeadBackend, HeadValue } from "./head-backend.js";
import { HEAD_MAX_BYTES } from "./head-frame.js";

const MODE = 0o600;

function idOf(value: Buffer): string {
	return createHash("sha256").update(value).digest("hex");
}

export class FileHead implements HeadBackend {
	readonly counts = new RequestCounts();
	readonly #clock: Clock;

	/** @param name the file; its folder is there */
	constructor(
		readonly name: string,
		{ clock = systemClock }: { readonly clock?: Clock } = {},
	) {
		this.#clock = clock;
	}

	open(): Promise<void> {
		return this.#do("container", async () => {
			if (!(await stat(path.dirname(this.name))).isDirectory())
				throw new ObjectError(ObjectFault.refused, `${this.name}: its folder is none`);
		});
	}

	read(): Promise<HeadValue | null> {
		return this.#do("read", () => this.#read());
	}

	async #read(): Promise<HeadValue | null> {
		const { size } = await stat(this.name).catch(absent);
		if (size === undefined) return null;
		if (size > 2 * HEAD_MAX_BYTES)
			throw new ObjectError(ObjectFault.damaged, `${this.name}: too long for a head`);
		const value = await readFile(this.name);
		// Whoever put it there may not have come so far, and what has been read must not be gone again.
		await syncFolder(path.dirname(this.name));
		return { id: idOf(value), value };
	}

	swap(id: string | null, value: Buffer, signal: AbortSignal): Promise<string | null> {
		return this.#do("swap", () =>
			this.#locked(async () => {
				const before = await this.#read();
				if ((before?.id ?? null) !== id) return null;
				// Whoever gives up while he waits for a disk has changed nothing from here on.
				signal.throwIfAborted();
				await this.#replace(value);
				return idOf(value);
			}),
		);
	}

	async #replace(value: Buffer): Promise<void> {
		const half = `${this.name}.half-${randomUUID()}`;
		try {
			const handle = await open(half, "wx", MODE);
			try {
				await handle.writeFile(value);
				await handle.sync();
			} finally {
				await handle.close();
			}
			await rename(half, this.name);
		} catch (error) {
			await unlink(half).catch(() => undefined);
			throw error;
		}
		await syncFolder(path.dirname(this.name));
	}

	/** Throws an `ObjectError` if somebody else has the lock now. */
	async #locked<T>(work: () => Promise<T>): Promise<T> {
		const file = `${this.name}.lock`;
		await (await open(file, "a", MODE)).close();
		const descriptor = await lock(file);
		try {
			return await work();
		} finally {
			closeSync(descriptor);
		}
	}

	async close(): Promise<void> {}

	async #do<T>(op: ObjectOp, work: () => Promise<T>): Promise<T> {
		const beganMs = this.#clock.now();
		try {
			const done = await work();
			this.counts.record(op, "ok", beganMs, this.#clock);
			return done;
		} catch (error) {
			const fault = fileFault(`${this.name}: ${op}`, error);
			const kind = fault instanceof ObjectError ? fault.kind : "error";
			this.counts.record(op, codeOf(error) ?? kind, beganMs, this.#clock);
			// There is no head, that is said otherwise: what is absent is what it would be in.
			if (fault instanceof ObjectError && kind === ObjectFault.absent)
				throw new ObjectError(ObjectFault.refused, fault.message);
			throw fault;
		}
	}
}

function absent(error: unknown): { readonly size: undefined } {
	if (codeOf(error) !== "ENOENT") throw error;
	return { size: undefined };
}

async function lock(file: string): Promise<number> {
	try {
		return (await native.fileOpenFor("", file, 0, 0, 0)).descriptor;
	} catch (error) {
		if (!isNativeError(error)) throw error;
		const isHeld = error.errno === Errno.EAGAIN;
		const why = isHeld ? "somebody else is changing it" : `can't be locked (${error.message})`;
		throw new ObjectError(isHeld ? ObjectFault.unavailable : ObjectFault.refused, `${file}: ${why}`, true);
	}
}
