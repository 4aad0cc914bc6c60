/**
 * The map of a pool as one thing: for each volume an overlay on its tree, and while a checkpoint is being made a frozen one between. The
 * pool writes what records say, asks where pages are, and has checkpoints made: `freeze`, then `step` until it is done, then it stores
 * the roots. Look-ups go on meanwhile, by the old roots until all new ones are there.
 *
 * A volume that is deleted is trimmed, all of it; it loses its root when that has been merged.
 */

import { invariant } from "../../errors.js";
import type { DeadSink, LeftSink } from "./dead.js";
import { type Entry, Found, PAGES_MAX } from "./entry.js";
import { Merge, type Progress } from "./merge.js";
import { OverlayOrder } from "./order.js";
import { Overlay } from "./overlay.js";
import { EMPTY_ROOT, type Root } from "./ref.js";
import type { NodeWaiter } from "./store.js";
import type { Tree } from "./tree.js";

/** A checkpoint being made: sorts what is frozen, merges volume by volume, empties what was merged. */
class Checkpoint {
	readonly roots = new Map<number, Root>();
	readonly #order: OverlayOrder;
	readonly #left: number[];
	#isSorted = false;
	#merge: Merge | null = null;

	constructor(
		readonly tree: Tree,
		readonly frozen: Overlay,
		readonly before: ReadonlyMap<number, Root>,
		readonly sink: LeftSink,
	) {
		this.#order = new OverlayOrder(frozen);
		this.#left = [...before.keys()];
	}

	step(steps: number, waiter: NodeWaiter | null): Progress {
		if (!this.#isSorted) {
			this.#isSorted = this.#order.step(steps);
			return "more";
		}
		this.#merge ??= this.#next(steps);
		if (this.#merge === null) return this.#left.length > 0 ? "more" : "done";
		const merge = this.#merge;
		const progress = merge.step(steps, waiter);
		if (progress !== "done") return progress;
		this.roots.set(merge.volume, merge.root);
		this.#merge = null;
		return "more";
	}

	/** The volume whose merge was begun. */
	get merging(): number | undefined {
		return this.#merge?.volume;
	}

	/** Goes on behind a node that can't be had; false: it can't. */
	pass(): boolean {
		return this.#merge?.pass() ?? false;
	}

	/** Looks at so many; null if none of them is to be merged. */
	#next(steps: number): Merge | null {
		const { tree, frozen, before, sink } = this;
		const order = this.#order;
		for (let left = steps; left > 0; left--) {
			const volume = this.#left.pop();
			if (volume === undefined) return null;
			// What was neither written nor trimmed stays as it is.
			if (!order.has(volume) && frozen.trims.next(volume, 0) < 0) continue;
			return new Merge(tree, before.get(volume) ?? EMPTY_ROOT, volume, frozen, order, sink);
		}
		return null;
	}
}

export class MapLayers {
	readonly #roots = new Map<number, Root>();
	/** Pages that those have mapped, in all. */
	mapped = 0;
	#written: Overlay;
	/** Merged, and then emptied; the next one that is written. */
	#other: Overlay;
	#checkpoint: Checkpoint | null = null;
	#isEmptied = true;
	/** Volumes that were deleted since the last checkpoint was begun, and before that. */
	#deleted = new Set<number>();
	#deletedBefore = new Set<number>();

	/** Of volumes that were deleted, those that nobody will ever look at. */
	readonly #forgotten = new Set<number>();
	/** That has left out some of what such a volume had. */
	hasPassed = false;

	/** Called when a volume that was deleted has no root any more. */
	whenGone: (volume: number) => void = () => {};

	/** `capacity`: entries of an overlay. `seed`: by chance. `sink` hears of what merges leave, `writtenSink` of what is written over before. */
	constructor(
		readonly tree: Tree,
		capacity: number,
		seed: number,
		readonly sink: LeftSink,
		writtenSink: DeadSink = sink,
	) {
		this.#written = new Overlay(capacity, seed, writtenSink);
		this.#other = new Overlay(capacity, seed, writtenSink);
	}

	/** Of all volumes, by number: as of the last checkpoint. */
	get roots(): ReadonlyMap<number, Root> {
		return this.#roots;
	}

	/** Nothing may be written before a checkpoint is begun. */
	get isFull(): boolean {
		return this.#written.isFull;
	}

	/** Entries of an overlay. */
	get capacity(): number {
		return this.#written.capacity;
	}

	/** Entries that may still be written. */
	get room(): number {
		return this.#written.capacity - this.#written.size;
	}

	/** Something was trimmed of which `roots` do not know yet. */
	get isTrimmed(): boolean {
		return this.#written.trims.count > 0 || (this.#checkpoint !== null && this.#other.trims.count > 0);
	}

	/** Whether a checkpoint is being made, or what it leaves tidied up. */
	get isBusy(): boolean {
		return this.#checkpoint !== null || !this.#isEmptied;
	}

	/** The volume that is being merged. */
	get merging(): number | undefined {
		return this.#checkpoint?.merging;
	}

	lookUp(volume: number, page: number, into: Entry, waiter: NodeWaiter | null): Found {
		const found = this.#written.lookUp(volume, page, into);
		return found === Found.none ? this.lookUpFrozen(volume, page, into, waiter) : found;
	}

	/** The same of what was frozen last, or, where that is merged, of the tree. */
	lookUpFrozen(volume: number, page: number, into: Entry, waiter: NodeWaiter | null): Found {
		if (this.#checkpoint !== null) {
			const found = this.#other.lookUp(volume, page, into);
			if (found !== Found.none) return found;
		}
		return this.#lookUpStored(volume, page, into, waiter);
	}

	#lookUpStored(volume: number, page: number, into: Entry, waiter: NodeWaiter | null): Found {
		const root = this.roots.get(volume);
		return root === undefined ? Found.unmapped : this.tree.lookUp(root, page, into, waiter);
	}

	/** A volume that has what `root` has: nothing, or what it is a clone of. */
	addVolume(volume: number, root: Root = EMPTY_ROOT): void {
		this.#setRoot(volume, root);
	}

	#setRoot(volume: number, root: Root): void {
		this.mapped += root.mapped - (this.#roots.get(volume)?.mapped ?? 0);
		this.#roots.set(volume, root);
	}

	/** Those that were deleted and have a root still. */
	get deleted(): number[] {
		return [...this.#deletedBefore, ...this.#deleted];
	}

	/** `isForgotten`: there are no moments of it either. */
	deleteVolume(volume: number, position: number, isForgotten = false): void {
		this.trim(volume, 0, PAGES_MAX, position);
		this.#deleted.add(volume);
		if (isForgotten) this.#forgotten.add(volume);
	}

	/** Goes on behind a node that can't be had; false: what is below it is somebody's. */
	pass(): boolean {
		const { merging } = this;
		if (merging === undefined || !this.#forgotten.has(merging)) return false;
		const isPassed = this.#checkpoint?.pass() ?? false;
		if (isPassed) this.hasPassed = true;
		return isPassed;
	}

	insert(volume: number, page: number, entry: Entry): void {
		this.#written.insert(volume, page, entry);
	}

	/** See `Overlay.trim` for what `position` is. */
	trim(volume: number, from: number, to: number, position: number): void {
		this.#written.trim(volume, from, to, position);
	}

	/** A snapshot was made. */
	cut(position: number): void {
		this.#written.cut(position);
	}

	/** A checkpoint is begun: of all that is written by now. Not while `isBusy`. */
	freeze(): void {
		invariant(!this.isBusy, "one checkpoint at a time");
		this.hasPassed = false;
		[this.#written, this.#other] = [this.#other, this.#written];
		this.#written.cut(this.#other.trims.cut);
		this.#checkpoint = new Checkpoint(this.tree, this.#other, this.roots, this.sink);
		this.#deletedBefore = this.#deleted;
		this.#deleted = new Set();
	}

	/** Goes on for about `steps`; `done` when `roots` are the new ones. */
	step(steps: number, waiter: NodeWaiter | null): Progress {
		const checkpoint = this.#checkpoint;
		if (checkpoint === null) {
			this.#isEmptied ||= this.#other.recycle(steps);
			return this.#isEmptied ? "done" : "more";
		}
		const progress = checkpoint.step(steps, waiter);
		if (progress !== "done") return progress;
		for (const [volume, root] of checkpoint.roots) this.#setRoot(volume, root);
		for (const volume of this.#deletedBefore) {
			this.#setRoot(volume, EMPTY_ROOT);
			this.#roots.delete(volume);
			this.#forgotten.delete(volume);
			this.whenGone(volume);
		}
		this.#deletedBefore.clear();
		this.#checkpoint = null;
		this.#isEmptied = false;
		return "more";
	}
}
