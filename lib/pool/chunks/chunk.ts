/**
 * A disk that a pool is on: its label is read and written here, one write at a time, and what is to be written meanwhile is written when that is over, the
 * newest alone. Made by `chunks.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { OperatorError } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { type FoundCopy, newestCopy } from "../copies.js";
import { BLOCK_BYTES, FILE_BYTES, roundUp } from "../format.js";
import { HEAD_FILE_BYTES } from "../head.js";
import { run } from "../run.js";
import { SIGNED_BYTES, signatureIn } from "../signatures.js";
import { decodeLabel, encodeLabel, HEAD_AT, LABEL_AT, labelLength } from "./label.js";
import { BEGIN_BYTES, type ChunkTable, type Label } from "./table.js";

const MIB = 1024 * 1024;
const ZEROS = new Uint8Array(MIB);

/** A disk of the daemon's, open. */
export interface NamedDevice {
	readonly name: string;
	readonly device: BlockDevice;
}

export type Allocate = (byteLength: number) => Memory;

export class Chunk {
	readonly name: string;
	readonly device: BlockDevice;
	readonly #allocate: Allocate;
	/** The copy of the label that was written last. */
	#copy: number;
	/** What is to be written next, and when that will be; null: nothing waits. */
	#next: { label: Label; readonly written: Promise<void> } | null = null;
	#last: Promise<void> = Promise.resolve();

	constructor({ name, device }: NamedDevice, allocate: Allocate, copy = 0) {
		this.name = name;
		this.device = device;
		this.#allocate = allocate;
		this.#copy = copy;
	}

	/** Stable when it resolves, or a newer one is. Throws an OperatorError. */
	write(table: ChunkTable, uuid: string): Promise<void> {
		const label = { ...table, uuid };
		if (this.#next !== null) {
			this.#next.label = label;
			return this.#next.written;
		}
		const written = this.#last.then(() => this.#writeNext());
		this.#next = { label, written };
		this.#last = written.catch(() => {});
		return written;
	}

	async #writeNext(): Promise<void> {
		const next = this.#next;
		this.#next = null;
		if (next !== null) await this.#write(next.label);
	}

	/** Both labels are the same in all copies of the disk, as far as one has them whole, when it resolves. Throws an OperatorError. */
	scrub(): Promise<readonly number[]> {
		const { name, device } = this;
		const scrubbed = this.#last.then(() => readLabel({ name, device }, this.#allocate));
		this.#last = scrubbed.then(
			() => {},
			() => {},
		);
		return scrubbed.then(({ mendedAt }) => mendedAt);
	}

	/** All that was asked for by now is over when it resolves. */
	get idle(): Promise<void> {
		return this.#last;
	}

	async #write(label: Label): Promise<void> {
		// The other one stays whole meanwhile.
		const copy = 1 - this.#copy;
		await this.#put(LABEL_AT[copy] ?? 0, encodeLabel(label));
		this.#copy = copy;
	}

	async #put(at: number, bytes: Uint8Array): Promise<void> {
		const memory = this.#allocate(bytes.length);
		memory.bytes.set(bytes);
		await run(this.device, BlockOp.write, at, bytes.length, memory, `disk ${this.name}`);
		await run(this.device, BlockOp.flush, 0, 0, undefined, `disk ${this.name}`);
	}

	/** What was there before is no more, in either copy. Throws an OperatorError. */
	async format(table: ChunkTable, uuid: string): Promise<void> {
		await this.wipe();
		const bytes = encodeLabel({ ...table, uuid });
		for (const at of LABEL_AT) await this.#put(at, bytes);
	}

	/** It is no part of any pool when it resolves. Throws an OperatorError. */
	async wipe(): Promise<void> {
		for (const at of LABEL_AT) await this.#put(at, new Uint8Array(BLOCK_BYTES));
		await this.#put(HEAD_AT, new Uint8Array(HEAD_FILE_BYTES));
	}
}

/** A label as it was found. */
interface FoundLabel {
	readonly label: Label | undefined;
	/** Which of the two it is. */
	readonly copy: number;
	/** Places at which not all copies of the disk had the same. */
	readonly mendedAt: readonly number[];
}

/** The label of a disk: the newer of two that are whole, in whatever copy of the disk. Throws an OperatorError. */
export async function readLabel(disk: NamedDevice, allocate: Allocate): Promise<FoundLabel> {
	const mendedAt: number[] = [];
	let newest: FoundLabel = { label: undefined, copy: 0, mendedAt };
	if (disk.device.info.sizeBytes < BEGIN_BYTES) return newest;
	for (const [copy, at] of LABEL_AT.entries()) {
		const read = (copyOfDisk: number) => readWritten(disk, at, allocate, copyOfDisk);
		const found = await newestCopy(disk.device, at, `disk ${disk.name}`, read);
		if (found?.wasMended) mendedAt.push(at);
		const label = found?.value;
		if (label !== undefined && label.generation >= (newest.label?.generation ?? 0))
			newest = { label, copy, mendedAt };
	}
	return newest;
}

async function readWritten(
	{ name, device }: NamedDevice,
	at: number,
	allocate: Allocate,
	copy: number,
): Promise<FoundCopy<Label> | undefined> {
	const first = allocate(BLOCK_BYTES);
	await run(device, BlockOp.read, at, BLOCK_BYTES, first, `disk ${name}`, 0, copy);
	const length = roundUp(labelLength(first.bytes, `disk ${name}`), BLOCK_BYTES);
	if (length === 0) return undefined;
	const memory = allocate(length);
	await run(device, BlockOp.read, at, length, memory, `disk ${name}`, 0, copy);
	const label = decodeLabel(memory.bytes.subarray(0, length), `disk ${name}`);
	return label && { value: label, rank: label.generation, memory };
}

/** Throws an OperatorError unless there is room for a file, and, but by force, nothing on it: its first and last MiB are zeros. */
export async function refuseUnfit(
	{ name, device }: NamedDevice,
	allocate: Allocate,
	force: boolean,
): Promise<void> {
	const { sizeBytes, readOnly } = device.info;
	if (readOnly) throw new OperatorError(`disk ${name}: is read only`);
	const least = BEGIN_BYTES + FILE_BYTES;
	if (sizeBytes < least)
		throw new OperatorError(`disk ${name}: has ${sizeBytes} bytes; a pool takes at least ${least} of each`);
	if (force) return;
	const memory = allocate(MIB);
	for (const at of [0, sizeBytes - MIB]) {
		await run(device, BlockOp.read, at, MIB, memory, `disk ${name}`);
		const what = whatIsIn(memory.bytes.subarray(0, MIB), at === 0, name);
		if (what !== undefined) throw new OperatorError(`disk ${name}: has ${what} on it; force overwrites it`);
	}
}

function whatIsIn(bytes: Uint8Array, isBegin: boolean, name: string): string | undefined {
	if (isBegin && labelLength(bytes, `disk ${name}`) > 0) return "a part of a pool";
	if (isBegin) {
		const signed = signatureIn(bytes.subarray(0, SIGNED_BYTES));
		if (signed !== undefined) return signed;
	}
	return Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0 ? undefined : "data";
}
