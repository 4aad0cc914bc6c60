/**
 * Brings what a pool writes to its object store: cuts (`cut.ts`), one after the other, each uploaded as objects of which several are on their way, and then
 * named by the superblock, all at once. So what the store has is always the pool as it was at one instant. A store that is away is tried again for ever;
 * meanwhile writes go on until what it lacks is as much as may be here. Made by `store-folder.ts`, told by its files.
 */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import type { ObjectStore } from "../../object/store.js";
import type { Memory } from "../../wire/memory.js";
import { Cut, type Plan } from "./cut.js";
import type { Image, ImageRange } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { IMAGE_BLOCK_BYTES, OBJECT_BLOCKS, objectName } from "./layout.js";
import type { LocalFile, Span } from "./local-file.js";
import { type ObjectTable, objectBytes, tableBytes } from "./object-form.js";
import { Patience } from "./patience.js";
import { apply, extendTail, type ObjectKey, type StoredImage, tailLength } from "./stored-image.js";
import { writeManifest } from "./write-manifest.js";

/** With so much a cut is made, and at the latest so long after the first of it was written. */
const CUT_BLOCKS = (64 * 1024 * 1024) / IMAGE_BLOCK_BYTES;
const CUT_AFTER_MS = 30_000;
const UPLOADS_AT_ONCE = 4;
/** With so many objects behind it a manifest is written anew. */
const TAIL_OBJECTS = 256;

export interface PublisherOf {
	readonly store: ObjectStore;
	readonly keeper: ImageKeeper;
	readonly image: Image;
	readonly files: () => Iterable<LocalFile>;
	/** The pool's head as it is now. */
	readonly head: () => Buffer;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	/** So many blocks may be here that the store has not. */
	readonly blocksMax: number;
	/** What is under way and does not get on, in words; null: it does again. */
	readonly tell: (trouble: string | null) => void;
	/** A cut is under the superblock: with what was dropped before it. */
	readonly published: (dropped: readonly ImageRange[]) => void;
}

interface Uploaded {
	readonly table: ObjectTable;
	readonly bytes: number;
}

export class Publisher {
	readonly #of: PublisherOf;
	#cut: Cut | null = null;
	#dirtyBlocks = 0;
	#dropped: ImageRange[] = [];
	#isHeadNew = false;
	/** When the oldest was written that is not in a cut; null: there is none. */
	#sinceMs: number | null = null;
	#cancelTimer: (() => void) | null = null;
	#running: Promise<void> | null = null;
	/** Those who want a cut that has not begun. */
	#waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
	#roomWaiters: (() => void)[] = [];
	#failure: OperatorError | null = null;
	#isClosed = false;
	readonly #patience: Patience;
	readonly #memories: Memory[] = [];
	readonly #turns = new InTurn();
	#next: number;

	constructor(of: PublisherOf) {
		this.#of = of;
		this.#next = of.keeper.image.next;
		this.#patience = new Patience(of.clock, of.tell);
	}

	/** What the store has not, and since when, by the clock. */
	get unshipped(): { readonly bytes: number; readonly sinceMs: number | null } {
		const blocks = this.#dirtyBlocks + (this.#cut?.blocks ?? 0);
		return { bytes: blocks * IMAGE_BLOCK_BYTES, sinceMs: this.#cut?.sinceMs ?? this.#sinceMs };
	}

	get trouble(): string | null {
		return this.#failure?.message ?? this.#patience.trouble;
	}

	get hasRoom(): boolean {
		return this.#dirtyBlocks + (this.#cut?.blocks ?? 0) < this.#of.blocksMax;
	}

	/** Resolves when there is room, or nothing comes of it any more. */
	async room(): Promise<void> {
		while (!this.hasRoom && this.#failure === null && !this.#isClosed) {
			this.#begin();
			await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
		}
	}

	changed(file: LocalFile, blocks: Span): void {
		this.#dirtyBlocks += file.dirty(blocks);
		this.#isAwaited();
		if (this.#dirtyBlocks >= CUT_BLOCKS) this.#begin();
	}

	headChanged(): void {
		this.#isHeadNew = true;
		this.#isAwaited();
	}

	/** The pool wants nothing of these blocks any more. */
	drop(file: LocalFile | undefined, range: ImageRange): void {
		this.#dropped.push(range);
		const { first, blocks } = range;
		if (file !== undefined) this.#dirtyBlocks -= file.clean({ from: first, to: first + blocks });
		this.#isAwaited();
	}

	#isAwaited(): void {
		this.#sinceMs ??= this.#of.clock.now();
		if (this.#isClosed || this.#running !== null) return;
		this.#cancelTimer ??= this.#of.clock.after(CUT_AFTER_MS, () => this.#begin());
	}

	/** Keeps what the cut has still to read of these blocks. */
	async rescue(file: LocalFile, blocks: Span): Promise<void> {
		await this.#cut?.rescue(file, blocks, this.#of.allocate);
	}

	/** All that was written by now is under the superblock when it resolves. Throws an OperatorError if that can't be any more. */
	request(): Promise<void> {
		if (this.#failure !== null) return Promise.reject(this.#failure);
		if (this.#isClosed) return Promise.reject(new OperatorError(`${this.#of.store.name}: is closed`));
		return new Promise((resolve, reject) => {
			this.#waiting.push({ resolve, reject });
			this.#begin();
		});
	}

	#begin(): void {
		if (this.#isClosed || this.#failure !== null) return;
		this.#running ??= this.#run().finally(() => {
			this.#running = null;
			if (this.#sinceMs !== null) this.#isAwaited();
		});
	}

	/** Does something with the image and the superblock while no cut is under way. */
	exclusive<T>(act: () => Promise<T>): Promise<T> {
		return this.#turns.run(act);
	}

	async #run(): Promise<void> {
		try {
			do await this.exclusive(() => this.#once());
			while (!this.#isClosed && (this.#waiting.length > 0 || this.#dirtyBlocks >= CUT_BLOCKS));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#fail(error);
		}
	}

	#fail(error: OperatorError): void {
		this.#failure = error;
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const { reject } of waiting) reject(error);
		this.#letIn();
		this.#of.tell(error.message);
	}

	#letIn(): void {
		const waiters = this.#roomWaiters;
		this.#roomWaiters = [];
		for (const resolve of waiters) resolve();
	}

	/** One cut, from its instant until it is under the superblock. */
	async #once(): Promise<void> {
		this.#cancelTimer?.();
		this.#cancelTimer = null;
		const waiting = this.#waiting;
		this.#waiting = [];
		try {
			if (this.#dirtyBlocks > 0 || this.#dropped.length > 0 || this.#isHeadNew)
				await this.#publish(this.#take());
			for (const { resolve } of waiting) resolve();
		} catch (error) {
			for (const { reject } of waiting) reject(error);
			throw error;
		}
	}

	#take(): Cut {
		const files = [...this.#of.files()].filter(({ dirtyBlocks }) => dirtyBlocks > 0);
		const since = this.#sinceMs ?? this.#of.clock.now();
		const cut = new Cut(files, this.#dropped, this.#of.head(), since);
		this.#dropped = [];
		this.#dirtyBlocks = 0;
		this.#isHeadNew = false;
		this.#sinceMs = null;
		this.#cut = cut;
		return cut;
	}

	async #publish(cut: Cut): Promise<void> {
		const { keeper, image } = this.#of;
		const uploaded = await this.#upload(cut);
		const head = cut.head.toString("base64");
		const next = this.#next;
		await keeper.write((now) => ({ ...now, next, head, tail: uploaded.reduce(withObject, now.tail) }));
		for (const { table, bytes } of uploaded) apply(image, table, bytes);
		cut.published();
		this.#cut = null;
		this.#letIn();
		this.#of.published(cut.dropped);
		if (tailLength(keeper.image.tail) >= TAIL_OBJECTS) await this.writeManifest();
	}

	/** In the order of their numbers. */
	async #upload(cut: Cut): Promise<Uploaded[]> {
		const uploaded = new Map<number, Uploaded>();
		const one = async (): Promise<void> => {
			for (let plan = cut.next(); plan !== null; plan = cut.next()) {
				const number = this.#next++;
				uploaded.set(number, await this.#store(cut, plan, number));
			}
		};
		await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, one));
		return [...uploaded.entries()].sort(([a], [b]) => a - b).map(([, each]) => each);
	}

	async #store(cut: Cut, plan: Plan, number: number): Promise<Uploaded> {
		const { pool, epoch } = this.#of.keeper;
		const memory = this.#memories.pop() ?? this.#of.allocate(OBJECT_BLOCKS * IMAGE_BLOCK_BYTES);
		try {
			const { ranges, blocks } = await this.#patience.run(
				() => cut.take(plan, memory),
				() => false,
			);
			cut.done(plan);
			const table = { pool, epoch, number, ranges, blocks: blocks.length / IMAGE_BLOCK_BYTES };
			await this.#put({ epoch, number }, objectBytes(table, blocks));
			return { table, bytes: tableBytes(ranges.length) };
		} finally {
			this.#memories.push(memory);
		}
	}

	async #put({ epoch, number }: ObjectKey, bytes: readonly Buffer[]): Promise<void> {
		const { store, keeper } = this.#of;
		const name = objectName(keeper.pool, epoch, number);
		const outcome = await this.#patience.run(
			() => store.put(name, bytes),
			() => false,
		);
		// (By somebody who thinks that this epoch is his.)
		if (outcome === "clash") throw new OperatorError(`${store.name}: ${name}: somebody else has written it`);
	}

	/** All of the image as one, so that what came in its objects' tables need not be read again. To be called by `exclusive`. */
	async writeManifest(): Promise<void> {
		const numbers = (count: number): number => {
			const first = this.#next;
			this.#next += count;
			return first;
		};
		await writeManifest(this.#of, numbers, (key, bytes) => this.#put(key, bytes));
	}

	/** What is under way ends, or is given up within some time; nothing is stored that was not asked for before. */
	async close(): Promise<void> {
		this.#isClosed = true;
		this.#patience.close();
		this.#cancelTimer?.();
		this.#letIn();
		await this.#running;
		await this.#turns.idle();
	}
}

function withObject(tail: StoredImage["tail"], { table, bytes }: Uploaded): StoredImage["tail"] {
	return extendTail(tail, table, bytes);
}
