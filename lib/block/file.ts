/**
 * A regular or sparse file, a block special file, or memory that the kernel keeps as one, as a `BlockDevice`. It checks
 * requests and leaves the work to the engine; it watches whether the file grows or shrinks. Made by `lib/daemon/openers.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError, StorageStatus } from "../errors.js";
import { type NativeFile, OPEN_READ_ONLY, type PassedFile } from "../native.js";
import { type CloseEnd, endWithin } from "./close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "./device.js";
import type { StorageEngine } from "./engine.js";
import {
	explained,
	explainedMemory,
	type FileOptions,
	flagsOf,
	type MemoryOptions,
	openingOf,
} from "./file-options.js";
import { type DeviceListener, Listeners } from "./listeners.js";
import type { BlockRequest } from "./request.js";

/** For how long `close` waits for requests. */
const CLOSE_LIMIT_MS = 5000;
/** How often it looks whether they are over: at first, and once there is a disk that hangs. */
const CLOSE_POLL_MS = 5;
const CLOSE_POLL_SLOW_MS = 1000;

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
			// Memory lasts as long as who keeps it, flushed or not: there is nothing that a flush could save.
			writeCache: !isMemory,
		});
		if (this.#file.unmapped) options.onUnmapped?.();
		engine.watchStalls(this.#file.file, this.#listeners);
		if (!isMemory) engine.watchSize(this.#file.file, (sizeBytes) => this.#measured(sizeBytes));
	}

	/** The same, by a thread of its own: a file on a disk that hangs may keep that for ever. */
	static async open(engine: StorageEngine, path: string, options: FileOptions): Promise<FileDevice> {
		try {
			const opened = await engine.openLater(...openingOf(path, options), options.signal);
			return new FileDevice(engine, path, options, checked(engine, path, opened));
		} catch (error) {
			throw explained(path, error, options);
		}
	}

	/**
	 * The same with a file that another process opens, as `openToPass` does with these options: `ask` has it do so, when it is this
	 * file's turn. From then on nothing is needed but the descriptor.
	 */
	static async adopt(
		engine: StorageEngine,
		path: string,
		options: FileOptions,
		ask: () => Promise<PassedFile>,
	): Promise<FileDevice> {
		try {
			const adopted = await engine.adoptLater(path, flagsOf(options), ask, options.signal);
			return new FileDevice(engine, path, options, checked(engine, path, adopted));
		} catch (error) {
			throw explained(path, error, options);
		}
	}

	/** So many bytes of memory, zeros; `name` is what the operator calls it. Throws an OperatorError. */
	static inMemory(
		engine: StorageEngine,
		name: string,
		sizeBytes: number,
		options: MemoryOptions,
	): FileDevice {
		return FileDevice.#memory(engine, name, options, (flags) => engine.openMemory({ sizeBytes }, flags));
	}

	/** The same with memory that another process has made, and keeps beyond the end of this one. Has the descriptor. */
	static adoptMemory(
		engine: StorageEngine,
		name: string,
		descriptor: number,
		options: MemoryOptions,
	): FileDevice {
		return FileDevice.#memory(engine, name, options, (flags) => engine.openMemory({ descriptor }, flags));
	}

	static #memory(
		engine: StorageEngine,
		name: string,
		options: MemoryOptions,
		open: (flags: number) => NativeFile,
	): FileDevice {
		try {
			const file = open(options.readOnly ? OPEN_READ_ONLY : 0);
			return new FileDevice(engine, name, { ...options, direct: false }, file, true);
		} catch (error) {
			throw explainedMemory(name, error);
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
		if (sizeBytes > this.#info.sizeBytes || (this.#shrunk && sizeBytes === this.#info.sizeBytes)) {
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
		return checked(engine, path, engine.open(...openingOf(path, options)));
	} catch (error) {
		throw explained(path, error, options);
	}
}

/** The file, if it holds anything. */
function checked(engine: StorageEngine, path: string, file: NativeFile): NativeFile {
	if (file.sizeBytes > 0) return file;
	engine.closeFile(file.file);
	throw new OperatorError(`${path}: holds less than one sector of ${Math.max(512, file.alignBytes)} bytes`);
}
