/**
 * What a host that waits for a pool reads when it has it, read beforehand: the tables of what the image names, and the newest objects, in which are the last
 * checkpoint and the end of the log. Objects are written once by names that are never used again, so what was read of one stays right. It is the store to
 * whoever opens the pool. Made by `lib/daemon/store-pools.ts`, told by `head-keepers.ts` what is there while it waits.
 */

import type { Clock } from "../../clock.js";
import { ObjectError } from "../../object/errors.js";
import type {
	ByteRange,
	Bytes,
	Call,
	Listed,
	ListOptions,
	ObjectStore,
	PutOutcome,
	ReadCall,
} from "../../object/store.js";
import { objectName } from "./layout.js";
import { imageIn, isStoredImage, type ObjectKey } from "./stored-image.js";
import type { Superblock } from "./superblock.js";

/** Of the objects that are there at first so many of the newest are read as a whole. */
const NEWEST = 8;
/** In memory at most; the oldest are forgotten first. */
const BYTES_MAX = 64 * 1024 * 1024;
/** The pool is open by then, or somebody else has it. */
const KEPT_MS = 15_000;
/** Whoever waits for it is not to wait long. */
const LIMIT_MS = 3_000;

/** Of one object: the first bytes, or all of them. */
interface Reading {
	readonly isWhole: boolean;
	/** Null: it can't be had now. */
	readonly bytes: Promise<Buffer | null>;
	/** As soon as it is here. */
	lengthBytes: number;
}

export class ForeseenObjects implements ObjectStore {
	readonly #store: ObjectStore;
	readonly #clock: Clock;
	readonly #bytesMax: number;
	/** By name, those that were read last at the end. */
	readonly #readings = new Map<string, Reading>();
	#bytes = 0;
	#cancelEnd = (): void => {};

	constructor(store: ObjectStore, clock: Clock, bytesMax = BYTES_MAX) {
		this.#store = store;
		this.#clock = clock;
		this.#bytesMax = bytesMax;
	}

	get name(): string {
		return this.#store.name;
	}

	/** Resolves when all that whoever opens it now would read is here, unless that takes too long. */
	async look({ pool, image }: Pick<Superblock, "pool" | "image">): Promise<void> {
		// (What is wrong with it is found by who opens it.)
		if (!isStoredImage(image)) return;
		const { manifest, tail } = imageIn(image);
		this.#cancelEnd();
		this.#cancelEnd = this.#clock.after(KEPT_MS, () => this.forget());
		const isFirst = this.#readings.size === 0;
		const nameOf = ({ epoch, number }: ObjectKey): string => objectName(pool, epoch, number);
		for (let part = 0; part < (manifest?.parts ?? 0); part++)
			if (manifest !== null) this.#read(nameOf({ ...manifest, number: manifest.number + part }));
		const objects = tail.flatMap(({ epoch, first, tables }) =>
			tables.map((length, index) => ({ name: nameOf({ epoch, number: first + index }), length })),
		);
		const older = isFirst ? Math.max(0, objects.length - NEWEST) : 0;
		for (const [index, { name, length }] of objects.entries())
			this.#read(name, index < older ? { offset: 0, length } : undefined);
		await Promise.all([...this.#readings.values()].map(({ bytes }) => bytes));
	}

	#read(name: string, range?: ByteRange): void {
		if (this.#readings.has(name)) return;
		const reading: Reading = {
			isWhole: range === undefined,
			bytes: this.#bytesOf(name, range),
			lengthBytes: 0,
		};
		this.#readings.set(name, reading);
		void reading.bytes.then((bytes) => {
			if (this.#readings.get(name) !== reading) return;
			if (bytes === null) this.#readings.delete(name);
			else this.#keep(reading, bytes.length);
		});
	}

	async #bytesOf(name: string, range: ByteRange | undefined): Promise<Buffer | null> {
		try {
			return await this.#store.get(name, range, { limitMs: LIMIT_MS });
		} catch (error) {
			if (error instanceof ObjectError) return null;
			throw error;
		}
	}

	#keep(reading: Reading, lengthBytes: number): void {
		reading.lengthBytes = lengthBytes;
		this.#bytes += lengthBytes;
		for (const [name, oldest] of this.#readings) {
			if (this.#bytes <= this.#bytesMax) return;
			if (oldest.isWhole) this.#drop(name, oldest);
		}
	}

	#drop(name: string, { lengthBytes }: Reading): void {
		this.#readings.delete(name);
		this.#bytes -= lengthBytes;
	}

	/** Nothing is in memory any more. */
	forget(): void {
		this.#cancelEnd();
		for (const [name, reading] of this.#readings) this.#drop(name, reading);
	}

	async get(name: string, range?: ByteRange, call?: ReadCall): Promise<Buffer> {
		// (Who asks for the newest has been given something that was not right.)
		const reading = call?.newest === true ? undefined : this.#readings.get(name);
		if (reading === undefined) return this.#store.get(name, range, call);
		return (await partOf(reading, range)) ?? this.#store.get(name, range, call);
	}

	open(call?: Call): Promise<void> {
		return this.#store.open(call);
	}

	put(name: string, bytes: Bytes, call?: Call): Promise<PutOutcome> {
		return this.#store.put(name, bytes, call);
	}

	head(name: string, call?: ReadCall): Promise<number> {
		return this.#store.head(name, call);
	}

	delete(names: readonly string[], call?: Call): Promise<void> {
		return this.#store.delete(names, call);
	}

	list(options?: ListOptions, call?: Call): Promise<Listed> {
		return this.#store.list(options, call);
	}

	close(): Promise<void> {
		this.forget();
		return this.#store.close();
	}
}

/** Null: it is not in what was read. */
async function partOf(reading: Reading, range: ByteRange | undefined): Promise<Buffer | null> {
	const bytes = await reading.bytes;
	if (bytes === null || range === undefined) return reading.isWhole ? bytes : null;
	const end = range.offset + range.length;
	return end <= bytes.length ? bytes.subarray(range.offset, end) : null;
}
