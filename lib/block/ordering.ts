/**
 * Overlapping requests take effect in the order in which they arrived, however the device below works. A
 * request that overlaps an earlier one is held back until that is complete; two reads never wait for each
 * other; everything else passes at once. An AoE initiator needs this: it sends again what it thinks lost, and
 * a late duplicate of a write must not overtake a newer write. Composed by `stack.ts`; hands on to the
 * device that does the work.
 *
 * How an overlap is found: requests are counted by the zones of 64 KiB that they touch, the zones hashed into
 * a small table. If the counters of all its zones are zero a request overlaps nothing. Else it is compared with
 * all that are under way, if they are few; if they are many, they are entered into an index (`overlaps.ts`), each
 * once, and looked up there. A request of very many zones (a wide trim) is not counted by zone; while there is
 * one, the counters clear nothing. A list of ranges has a place for each, if they are not too many; else for each
 * group of neighbours, which holds back more than it had to.
 *
 * A request knows those that wait for it: when it is complete, nobody has to be looked for. Long lists end in a later turn, if many do (`late-ends.ts`).
 *
 * A write with a guard (compare and write, OR) is read and written while it has its place, so that nobody sees or changes anything in between
 * (`guarded.ts`). Where others write what is below by another way, it is handed on as it is, to the ordering layer that all have in common, or to be refused.
 *
 * Flushes pass at once: a flush only promises something about requests that are complete.
 *
 * Reads answered with a borrowed address: their bytes are copied when the pump sends frames, after the read
 * has completed and a held write that overlaps it has been let go. That is safe with devices that only queue
 * in `submit` and do the work when the pump drains them: the pump drains links, and so sends the read's
 * bytes, before it drains storage again. A device that writes within `submit` must not lend addresses.
 *
 * Put this below `DurabilityLayer`: then what waits for a write waits until it has taken effect, not until it
 * is synced.
 */

import { COUNT_START } from "../counters.js";
import { invariant, StorageStatus } from "../errors.js";
import { turn } from "../turn.js";
import type { BlockDevice } from "./device.js";
import { GuardedWrite } from "./guarded.js";
import { LateEnds } from "./late-ends.js";
import { DeviceLayer } from "./layer.js";
import { OverlapIndex, type Span } from "./overlaps.js";
import { endOf, Place, startOf } from "./places.js";
import { blocksOf } from "./ranges.js";
import { type BlockRequest, OP_TRAITS } from "./request.js";
import { Waits } from "./waits.js";
import { ZONE_BYTES, ZoneCounters } from "./zones.js";

/** So many requests under way, or stretches of lists, are compared one by one: that takes less than an index. */
const FEW = 128;
/** With more than so many all go into the index when they come: the first that has to be looked up does not pay for all. */
const MANY = 512;

export interface OrderingOptions {
	/**
	 * Ranges are rounded outwards to this: the block that storage reads and writes as a whole, even for a
	 * part of it. A power of two, at least 512 (the default).
	 */
	readonly alignBytes?: number;
	/** Up to so many requests under way are compared one by one, and beyond so many each is indexed. For tests. */
	readonly few?: number;
	readonly many?: number;
}

export class OrderingLayer extends DeviceLayer {
	/** Parts that a byte is of a block, and a block of a zone: powers of two, so that multiplying by them is exact. */
	readonly #blocksPerByte: number;
	readonly #zonesPerBlock: number;
	readonly #few: number;
	readonly #many: number;
	/** Of all lists under way. */
	#stretches = 0;
	readonly #zones = new ZoneCounters();
	#scans = COUNT_START;
	#compared = 0;
	readonly #places: Place[] = [];
	#unused: Place | null = null;
	/** Stands before the earliest and after the latest arrival. */
	readonly #arrivals = new Place(-1);
	readonly #index = new OverlapIndex<Place>();
	readonly #waits = new Waits();
	readonly #lateEnds = new LateEnds((place, request) => this.#end(place, request));
	#releasing = false;
	readonly #unusedGuarded: GuardedWrite[] = [];

	constructor(device: BlockDevice, options: OrderingOptions = {}) {
		super(device);
		const { alignBytes = 512, few = FEW, many = MANY } = options;
		invariant(alignBytes >= 512 && Number.isInteger(Math.log2(alignBytes)), "alignBytes is no power of two");
		this.#blocksPerByte = 1 / alignBytes;
		this.#zonesPerBlock = 1 / Math.max(1, ZONE_BYTES / alignBytes);
		this.#few = few;
		this.#many = many;
		this.#arrivals.indexed = true;
	}

	/** Requests that are held back at present. */
	get waiting(): number {
		return this.#waits.count;
	}

	/** Requests that were compared with others, since the layer was made: the counters could not clear them, or were not asked. */
	get scans(): number {
		return this.#scans + 0;
	}

	/** What those comparisons have taken: requests, or stretches of them, that were looked at. Modulo 2^32: for differences. */
	get steps(): number {
		return (this.#compared + this.#index.steps) | 0;
	}

	protected handle(request: BlockRequest): void {
		if (this.dealtWith(request)) return;
		if (request.lengthBytes === 0) {
			this.device.submit(request);
			return;
		}
		const place = this.#arrive(request);
		if (place.waitsFor > 0) {
			request.park();
			this.#waits.hold(place, request);
			return;
		}
		this.#handOn(request, place);
	}

	/** A write that is guarded reads what is there, which nothing that overlaps can change meanwhile, if all of that comes by here. */
	#handOn(request: BlockRequest, place: Place): void {
		request.push(this, place.token);
		if (request.guard === null || this.info.guarded !== "above") this.device.submit(request);
		else (this.#unusedGuarded.pop() ?? new GuardedWrite(this.device, this.#unusedGuarded)).begin(request);
	}

	/** One that is held back is over; its place stays until it would have been let go, for those that wait for it. */
	override cancel(request: BlockRequest): void {
		let place = this.#arrivals.after;
		while (place !== this.#arrivals && place.held !== request) place = place.after;
		if (place === this.#arrivals) {
			super.cancel(request);
			return;
		}
		this.#waits.forget(place);
		request.complete(StorageStatus.cancelled);
	}

	below(request: BlockRequest, token: number): void {
		const place = this.#places[token]!;
		if (!this.#lateEnds.take(place, request)) this.#end(place, request);
	}

	#end(place: Place, request: BlockRequest): void {
		this.#letGo(place);
		// Upwards first, so that overlapping requests also complete in order. Whatever the owner submits
		// meanwhile finds the ready ones still in the order of arrival.
		request.resume();
		this.#releaseReady();
	}

	#letGo(place: Place): void {
		if (place.firstWait !== null) this.#waits.end(place);
		this.#leave(place);
	}

	/** Gives the request a place behind all earlier ones and counts those that it must wait for. */
	#arrive(request: BlockRequest): Place {
		const place = this.#takePlace();
		place.start = Math.floor(request.offsetBytes * this.#blocksPerByte);
		place.end = Math.ceil((request.offsetBytes + request.lengthBytes) * this.#blocksPerByte);
		place.firstZone = Math.floor(place.start * this.#zonesPerBlock);
		place.lastZone = Math.floor((place.end - 1) * this.#zonesPerBlock);
		place.changes = OP_TRAITS[request.op].changes;
		place.waitsFor = 0;
		if (request.ranges !== null)
			place.stretches = blocksOf(request.ranges, this.#blocksPerByte, place.takeList());
		this.#stretches += place.stretches;
		if (this.underWay + this.#stretches > this.#many || this.#mayConflict(place)) this.#scan(place);
		this.#count(place, 1);

		const last = this.#arrivals.before;
		last.after = place;
		place.before = last;
		place.after = this.#arrivals;
		this.#arrivals.before = place;
		this.started();
		return place;
	}

	#leave(place: Place): void {
		place.before.after = place.after;
		place.after.before = place.before;
		this.#count(place, -1);
		if (place.indexed) this.#unindex(place);
		this.#stretches -= place.stretches;
		place.stretches = 0;
		place.next = this.#unused;
		this.#unused = place;
		this.ended();
	}

	#takePlace(): Place {
		const place = this.#unused;
		if (place !== null) {
			this.#unused = place.next;
			place.next = null;
			return place;
		}
		const fresh = new Place(this.#places.length);
		this.#places.push(fresh);
		return fresh;
	}

	/** False proves that nothing under way conflicts with `place`. */
	#mayConflict(place: Place): boolean {
		if (place.stretches === 0) return this.#zones.mayConflict(place.firstZone, place.lastZone, place.changes);
		for (let i = 0; i < place.stretches; i++)
			if (this.#zones.mayConflict(this.#firstZone(place, i), this.#lastZone(place, i), true)) return true;
		return false;
	}

	/** Enters the place into the counters (`by` is 1) or takes it out (-1). */
	#count(place: Place, by: 1 | -1): void {
		if (place.stretches === 0) this.#zones.count(place.firstZone, place.lastZone, place.changes, by);
		for (let i = 0; i < place.stretches; i++)
			this.#zones.count(this.#firstZone(place, i), this.#lastZone(place, i), true, by);
	}

	#firstZone(place: Place, stretch: number): number {
		return Math.floor(startOf(place, stretch) * this.#zonesPerBlock);
	}

	#lastZone(place: Place, stretch: number): number {
		return Math.floor((endOf(place, stretch) - 1) * this.#zonesPerBlock);
	}

	/** Has the place wait for all earlier ones that it conflicts with, or for enough of them: see `OverlapIndex`. */
	#scan(place: Place): void {
		this.#scans++;
		const before = this.steps;
		if (this.underWay + this.#stretches <= this.#few) this.#compare(place);
		else this.#lookUp(place);
		turn.spend((this.steps - before) | 0);
	}

	#compare(place: Place): void {
		let looked = 0;
		for (let earlier = this.#arrivals.after; earlier !== this.#arrivals; earlier = earlier.after) {
			looked += 1 + earlier.stretches;
			if (earlier.conflicts(place)) this.#waits.add(place, earlier);
		}
		this.#compared = (this.#compared + looked) | 0;
	}

	#lookUp(place: Place): void {
		// Those that came since the last time are at the end.
		let fresh = this.#arrivals;
		while (!fresh.before.indexed) fresh = fresh.before;
		for (; fresh !== this.#arrivals; fresh = fresh.after) this.#enter(fresh);
		for (let i = 0; i < place.count; i++) {
			let found: Span<Place> | null = this.#index.conflicts(
				startOf(place, i),
				endOf(place, i),
				place.changes,
			);
			for (; found !== null; found = found.next)
				if (found.owner !== null) this.#waits.add(place, found.owner);
		}
		this.#enter(place);
	}

	/** Enters a place into the index; it waits already for whom it has to. */
	#enter(place: Place): void {
		place.indexed = true;
		const { changes } = place;
		for (let i = 0; i < place.count; i++) this.#index.add(place, startOf(place, i), endOf(place, i), changes);
	}

	#unindex(place: Place): void {
		const before = this.steps;
		place.indexed = false;
		this.#index.remove(place);
		turn.spend((this.steps - before) | 0);
	}

	/**
	 * Hands the ready ones down. A device that completes at once makes more of them ready while this runs:
	 * they are left to the loop that is already running, so that a thousand requests waiting for each other
	 * don't become a thousand calls deep.
	 */
	#releaseReady(): void {
		if (this.#releasing) return;
		this.#releasing = true;
		for (let place = this.#waits.takeReady(); place !== null; place = this.#waits.takeReady()) {
			const request = place.held;
			if (request === null) {
				// It was cancelled.
				this.#letGo(place);
				continue;
			}
			place.held = null;
			this.#handOn(request, place);
		}
		this.#releasing = false;
	}
}
