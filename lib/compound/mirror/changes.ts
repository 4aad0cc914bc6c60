/**
 * What changes a mirror, and flushes: done on all members that take part, ended when all of them are done and it is stable who lacks it.
 * Called by `core.ts` for requests that overlap nothing under way. Pooled, with a request for each member.
 */

import { BlockOp, type BlockRequest } from "../../block/request.js";
import { UnderWay } from "../../block/under-way.js";
import { StorageStatus } from "../../errors.js";
import { MEMBERS_MAX } from "./format.js";
import type { Ledger, Waiter } from "./ledger.js";
import type { Member } from "./member.js";
import { Attempt } from "./pending.js";

/** One member's part of a change. */
class Part extends Attempt {
	/** Whose; null while it is not used. */
	member: Member | null = null;

	constructor(readonly change: Change) {
		super();
	}

	begin(whole: BlockRequest, member: Member): void {
		const { request } = this;
		this.member = member;
		request.op = whole.op;
		request.offsetBytes = whole.offsetBytes;
		request.lengthBytes = whole.lengthBytes;
		// Devices move the offsets on their way down.
		request.ranges = whole.ranges === null ? null : whole.ranges.slice();
		request.fua = whole.fua;
		request.maySync = whole.maySync;
		request.mayUnmap = whole.mayUnmap;
		request.memory = whole.memory;
		request.memoryOffset = whole.memoryOffset;
		request.isLent = whole.isLent;
		request.room = whole.room;
		request.roomOffset = whole.roomOffset;
		this.submit(member.device!, member.pending);
	}

	protected override ended(): void {
		if (this.status !== StorageStatus.ok) this.member!.doubt(this.request.op);
		this.change.partFinished();
	}
}

const Step = {
	/** Its regions are being marked. */
	marking: 0,
	/** Members do it. */
	underWay: 1,
	/** It is being recorded that somebody lacks it. */
	recording: 2,
} as const;
type Step = (typeof Step)[keyof typeof Step];

class Change implements Waiter {
	whole: BlockRequest | null = null;
	step: Step = Step.marking;
	/** The next unused one. */
	next: Change | null = null;
	/** By member. */
	readonly #parts: Part[];
	readonly #changes: Changes;
	#left = 0;
	#status: StorageStatus = StorageStatus.ok;
	#errno = 0;
	#failedOffsetBytes = 0;
	#synced = false;
	#lostFlushes = 0;
	#toldLosses = 0;

	constructor(changes: Changes) {
		this.#changes = changes;
		this.#parts = Array.from({ length: MEMBERS_MAX }, () => new Part(this));
	}

	/** The ledger has stored what this waited for, or could not. */
	stored(status: StorageStatus, errno: number): void {
		if (status !== StorageStatus.ok) {
			this.#end(status, errno, this.whole!.offsetBytes, false);
			return;
		}
		if (this.step === Step.marking) this.start();
		else this.#end(this.#status, this.#errno, this.#failedOffsetBytes, this.#synced);
	}

	/** Hands it to all members that take part. */
	start(): void {
		const { members, lostFlushes, toldLosses } = this.#changes.ledger;
		this.#lostFlushes = lostFlushes;
		this.#toldLosses = toldLosses;
		this.step = Step.underWay;
		// One more than there are: a device that is done at once must not end the whole before all have begun.
		this.#left = 1;
		for (let i = 0; i < members.length; i++) {
			const member = members[i]!;
			if (!member.takesPart) continue;
			this.#left++;
			this.#parts[i]!.begin(this.whole!, member);
		}
		this.partFinished();
	}

	partFinished(): void {
		this.#left--;
		if (this.#left === 0) this.#judge();
	}

	/** All are done: who has it, and who is lost. */
	#judge(): void {
		const { ledger } = this.#changes;
		this.#status = StorageStatus.ok;
		this.#synced = true;
		let done = false;
		for (let i = 0; i < this.#parts.length; i++) {
			const { member, status, request } = this.#parts[i]!;
			if (member === null || status !== StorageStatus.ok) continue;
			// Who is copied to counts here, too: it is in sync soon, and not flushed before.
			if (!request.synced) this.#synced = false;
			if (member.inSync) done = true;
		}
		for (let i = this.#parts.length - 1; i >= 0; i--) {
			const part = this.#parts[i]!;
			const { member, status, request } = part;
			part.member = null;
			if (member !== null && status !== StorageStatus.ok) member.doubts--;
			// The member has it still, whatever becomes of that.
			if (part.isGivenUp) this.#parts[i] = new Part(this);
			if (member === null || part.isGivenUp || status === StorageStatus.ok) continue;
			// If nobody has it, the last that is left tells why.
			if (!ledger.lose(member, status) && !done) this.#failed(request);
		}
		if (!done && this.#status === StorageStatus.ok) this.#lost();
		if (done && this.whole!.op === BlockOp.flush) this.#status = ledger.takeOwed();
		this.step = Step.recording;
		if (ledger.holdsBack) ledger.whenRaised(this);
		else this.#end(this.#status, this.#errno, this.#failedOffsetBytes, this.#synced);
	}

	/**
	 * The last member could not do it: what is there now is anybody's guess, also of what it had before, if that was a flush. Whoever is copied
	 * to may have something else, and begins again; whoever is away lacks the region anyway.
	 */
	#failed(request: BlockRequest): void {
		const { ledger } = this.#changes;
		this.#status = request.status;
		this.#errno = request.errno;
		this.#failedOffsetBytes = request.failedOffsetBytes;
		this.#synced = false;
		if (request.op === BlockOp.flush) ledger.lostFlushes++;
		for (const member of ledger.members) {
			if (member.isTarget) ledger.lose(member, request.status);
			if (request.op === BlockOp.flush) member.hasLost = false;
		}
	}

	/** All that were asked have fallen out meanwhile, by what others did: whoever is in sync now was not asked. */
	#lost(): void {
		this.#status = StorageStatus.unreachable;
		this.#errno = 0;
		this.#failedOffsetBytes = this.whole!.offsetBytes;
		this.#synced = false;
	}

	#end(status: StorageStatus, errno: number, failedOffsetBytes: number, synced: boolean): void {
		const whole = this.whole!;
		const { ledger } = this.#changes;
		const isFlush = whole.op === BlockOp.flush;
		// A flush that has failed meanwhile was for this, too, as far as it was done; and nobody has been told yet that it was.
		const isDoubtful = this.step === Step.recording && this.#lostFlushes !== ledger.lostFlushes;
		const isLost = isFlush && this.#toldLosses !== ledger.toldLosses;
		if (isFlush && status !== StorageStatus.ok) ledger.toldLosses++;
		if (status === StorageStatus.ok && (isDoubtful || isLost)) status = StorageStatus.unreachable;
		this.whole = null;
		this.#changes.ended(this, whole);
		whole.synced = synced && !isFlush && status === StorageStatus.ok;
		if (status === StorageStatus.ok) whole.complete(StorageStatus.ok);
		else whole.complete(status, errno, failedOffsetBytes);
	}
}

export class Changes {
	readonly ledger: Ledger;
	#unused: Change | null = null;
	readonly #underWay = new UnderWay();

	constructor(ledger: Ledger) {
		this.ledger = ledger;
	}

	/** Resolves when none is under way. */
	quiet(): Promise<void> {
		return this.#underWay.none();
	}

	/** Does `whole`, a write, a trim, zeros or a flush, and completes it. */
	begin(whole: BlockRequest): void {
		const change = this.#unused ?? new Change(this);
		this.#unused = change.next;
		change.next = null;
		change.whole = whole;
		change.step = Step.marking;
		this.#underWay.begun();
		if (whole.op === BlockOp.flush || this.ledger.intents.enter(whole)) {
			change.start();
			return;
		}
		whole.park();
		this.ledger.whenStable(change);
	}

	/** Called by the change. */
	ended(change: Change, whole: BlockRequest): void {
		this.ledger.intents.leave(whole);
		change.next = this.#unused;
		this.#unused = change;
		this.#underWay.ended();
	}
}
