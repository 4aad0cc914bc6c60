/**
 * A regular or sparse file, a block special file, or memory that the kernel keeps as one, as a `BlockDevice`. It checks
 * requests and leaves the work to the engine; it watches whether the file grows or shrinks. Made by `open.ts`.
 */

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
import type { BlockDevice, DeviceInfo, DeviceListener } from "./device.js";
import { refuse } from "./device.js";
import type { StorageEngine } from "./engine.js";
import type { BlockRequest } from "./request.js";
import type { StallListener } from "./stalls.js";

/** For how long `close` waits for requests. */
const CLOSE_LIMIT_MS = 5000;
const CLOSE_POLL_MS = 5;

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
	/** Told once, when the file became shorter than it was when it was opened or has grown to since. */
	readonly onShrunk?: (sizeBytes: number) => void;
	/** Told at once if there is no address space left for it: what is in memory is then read and written by a longer way. */
	readonly onUnmapped?: () => void;
	/** Told when requests take remarkably long. Their offsets are in the file. */
	readonly stalls?: StallListener;
}

export class FileDevice implements BlockDevice {
	readonly #engine: StorageEngine;
	readonly #file: NativeFile;
	readonly #options: FileOptions;
	#info: DeviceInfo;
	#listener: DeviceListener | null = null;
	#shrunk = false;
	#closing: Promise<void> | null = null;

	/** Opens and locks `path`. Throws an OperatorError that says what is wrong with it. */
	constructor(
		engine: StorageEngine,
		readonly path: string,
		options: FileOptions,
		memory?: NativeFile,
	) {
		this.#engine = engine;
		this.#options = options;
		this.#file = memory ?? openFile(engine, path, options);
		this.#info = {
			sizeBytes: this.#file.sizeBytes,
			physicalBlockBytes: this.#file.physicalBlockBytes,
			readOnly: options.readOnly,
			canTrim: this.#file.canTrim,
			// Memory lasts as long as the process, flushed or not: there is nothing that a flush could save.
			writeCache: memory === undefined,
			nonRotational: this.#file.nonRotational,
		};
		if (this.#file.unmapped) options.onUnmapped?.();
		if (options.stalls !== undefined) engine.watchStalls(this.#file.file, options.stalls);
		if (memory === undefined) engine.watchSize(this.#file.file, (sizeBytes) => this.#measured(sizeBytes));
	}

	/** So many bytes of memory, zeros; `name` is what the operator calls it. Throws an OperatorError. */
	static inMemory(
		engine: StorageEngine,
		name: string,
		sizeBytes: number,
		options: Pick<FileOptions, "readOnly" | "onUnmapped" | "stalls">,
	): FileDevice {
		const flags = options.readOnly ? OPEN_READ_ONLY : 0;
		const file = orOperatorError(
			() => engine.openMemory(sizeBytes, flags),
			({ errno, message }) =>
				`${name}: ${errno === Errno.EFBIG ? "larger than a file of this process may be (ulimit -f)" : message.toLowerCase()}`,
		);
		return new FileDevice(engine, name, { ...options, direct: false }, file);
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

	onChange(listener: DeviceListener): void {
		this.#listener = listener;
	}

	close(): Promise<void> {
		this.#closing ??= this.#closeInOrder();
		return this.#closing;
	}

	async #closeInOrder(): Promise<void> {
		const endMs = Date.now() + CLOSE_LIMIT_MS;
		// A disk that hangs must not keep the process from ending; the kernel closes the file then.
		while (!this.#engine.closeFile(this.#file.file) && Date.now() < endMs)
			await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
	}

	#measured(sizeBytes: number): void {
		if (this.#closing !== null) return;
		if (sizeBytes > this.#info.sizeBytes) {
			this.#info = { ...this.#info, sizeBytes };
			this.#shrunk = false;
			this.#listener?.(this);
		} else if (sizeBytes < this.#info.sizeBytes && !this.#shrunk) {
			this.#shrunk = true;
			this.#options.onShrunk?.(sizeBytes);
		}
	}
}

function openFile(engine: StorageEngine, path: string, options: FileOptions): NativeFile {
	const flags =
		(options.readOnly ? OPEN_READ_ONLY : 0) |
		(options.direct ? OPEN_DIRECT : 0) |
		(options.synced ? OPEN_SYNCED : 0);
	if (path.includes("\0"))
		throw new OperatorError(`${JSON.stringify(path)}: a file name has no NUL character`);
	const file = orOperatorError(
		() => engine.open(path, flags, options.offsetBytes ?? 0, options.lengthBytes),
		({ step, errno, message }) => `${path}: ${explain(step, errno, options) ?? message.toLowerCase()}`,
	);
	if (file.sizeBytes > 0) return file;
	engine.closeFile(file.file);
	throw new OperatorError(`${path}: holds less than one sector of ${Math.max(512, file.alignBytes)} bytes`);
}

/** What `open` gives, or an OperatorError with what `words` makes of its failure. */
function orOperatorError(open: () => NativeFile, words: (error: NativeError) => string): NativeFile {
	try {
		return open();
	} catch (error) {
		if (!isNativeError(error)) throw error;
		throw new OperatorError(words(error));
	}
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
