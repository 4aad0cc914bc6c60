/**
 * Has one request done as several, so many at once and no more, and ends it with what all of them came to. Used by whoever is
 * asked for more than one request may ask for (`lib/ata/verify.ts`), and for devices that are made of others. How a request is
 * parted, and whom each part is for, a `Splitter` says. Parts are pooled. However many there are, a turn of the event loop goes
 * on with no more than `PARTS_PER_TURN`, and a device that completes at once does not call deeper and deeper.
 *
 * Between the first part and the last one others may see some of them done: what keeps requests in order belongs above this.
 */

import { invariant, StorageStatus } from "../errors.js";
import type { BlockDevice } from "./device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "./request.js";

/** Parts that may be begun in a turn of the event loop, of all requests together, beside those with which a request begins. */
export const PARTS_PER_TURN = 32;

/** Says how requests are parted. `C` is what it wants to know of each (see `Parts.split`). */
export interface Splitter<C> {
	/**
	 * Fills in `part` as the next one of `split.whole`, and returns the device that it is for. `split.cursor` is 0 at first, and
	 * the splitter's to count with; with the last part (there is at least one) it sets `split.noMore`.
	 */
	next(split: Split<C>, part: Part<C>): BlockDevice;
}

/** One of the requests that another one is done as. */
export class Part<C> implements RequestOwner {
	readonly request = new BlockRequest(this);
	/** Where it begins, in the coordinates of the whole. */
	startBytes = 0;
	/** What it is a part of, while it is. */
	split: Split<C> | null = null;
	/** The next unused one. */
	next: Part<C> | null = null;

	constructor(readonly parts: Parts<C>) {}

	/** Becomes `lengthBytes` of the whole, `fromBytes` behind its first: the same operation, at the same place, with the same bytes. */
	take(fromBytes: number, lengthBytes: number): void {
		const { request } = this;
		const { whole } = this.split!;
		this.startBytes = whole.offsetBytes + fromBytes;
		request.op = whole.op;
		request.offsetBytes = whole.offsetBytes + fromBytes;
		request.lengthBytes = lengthBytes;
		request.fua = whole.fua;
		request.maySync = whole.maySync;
		request.mayUnmap = whole.mayUnmap;
		request.anotherCopy = whole.anotherCopy;
		request.memory = whole.memory;
		request.memoryOffset = whole.memoryOffset + fromBytes;
		request.isLent = whole.isLent;
		request.room = whole.room;
		request.roomOffset = whole.roomOffset + fromBytes;
	}

	finished(): void {
		this.parts.partFinished(this);
	}
}

/** What takes turns with others. */
interface Waiting {
	/** The next one that waits. */
	nextWaiting: Waiting | null;
	goOn(): void;
}

/** A request that is being done in parts. */
export class Split<C> implements Waiting {
	whole: BlockRequest;
	context: C;
	cursor = 0;
	/** Parts with which it has begun: these don't wait for a turn. */
	begun = 0;
	underWay = 0;
	/** All parts that there are have been begun, or as many as shall be. */
	noMore = false;
	/** Its parts are being begun: one that is over meanwhile leaves the next to whoever does so. */
	isBusy = false;
	/** It waits for its turn. */
	isWaiting = false;
	status: StorageStatus = StorageStatus.ok;
	errno = 0;
	failedOffsetBytes = 0;
	/** Every part is on stable storage. */
	synced = true;
	nextWaiting: Waiting | null = null;
	/** The next unused one. */
	next: Split<C> | null = null;

	constructor(
		readonly parts: Parts<C>,
		whole: BlockRequest,
		context: C,
	) {
		this.whole = whole;
		this.context = context;
	}

	goOn(): void {
		this.isWaiting = false;
		this.parts.begin(this);
	}

	/** Takes in how a part has ended. */
	join({ request, startBytes }: Part<C>): void {
		const { status } = request;
		if (!request.synced) this.synced = false;
		if (status === StorageStatus.ok) return;
		const failedAt = startBytes + request.failedOffsetBytes - request.offsetBytes;
		if (!this.#isGraver(status, failedAt)) return;
		this.status = status;
		this.errno = request.errno;
		this.failedOffsetBytes = failedAt;
	}

	/** The first failure counts; but that a sync has failed must be known above, whatever else has. */
	#isGraver(status: StorageStatus, failedAt: number): boolean {
		if (this.status === StorageStatus.ok) return true;
		const isSync = status === StorageStatus.syncFailed;
		if (isSync !== (this.status === StorageStatus.syncFailed)) return isSync;
		return failedAt < this.failedOffsetBytes;
	}
}

/** Does requests in parts, as one splitter says. */
export class Parts<C> {
	readonly #splitter: Splitter<C>;
	readonly #atOnce: number;
	#unusedParts: Part<C> | null = null;
	#unusedSplits: Split<C> | null = null;

	/** `atOnce`: so many parts of one request may be under way. */
	constructor(splitter: Splitter<C>, atOnce = 1) {
		invariant(atOnce >= 1, "parts of which none may be under way");
		this.#splitter = splitter;
		this.#atOnce = atOnce;
	}

	/**
	 * Does `whole`, which has begun, in parts and completes it when all of them are over. A read that has failed begins no more of
	 * them; everything else is done as far as it can be. `context` is for the splitter.
	 */
	split(whole: BlockRequest, context: C): void {
		this.begin(this.#takeSplit(whole, context));
	}

	/** Begins as many parts as may be now; if all are over, so is the whole. Called by the split when it is its turn. */
	begin(split: Split<C>): void {
		if (split.isBusy || split.isWaiting) return;
		split.isBusy = true;
		while (!split.noMore && split.underWay < this.#atOnce && this.#mayBegin(split)) this.#beginOne(split);
		split.isBusy = false;
		if (!split.noMore) split.whole.park();
		else if (split.underWay === 0) this.#over(split);
	}

	#mayBegin(split: Split<C>): boolean {
		if (split.begun >= this.#atOnce) return turns.take(split);
		split.begun++;
		return true;
	}

	#beginOne(split: Split<C>): void {
		const part = this.#unusedParts ?? new Part<C>(this);
		this.#unusedParts = part.next;
		part.next = null;
		part.split = split;
		split.underWay++;
		this.#splitter.next(split, part).submit(part.request.begin());
	}

	/** Called by the part. */
	partFinished(part: Part<C>): void {
		const split = part.split!;
		split.join(part);
		split.underWay--;
		if (split.status !== StorageStatus.ok && split.whole.op === BlockOp.read) split.noMore = true;
		part.split = null;
		part.next = this.#unusedParts;
		this.#unusedParts = part;
		this.begin(split);
	}

	#over(split: Split<C>): void {
		const { whole, status } = split;
		whole.synced = split.synced;
		// The owner may have the whole, or another one, done again at once.
		split.next = this.#unusedSplits;
		this.#unusedSplits = split;
		if (status === StorageStatus.ok) whole.complete(StorageStatus.ok);
		else whole.complete(status, split.errno, split.failedOffsetBytes);
	}

	#takeSplit(whole: BlockRequest, context: C): Split<C> {
		const split = this.#unusedSplits;
		if (split === null) return new Split(this, whole, context);
		this.#unusedSplits = split.next;
		split.next = null;
		split.whole = whole;
		split.context = context;
		split.cursor = 0;
		split.begun = 0;
		split.noMore = false;
		split.status = StorageStatus.ok;
		split.errno = 0;
		split.failedOffsetBytes = 0;
		split.synced = true;
		return split;
	}
}

/** Whose turn it is, of all requests that are done in parts. */
class Turns {
	#taken = 0;
	#first: Waiting | null = null;
	#last: Waiting | null = null;
	#armed = false;

	/** True if a part may be begun in this turn; if not, the split goes on in a later one. */
	take<C>(split: Split<C>): boolean {
		if (this.#taken < PARTS_PER_TURN) {
			this.#taken++;
			return true;
		}
		split.isWaiting = true;
		if (this.#last === null) this.#first = split;
		else this.#last.nextWaiting = split;
		this.#last = split;
		this.#arm();
		return false;
	}

	#arm(): void {
		if (this.#armed) return;
		this.#armed = true;
		setImmediate(this.#nextTurn);
	}

	readonly #nextTurn = (): void => {
		this.#armed = false;
		this.#taken = 0;
		while (this.#first !== null && this.#taken < PARTS_PER_TURN) {
			const split = this.#first;
			this.#first = split.nextWaiting;
			if (this.#first === null) this.#last = null;
			split.nextWaiting = null;
			split.goOn();
		}
		if (this.#first !== null) this.#arm();
	};
}

/** This thread's. */
const turns = new Turns();
