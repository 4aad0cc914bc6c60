/**
 * A volume of a pool that is open to be copied from or to, piece by piece, until nobody has asked for a while. Made by `worker-volumes.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { OperatorError, StorageStatus, storageStatusText } from "../errors.js";
import { DATA_EXTENT_BYTES } from "../image/extent.js";
import { InTurn } from "../in-turn.js";
import { nativeMemory } from "../native.js";
import { pageBytesOf } from "../pool/changed-ranges.js";
import { copiesOf } from "../pool/mend.js";
import type { UsedPool } from "../pool/openings.js";
import { isOfPast } from "../pool/past.js";
import { quote } from "../text.js";
import type { Memory } from "../wire/memory.js";
import type { WrittenPiece } from "./worker-messages.js";

/** Longer than it takes until somebody who copies asks for the next piece. */
const KEPT_MS = 60_000;

export class OpenCopy {
	#timer: NodeJS.Timeout | undefined;
	/** Questions that are being answered. */
	#users = 0;
	#whenUnused: () => void = () => {};
	/** When the last one was answered. */
	#answeredMs = performance.now();
	#isClosed = false;
	readonly #asked = new PromisedRequest();
	readonly #turns = new InTurn();
	/** What the name stood for when this was opened. */
	readonly id: string;
	readonly pageBytes: number;

	constructor(
		readonly used: UsedPool,
		readonly device: BlockDevice,
		/** What messages call it. */
		readonly name: string,
		readonly whenIdle: () => void,
	) {
		this.id = this.idNow;
		this.pageBytes = pageBytesOf(used.pool, name);
	}

	/** What the name stands for now. Throws an OperatorError if that is nothing. */
	get idNow(): string {
		const { administration, readings } = this.used.pool;
		// (Of one that is being filled, whatever it holds by now.)
		return isOfPast(this.name)
			? readings.contentId(this.name)
			: String(administration.volume(this.name).line);
	}

	/** Since when nobody has asked. */
	get idleMs(): number {
		return this.#users > 0 ? 0 : performance.now() - this.#answeredMs;
	}

	/** Until the next question. */
	async using<T>(work: () => Promise<T>): Promise<T> {
		clearTimeout(this.#timer);
		this.#users++;
		try {
			return await work();
		} finally {
			this.#answeredMs = performance.now();
			if (--this.#users === 0) this.#unused();
		}
	}

	#unused(): void {
		if (this.#isClosed) this.#whenUnused();
		else this.#timer = setTimeout(this.whenIdle, KEPT_MS).unref();
	}

	/** Throws an OperatorError. */
	read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
		return this.#inTurn(async ({ bytes }) => {
			await this.#run(BlockOp.read, offsetBytes, lengthBytes, "read");
			return Uint8Array.from(bytes.subarray(0, lengthBytes));
		});
	}

	/** All copies of it are read: one that is wrong is written again. Throws an OperatorError if none is right. */
	verify(offsetBytes: number, lengthBytes: number): Promise<void> {
		return this.#inTurn(async () => {
			const { request } = this.#asked;
			try {
				for (const copy of copiesOf(this.device)) {
					request.anotherCopy = copy;
					await this.#run(BlockOp.read, offsetBytes, lengthBytes, "read");
				}
			} finally {
				request.anotherCopy = 0;
			}
		});
	}

	/** `bytes`: of all pieces of data, one after the other. Throws an OperatorError. */
	write(pieces: readonly WrittenPiece[], bytes: Uint8Array, sync: boolean): Promise<void> {
		return this.#inTurn(async (memory) => {
			let from = 0;
			for (const { kind, offsetBytes, lengthBytes } of pieces) {
				const op = kind === "data" ? BlockOp.write : BlockOp.writeZeroes;
				if (kind === "data") {
					const end = from + lengthBytes;
					if (end > bytes.length || lengthBytes > DATA_EXTENT_BYTES)
						throw new OperatorError("there are fewer bytes than the pieces have");
					memory.bytes.set(bytes.subarray(from, end));
					from = end;
				}
				await this.#run(op, offsetBytes, lengthBytes, "written");
			}
			if (sync) await this.#run(BlockOp.flush, 0, 0, "written");
		});
	}

	/** One at a time: they have the memory in common. */
	#inTurn<T>(work: (memory: Memory) => Promise<T>): Promise<T> {
		return this.#turns.run(() => {
			const { request } = this.#asked;
			if (request.memory.bytes.length === 0) request.memory = nativeMemory(DATA_EXTENT_BYTES);
			request.mayUnmap = true;
			return work(request.memory);
		});
	}

	async #run(op: BlockOp, offsetBytes: number, lengthBytes: number, what: string): Promise<void> {
		Object.assign(this.#asked.request, { op, offsetBytes, lengthBytes });
		const { status } = await this.#asked.run(this.device);
		if (status !== StorageStatus.ok)
			throw new OperatorError(`${quote(this.name)}: can't be ${what} (${storageStatusText(status)})`);
	}

	/** When all has been answered that was asked. */
	async close(): Promise<void> {
		clearTimeout(this.#timer);
		this.#isClosed = true;
		if (this.#users > 0)
			await new Promise<void>((resolve) => {
				this.#whenUnused = resolve;
			});
		await this.device.close();
	}
}
