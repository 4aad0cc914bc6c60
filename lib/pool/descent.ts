/**
 * Who descends from whom, and so who still wants what has died: of pages and of the map's nodes, each by the rules of `map/lineage.ts`. Told by
 * `contents.ts` of volumes and snapshots, by the map of what dies; has subtrees walked that died at once; tells the space of what nobody
 * wants any more. Part of each checkpoint (`checkpoint-store.ts`): what is said of later records waits until that is stored.
 *
 * Pages are born and die at positions of the log. Nodes are born at their places and die at the place where the nodes begin of the
 * merge that has left them out, so that a snapshot is a point in both.
 */

import { invariant } from "../errors.js";
import type { DeadLists } from "./dead-lists.js";
import { DeadWalks, type Walk, type WalkSink } from "./dead-walks.js";
import type { DescentState, Floor } from "./descent-state.js";
import { KeptPoints } from "./kept-points.js";
import type { StoredImage } from "./life.js";
import { LineEnds } from "./line-ends.js";
import type { Chain } from "./map/chain.js";
import { Dead, type DeadSink, type LeftSink } from "./map/dead.js";
import { type FreeSink, Lineage } from "./map/lineage.js";
import { chainsOf } from "./map/lineage-census.js";
import { LineageFeed } from "./map/lineage-feed.js";
import { isNode, isPage } from "./map/lineage-read.js";
import { SLICE_STEPS } from "./map/merge.js";
import type { NextTurn } from "./map/merging.js";
import type { StoredPart } from "./map/part.js";
import type { Point } from "./map/point.js";
import { Points } from "./map/points.js";
import type { Root } from "./map/ref.js";
import type { Tree } from "./map/tree.js";
import type { Steps } from "./map/turns.js";
import type { Origin } from "./notes.js";

/** Where what is free is told, and where nodes are. */
export interface DescentSpace {
	/** A page. */
	free(position: number, sectors: number): void;
	/** A node. */
	freeNode(place: number, bytes: number): void;
	/** A part of a list, which lies among the nodes. */
	freePart(part: StoredPart): void;
	/** All nodes that there are lie before this place, and all that come do not. */
	gap(): number;
}

/** So many slices are done before a checkpoint is stored of what can be done; the rest is in it as what is to be done. */
const SETTLE_SLICES = 256;

export class Descent implements LeftSink, WalkSink {
	readonly pageSink: FreeSink;
	readonly nodeSink: FreeSink;
	pages: Lineage;
	nodes: Lineage;
	pagePoints: Points;
	nodePoints: Points;
	floor: Floor = { position: 0, place: 0 };
	/** What overlays say of what was written over. */
	readonly written: DeadSink = {
		died: (dead) => dead.birth >= this.floor.position && this.#feeding.died(dead),
	};
	/** Nothing may change: it is being stored. */
	isHeld = false;
	readonly #space: DescentSpace;
	readonly lists: DeadLists;
	#feeding: LineageFeed;
	readonly deadWalks = new DeadWalks(this);
	readonly ends: LineEnds;
	readonly #kept = new KeptPoints(this);
	/** Where nodes die that the merge under way leaves out. */
	#deathPlace = -0;
	readonly #deadNode = new Dead();
	/** Lines that have begun, which is not told yet, and where. */
	readonly #beginning = new Map<number, number>();

	constructor(space: DescentSpace, lists: DeadLists) {
		this.#space = space;
		this.lists = lists;
		const freePart = (part: StoredPart): void => space.freePart(part);
		this.pageSink = { free: (position, sectors) => space.free(position, sectors), freePart };
		this.nodeSink = { free: (place, bytes) => space.freeNode(place, bytes), freePart };
		this.pages = new Lineage(this.pageSink);
		this.nodes = new Lineage(this.nodeSink);
		this.pagePoints = new Points(this.pages);
		this.nodePoints = new Points(this.nodes);
		this.#feeding = new LineageFeed(this.pages);
		this.ends = new LineEnds({
			lapse: (line) => this.pages.lapse(line),
			pass: (line) => this.moveWindow(line, Infinity, Infinity),
			isWalked: (line) => this.deadWalks.isOver(line),
			end: (line) => {
				for (const all of [this.pages, this.nodes]) if (all.hasLine(line)) all.end(line); // (If forged, one may not.)
			},
		});
	}

	/** As a checkpoint has it, when all steps are done; who wants points is told by `keeps`. */
	*restoring({ pages, nodes, walks, floor }: DescentState): Steps {
		this.pages = pages.lineage;
		this.nodes = nodes.lineage;
		this.pagePoints = new Points(this.pages);
		this.nodePoints = new Points(this.nodes);
		yield* this.pagePoints.restoring(pages.points);
		yield* this.nodePoints.restoring(nodes.points);
		this.floor = floor;
		this.#feeding = new LineageFeed(this.pages);
		this.deadWalks.restore(walks);
	}

	get walks(): readonly Walk[] {
		return this.deadWalks.all;
	}

	/** Nothing waits to be told. */
	get isIdle(): boolean {
		return this.#feeding.isIdle;
	}

	/** A checkpoint begins: what is said from now on is not in it. When `isIdle`. */
	freeze(): void {
		this.#feeding.freeze();
	}

	/** It is stored. */
	thaw(): void {
		this.#feeding.thaw();
	}

	/** The map was frozen, to be merged: nodes that die then die here. */
	merges(): void {
		this.#deathPlace = this.#space.gap();
	}

	/** A line begins, as nothing or as a snapshot is. */
	begins(line: number, origin?: Origin): void {
		const point = origin && this.#kept.of(origin)?.page;
		if (point !== undefined) this.#beginning.set(line, point.position);
		this.#feeding.say(() => {
			this.#beginning.delete(line);
			const kept = origin && this.#kept.of(origin);
			this.pages.addLine(line, kept?.page ?? null);
			this.nodes.addLine(line, kept?.node ?? null);
		});
	}

	/** The position of what a line began as; 0: nothing. */
	originAt(line: number): number {
		return this.#beginning.get(line) ?? this.pages.originAt(line);
	}

	/** One more wants a line as it is, its pages before `end`, where a merge begins: now, or long ago, and then it is stored. */
	keeps(origin: Origin, end: number, stored?: StoredImage): void {
		const known = this.#kept.of(origin);
		if (known !== undefined) known.users++;
		if (known !== undefined) return;
		invariant(this.isIdle, "what is kept begins a checkpoint");
		this.#kept.add(origin, end, stored?.place).page.sectors ??= stored?.sectors;
	}

	/** That was merged, so many sectors of pages: says before which place its nodes are. */
	merged(origin: Origin, sectors: number | undefined): number {
		const kept = this.#kept.of(origin);
		if (kept === undefined) return 0;
		kept.page.sectors ??= sectors;
		kept.node ??= this.nodePoints.keep(origin.line, this.#space.gap());
		return kept.node.position;
	}

	/** What keeps its pages. */
	pointOf(origin: Origin): Point | undefined {
		return this.#kept.of(origin)?.page;
	}

	/** One less wants it. */
	givesUp(origin: Origin): void {
		this.#feeding.say(() => this.#kept.giveUp(origin));
	}

	/** The same of many: `isIdle` when that is done, a little in each turn. */
	givesUpAll(origins: readonly Origin[]): void {
		if (origins.length > 0) this.#feeding.sayLater(this.#kept.giveUpAll(origins));
	}

	/** Moments of a line before a checkpoint, whose nodes end at a place, are not offered any more. */
	moveWindow(line: number, position: number, place: number): void {
		if (this.pages.hasLine(line)) this.pages.moveWindow(line, position);
		if (this.nodes.hasLine(line)) this.nodes.moveWindow(line, place);
	}

	/** Whether a line can be looked at as it was when the log ended at a position. */
	reaches(line: number, position: number): boolean {
		return this.pages.hasLine(line) && this.pages.windowAt(line) <= position;
	}

	/** A merge has found it. */
	died(dead: Dead): void {
		if (dead.birth >= this.floor.position) this.pages.died(dead);
	}

	nodeDied(volume: number, place: number, bytes: number, death = this.#deathPlace): void {
		if (place < this.floor.place || isOfMoment(place)) return;
		const dead = this.#deadNode;
		dead.volume = volume;
		dead.birth = place;
		dead.sectors = bytes;
		dead.death = death;
		this.nodes.died(dead);
	}

	subtreeDied(line: number, root: Root, death: number): void {
		// (What is below is no younger; nodes of a moment may have any below.)
		if (root.place < this.floor.place) return;
		this.deadWalks.add({ line, root, death, deathPlace: this.#deathPlace, next: 0, done: 0 });
	}

	hasPassed({ line, death, deathPlace }: Walk): boolean {
		return this.pages.windowAt(line) > death && this.nodes.windowAt(line) > deathPlace;
	}

	/** Whether a snapshot has all of it, of how its volume was before it went back. */
	isOfSnapshot({ line, death }: Walk): boolean {
		return this.pages.line(line)?.points.at(-1)?.position === death;
	}

	/** A line has no root any more: nothing more dies on it but what is walked, and no moment of it is offered. */
	isGone(line: number): void {
		this.ends.add(line);
	}

	lapses(line: number): void {
		this.#feeding.say(() => this.ends.lapse(line));
	}

	walked(line: number): void {
		this.ends.settle(line);
	}

	/** Much of what can be done is done when it resolves, and little is in memory. */
	async settle(nextTurn: NextTurn): Promise<void> {
		for (let slices = 0; slices < SETTLE_SLICES; slices++) {
			if (this.#step() && !(await this.#fetch())) break;
			await nextTurn();
		}
		await this.#store(nextTurn);
	}

	/** What has waited for a checkpoint is told when it resolves. */
	async tell(nextTurn: NextTurn): Promise<void> {
		while (!this.#feeding.isFrozen && !this.#feeding.step(SLICE_STEPS)) await nextTurn();
	}

	/** Goes on with all there is to do, until nothing is left (true), it is being stored, or, before a slice, `mayGoOn` says no. */
	async work(tree: Tree, nextTurn: NextTurn, mayGoOn = (): boolean => true): Promise<boolean> {
		this.deadWalks.look();
		while (!this.isHeld && mayGoOn()) {
			const isTold = this.#feeding.isFrozen || this.#feeding.step(SLICE_STEPS);
			// (What a walk finds is told before it goes on, so that it is never much.)
			const isDone = this.#step() && !(await this.#fetch());
			const isWalked = isDone && (await this.deadWalks.goOn(tree, () => this.isHeld));
			if (isTold && isWalked) return true;
			if (this.lists.isMuch(this.pages.added + this.nodes.added)) await this.#store(nextTurn);
			await nextTurn();
		}
		return false;
	}

	#step(): boolean {
		const arePagesDone = this.pages.step(SLICE_STEPS);
		return this.nodes.step(SLICE_STEPS) && arePagesDone;
	}

	/** Reads what is wanted of lists. False if nothing is. */
	async #fetch(): Promise<boolean> {
		const isPageRead = await this.lists.fetch(this.pages, isPage);
		return (await this.lists.fetch(this.nodes, isNode)) || isPageRead;
	}

	/** What is wrong with lists that are stored. */
	faults(): AsyncGenerator<string> {
		return this.lists.faults(this.#chains());
	}

	/** All lists. */
	*#chains(): Generator<Chain> {
		yield* chainsOf(this.pages, this.pagePoints.all);
		yield* chainsOf(this.nodes, this.nodePoints.all);
	}

	async #store(nextTurn: NextTurn): Promise<void> {
		this.pages.added = 0;
		this.nodes.added = 0;
		const mayGoOn = (): boolean => !this.isHeld;
		await this.lists.store(() => this.#chains(), mayGoOn, nextTurn);
	}
}

/** Nodes that were made to look at a moment are nobody's: see `moment-nodes.ts`. */
function isOfMoment(place: number): boolean {
	return place % 2 === 1;
}
