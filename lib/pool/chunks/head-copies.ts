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
import { StorageStatus, unreachable } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import type { Memory } from "../../wire/memory.js";
import { BLOCK_BYTES } from "../format.js";
import { decodeHead, HEAD_FILE_BYTES, looksLikeHead } from "../head.js";
import { copiesOf } from "../mend.js";
import { run } from "../run.js";
import { type Allocate, type Chunk, newestOf } from "./chunk.js";
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

/** As it is in the copy of the disk that has the newest. Throws an OperatorError. */
export async function readHead({ device, name }: Chunk, allocate: Allocate): Promise<Memory> {
	const found: Memory[] = [];
	for (const copy of copiesOf(device)) {
		const memory = allocate(HEAD_FILE_BYTES);
		await run(device, BlockOp.read, HEAD_AT, HEAD_FILE_BYTES, memory, `disk ${name}`, 0, copy);
		found.push(memory);
	}
	const isSameInAll = found.every((each) => isSame(each, found[0]!));
	const newest = isSameInAll
		? undefined
		: newestOf(found, ({ bytes }) => generationOf(bytes, `disk ${name}`));
	if (newest !== undefined)
		await run(device, BlockOp.write, HEAD_AT, HEAD_FILE_BYTES, newest, `disk ${name}`);
	return newest ?? found[0]!;
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
