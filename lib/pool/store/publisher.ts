/**
 * Brings what a pool writes to its object store: cuts (`cut.ts`), one after the other, each uploaded as objects of which several are on their way, and then
 * named by the superblock, all at once. So what the store has is always the pool as it was at one instant. A store that is away is tried again for ever;
 * meanwhile writes go on until what it lacks is as much as may be here. Made by `store-folder.ts`, told by its files.
 */

import { OperatorError } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import { Cut } from "./cut.js";
import type { ImageRange } from "./image.js";
import { FILE_BLOCKS, IMAGE_BLOCK_BYTES } from "./layout.js";
import type { LocalFile, Span } from "./local-file.js";
import { type Pace, STORE_PACE } from "./pace.js";
import { Patience } from "./patience.js";
import type { PublisherOf } from "./publisher-options.js";
import { apply, extended, tailLength } from "./stored-image.js";
import { type Stage, type Uploaded, Uploads } from "./uploads.js";
import { Waiters } from "./waiters.js";
import { cutImage, writeManifest } from "./write-manifest.js";

/** With so many objects behind it a manifest is written anew. */
const TAIL_OBJECTS = 256;

export class Publisher {
	readonly #of: PublisherOf;
	#cut: Cut | null = null;
	#dirtyBlocks = 0;
	/** By the first block, counted through all files. */
	#dropped = new Map<number, ImageRange>();
	#isHeadNew = false;
	/** When the oldest was written that is not in a cut; null: there is none. */
	#sinceMs: number | null = null;
	#cancelTimer: (() => void) | null = null;
	#running: Promise<void> | null = null;
	/** Those who want a cut that has not begun. */
	#waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
	readonly #roomWaiters = new Waiters();
	#failure: OperatorError | null = null;
	#isClosed = false;
	readonly #patience: Patience;
	readonly #pace: Pace;
	readonly #turns = new InTurn();
	/** Null until there was a cut. */
	#made: Uploads | null = null;
	/** After a cut that was given up there is some time. */
	#rests = false;
	/** Cuts that became none. */
	givenUp = 0;

	constructor(of: PublisherOf) {
		this.#of = of;
		this.#pace = of.pace ?? STORE_PACE;
		this.#patience = new Patience(of.clock, of.tell);
	}

	get #uploads(): Uploads {
		const { store, keeper, clock, allocate, read, nextTurn } = this.#of;
		const [patience, pace] = [this.#patience, this.#pace];
		this.#made ??= new Uploads({ store, keeper, clock, allocate, read, nextTurn, patience, pace });
		return this.#made;
	}

	/** All that left for the store. */
	get sentBytes(): number {
		return this.#made?.sentBytes ?? 0;
	}

	/** What the store has not, and since when, by the clock. */
	get unshipped(): { readonly bytes: number; readonly sinceMs: number | null } {
		const blocks = this.#dirtyBlocks + this.#cutBlocks;
		return { bytes: blocks * IMAGE_BLOCK_BYTES, sinceMs: this.#cut?.sinceMs ?? this.#sinceMs };
	}

	get trouble(): string | null {
		return this.#failure?.message ?? this.#patience.trouble;
	}

	/** What a cut has counts until it is one, unless it may become none: then what it has still to read, and something until it is named. */
	get #cutBlocks(): number {
		if (this.#cut === null) return 0;
		if (this.#of.rescuedMax === undefined) return this.#cut.blocks;
		return this.#cut.isGivenUp ? 0 : Math.max(1, this.#cut.left);
	}

	get hasRoom(): boolean {
		return this.#dirtyBlocks + this.#cutBlocks < this.#of.sizes.blocksMax;
	}

	/** Resolves when there is room, or nothing comes of it any more. */
	async room(): Promise<void> {
		while (!this.hasRoom && this.#failure === null && !this.#isClosed) {
			this.#begin();
			await this.#roomWaiters.wait();
		}
	}

	/** There may be more room, or less. */
	resized(): void {
		this.#roomWaiters.letGo();
	}

	changed(file: LocalFile, blocks: Span): void {
		this.#dirtyBlocks += file.dirty(blocks);
		this.#isAwaited();
		if (this.#isMuch) this.#begin();
	}

	headChanged(): void {
		this.#isHeadNew = true;
		this.#isAwaited();
	}

	/** The pool wants nothing of these blocks any more. */
	drop(file: LocalFile | undefined, range: ImageRange): void {
		const { first, blocks } = range;
		this.#dropped.set(firstOf(range), range);
		if (file !== undefined) this.#dirtyBlocks -= file.clean({ from: first, to: first + blocks });
		this.#isAwaited();
	}

	#isAwaited(): void {
		this.#sinceMs ??= this.#of.clock.now();
		if (this.#isClosed || this.#running !== null) return;
		this.#cancelTimer ??= this.#of.clock.after(this.#pace.cutAfterMs, () => this.#begin());
	}

	/** Keeps what the cut has still to read of these blocks. */
	async rescue(file: LocalFile, blocks: Span): Promise<void> {
		await this.#cut?.rescue(file, blocks, this.#of.allocate);
		if (this.#cut !== null && this.#cut.rescuedBlocks > (this.#of.rescuedMax ?? Number.POSITIVE_INFINITY))
			this.giveUp();
	}

	/** What the cut has still to read is not kept any more: it is in a later one, as it is then. What was read already stays. */
	giveUp(): void {
		if (this.#cut === null || this.#cut.left === 0 || this.#cut.isGivenUp) return;
		const { dirtyBlocks, dropped } = this.#cut.giveUp();
		this.#dirtyBlocks += dirtyBlocks;
		this.givenUp++;
		this.#rests = true;
		const files = new Map([...this.#of.files()].map((file) => [file.number, file]));
		// (What was given back since, nobody wants, though the cut had it.)
		for (const range of this.#dropped.values()) this.drop(files.get(range.file), range);
		for (const range of dropped) this.#dropped.set(firstOf(range), range);
		this.#sinceMs = Math.min(this.#cut.sinceMs, this.#sinceMs ?? Number.POSITIVE_INFINITY);
		this.#isHeadNew = true;
		this.#of.read?.();
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
		this.#running ??= this.#run();
	}

	/** Does something with the image and the superblock while no cut is under way. */
	exclusive<T>(act: () => Promise<T>): Promise<T> {
		return this.#turns.run(act);
	}

	async #run(): Promise<void> {
		try {
			do await this.exclusive(() => this.#once());
			while (!this.#isClosed && (this.#waiting.length > 0 || this.#isMuch));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			if (!this.isBegunAgain(error)) this.#fail(error);
		} finally {
			// (In the turn in which nobody waits any more: who came between that and this would wait for the timer.)
			this.#running = null;
			if (this.#sinceMs !== null) this.#isAwaited();
		}
	}

	get #isMuch(): boolean {
		return this.#dirtyBlocks >= this.#pace.cutBlocks && !this.#rests;
	}

	/** What has come to nothing is begun again, if it may be: nothing is in a cut, and what is to be brought is what files say. To be called by `exclusive`. */
	isBegunAgain(error: OperatorError): boolean {
		if (this.#of.mayGoOn?.(error) !== true) return false;
		this.#cut = null;
		this.#made = null;
		this.#dirtyBlocks = [...this.#of.files()].reduce((sum, { dirtyBlocks }) => sum + dirtyBlocks, 0);
		this.headChanged();
		return true;
	}

	#fail(error: OperatorError): void {
		this.#failure = error;
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const { reject } of waiting) reject(error);
		this.#roomWaiters.letGo();
		this.#of.tell(error.message);
	}

	/** One cut, from its instant until it is under the superblock. */
	async #once(): Promise<void> {
		this.#cancelTimer?.();
		this.#cancelTimer = null;
		const waiting = this.#waiting;
		this.#waiting = [];
		try {
			await this.#of.ready?.();
			const isNews = this.#dirtyBlocks > 0 || this.#dropped.size > 0 || this.#isHeadNew;
			if (isNews && !(await this.#publish(this.#take()))) this.#waiting.unshift(...waiting);
			else for (const { resolve } of waiting) resolve();
		} catch (error) {
			for (const { reject } of waiting) reject(error);
			throw error;
		}
	}

	#take(): Cut {
		const files = [...this.#of.files()].filter(({ dirtyBlocks }) => dirtyBlocks > 0);
		const since = this.#sinceMs ?? this.#of.clock.now();
		const { image, head } = this.#of;
		const cut = new Cut(files, [...this.#dropped.values()], head(), since, (range) => image.has(range));
		this.#dropped.clear();
		this.#dirtyBlocks = 0;
		this.#isHeadNew = false;
		this.#rests = false;
		this.#sinceMs = null;
		this.#cut = cut;
		return cut;
	}

	/** False: it was given up. */
	async #publish(cut: Cut): Promise<boolean> {
		const { keeper, image, rescuedMax, named = (all) => all } = this.#of;
		const stage: Stage = (some) => this.#stage(cut, some);
		const uploaded = await this.#uploads.run(cut, rescuedMax === undefined ? undefined : stage);
		if (cut.isGivenUp) await this.#stage(cut, uploaded);
		else {
			const head = cut.head.toString("base64");
			const { next } = this.#uploads;
			const files = [...this.#of.files()].reduce((most, { number }) => Math.max(most, number + 1), 0);
			await keeper.write((now) => named(cutImage(now, uploaded, { next, head, files })));
			for (const { table, bytes } of uploaded) apply(image, table, bytes);
			cut.published();
		}
		this.#cut = null;
		this.#roomWaiters.letGo();
		if (cut.isGivenUp) return false;
		this.#of.published(cut.dropped);
		if (tailLength(keeper.image.tail) >= TAIL_OBJECTS) await this.writeManifest();
		return true;
	}

	/** What is there of a cut is gone on from, also by the next life of this process, though it is no image yet. */
	async #stage(cut: Cut, uploaded: readonly Uploaded[]): Promise<void> {
		const { keeper, image } = this.#of;
		const { next } = this.#uploads;
		await keeper.write((now) => ({ ...now, next, coming: extended(now.coming ?? now, uploaded) }));
		for (const { table, bytes } of uploaded) apply(image, table, bytes);
		cut.staged(uploaded.at(-1)?.table.number ?? 0);
		if (tailLength(keeper.image.coming?.tail ?? []) >= TAIL_OBJECTS) await this.writeManifest();
	}

	/** All of the image as one, so that what came in its objects' tables need not be read again. To be called by `exclusive`. */
	async writeManifest(): Promise<void> {
		const uploads = this.#uploads;
		await writeManifest(
			this.#of,
			(count) => uploads.numbers(count),
			(key, bytes) => uploads.put(key, bytes),
		);
	}

	/** What is under way ends, or is given up within some time; nothing is stored that was not asked for before. */
	async close(): Promise<void> {
		this.#isClosed = true;
		this.#patience.close();
		this.#pace.close();
		this.#cancelTimer?.();
		this.#roomWaiters.letGo();
		await this.#running;
		await this.#turns.idle();
	}
}

/** Counted through all files. */
function firstOf({ file, first }: ImageRange): number {
	return file * FILE_BLOCKS + first;
}
