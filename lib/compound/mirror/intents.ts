/**
 * Where a mirror is being written. A region is in `wanted` before a change of it begins, and is `ready` when that is stable on all members
 * that count: not before then may the change begin. It stays there for a while after the last change, so that what is written again and
 * again costs nothing. Asked by `changes.ts` for each change; what is to be stored, and when, is the ledger's.
 */

import { BlockOp, type BlockRequest } from "../../block/request.js";
import { turn } from "../../turn.js";
import type { Member } from "./member.js";
import { Regions } from "./regions.js";

/** A region that was not changed for so many sweeps is left out, when what was changed is stable. */
const SWEEPS = 2;
/** The age of a region that is being flushed so that it can be left out. */
const LEAVING = SWEEPS + 1;

export class Intents {
	readonly wanted: Regions;
	readonly #ready: Uint32Array;
	readonly #snapshot: Uint32Array;
	/** Changes under way, and sweeps since the last one, by region. */
	readonly #busy: Uint32Array;
	readonly #ages: Uint8Array;
	readonly #members: readonly Member[];
	/** Multiplied by it, an offset is a region: a power of two, so that this is exact. */
	readonly #perByte: number;

	constructor(regionCount: number, regionBytes: number, members: readonly Member[]) {
		this.wanted = new Regions(regionCount);
		this.#ready = new Uint32Array(this.wanted.words.length);
		this.#snapshot = new Uint32Array(this.wanted.words.length);
		this.#busy = new Uint32Array(regionCount);
		this.#ages = new Uint8Array(regionCount);
		this.#members = members;
		this.#perByte = 1 / regionBytes;
	}

	/** A change arrives. True if it may begin; else it has to wait until the ledger has stored what is wanted. */
	enter(change: BlockRequest): boolean {
		const { ranges } = change;
		if (ranges === null) return this.#enter(change.offsetBytes, change.lengthBytes);
		let isReady = true;
		for (let i = 0; i < ranges.length; i += 2) if (!this.#enter(ranges[i]!, ranges[i + 1]!)) isReady = false;
		return isReady;
	}

	#enter(offsetBytes: number, lengthBytes: number): boolean {
		const last = this.#region(offsetBytes + lengthBytes - 1);
		let isReady = true;
		let region = this.#region(offsetBytes);
		if (last - region > 64) turn.spend((last - region) >> 3);
		for (; region <= last; region++) {
			this.#busy[region]!++;
			this.#ages[region] = 0;
			if ((this.#ready[region >>> 5]! & (1 << (region & 31))) !== 0) continue;
			isReady = false;
			this.#want(region);
		}
		return isReady;
	}

	#want(region: number): void {
		this.wanted.add(region);
		// Who is away lacks it from now on, for as long as it is away; who is copied to is written to.
		for (let i = 0; i < this.#members.length; i++) {
			const member = this.#members[i]!;
			if (!member.inSync && !member.isTarget) member.behind.add(region);
		}
	}

	/** A change that was entered is over. */
	leave(change: BlockRequest): void {
		if (change.op === BlockOp.flush) return;
		const { ranges } = change;
		if (ranges === null) this.#leave(change.offsetBytes, change.lengthBytes);
		else for (let i = 0; i < ranges.length; i += 2) this.#leave(ranges[i]!, ranges[i + 1]!);
	}

	#leave(offsetBytes: number, lengthBytes: number): void {
		const last = this.#region(offsetBytes + lengthBytes - 1);
		for (let region = this.#region(offsetBytes); region <= last; region++) this.#busy[region]!--;
	}

	#region(offsetBytes: number): number {
		return Math.floor(offsetBytes * this.#perByte);
	}

	/** What is wanted now is being stored. */
	storing(): void {
		this.#snapshot.set(this.wanted.words);
	}

	/** What was wanted when `storing` was called is stable, and so is who does not count. */
	stored(): void {
		this.#ready.set(this.#snapshot);
	}

	/** Says which regions may be left out when all members have been flushed; false if there are none. `all`: nobody writes any more. */
	sweep(all: boolean): boolean {
		let any = false;
		for (let region = this.wanted.next(0); region >= 0; region = this.wanted.next(region + 1)) {
			if (this.#busy[region] !== 0) continue;
			if (all) this.#ages[region] = LEAVING;
			else if (this.#ages[region]! < LEAVING) this.#ages[region]!++;
			if (this.#ages[region] === LEAVING) any = true;
		}
		return any;
	}

	/** All members have been flushed since `sweep`: what has not been changed meanwhile is left out. */
	forget(): void {
		for (let region = this.wanted.next(0); region >= 0; region = this.wanted.next(region + 1)) {
			if (this.#ages[region] !== LEAVING || this.#busy[region] !== 0) continue;
			this.wanted.delete(region);
			this.#ready[region >>> 5]! &= ~(1 << (region & 31));
			this.#ages[region] = 0;
		}
	}
}
