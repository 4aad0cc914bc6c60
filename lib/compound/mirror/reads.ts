/**
 * Reads of a mirror: from the member in sync that answers soonest, and from another one if that fails, or does not answer. What could not be
 * read from one and was read from another is written back where it was missing, before the read is answered. Called by `core.ts`; requests go
 * down to the member's device as they are, for data begins where a member does.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockOp, type BlockRequest, type RequestLayer } from "../../block/request.js";
import type { Clock } from "../../clock.js";
import { StorageStatus } from "../../errors.js";
import type { Ledger } from "./ledger.js";
import { type Member, mayRead } from "./member.js";
import type { Allocate } from "./metadata.js";
import type { Pending, PendingList } from "./pending.js";
import { Repair, type RepairEvents } from "./repair.js";

/** Of so many reads one is timed. */
const TIMED = 16;
/** Of so many reads that are timed one goes to another member than the nearest, to see how far that is. */
const ELSEWHERE = 16;
/** What a new measurement counts for. */
const WEIGHT = 1 / 8;
/** Another one must be so much nearer to be preferred: else reads would go back and forth for nothing. */
const NEARER = 0.8;

/** A read that is under way, whoever is asked. Pooled: the token of its request is its place among all. */
class Reading implements Pending {
	list: PendingList | null = null;
	tick = 0;
	previous: Pending | null = null;
	next: Pending | null = null;
	request: BlockRequest | null = null;
	member: Member | null = null;
	device: BlockDevice | null = null;
	isTimed = false;
	/** The client takes what is lent. */
	mayBorrow = false;
	/** As it was asked for. */
	anotherCopy = 0;
	/** By bits: who has been asked, and who is to be repaired. */
	tried = 0;
	bad = 0;
	/** How often the member had fallen out when it was asked, and flushes had failed on the last one. */
	losses = 0;
	lostFlushes = 0;
	/** The member does not answer. */
	isGivenUp = false;

	constructor(readonly place: number) {}

	/**
	 * The request is still the member's, which may fill its memory: somebody else is asked when it is back. A device that waits for something
	 * gives it back; a kernel that has begun to read does when it is done.
	 */
	giveUp(): void {
		this.isGivenUp = true;
		this.isTimed = false;
		this.device!.cancel(this.request!);
	}
}

export class Reads implements RequestLayer {
	readonly #ledger: Ledger;
	readonly #clock: Clock;
	readonly #events: RepairEvents;
	readonly #allocate: Allocate;
	readonly #all: Reading[] = [];
	/** Those that are not used. */
	readonly #unused: Reading[] = [];
	#nearest = 0;
	#count = 0;
	#timed = 0;
	/** The read that is being timed, and when it began; one at a time. */
	#timing: Reading | null = null;
	#since = 0;

	constructor(ledger: Ledger, clock: Clock, allocate: Allocate, events: RepairEvents) {
		this.#ledger = ledger;
		this.#clock = clock;
		this.#allocate = allocate;
		this.#events = events;
	}

	/** Does a read, or says what a range consists of, and completes the request. */
	begin(request: BlockRequest): void {
		this.#count = (this.#count + 1) & 0xffff;
		const reading = this.#take(request);
		if (request.anotherCopy > 0) {
			this.#askForCopy(reading, request);
			return;
		}
		if (!mayRead(this.#ledger.members[this.#nearest]!, this.#ledger.members)) this.#choose();
		const isTimed = this.#timing?.isTimed === true;
		if (this.#count % TIMED !== 0 || isTimed || request.op !== BlockOp.read) {
			this.#ask(reading, this.#nearest);
			return;
		}
		this.#timed = (this.#timed + 1) % ELSEWHERE;
		const index = this.#timed === 0 ? this.#after(this.#nearest) : this.#nearest;
		this.#timing = reading;
		reading.isTimed = true;
		this.#since = this.#clock.now();
		this.#ask(reading, index);
	}

	/** Copies of a member, if that has several, are asked for by rounds. */
	#askForCopy(reading: Reading, request: BlockRequest): void {
		const { members } = this.#ledger;
		const inSync = members.flatMap((member, index) => (mayRead(member, this.#ledger.members) ? [index] : []));
		const before = request.anotherCopy - 1;
		request.anotherCopy = 1 + Math.floor(before / Math.max(1, inSync.length));
		this.#ask(reading, inSync[before % inSync.length] ?? this.#nearest);
	}

	#take(request: BlockRequest): Reading {
		let reading = this.#unused.pop();
		if (reading === undefined) {
			reading = new Reading(this.#all.length);
			this.#all.push(reading);
		}
		reading.request = request;
		reading.mayBorrow = request.mayBorrow;
		reading.anotherCopy = request.anotherCopy;
		reading.isTimed = false;
		reading.tried = 0;
		reading.bad = 0;
		return reading;
	}

	#ask(reading: Reading, index: number): void {
		const member = this.#ledger.members[index]!;
		const device = member.device!;
		member.reads++;
		reading.member = member;
		reading.device = device;
		reading.tried |= 1 << index;
		reading.losses = member.losses;
		reading.lostFlushes = this.#ledger.lostFlushes;
		reading.isGivenUp = false;
		member.pending.add(reading);
		const request = reading.request!;
		request.push(this, reading.place);
		device.submit(request);
	}

	/** The next member in sync, in a circle: itself, if there is no other. */
	#after(index: number): number {
		const { members } = this.#ledger;
		for (let i = 1; i < members.length; i++) {
			const next = (index + i) % members.length;
			if (mayRead(members[next]!, members)) return next;
		}
		return index;
	}

	/** The nearest is who answers soonest, and whom nobody has asked yet if that is not known. */
	#choose(): void {
		const { members } = this.#ledger;
		let best = mayRead(members[this.#nearest]!, members) ? this.#nearest : -1;
		for (let i = 0; i < members.length; i++) {
			if (!mayRead(members[i]!, members) || i === best) continue;
			if (best < 0 || members[i]!.latencyMs < members[best]!.latencyMs * NEARER) best = i;
		}
		this.#nearest = Math.max(best, 0);
	}

	below(request: BlockRequest, token: number): void {
		const reading = this.#all[token]!;
		const member = reading.member!;
		member.pending.remove(reading);
		if (reading.isTimed) this.#measure(reading, member);
		if (request.status !== StorageStatus.ok) {
			this.#again(reading, member);
			return;
		}
		if (reading.losses !== member.losses || (member.doubts > 0 && !mayRead(member, this.#ledger.members))) {
			// It has fallen out meanwhile, or may have to, and may have read what it has then lost.
			this.#elsewhere(reading, StorageStatus.unreachable, 0, request.offsetBytes);
			return;
		}
		if (reading.lostFlushes !== this.#ledger.lostFlushes && member.inSync) {
			// It may have read what it has lost since, of which clients have been told: nobody would read it again.
			request.borrowedAddress = 0;
			this.#ask(reading, member.index);
			return;
		}
		const { bad } = reading;
		this.#give(reading);
		if (bad === 0 || request.op !== BlockOp.read) request.resume();
		else new Repair(request, bad, this.#ledger, this.#allocate, this.#events).begin();
	}

	#measure(reading: Reading, member: Member): void {
		const tookMs = this.#clock.now() - this.#since;
		reading.isTimed = false;
		member.latencyMs =
			member.latencyMs === 0 ? tookMs : member.latencyMs + (tookMs - member.latencyMs) * WEIGHT;
		this.#choose();
	}

	/** It has failed: somebody else may know. */
	#again(reading: Reading, member: Member): void {
		const { status, errno, failedOffsetBytes } = reading.request!;
		switch (status) {
			case StorageStatus.mediumError:
				member.errors++;
				reading.bad |= 1 << member.index;
				break;
			case StorageStatus.cancelled:
				if (!reading.isGivenUp) {
					this.#end(reading);
					return;
				}
				this.#elsewhere(reading, StorageStatus.unreachable, 0, failedOffsetBytes);
				return;
			case StorageStatus.unsupported:
				this.#end(reading);
				return;
			default:
				// It is not there: who knows what it will have when it is back.
				this.#ledger.lose(member, status);
		}
		this.#elsewhere(reading, status, errno, failedOffsetBytes);
	}

	/** Asks somebody who has not been asked; if there is nobody, this is how it ends. */
	#elsewhere(reading: Reading, status: StorageStatus, errno: number, failedAt: number): void {
		const { members } = this.#ledger;
		const request = reading.request!;
		for (let i = 0; i < members.length; i++) {
			if (!mayRead(members[i]!, members) || (reading.tried & (1 << i)) !== 0) continue;
			// What is borrowed could not be written back.
			request.mayBorrow = false;
			request.borrowedAddress = 0;
			this.#ask(reading, i);
			return;
		}
		request.status = status;
		request.errno = errno;
		request.failedOffsetBytes = failedAt;
		this.#end(reading);
	}

	#end(reading: Reading): void {
		const request = reading.request!;
		this.#give(reading);
		request.borrowedAddress = 0;
		request.extentCount = 0;
		request.resume();
	}

	/** The request is as it came, and the reading is unused. */
	#give(reading: Reading): void {
		reading.request!.mayBorrow = reading.mayBorrow;
		reading.request!.anotherCopy = reading.anotherCopy;
		reading.request = null;
		reading.member = null;
		reading.device = null;
		this.#unused.push(reading);
	}
}
