/**
 * What a member of a mirror has been asked and has not answered, in the order in which it was asked. Who waits for it may give it up: then the
 * member goes on with it alone, and nobody hears how it ends; but it stays here until it has, for it may take effect at any moment until then.
 * Kept by `member.ts`; `patience.ts` says when it is time.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockRequest, type RequestOwner } from "../../block/request.js";
import { UnderWay } from "../../block/under-way.js";
import { StorageStatus } from "../../errors.js";

export interface Pending {
	/** Where it is, while it is pending; the list's own, as are the next three. */
	list: PendingList | null;
	/** When it was asked, see `PendingList.tick`. */
	tick: number;
	previous: Pending | null;
	next: Pending | null;
	/** Nobody waits for it any more. May be called again. */
	giveUp(): void;
}

export class PendingList {
	/** Counts up: what is older than so many ticks is late. Ticks are counted, not time: while this process sleeps none goes by. */
	tick = 0;
	readonly #underWay = new UnderWay();
	#first: Pending | null = null;
	#last: Pending | null = null;

	add(pending: Pending): void {
		pending.list = this;
		pending.tick = this.tick;
		pending.previous = this.#last;
		pending.next = null;
		if (this.#last === null) this.#first = pending;
		else this.#last.next = pending;
		this.#last = pending;
		this.#underWay.begun();
	}

	/** It is answered. */
	remove(pending: Pending): void {
		const { previous, next } = pending;
		if (previous === null) this.#first = next;
		else previous.next = next;
		if (next === null) this.#last = previous;
		else next.previous = previous;
		pending.list = null;
		pending.previous = null;
		pending.next = null;
		this.#underWay.ended();
	}

	/** Something has waited for more than so many ticks. */
	isLate(ticks: number): boolean {
		return this.#first !== null && this.tick - this.#first.tick > ticks;
	}

	/** Gives up all of it, what has just been asked, too. */
	giveUp(): void {
		const all: Pending[] = [];
		for (let each = this.#first; each !== null; each = each.next) all.push(each);
		// One may take others with it.
		for (const each of all) if (each.list === this) each.giveUp();
	}

	/** Resolves when all of it is answered, also what was given up. */
	quiet(): Promise<void> {
		return this.#underWay.none();
	}
}

/**
 * A request that a mirror makes to a member for itself, or for its part of something. One that was given up is not used again, nor may be
 * what it would write: whatever that is by then is what the member may get.
 */
export abstract class Attempt implements RequestOwner, Pending {
	readonly request = new BlockRequest(this);
	list: PendingList | null = null;
	tick = 0;
	previous: Pending | null = null;
	next: Pending | null = null;
	#isGivenUp = false;

	get isGivenUp(): boolean {
		return this.#isGivenUp;
	}

	/** How it ended. */
	get status(): StorageStatus {
		return this.#isGivenUp ? StorageStatus.unreachable : this.request.status;
	}

	/** It has ended, or was given up: called once. */
	protected abstract ended(): void;

	submit(device: BlockDevice, list: PendingList): void {
		list.add(this);
		device.submit(this.request.begin());
	}

	finished(): void {
		this.list!.remove(this);
		if (!this.#isGivenUp) this.ended();
	}

	giveUp(): void {
		if (this.#isGivenUp) return;
		this.#isGivenUp = true;
		this.ended();
	}
}
