/**
 * Overlapping requests take effect in the order in which they arrived, however the device below works. A
 * request that overlaps an earlier one is held back until that is complete; two reads never wait for each
 * other; everything else passes at once. An AoE initiator needs this: it sends again what it thinks lost, and
 * a late duplicate of a write must not overtake a newer write. Composed by `open.ts`; hands on to the
 * device that does the work.
 *
 * How an overlap is found: requests are counted by the zones of 64 KiB that they touch, the zones hashed into
 * a small table. If the counters of all its zones are zero a request overlaps nothing; else all requests
 * under way are looked at, in order of arrival. A request of very many zones (a wide trim) is not counted by
 * zone; while there is one, all are looked at.
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

import { invariant } from "../errors.js";
import { type BlockDevice, BlockOp, type BlockRequest } from "./device.js";
import { DeviceLayer } from "./layer.js";

const ZONE_BYTES = 64 * 1024;
/** Entries of the table of zones; a power of two. Small: every blade has two of these tables. */
const ZONES = 256;
/** A request that touches more zones than this is wide. */
const WIDE_ZONES = 16;

/** The place of a request in the order of arrival, from `submit` until it is complete below. */
class Place {
	/** The range in blocks of `alignBytes`: from `start` up to, not including, `end`. */
	start = 0;
	end = 0;
	/** The zones it touches, the first and the last. */
	firstZone = 0;
	lastZone = 0;
	/** Write or trim, as against read. */
	changes = false;
	/** Earlier requests that this one waits for. */
	waitsFor = 0;
	/** The request, while it is held back. */
	held: BlockRequest | null = null;
	/** Neighbours in the order of arrival. */
	before: Place = this;
	after: Place = this;
	/** The next one that need wait no longer, or the next unused one. */
	next: Place | null = null;

	/** `token` finds the place again when the request is complete. */
	constructor(readonly token: number) {}

	conflicts(other: Place): boolean {
		return (this.changes || other.changes) && this.start < other.end && other.start < this.end;
	}
}

export interface OrderingOptions {
	/**
	 * Ranges are rounded outwards to this: the block that storage reads and writes as a whole, even for a
	 * part of it. A power of two, at least 512 (the default).
	 */
	readonly alignBytes?: number;
}

export class OrderingLayer extends DeviceLayer {
	/** Parts that a byte is of a block, and a block of a zone: powers of two, so that multiplying by them is exact. */
	readonly #blocksPerByte: number;
	readonly #zonesPerBlock: number;
	/** Requests under way by zone: all of them, and those that change something. */
	readonly #inZone = new Uint16Array(ZONES);
	readonly #changesInZone = new Uint16Array(ZONES);
	#wide = 0;
	#scans = 0;

	readonly #places: Place[] = [];
	#unused: Place | null = null;
	/** Stands before the earliest and after the latest arrival. */
	readonly #arrivals = new Place(-1);
	/** Requests that wait for others. */
	#waiting = 0;
	/** Held requests that may go now, in order of arrival. */
	#firstReady: Place | null = null;
	#lastReady: Place | null = null;
	#releasing = false;

	constructor(device: BlockDevice, options: OrderingOptions = {}) {
		super(device);
		const { alignBytes = 512 } = options;
		invariant(alignBytes >= 512 && Number.isInteger(Math.log2(alignBytes)), "alignBytes is no power of two");
		this.#blocksPerByte = 1 / alignBytes;
		this.#zonesPerBlock = 1 / Math.max(1, ZONE_BYTES / alignBytes);
	}

	/** Requests that are held back at present. */
	get waiting(): number {
		return this.#waiting;
	}

	/**
	 * Requests that the counters could not clear and that were compared with all others, since the layer was
	 * made.
	 */
	get scans(): number {
		return this.#scans;
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
			place.held = request;
			this.#waiting++;
			return;
		}
		request.push(this, place.token);
		this.device.submit(request);
	}

	below(request: BlockRequest, token: number): void {
		const place = this.#places[token]!;
		if (this.#waiting > 0) this.#unblock(place);
		this.#leave(place);
		// Upwards first, so that overlapping requests also complete in order. Whatever the owner submits
		// meanwhile finds the ready ones still in the order of arrival.
		request.resume();
		this.#releaseReady();
	}

	/** Gives the request a place behind all earlier ones and counts those that it must wait for. */
	#arrive(request: BlockRequest): Place {
		const place = this.#takePlace();
		place.start = Math.floor(request.offsetBytes * this.#blocksPerByte);
		place.end = Math.ceil((request.offsetBytes + request.lengthBytes) * this.#blocksPerByte);
		place.firstZone = Math.floor(place.start * this.#zonesPerBlock);
		place.lastZone = Math.floor((place.end - 1) * this.#zonesPerBlock);
		place.changes = request.op !== BlockOp.read;
		place.waitsFor = this.#mayConflict(place) ? this.#countConflicts(place) : 0;
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
		const { firstZone: first, lastZone: last } = place;
		if (this.#wide > 0 || last - first >= WIDE_ZONES) return true;
		const counters = place.changes ? this.#inZone : this.#changesInZone;
		for (let zone = first; zone <= last; zone++) if (counters[zone & (ZONES - 1)] !== 0) return true;
		return false;
	}

	#countConflicts(place: Place): number {
		this.#scans++;
		let conflicts = 0;
		for (let earlier = this.#arrivals.after; earlier !== this.#arrivals; earlier = earlier.after)
			if (earlier.conflicts(place)) conflicts++;
		return conflicts;
	}

	/** Enters the place into the counters (`by` is 1) or takes it out (-1). */
	#count(place: Place, by: 1 | -1): void {
		const { firstZone: first, lastZone: last } = place;
		if (last - first >= WIDE_ZONES) {
			this.#wide += by;
			return;
		}
		for (let zone = first; zone <= last; zone++) {
			const at = zone & (ZONES - 1);
			this.#inZone[at]! += by;
			if (place.changes) this.#changesInZone[at]! += by;
		}
	}

	/** The request in `done` is complete: those held back only by it may go. */
	#unblock(done: Place): void {
		for (let later = done.after; later !== this.#arrivals; later = later.after) {
			if (later.waitsFor === 0 || !done.conflicts(later)) continue;
			later.waitsFor--;
			if (later.waitsFor > 0) continue;
			this.#waiting--;
			if (this.#lastReady === null) this.#firstReady = later;
			else this.#lastReady.next = later;
			this.#lastReady = later;
		}
	}

	/**
	 * Hands the ready ones down. A device that completes at once makes more of them ready while this runs:
	 * they are left to the loop that is already running, so that a thousand requests waiting for each other
	 * don't become a thousand calls deep.
	 */
	#releaseReady(): void {
		if (this.#releasing) return;
		this.#releasing = true;
		for (let place = this.#firstReady; place !== null; place = this.#firstReady) {
			this.#firstReady = place.next;
			if (place.next === null) this.#lastReady = null;
			place.next = null;
			const request = place.held;
			invariant(request !== null, "a place is ready that holds no request");
			place.held = null;
			request.push(this, place.token);
			this.device.submit(request);
		}
		this.#releasing = false;
	}
}
