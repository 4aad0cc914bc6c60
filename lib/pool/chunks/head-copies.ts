/**
 * The head of a pool on disks: a copy of it on each of them, so that it is lost with none. What is written is written to all, and is there when all
 * have it; of copies that differ, after a loss of power, the newest counts, and is put on the others before anything else. Made by `chunks.ts`.
 */

import { type CloseEnd, endWithin } from "../../block/close.js";
import {
	type BlockDevice,
	type DeviceInfo,
	deviceInfo,
	PromisedRequest,
	refuse,
} from "../../block/device.js";
import { Listeners } from "../../block/listeners.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import { invariant, OperatorError, StorageStatus, unreachable } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import type { Memory } from "../../wire/memory.js";
import { type NewestCopy, newestCopy } from "../copies.js";
import type { MendedPlace } from "../folder.js";
import { BLOCK_BYTES } from "../format.js";
import { decodeHead, HEAD_FILE_BYTES, looksLikeHead } from "../head.js";
import { run } from "../run.js";
import type { Allocate, Chunk } from "./chunk.js";
import { HEAD_AT } from "./label.js";

const INFO = deviceInfo({ sizeBytes: HEAD_FILE_BYTES, writeCache: true });

export interface HeadCopiesOf {
	/** The disks as they are now. */
	readonly chunks: () => readonly Chunk[];
	readonly allocate: Allocate;
	/** Called when it is closed. */
	readonly release: () => Promise<void>;
}

export class HeadCopies implements BlockDevice {
	readonly #of: HeadCopiesOf;
	/** What all of them have. */
	readonly #content: Memory;
	readonly #listeners = new Listeners();
	/** What is asked for is done one after the other. */
	readonly #turns = new InTurn();
	#closing: Promise<CloseEnd> | null = null;

	constructor(of: HeadCopiesOf) {
		this.#of = of;
		this.#content = of.allocate(HEAD_FILE_BYTES);
	}

	/** Finds the newest, and gives it to those that have another one. Throws an OperatorError. */
	async begin(): Promise<void> {
		const chunks = this.#of.chunks();
		const copies = await Promise.all(chunks.map((chunk) => readHead(chunk, this.#of.allocate)));
		const generations = copies.map(({ bytes }, index) => generationOf(bytes, `disk ${chunks[index]?.name}`));
		const newest = copies[generations.indexOf(Math.max(...generations))];
		if (newest === undefined) return;
		this.#content.bytes.set(newest.bytes.subarray(0, HEAD_FILE_BYTES));
		const behind = chunks.filter((_, index) => !isSame(copies[index], newest));
		await Promise.all(behind.map((chunk) => this.#give(chunk)));
	}

	/** To a disk that is new among them. Throws an OperatorError. */
	give(chunk: Chunk): Promise<void> {
		return this.#turns.run(() => this.#give(chunk));
	}

	/**
	 * All copies of all disks have what was written last of the head when it resolves, and labels that are the same. Tells where one had something else. Throws
	 * an OperatorError.
	 */
	scrub(): Promise<readonly MendedPlace[]> {
		return this.#turns.run(async () => {
			const mended: MendedPlace[] = [];
			for (const chunk of this.#of.chunks()) {
				for (const at of await chunk.scrub()) mended.push([`disk ${chunk.name}, byte ${at}`, "a label"]);
				const found = await newestHead(chunk, this.#of.allocate).catch(unlessBug);
				const isRight = found !== undefined && isSame(found.value, this.#content);
				if (!isRight) await this.#give(chunk);
				if (!isRight || found.wasMended) mended.push([`disk ${chunk.name}, byte ${HEAD_AT}`, "the head"]);
			}
			return mended;
		});
	}

	async #give({ device, name }: Chunk): Promise<void> {
		await run(device, BlockOp.write, HEAD_AT, HEAD_FILE_BYTES, this.#content, `disk ${name}`);
		await run(device, BlockOp.flush, 0, 0, undefined, `disk ${name}`);
	}

	get info(): DeviceInfo {
		return INFO;
	}

	submit(request: BlockRequest): void {
		const refused = this.#closing === null ? refuse(INFO, request) : StorageStatus.closed;
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		request.park();
		void this.#turns.run(() => this.#carryOut(request));
	}

	async #carryOut(request: BlockRequest): Promise<void> {
		const { op, offsetBytes, lengthBytes, memory, memoryOffset } = request;
		const content = this.#content.bytes;
		switch (op) {
			case BlockOp.read:
				memory.bytes.set(content.subarray(offsetBytes, offsetBytes + lengthBytes), memoryOffset);
				request.complete(StorageStatus.ok);
				break;
			case BlockOp.write:
				if (await this.#onAll(request))
					content.set(memory.bytes.subarray(memoryOffset, memoryOffset + lengthBytes), offsetBytes);
				request.resume();
				break;
			case BlockOp.flush:
				await this.#onAll(request);
				request.resume();
				break;
			case BlockOp.trim:
			case BlockOp.writeZeroes:
			case BlockOp.extents:
				request.complete(StorageStatus.unsupported);
				break;
			default:
				unreachable(op);
		}
	}

	/** False if one of them could not do it, which is what the request says then. */
	async #onAll(request: BlockRequest): Promise<boolean> {
		const { op, offsetBytes, lengthBytes, memory, memoryOffset } = request;
		const ended = await Promise.all(
			this.#of.chunks().map(({ device }) => {
				const promised = new PromisedRequest();
				Object.assign(promised.request, { op, lengthBytes, memory, memoryOffset });
				promised.request.offsetBytes = op === BlockOp.flush ? 0 : HEAD_AT + offsetBytes;
				return promised.run(device);
			}),
		);
		const failed = ended.find(({ status }) => status !== StorageStatus.ok);
		request.status = failed?.status ?? StorageStatus.ok;
		request.errno = failed?.errno ?? 0;
		if (failed !== undefined) request.failedOffsetBytes = offsetBytes;
		return failed === undefined;
	}

	setWriteCache(enabled: boolean): boolean {
		return enabled === INFO.writeCache;
	}

	/** What has begun goes on. */
	cancel(): void {}

	listen(listener: Parameters<Listeners["add"]>[0]): () => void {
		return this.#listeners.add(listener);
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(): Promise<CloseEnd> {
		await this.#turns.idle();
		await this.#of.release();
		return "closed";
	}
}

/** As it is in the copy of the disk that has the newest; where none is whole, as it is. Throws an OperatorError. */
async function newestHead({ device, name }: Chunk, allocate: Allocate): Promise<NewestCopy<Memory>> {
	let any: Memory | undefined;
	const found = await newestCopy(device, HEAD_AT, `disk ${name}`, async (copy) => {
		const memory = allocate(HEAD_FILE_BYTES);
		await run(device, BlockOp.read, HEAD_AT, HEAD_FILE_BYTES, memory, `disk ${name}`, 0, copy);
		any ??= memory;
		return { value: memory, rank: generationOf(memory.bytes, `disk ${name}`), memory };
	});
	if (found !== undefined) return found;
	invariant(any !== undefined, "a head was read from no copy");
	return { value: any, memory: any, wasMended: false };
}

export async function readHead(chunk: Chunk, allocate: Allocate): Promise<Memory> {
	return (await newestHead(chunk, allocate)).value;
}

/** Whether there is anything that looks like one. */
export async function hasHead(chunk: Chunk, allocate: Allocate): Promise<boolean> {
	return looksLikeHead((await readHead(chunk, allocate)).bytes);
}

/** Of the newest that is whole; -1: none is. Throws an OperatorError for a format that is not ours. */
function generationOf(bytes: Uint8Array, name: string): number {
	const heads = [0, BLOCK_BYTES].map((at) => decodeHead(bytes.subarray(at, at + BLOCK_BYTES), name));
	return Math.max(...heads.map((head) => head?.generation ?? -1));
}

function isSame(one: Memory | undefined, other: Memory): boolean {
	if (one === undefined) return false;
	const [a, b] = [one, other].map(({ bytes }) => bytes.subarray(0, HEAD_FILE_BYTES));
	return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/** (It can't be read, and is written anew.) */
function unlessBug(error: unknown): undefined {
	if (!(error instanceof OperatorError)) throw error;
}
