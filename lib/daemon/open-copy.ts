/**
 * A volume of a pool that is open to be copied from or to, piece by piece, until nobody has asked for a while. Made by `worker-volumes.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { OperatorError, StorageStatus, storageStatusName } from "../errors.js";
import { DATA_EXTENT_BYTES } from "../image/extent.js";
import { nativeMemory } from "../native.js";
import type { UsedPool } from "../pool/openings.js";
import { quote } from "../text.js";
import type { Memory } from "../wire/memory.js";
import type { WrittenPiece } from "./worker-messages.js";

/** Longer than it takes until somebody who copies asks for the next piece. */
const KEPT_MS = 60_000;

export class OpenCopy {
	#timer: NodeJS.Timeout | undefined;
	/** Questions that are being answered. */
	#users = 0;
	readonly #asked = new PromisedRequest();
	#turn: Promise<unknown> = Promise.resolve();

	constructor(
		readonly used: UsedPool,
		readonly device: BlockDevice,
		/** What messages call it. */
		readonly name: string,
		readonly whenIdle: () => void,
	) {}

	/** Until the next question. */
	async using<T>(work: () => Promise<T>): Promise<T> {
		clearTimeout(this.#timer);
		this.#users++;
		try {
			return await work();
		} finally {
			if (--this.#users === 0) this.#timer = setTimeout(this.whenIdle, KEPT_MS).unref();
		}
	}

	/** Throws an OperatorError. */
	read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
		return this.#inTurn(async ({ bytes }) => {
			await this.#run(BlockOp.read, offsetBytes, lengthBytes, "read");
			return Uint8Array.from(bytes.subarray(0, lengthBytes));
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
		const done = this.#turn.then(() => {
			const { request } = this.#asked;
			if (request.memory.bytes.length === 0) request.memory = nativeMemory(DATA_EXTENT_BYTES);
			request.mayUnmap = true;
			return work(request.memory);
		});
		this.#turn = done.catch(() => undefined);
		return done;
	}

	async #run(op: BlockOp, offsetBytes: number, lengthBytes: number, what: string): Promise<void> {
		Object.assign(this.#asked.request, { op, offsetBytes, lengthBytes });
		const { status } = await this.#asked.run(this.device);
		if (status !== StorageStatus.ok)
			throw new OperatorError(`${quote(this.name)}: can't be ${what} (${storageStatusName(status)})`);
	}

	async close(): Promise<void> {
		clearTimeout(this.#timer);
		await this.device.close();
	}
}
