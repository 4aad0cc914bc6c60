/**
 * Gives back what a pool has in its store and wants no more. An object of which nothing is in the image is deleted: that it will be is in the superblock first,
 * and then some time passes in which whoever opens the pool by what he has read of it before can still do so. Objects of which little is
 * wanted, or which are small, are written anew with the next cuts: their blocks are said to be dirty. No list of the store has a say in it: what it
 * does not tell is not there, and what it tells too much nobody believes. Made by `stored-files.ts`.
 */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { ObjectError } from "../../object/errors.js";
import type { ObjectStore } from "../../object/store.js";
import type { Image, ImageRange } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { objectName } from "./layout.js";
import type { Publisher } from "./publisher.js";
import { type ObjectKey, tailLength } from "./stored-image.js";

const EVERY_MS = 15_000;
/** What is in the superblock as to be deleted is deleted after that. */
const HORIZON_MS = 60_000;
const DELETING_MAX = 1000;
/** With so many in vain among those behind the manifest, or so much, a new one is written, as these are read until then. */
const TAIL_DEAD = 32;
const TAIL_DEAD_BLOCKS = 8192;
/** What of all that is stored nobody may want, and how much is written anew at a time for that. */
const DEAD_SHARE = 0.1;
const REWRITTEN_BLOCKS = 4096;
/** Of which more than that is wanted is left as it is. */
const WORTH_SHARE = 0.8;
/** An object with fewer blocks is small; so many of these are let be. */
const SMALL_BLOCKS = 64;
const SMALL_OBJECTS = 128;

export interface ReclaimOf {
	readonly store: ObjectStore;
	readonly keeper: ImageKeeper;
	readonly image: Image;
	readonly publisher: Publisher;
	readonly clock: Clock;
	readonly nextTurn: () => Promise<void>;
	/** Has a range brought to the store anew. Throws an OperatorError. */
	readonly rewrite: (range: ImageRange) => Promise<void>;
}

export class Reclaim {
	readonly #of: ReclaimOf;
	#cancelTimer: () => void = () => {};
	#running: Promise<void> = Promise.resolve();
	#isClosed = false;
	/** Since when what is to be deleted is in the superblock, as far as this owner knows. */
	#saidMs: number | null = null;
	deletedObjects = 0;

	constructor(of: ReclaimOf) {
		this.#of = of;
		this.#wait();
	}

	#wait(): void {
		this.#cancelTimer = this.#of.clock.after(EVERY_MS, () => {
			this.#running = this.#run().finally(() => {
				if (!this.#isClosed) this.#wait();
			});
		});
	}

	async #run(): Promise<void> {
		try {
			await this.#delete();
			await this.#of.publisher.exclusive(() => this.#announce());
			await this.#rewriteSparse();
		} catch (error) {
			// (It is done later.)
			if (!(error instanceof OperatorError || error instanceof ObjectError)) throw error;
		}
	}

	/** What has been in the superblock for long enough. */
	async #delete(): Promise<void> {
		const { store, keeper, image, clock, publisher } = this.#of;
		const deleting = keeper.image.deleting.filter((key) => !this.#isHeld(key));
		if (deleting.length === 0) return;
		this.#saidMs ??= clock.now();
		if (clock.now() - this.#saidMs < HORIZON_MS) return;
		await store.delete(deleting.map(({ epoch, number }) => objectName(keeper.pool, epoch, number)));
		await publisher.exclusive(async () => {
			const gone = new Set(deleting.map(keyOf));
			await keeper.write((now) => ({
				...now,
				deleting: now.deleting.filter((key) => !gone.has(keyOf(key))),
			}));
			for (const { number } of deleting) if (image.dead.has(number)) image.forget(number);
		});
		this.deletedObjects += deleting.length;
		this.#saidMs = null;
	}

	/** What nobody wants is to be deleted; those behind the manifest when a new one has them. */
	async #announce(): Promise<void> {
		const { keeper, image, publisher } = this.#of;
		if (this.#isClosed || keeper.image.deleting.length >= DELETING_MAX) return;
		// (What the next image does without, this one may still want.)
		if (keeper.image.coming !== undefined) return;
		const inTail = [...image.dead.values()].filter(({ number }) => !this.#isInManifest(number));
		const deadBlocks = inTail.reduce((sum, { blocks }) => sum + blocks, 0);
		const isMuch = inTail.length >= TAIL_DEAD || deadBlocks >= TAIL_DEAD_BLOCKS;
		if (isMuch && tailLength(keeper.image.tail) > 0) await publisher.writeManifest();
		const said = new Set(keeper.image.deleting.map(keyOf));
		const room = DELETING_MAX - keeper.image.deleting.length;
		const more = [...image.dead.values()]
			.filter((object) => this.#isInManifest(object.number) && !this.#isHeld(object))
			.filter((object) => !said.has(keyOf(object)))
			.slice(0, room)
			.map(({ epoch, number }): ObjectKey => ({ epoch, number }));
		if (more.length === 0) return;
		await keeper.write((now) => ({ ...now, deleting: [...now.deleting, ...more] }));
		// (The time of those that were there already begins once more: it is a short one.)
		this.#saidMs = null;
	}

	#isInManifest(number: number): boolean {
		return number < (this.#of.keeper.image.manifest?.number ?? 0);
	}

	/** What another owner had is kept as long as somebody may look at what he had alone. */
	#isHeld({ number }: ObjectKey): boolean {
		return number < this.#of.keeper.heldBelow;
	}

	/** What is wanted of objects that are hardly worth it comes into others. */
	async #rewriteSparse(): Promise<void> {
		const { image, publisher } = this.#of;
		const chosen = this.#chosen();
		if (chosen.size === 0 || !publisher.hasRoom) return;
		for (const file of image.files) {
			if (this.#isClosed) return;
			for (const { object, first, blocks } of [...image.runs(file)])
				if (chosen.has(object)) await this.#of.rewrite({ file, first, blocks });
			await this.#of.nextTurn();
		}
	}

	/** Numbers of the emptiest, if too much is stored in vain, and of small ones if there are many. */
	#chosen(): Set<number> {
		const { image } = this.#of;
		const { stored, live } = image.sums;
		const objects = [...image.objects.values()].filter((object) => object.live > 0);
		const chosen = new Set<number>();
		let left = REWRITTEN_BLOCKS;
		const take = (object: { readonly number: number; readonly live: number }): void => {
			if (left < object.live) return;
			left -= object.live;
			chosen.add(object.number);
		};
		const small = objects.filter(({ blocks }) => blocks < SMALL_BLOCKS);
		if (small.length > SMALL_OBJECTS) for (const object of small) take(object);
		if (stored - live <= DEAD_SHARE * stored) return chosen;
		const share = (object: { readonly live: number; readonly blocks: number }): number =>
			object.live / object.blocks;
		const sparse = objects.filter((object) => share(object) < WORTH_SHARE && !chosen.has(object.number));
		for (const object of sparse.sort((a, b) => share(a) - share(b))) take(object);
		return chosen;
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		this.#cancelTimer();
		await this.#running;
	}
}

function keyOf({ epoch, number }: ObjectKey): string {
	return `${epoch}/${number}`;
}
