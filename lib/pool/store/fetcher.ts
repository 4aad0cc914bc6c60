/**
 * Brings pieces of a pool's files from its object store to this host, each once, whoever wants it, and further ones ahead of who reads in order. What comes is
 * checked before it is believed, and asked for again if it is not right. Made by `store-folder.ts` for its files.
 */

import { BlockOp } from "../../block/request.js";
import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { isFault, ObjectFault } from "../../object/errors.js";
import type { ObjectStore } from "../../object/store.js";
import type { Memory } from "../../wire/memory.js";
import { run } from "../run.js";
import type { Image, StoredRun } from "./image.js";
import { FILE_PIECES, IMAGE_BLOCK_BYTES, objectName, PIECE_BLOCKS, PIECE_BYTES } from "./layout.js";
import type { LocalFile, Span } from "./local-file.js";
import { summedRange, takeBlocks } from "./object-form.js";
import { Patience } from "./patience.js";
import { readObject } from "./read-object.js";

/** Fetched in one go at most, and ahead of who reads in order: twice as much each time. */
const WINDOW_PIECES = 16;
/** So many goes at once of one who wants much, as whoever opens a pool does. */
const WINDOWS_MAX = 4;
const TRIES = 3;

export interface FetcherOf {
	readonly store: ObjectStore;
	readonly pool: string;
	readonly image: Image;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	readonly tell: (trouble: string | null) => void;
}

export class Fetcher {
	readonly #of: FetcherOf;
	/** By file and piece: what is on its way. */
	readonly #coming = new Map<number, Promise<void>>();
	/** By file: where who reads in order would go on, and how much further is fetched then. */
	readonly #ahead = new Map<number, { readonly next: number; readonly pieces: number }>();
	readonly #patience: Patience;
	/** Bytes that came from the store. */
	fetchedBytes = 0;
	readonly #memories: Memory[] = [];

	constructor(of: FetcherOf) {
		this.#of = of;
		this.#patience = new Patience(of.clock, of.tell);
	}

	get trouble(): string | null {
		return this.#patience.trouble;
	}

	/** All of these are here when it resolves. Throws an OperatorError if one can't be had. */
	async fetch(file: LocalFile, pieces: Span): Promise<void> {
		for (;;) {
			const from = file.nextPresent(pieces.from, pieces.to, false);
			if (from === pieces.to) return;
			await Promise.all(this.#begin(file, { from, to: pieces.to }));
		}
	}

	#begin(file: LocalFile, { from, to }: Span): Promise<void>[] {
		const coming: Promise<void>[] = [];
		for (let at = from; at < to && coming.length < WINDOWS_MAX; ) {
			coming.push(this.#fetchFrom(file, { from: at, to }));
			while (at < to && this.#coming.has(file.number * FILE_PIECES + at)) at++;
			at = file.nextPresent(at, to, false);
		}
		return coming;
	}

	isComing({ number }: LocalFile, { from, to }: Span): boolean {
		for (let piece = from; piece < to; piece++)
			if (this.#coming.has(number * FILE_PIECES + piece)) return true;
		return false;
	}

	/** The first absent ones, and what is ahead of them. */
	#fetchFrom(file: LocalFile, { from, to }: Span): Promise<void> {
		const coming = this.#coming.get(file.number * FILE_PIECES + from);
		if (coming !== undefined) return coming;
		const ahead = this.#ahead.get(file.number);
		const more = ahead?.next === from ? Math.min(WINDOW_PIECES, 2 * ahead.pieces) : 1;
		const most = Math.min(FILE_PIECES, from + Math.min(WINDOW_PIECES, Math.max(to - from, more)));
		let end = file.nextPresent(from, most, true);
		for (let piece = from + 1; piece < end; piece++)
			if (this.#coming.has(file.number * FILE_PIECES + piece)) end = piece;
		this.#ahead.set(file.number, { next: end, pieces: Math.max(1, end - from) });
		const span = { from, to: end };
		const fetching = this.#bring(file, span).finally(() => {
			for (let piece = from; piece < end; piece++) this.#coming.delete(file.number * FILE_PIECES + piece);
		});
		for (let piece = from; piece < end; piece++)
			this.#coming.set(file.number * FILE_PIECES + piece, fetching);
		return fetching;
	}

	async #bring(file: LocalFile, { from, to }: Span): Promise<void> {
		const [first, blocks] = [from * PIECE_BLOCKS, (to - from) * PIECE_BLOCKS];
		const runs = this.#of.image.find({ file: file.number, first, blocks });
		if (runs.length > 0) {
			const memory = this.#memories.pop() ?? this.#of.allocate(WINDOW_PIECES * PIECE_BYTES);
			try {
				memory.bytes.fill(0, 0, blocks * IMAGE_BLOCK_BYTES);
				await Promise.all(
					runs.map(async (each) =>
						memory.bytes.set(await this.#get(each), (each.first - first) * IMAGE_BLOCK_BYTES),
					),
				);
				await run(
					file.device,
					BlockOp.write,
					from * PIECE_BYTES,
					(to - from) * PIECE_BYTES,
					memory,
					file.name,
				);
			} finally {
				this.#memories.push(memory);
			}
		}
		file.arrived({ from, to });
	}

	/** Blocks of an object. Throws an OperatorError if the store has them not, or damaged. */
	async #get({ object: number, at, blocks }: StoredRun): Promise<Buffer> {
		const { store, pool, image } = this.#of;
		const object = image.object(number);
		const name = objectName(pool, object.epoch, number);
		const range = summedRange(object.tableBytes, object.blocks, at, blocks);
		for (let tries = 0; tries < TRIES; tries++) {
			const bytes = await this.#patience.run(() => readObject(store, name, range, tries > 0), isAnswer);
			this.fetchedBytes += bytes.length;
			const found = takeBlocks(bytes, range.blocks);
			if (found === undefined) continue;
			const begin = (at - range.first) * IMAGE_BLOCK_BYTES;
			return found.subarray(begin, begin + blocks * IMAGE_BLOCK_BYTES);
		}
		throw new OperatorError(`${store.name}: ${name}: blocks ${at} to ${at + blocks} are not what was stored`);
	}

	/** What waits for a store that is away fails. */
	async close(): Promise<void> {
		this.#patience.close();
		await Promise.allSettled(this.#coming.values());
	}
}

/** The store has it not, or has something else, and says so again and again. */
function isAnswer(error: Error, tried: number): boolean {
	return tried >= TRIES && (isFault(error, ObjectFault.absent) || isFault(error, ObjectFault.damaged));
}
