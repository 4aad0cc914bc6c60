/**
 * What a pool in a store says of its own image to who brings the pool to another store, too (`replica-marks.ts`): so it is known there which blocks both have,
 * whichever host goes on with the pool. Given by `store-folder.ts`.
 */

import type { Clock } from "../../clock.js";
import type { Image, StoredRun } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import type { LocalFile, Span } from "./local-file.js";
import type { Publisher } from "./publisher.js";

/** A moment of the pool. */
export interface OwnMoment {
	/** No object that the superblock named then has this number, or a higher one. */
	readonly next: number;
	/** Whether the superblock names all that had been written by then. */
	readonly isStored: () => boolean;
}

export interface OwnImageOf {
	readonly keeper: ImageKeeper;
	readonly image: Image;
	readonly publisher: Publisher;
	readonly clock: Clock;
	readonly files: ReadonlyMap<number, LocalFile>;
}

export class OwnImage {
	readonly #of: OwnImageOf;

	constructor(of: OwnImageOf) {
		this.#of = of;
	}

	/** Its number: 16 bytes in hexadecimal. */
	get pool(): string {
		return this.#of.keeper.pool;
	}

	/** By which epoch this host got it from another one. */
	get hostSince(): number {
		return this.#of.keeper.hostSince ?? 0;
	}

	now(): OwnMoment {
		const { keeper, publisher, clock } = this.#of;
		const atMs = clock.now();
		const isStored = (): boolean => {
			const { sinceMs } = publisher.unshipped;
			return sinceMs === null || sinceMs > atMs;
		};
		return { next: keeper.image.next, isStored };
	}

	/** What the image has of a file, in order. */
	runs(file: number): readonly StoredRun[] {
		return this.#of.image.runs(file);
	}

	/** Pieces of a file in which something may be that the image has not. */
	intended(file: number): readonly Span[] {
		return this.#of.files.get(file)?.intended() ?? [];
	}
}
