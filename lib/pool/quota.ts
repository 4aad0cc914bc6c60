/**
 * How much a volume may hold: pages that are mapped, at most so many. Where there is much room left, what is written is counted as if all of it
 * were new. Near the limit each page is looked for first, and only one that is a hole counts. What the last checkpoint has is known exactly, so
 * before a write is refused for what may have been counted twice, or was trimmed since, one is made. Asked by `volume-change.ts`; made
 * by `volume-device.ts`.
 */

import type { BlockRequest } from "../block/request.js";
import { isZero } from "./bytes.js";
import type { Volume } from "./catalog.js";
import { type Checkpoints, stable } from "./checkpoints.js";
import type { Contents } from "./contents.js";
import type { Log } from "./log.js";
import type { NodeWaiter } from "./map/store.js";
import { type PageStore, Where } from "./page-store.js";

/** What a volume's quota stands on. */
export interface QuotaOn {
	readonly contents: Contents;
	readonly log: Log;
	/** All that was written by now is merged when it resolves. Throws an OperatorError. */
	checkpoint(): Promise<void>;
}

export const Verdict = {
	allowed: 0,
	over: 1,
	/** The waiter is told when more is known. */
	unsure: 2,
	/** What says whether a page is mapped can't be had. */
	failed: 3,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Pages that were counted since a checkpoint. */
class Count {
	pages = 0;
	/** Some may be no new ones, or others may have been unmapped. */
	isLoose = false;
	/** Position of the last record that has any of them. */
	last = -1;

	get isEmpty(): boolean {
		return this.last < 0;
	}
}

export class Quota {
	readonly #on: QuotaOn;
	readonly #line: number;
	#limit = Number.POSITIVE_INFINITY;
	/** What a merge that has begun has, and what came since. */
	#older = new Count();
	#newer = new Count();
	/** Where the log ended when the last merge began that was seen. */
	#frozenEnd = 0;
	readonly #waiting: NodeWaiter[] = [];

	constructor(on: QuotaOn, volume: Volume) {
		this.#on = on;
		this.#line = volume.line;
		this.change(volume);
	}

	/** The volume has another quota, perhaps. */
	change({ settings: { quotaBytes = Number.POSITIVE_INFINITY }, pageBytes }: Volume): void {
		this.#limit = Math.floor(quotaBytes / pageBytes);
	}

	/** Pages that are mapped, at most. */
	get pages(): number {
		this.#follow();
		const stored = this.#on.contents.layers.roots.get(this.#line)?.mapped ?? 0;
		return stored + this.#older.pages + this.#newer.pages;
	}

	/** What a merge has is in the tree when that is over. What was counted before it, and is in a later record, only the next one has. */
	#follow(): void {
		const { frozenEnd, mergedEnd } = this.#on.contents;
		if (this.#older.last < mergedEnd) this.#older = new Count();
		if (frozenEnd === this.#frozenEnd || !this.#older.isEmpty) return;
		this.#frozenEnd = frozenEnd;
		[this.#older, this.#newer] = [this.#newer, this.#older];
		if (this.#older.last < mergedEnd) this.#older = new Count();
	}

	/** Whether so many pages may come, whatever they replace. */
	hasRoom(pages: number): boolean {
		return this.#limit === Number.POSITIVE_INFINITY || this.pages + pages <= this.#limit;
	}

	/** Whether all that was counted is there. */
	get isSure(): boolean {
		return !this.#older.isLoose && !this.#newer.isLoose;
	}

	/** The waiter is told when a checkpoint has all that was gathered by now, or can't be made. */
	makeSure(waiter: NodeWaiter): void {
		this.#waiting.push(waiter);
		if (this.#waiting.length > 1) return;
		const tell = (): void => {
			for (const each of this.#waiting.splice(0)) each.nodeReady(null);
		};
		this.#on.checkpoint().then(tell, tell);
	}

	/** So many pages were gathered; `isLoose`: perhaps not all of them are new. */
	count(pages: number, isLoose: boolean): void {
		if (pages === 0 && !isLoose) return;
		this.#follow();
		this.#newer.pages += pages;
		this.#newer.isLoose ||= isLoose;
		this.#newer.last = this.#on.log.gather.position;
	}

	/** Something was unmapped, perhaps. */
	loosen(): void {
		this.count(0, true);
	}
}

/** Of a volume of the pool whose parts these are. */
export function quotaOf(
	{ contents, log }: Pick<QuotaOn, "contents" | "log">,
	checkpoints: Pick<Checkpoints, "request">,
	volume: Volume,
): Quota {
	const checkpoint = async (): Promise<void> => {
		await stable(log);
		await checkpoints.request(false, true);
	};
	return new Quota({ contents, log, checkpoint }, volume);
}

/** What one write asks of the quota, however often it has to wait. */
export class Allowance {
	/** Pages of the write that were looked for, and those of them that were holes. */
	#looked = 0;
	#growth = 0;
	/** All of them are counted, without looking. */
	#isCheap = false;
	#hasWaited = false;

	constructor(
		readonly quota: Quota,
		readonly line: number,
		readonly pageBytes: number,
	) {}

	begin(): void {
		this.#looked = 0;
		this.#growth = 0;
		this.#hasWaited = false;
	}

	/** Whether a write may have its pages from `first` on. `waiter`, whose request it is, is told when it is to be asked again. */
	ask(store: PageStore, request: BlockRequest, first: number, pages: number, waiter: NodeWaiter): Verdict {
		const { quota } = this;
		this.#isCheap = quota.hasRoom(pages);
		if (this.#isCheap) {
			this.#looked = pages;
			return Verdict.allowed;
		}
		for (; this.#looked < pages; this.#looked++) {
			const page = first + this.#looked;
			const where = store.find(this.line, page, waiter);
			if (where === Where.loading) return Verdict.unsure;
			if (where === Where.failed) return Verdict.failed;
			if (where === Where.hole && !this.#isZeros(request, page)) this.#growth++;
		}
		if (this.#growth === 0 || quota.hasRoom(this.#growth)) return Verdict.allowed;
		// What was acknowledged before it came is known after one checkpoint; what comes meanwhile need not be.
		if (quota.isSure || this.#hasWaited) return Verdict.over;
		this.#hasWaited = true;
		quota.makeSure(waiter);
		return Verdict.unsure;
	}

	#isZeros({ memory, memoryOffset, offsetBytes, lengthBytes }: BlockRequest, page: number): boolean {
		const from = Math.max(offsetBytes, page * this.pageBytes);
		const to = Math.min(offsetBytes + lengthBytes, (page + 1) * this.pageBytes);
		return isZero(memory, memoryOffset + from - offsetBytes, to - from);
	}

	/** What was allowed was gathered just now. */
	gathered(): void {
		if (this.#isCheap) this.quota.count(this.#looked, true);
		else this.quota.count(this.#growth, false);
		this.begin();
	}
}
