/**
 * Reads of a mirror: from the member in sync that answers soonest, and from another one if that fails. What could not be read from one and
 * was read from another is written back where it was missing, before the read is answered. Called by `core.ts`; requests go down to the
 * member's device as they are, for data begins where a member does.
 */

import { BlockOp, BlockRequest, type RequestLayer, type RequestOwner } from "../../block/request.js";
import type { Clock } from "../../clock.js";
import { StorageStatus } from "../../errors.js";
import type { Ledger } from "./ledger.js";
import type { Member } from "./member.js";

/** Of so many reads one is timed. */
const TIMED = 16;
/** Of so many reads that are timed one goes to another member than the nearest, to see how far that is. */
const ELSEWHERE = 16;
/** What a new measurement counts for. */
const WEIGHT = 1 / 8;
/** Another one must be so much nearer to be preferred: else reads would go back and forth for nothing. */
const NEARER = 0.8;

/** In a token: which member, whether the read is timed, whether it may borrow, and by bits who has been tried and who is to be repaired. */
const MEMBER = 7;
const IS_TIMED = 8;
const BORROWS = 16;
const TRIED_AT = 5;
const BAD_AT = 13;
/** And how often the member had fallen out when it was asked: the lowest bits of that. */
const LOSSES_AT = 21;
const BITS = 0xff;

export interface ReadEvents {
	/** What a member could not read was written there again. */
	onRepaired(member: Member, offsetBytes: number, lengthBytes: number): void;
}

export class Reads implements RequestLayer {
	readonly #ledger: Ledger;
	readonly #clock: Clock;
	readonly #events: ReadEvents;
	#nearest = 0;
	/** Who was asked for another copy the last time. */
	#another = 0;
	#count = 0;
	#timed = 0;
	/** When the read that is being timed began; one at a time. */
	#since = 0;
	#isTiming = false;

	constructor(ledger: Ledger, clock: Clock, events: ReadEvents) {
		this.#ledger = ledger;
		this.#clock = clock;
		this.#events = events;
	}

	/** Does a read, or says what a range consists of, and completes the request. */
	begin(request: BlockRequest): void {
		this.#count = (this.#count + 1) & 0xffff;
		const borrows = request.mayBorrow ? BORROWS : 0;
		if (request.anotherCopy) {
			this.#another = this.#after(this.#another);
			this.#ask(request, this.#another, borrows);
			return;
		}
		if (!this.#ledger.members[this.#nearest]!.inSync) this.#choose();
		if (this.#count % TIMED !== 0 || this.#isTiming || request.op !== BlockOp.read) {
			this.#ask(request, this.#nearest, borrows);
			return;
		}
		this.#timed = (this.#timed + 1) % ELSEWHERE;
		const index = this.#timed === 0 ? this.#after(this.#nearest) : this.#nearest;
		this.#isTiming = true;
		this.#since = this.#clock.now();
		this.#ask(request, index, borrows | IS_TIMED);
	}

	#ask(request: BlockRequest, index: number, token: number): void {
		const member = this.#ledger.members[index]!;
		member.reads++;
		const known = token & ~MEMBER & ((1 << LOSSES_AT) - 1);
		request.push(this, known | index | (1 << (TRIED_AT + index)) | ((member.losses & BITS) << LOSSES_AT));
		member.device!.submit(request);
	}

	/** The next member in sync, in a circle: itself, if there is no other. */
	#after(index: number): number {
		const { members } = this.#ledger;
		for (let i = 1; i < members.length; i++) {
			const next = (index + i) % members.length;
			if (members[next]!.inSync) return next;
		}
		return index;
	}

	/** The nearest is who answers soonest, and whom nobody has asked yet if that is not known. */
	#choose(): void {
		const { members } = this.#ledger;
		let best = members[this.#nearest]!.inSync ? this.#nearest : -1;
		for (let i = 0; i < members.length; i++) {
			if (!members[i]!.inSync || i === best) continue;
			if (best < 0 || members[i]!.latencyMs < members[best]!.latencyMs * NEARER) best = i;
		}
		this.#nearest = Math.max(best, 0);
	}

	below(request: BlockRequest, token: number): void {
		const member = this.#ledger.members[token & MEMBER]!;
		if ((token & IS_TIMED) !== 0) this.#measure(member);
		if (request.status !== StorageStatus.ok) {
			this.#again(request, member, token & ~IS_TIMED);
			return;
		}
		if (((token >>> LOSSES_AT) & BITS) !== (member.losses & BITS)) {
			// It has fallen out meanwhile, and may have read what it has then lost.
			this.#elsewhere(request, token & ~IS_TIMED, StorageStatus.unreachable, 0, request.offsetBytes);
			return;
		}
		const bad = (token >>> BAD_AT) & BITS;
		request.mayBorrow = (token & BORROWS) !== 0;
		if (bad === 0 || request.op !== BlockOp.read) request.resume();
		else new Repair(request, bad, this.#ledger, this.#events).begin();
	}

	#measure(member: Member): void {
		const tookMs = this.#clock.now() - this.#since;
		this.#isTiming = false;
		member.latencyMs =
			member.latencyMs === 0 ? tookMs : member.latencyMs + (tookMs - member.latencyMs) * WEIGHT;
		this.#choose();
	}

	/** It has failed: somebody else may know. */
	#again(request: BlockRequest, member: Member, token: number): void {
		const { status, errno, failedOffsetBytes } = request;
		let bad = 0;
		switch (status) {
			case StorageStatus.mediumError:
				member.errors++;
				bad = 1 << (BAD_AT + member.index);
				break;
			case StorageStatus.cancelled:
			case StorageStatus.unsupported:
				this.#giveUp(request, token);
				return;
			default:
				// It is not there: who knows what it will have when it is back.
				this.#ledger.lose(member, status);
		}
		this.#elsewhere(request, token | bad, status, errno, failedOffsetBytes);
	}

	/** Asks somebody who has not been asked; if there is nobody, this is how it ends. */
	#elsewhere(
		request: BlockRequest,
		token: number,
		status: StorageStatus,
		errno: number,
		failedAt: number,
	): void {
		const { members } = this.#ledger;
		for (let i = 0; i < members.length; i++) {
			if (!members[i]!.inSync || (token & (1 << (TRIED_AT + i))) !== 0) continue;
			// What is borrowed could not be written back.
			request.mayBorrow = false;
			request.borrowedAddress = 0;
			this.#ask(request, i, token);
			return;
		}
		request.status = status;
		request.errno = errno;
		request.failedOffsetBytes = failedAt;
		this.#giveUp(request, token);
	}

	#giveUp(request: BlockRequest, token: number): void {
		request.mayBorrow = (token & BORROWS) !== 0;
		request.borrowedAddress = 0;
		request.extentCount = 0;
		request.resume();
	}
}

/** A read that is answered when what it has found is written where it could not be read. Rare, so made when it is needed. */
class Repair implements RequestOwner {
	readonly #read: BlockRequest;
	readonly #ledger: Ledger;
	readonly #events: ReadEvents;
	readonly #write = new BlockRequest(this);
	/** By bits: whom to repair. */
	#bad: number;
	#member: Member | null = null;

	constructor(read: BlockRequest, bad: number, ledger: Ledger, events: ReadEvents) {
		this.#read = read;
		this.#bad = bad;
		this.#ledger = ledger;
		this.#events = events;
	}

	begin(): void {
		const index = this.#ledger.members.findIndex(({ index }) => (this.#bad & (1 << index)) !== 0);
		this.#bad &= ~(1 << index);
		const member = this.#ledger.members[index];
		if (member === undefined) {
			this.#read.resume();
			return;
		}
		if (!member.inSync) {
			this.begin();
			return;
		}
		const { offsetBytes, lengthBytes, memory, memoryOffset } = this.#read;
		this.#member = member;
		this.#write.op = BlockOp.write;
		this.#write.offsetBytes = offsetBytes;
		this.#write.lengthBytes = lengthBytes;
		this.#write.memory = memory;
		this.#write.memoryOffset = memoryOffset;
		member.started();
		member.device!.submit(this.#write.begin());
	}

	finished({ status, offsetBytes, lengthBytes }: BlockRequest): void {
		const member = this.#member!;
		member.ended();
		if (status === StorageStatus.ok) {
			member.repairs++;
			this.#events.onRepaired(member, offsetBytes, lengthBytes);
		} else {
			this.#ledger.lose(member, status);
		}
		this.begin();
	}
}
