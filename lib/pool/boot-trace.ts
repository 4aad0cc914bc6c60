/**
 * What a machine reads of its disk when it boots, where that has to be fetched: recorded for the first clone of a snapshot, in order, and read ahead for
 * each clone that is opened later, before the machine asks for it. Put on volumes by `volume-stack.ts`; kept by who has the pool's files
 * (`PoolFolder.traces`). A trace that can't be had or kept costs time, and nothing else.
 */

import type { CloseEnd } from "../block/close.js";
import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { DeviceLayer } from "../block/layer.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import type { Clock } from "../clock.js";
import type { Memory } from "../wire/memory.js";

export interface Traces {
	readonly clock: Clock;
	/** Null: there is none. */
	load(name: string): Promise<Buffer | null>;
	/** If there is one already it stays. */
	save(name: string, bytes: Buffer): Promise<void>;
}

/** What is recorded and read ahead as one. */
const TRACED_BYTES = 16 * 1024;
/** A trace has at most so many: 1 GiB. */
const TRACED_MAX = 65_536;
/** Fewer are no boot. */
const TRACED_MIN = 8;
/** So long a boot takes. */
const BOOT_MS = 180_000;
const AHEAD_AT_ONCE = 32;

export interface TracedBy {
	readonly traces: Traces;
	/** Of the snapshot that the volume began as. */
	readonly name: string;
	readonly allocate: (byteLength: number) => Memory;
}

export class BootTrace extends DeviceLayer {
	readonly #by: TracedBy;
	/** What was read so far, in order; null: it is not recorded. */
	#recorded: Set<number> | null = new Set();
	#cancelTimer: () => void = () => {};
	#isClosed = false;
	readonly #began: Promise<void>;

	constructor(device: BlockDevice, by: TracedBy) {
		super(device);
		this.#by = by;
		this.#began = this.#begin();
	}

	async #begin(): Promise<void> {
		const { traces, name } = this.#by;
		try {
			const found = await traces.load(name);
			if (found === null) {
				if (!this.#isClosed) this.#cancelTimer = traces.clock.after(BOOT_MS, () => void this.#end());
				return;
			}
			this.#recorded = null;
			await this.#readAhead(chunksIn(found));
		} catch {
			// (Who boots reads it all the same.)
			this.#recorded = null;
		}
	}

	async #readAhead(chunks: readonly number[]): Promise<void> {
		let next = 0;
		const one = async (): Promise<void> => {
			const memory = this.#by.allocate(TRACED_BYTES);
			for (let at = next++; at < chunks.length && !this.#isClosed; at = next++) {
				const offsetBytes = chunks[at]! * TRACED_BYTES;
				const lengthBytes = Math.min(TRACED_BYTES, this.info.sizeBytes - offsetBytes);
				// (It may have become smaller since.)
				if (lengthBytes <= 0) continue;
				const promised = new PromisedRequest();
				Object.assign(promised.request, { op: BlockOp.read, offsetBytes, lengthBytes, memory });
				await promised.run(this.device);
			}
		};
		await Promise.all(Array.from({ length: AHEAD_AT_ONCE }, one));
	}

	protected handle(request: BlockRequest): void {
		if (this.#recorded !== null && request.op === BlockOp.read) this.#record(this.#recorded, request);
		this.device.submit(request);
	}

	#record(recorded: Set<number>, { offsetBytes, lengthBytes }: BlockRequest): void {
		const end = offsetBytes + lengthBytes;
		for (let chunk = Math.floor(offsetBytes / TRACED_BYTES); chunk * TRACED_BYTES < end; chunk++)
			if (recorded.size < TRACED_MAX) recorded.add(chunk);
	}

	below(request: BlockRequest): void {
		request.resume();
	}

	/** What was recorded by now is kept. */
	async #end(): Promise<void> {
		this.#cancelTimer();
		const recorded = this.#recorded;
		this.#recorded = null;
		if (recorded === null || recorded.size < TRACED_MIN) return;
		const { traces, name } = this.#by;
		await traces.save(name, Buffer.from(Uint32Array.from(recorded).buffer)).catch(() => {});
	}

	override close(limitMs?: number): Promise<CloseEnd> {
		this.#isClosed = true;
		return this.#closeInOrder(limitMs);
	}

	async #closeInOrder(limitMs?: number): Promise<CloseEnd> {
		await this.#began;
		await this.#end();
		return super.close(limitMs);
	}
}

/** Whatever it is that was kept. */
function chunksIn(bytes: Buffer): number[] {
	const chunks: number[] = [];
	for (let at = 0; at + 4 <= bytes.length && chunks.length < TRACED_MAX; at += 4)
		chunks.push(bytes.readUInt32LE(at));
	return chunks;
}

/** Undefined: the volume began as nothing, or nobody has to wait for what is read. */
export function traceOf(
	{ world, living }: TracedPool,
	{ line }: { readonly line: number },
): TracedBy | undefined {
	const { folder, allocate } = world;
	const position = living.descent.originAt(line);
	if (folder.traces === undefined || position === 0) return undefined;
	return { traces: folder.traces, name: String(position), allocate };
}

/** Of a pool that is open: where its files are, and what its volumes began as. */
interface TracedPool {
	readonly world: {
		readonly folder: { readonly traces?: Traces | undefined };
		readonly allocate: TracedBy["allocate"];
	};
	readonly living: { readonly descent: { originAt(line: number): number } };
}
