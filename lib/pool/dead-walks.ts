/**
 * Subtrees that have died at once, by a trim or a deletion, and are still to be walked, so that it is told of each of their pages and nodes. A
 * small one is walked soon. What a large one has would be a long list: it waits until the window has passed it, when nothing of it has to be
 * kept for that. Used by `descent.ts`; part of each checkpoint.
 */

import type { Dead, LeftSink } from "./map/dead.js";
import { SLICE_STEPS } from "./map/merge.js";
import { answerOf } from "./map/merging.js";
import { PART_PAGES } from "./map/part.js";
import type { Root } from "./map/ref.js";
import type { Tree } from "./map/tree.js";
import { DeadWalk } from "./map/walk.js";

/** A subtree that is to be walked, and how far that has come. */
export interface Walk {
	readonly line: number;
	readonly root: Root;
	readonly death: number;
	/** The same for its nodes. */
	readonly deathPlace: number;
	/** Pages of it before this one were told of. */
	next: number;
	/** How many that were. */
	done: number;
}

/** Who is told. */
export interface WalkSink {
	died(dead: Dead): void;
	nodeDied(volume: number, place: number, bytes: number, death: number): void;
	/** Whether no moment reads what has died there. */
	hasPassed(walk: Walk): boolean;
	/** One of a line is over. */
	walked(line: number): void;
}

export class DeadWalks {
	/** The first one has been begun, perhaps. */
	#soon: Walk[] = [];
	#later: Walk[] = [];
	/** Those that came to a node that can't be read: what is below is not given back until it can, and others go on. */
	#failed: Walk[] = [];
	/** How many each line has. */
	readonly #ofLine = new Map<number, number>();
	#begun: DeadWalk | null = null;
	/** Pages that it had told of when it was looked at last. */
	#told = 0;
	readonly #sink: WalkSink;

	constructor(sink: WalkSink) {
		this.#sink = sink;
	}

	/** As a checkpoint has them. */
	restore(walks: readonly Walk[]): void {
		this.#later = [...walks];
		for (const { line } of walks) this.#count(line, 1);
	}

	#count(line: number, more: number): void {
		const count = (this.#ofLine.get(line) ?? 0) + more;
		if (count > 0) this.#ofLine.set(line, count);
		else this.#ofLine.delete(line);
	}

	get all(): readonly Walk[] {
		return [...this.#soon, ...this.#later, ...this.#failed];
	}

	add(walk: Walk): void {
		this.#count(walk.line, 1);
		if (walk.root.mapped < PART_PAGES) this.#soon.push(walk);
		else this.#later.push(walk);
	}

	/** Whether all of a line were walked. */
	isOver(line: number): boolean {
		return !this.#ofLine.has(line);
	}

	/** Windows may have moved on. */
	look(): void {
		const isDue = (walk: Walk): boolean => walk.root.mapped < PART_PAGES || this.#sink.hasPassed(walk);
		if (!this.#later.some(isDue)) return;
		this.#soon.push(...this.#later.filter(isDue));
		this.#later = this.#later.filter((walk) => !isDue(walk));
	}

	/** Those that have failed go on from where they were, as soon as it is their turn. */
	retry(): void {
		this.#later.push(...this.#failed);
		this.#failed = [];
	}

	/** A slice of the first walk; true if there is none. `isHeld`: not now. */
	async goOn(tree: Tree, isHeld: () => boolean): Promise<boolean> {
		const [next] = this.#soon;
		if (next === undefined) return true;
		if (this.#begun === null) this.#told = 0;
		this.#begun ??= this.#begin(next, tree);
		const walk = this.#begun;
		const progress = await answerOf(
			(waiter) => (isHeld() ? "more" : walk.step(SLICE_STEPS, waiter)),
			(answer) => answer === "waiting",
			"failed",
		);
		next.done += walk.done - this.#told;
		this.#told = walk.done;
		next.next = walk.next;
		if (progress === "more") return false;
		this.#begun = null;
		this.#soon.shift();
		if (progress === "failed") this.#failed.push(next);
		else {
			this.#count(next.line, -1);
			this.#sink.walked(next.line);
		}
		return false;
	}

	#begin({ line, root, death, deathPlace, next }: Walk, tree: Tree): DeadWalk {
		const told = this.#sink;
		const sink: Pick<LeftSink, "died" | "nodeDied"> = {
			died: (dead) => told.died(dead),
			nodeDied: (volume, place, bytes) => told.nodeDied(volume, place, bytes, deathPlace),
		};
		return new DeadWalk(root, line, death, tree, sink, next);
	}
}
