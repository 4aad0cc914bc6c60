/**
 * A file of the log that is there and not open yet: who asks anything of it has it opened, and waits for that. Tens of thousands take seconds to
 * open, for which nobody shall wait who needs three of them. Made by `segment-files.ts`, which has the file itself in its place as soon as it is open.
 */

import { type CloseEnd, endWithin } from "../block/close.js";
import type { BlockDevice, DeviceInfo } from "../block/device.js";
import type { DeviceListener } from "../block/listeners.js";
import type { BlockRequest } from "../block/request.js";
import { OperatorError, StorageStatus } from "../errors.js";

/** For so long `close` waits for a file system that hangs. */
const CLOSE_LIMIT_MS = 5000;

export class LateFile implements BlockDevice {
	readonly #info: DeviceInfo;
	readonly #open: () => Promise<BlockDevice>;
	#device: BlockDevice | null = null;
	#opening: Promise<void> | null = null;
	/** In the order in which they came. */
	#waiting: BlockRequest[] = [];
	readonly #listeners = new Map<DeviceListener, () => void>();
	#closing: Promise<CloseEnd> | null = null;
	/** Why it could not be opened the last time; null: it could, or was not tried. */
	trouble: string | null = null;

	/** `info`: what it is taken for until it is open. `open` throws an OperatorError; it is called again when that has failed and somebody asks once more. */
	constructor(info: DeviceInfo, open: () => Promise<BlockDevice>) {
		this.#info = info;
		this.#open = open;
	}

	get info(): DeviceInfo {
		return this.#device?.info ?? this.#info;
	}

	/** Has it opened; resolves when it is, or can't be (`trouble`). */
	begin(): Promise<void> {
		if (this.#device !== null || this.#closing !== null) return Promise.resolve();
		this.#opening ??= this.#run().finally(() => {
			this.#opening = null;
			// (Who came when it had failed, but before that was known.)
			if (this.#closing !== null) this.#serve();
			else if (this.#waiting.length > 0) void this.begin();
		});
		return this.#opening;
	}

	async #run(): Promise<void> {
		try {
			const device = await this.#open();
			for (const listener of this.#listeners.keys()) this.#listeners.set(listener, device.listen(listener));
			this.#device = device;
			this.trouble = null;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.trouble = error.message;
		} finally {
			this.#serve();
		}
	}

	#serve(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const request of waiting) {
			if (this.#device !== null) this.#device.submit(request);
			else request.complete(this.#closing === null ? StorageStatus.mediumError : StorageStatus.closed);
		}
	}

	submit(request: BlockRequest): void {
		if (this.#device !== null) this.#device.submit(request);
		else if (this.#closing !== null) request.complete(StorageStatus.closed);
		else {
			request.park();
			this.#waiting.push(request);
			void this.begin();
		}
	}

	cancel(request: BlockRequest): void {
		const at = this.#waiting.indexOf(request);
		if (at < 0) {
			this.#device?.cancel(request);
			return;
		}
		this.#waiting.splice(at, 1);
		request.complete(StorageStatus.cancelled);
	}

	setWriteCache(enabled: boolean): boolean {
		return this.#device?.setWriteCache(enabled) ?? enabled === this.#info.writeCache;
	}

	listen(listener: DeviceListener): () => void {
		if (this.#device !== null) return this.#device.listen(listener);
		this.#listeners.set(listener, () => {});
		return () => {
			this.#listeners.get(listener)?.();
			this.#listeners.delete(listener);
		};
	}

	/** One that is being opened is opened first; what waits for that is served then. */
	close(limitMs = CLOSE_LIMIT_MS): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder(limitMs);
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(limitMs: number): Promise<CloseEnd> {
		await this.#opening;
		return (await this.#device?.close(limitMs)) ?? "closed";
	}
}
