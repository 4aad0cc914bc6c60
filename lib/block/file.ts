/**
 * A regular or sparse file, a block special file, or memory that the kernel keeps as one, as a `BlockDevice`. It checks
 * requests and leaves the work to the engine; it watches whether the file grows or shrinks. Made by `lib/daemon/openers.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError, StorageStatus } from "../errors.js";
import {
	Errno,
	isNativeError,
	type NativeError,
	type NativeFile,
	OPEN_DIRECT,
	OPEN_READ_ONLY,
	OPEN_SYNCED,
} from "../native.js";
import { type CloseEnd, endWithin } from "./close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "./device.js";
import type { StorageEngine } from "./engine.js";
import { type DeviceListener, Listeners } from "./listeners.js";
import type { BlockRequest } from "./request.js";

/** For how long `close` waits for requests. */
const CLOSE_LIMIT_MS = 5000;
/** How often it looks whether they are over: at first, and once there is a disk that hangs. */
const CLOSE_POLL_MS = 5;
const CLOSE_POLL_SLOW_MS = 1000;

/** Who locks files as we do: a lock does not tell which of them. */
const OTHERS = "another vblade, or by another blade of this one";

export interface FileOptions {
	readonly readOnly: boolean;
	/** Open with O_DIRECT: the page cache is passed by. */
	readonly direct: boolean;
	/** What is going to be served of it: that is locked. Without a length, all from the offset on. */
	readonly offsetBytes?: number;
	readonly lengthBytes?: number | undefined;
	/** Each batch of writes is going to be followed by a flush: the storage need not wait for it to begin. */
	readonly synced?: boolean;
	/** Calls off what has not begun: an opening that waits its turn, or for a thread. */
	readonly signal?: AbortSignal;
	/** Told at once if there is no address space left for it: what is in memory is then read and written by a longer way. */
	readonly onUnmapped?: () => void;
}

export class FileDevice implements BlockDevice {
	readonly #engine: StorageEngine;
	readonly #file: NativeFile;
	#info: DeviceInfo;
	readonly #listeners = new Listeners();
	#shrunk = false;
	#closing: Promise<CloseEnd> | null = null;

	/**
	 * Opens and locks `path`, unless it is `opened`. Throws an OperatorError that says what is wrong with it. Waits for the disk,
	 * and all else with it: `open` does not.
	 */
	constructor(
		engine: StorageEngine,
		readonly path: string,
		options: FileOptions,
		opened?: NativeFile,
		isMemory = false,
	) {
		this.#engine = engine;
		this.#file = opened ?? openFile(engine, path, options);
		this.#info = deviceInfo({
			...this.#file,
			readOnly: options.readOnly,
			// Memory lasts as long as the process, flushed or not: there is nothing that a flush could save.
			writeCache: !isMemory,
		});
		if (this.#file.unmapped) options.onUnmapped?.();
		engine.watchStalls(this.#file.file, this.#listeners);
		if (!isMemory) engine.watchSize(this.#file.file, (sizeBytes) => this.#measured(sizeBytes));
	}

	/** The same, by a thread of its own: a file on a disk that hangs may keep that for ever. */
	static async open(engine: StorageEngine, path: string, options: FileOptions): Promise<FileDevice> {
		try {
			const [beginBytes, lengthBytes] = partOf(options);
			const opened = await engine.openLater(
				pathOf(path),
				flagsOf(options),
				beginBytes,
				lengthBytes,
				options.signal,
			);
			return new FileDevice(engine, path, options, checked(engine, path, opened));
		} catch (error) {
			if (!isNativeError(error)) throw error;
			throw explained(path, error, options);
		}
	}

	/** So many bytes of memory, zeros; `name` is what the operator calls it. Throws an OperatorError. */
	static inMemory(
		engine: StorageEngine,
		name: string,
		sizeBytes: number,
		options: Pick<FileOptions, "readOnly" | "onUnmapped">,
	): FileDevice {
		const flags = options.readOnly ? OPEN_READ_ONLY : 0;
		try {
			const file = engine.openMemory(sizeBytes, flags);
			return new FileDevice(engine, name, { ...options, direct: false }, file, true);
		} catch (error) {
			if (!isNativeError(error)) throw error;
			const why =
				error.errno === Errno.EFBIG
					? "larger than a file of this process may be (ulimit -f)"
					: error.message.toLowerCase();
			throw new OperatorError(`${name}: ${why}`);
		}
	}

	get info(): DeviceInfo {
		return this.#info;
	}

	/** What overlapping requests must be rounded to: direct I/O writes whole blocks. At least 1. */
	get alignBytes(): number {
		return this.#file.alignBytes;
	}

	get isBlock(): boolean {
		return this.#file.isBlock;
	}

	submit(request: BlockRequest): void {
		const refused = this.#closing !== null ? StorageStatus.closed : refuse(this.#info, request);
		if (refused === undefined) this.#engine.submit(this.#file.file, request);
		else request.complete(refused);
	}

	/** The page cache can't be switched off here, nor on where there is none; what to make of it is the durability layer's. */
	setWriteCache(enabled: boolean): boolean {
		return enabled === this.#info.writeCache;
	}

	cancel(request: BlockRequest): void {
		this.#engine.cancel(request);
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	close(limitMs = CLOSE_LIMIT_MS): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(): Promise<CloseEnd> {
		// A disk that hangs must not keep the process from ending; the kernel closes the file then.
		for (let pauseMs = CLOSE_POLL_MS; !this.#engine.closeFile(this.#file.file); pauseMs *= 1.1)
			await sleep(Math.min(pauseMs, CLOSE_POLL_SLOW_MS), undefined, { ref: false });
		return "closed";
	}

	#measured(sizeBytes: number): void {
		if (this.#closing !== null) return;
		if (sizeBytes > this.#info.sizeBytes) {
			this.#info = deviceInfo({ ...this.#info, sizeBytes });
			this.#shrunk = false;
			this.#listeners.changed();
		} else if (sizeBytes < this.#info.sizeBytes && !this.#shrunk) {
			this.#shrunk = true;
			this.#listeners.degraded({ kind: "shrunk", storageBytes: sizeBytes });
		}
	}
}

function openFile(engine: StorageEngine, path: string, options: FileOptions): NativeFile {
	try {
		return checked(engine, path, engine.open(pathOf(path), flagsOf(options), ...partOf(options)));
	} catch (error) {
		throw isNativeError(error) ? explained(path, error, options) : error;
	}
}

function flagsOf({ readOnly, direct, synced = false }: FileOptions): number {
	return (readOnly ? OPEN_READ_ONLY : 0) | (direct ? OPEN_DIRECT : 0) | (synced ? OPEN_SYNCED : 0);
}

/** Where it begins and how long it is. No file is longer than what a number holds exactly; that a part is not in it comes out later. */
function partOf({ offsetBytes = 0, lengthBytes = 0 }: FileOptions): [number, number] {
	return [Math.min(offsetBytes, Number.MAX_SAFE_INTEGER), Math.min(lengthBytes, Number.MAX_SAFE_INTEGER)];
}

function pathOf(path: string): string {
	if (path.includes("\0"))
		throw new OperatorError(`${JSON.stringify(path)}: a file name has no NUL character`);
	return path;
}

/** The file, if it holds anything. */
function checked(engine: StorageEngine, path: string, file: NativeFile): NativeFile {
	if (file.sizeBytes > 0) return file;
	engine.closeFile(file.file);
	throw new OperatorError(`${path}: holds less than one sector of ${Math.max(512, file.alignBytes)} bytes`);
}

function explained(path: string, { step, errno, message }: NativeError, options: FileOptions): OperatorError {
	return new OperatorError(`${path}: ${explain(step, errno, options) ?? message.toLowerCase()}`);
}

/** The cases in which the operator can do something that the system's own words do not say. */
function explain(step: string, errno: number, options: FileOptions): string | undefined {
	if (errno === Errno.ENOENT) return "there is no such file";
	if (step === "protect") return "is a read-only block device; use -r to export it read-only";
	if (step === "type") return "is neither a regular file nor a block device";
	if (step === "lock" && errno === Errno.EAGAIN) return `is in use by ${OTHERS} (it holds a lock on it)`;
	if (step === "swap" && errno === Errno.ETXTBSY) return "is swap space of this machine";
	if (step === "loop")
		return "is in use by a loop device of this machine (losetup -l tells which); -r exports it read-only";
	if (step === "part" && errno === Errno.EAGAIN) {
		const isPart = (options.offsetBytes ?? 0) > 0 || options.lengthBytes !== undefined;
		const what = isPart ? "some of these sectors are" : "is";
		return `${what} in use by ${OTHERS}, or by another program (it holds a lock on a part of it)`;
	}
	if (step === "open") {
		if (errno === Errno.EBUSY)
			return `is in use on this machine (mounted, part of another device, or served by ${OTHERS}); -r exports it read-only`;
		if (errno === Errno.EINVAL && options.direct) return "its file system has no direct I/O; leave out -d";
		if (errno === Errno.EROFS) return "is on a read-only file system; use -r to export it read-only";
		if (errno === Errno.EACCES || errno === Errno.EPERM)
			return options.readOnly
				? "may not be read by this user"
				: "may not be written by this user; use -r to export it read-only";
	}
	return undefined;
}
