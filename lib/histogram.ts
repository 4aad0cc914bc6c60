/**
 * How often something took how long: counts by classes of time, eight to the doubling, from 8 microseconds to two minutes; below
 * that, one to the microsecond. So whatever is read from them is at most 5 % off. One is made when there is first something to
 * count, for most disks of thousands are idle. Counted into wherever answers leave (`departures.ts`); read by `lib/daemon/`, and
 * by whoever shows what it hands on: quantiles, sums of several, buckets for metrics, all of them of plain lists of counts.
 */

import { invariant } from "./errors.js";

const PER_DOUBLING = 8;
/** Below this each microsecond is a class. */
const LINEAR_US = 8;
const FIRST_EXPONENT = 3;
const LAST_EXPONENT = 26;
/** Bits of a time that decide its class, below the highest. */
const MANTISSA_BITS = 7;
const MANTISSAS = 1 << MANTISSA_BITS;

export const HISTOGRAM_CLASSES = LINEAR_US + (LAST_EXPONENT - FIRST_EXPONENT + 1) * PER_DOUBLING;

/** Which eighth of a doubling, by the bits below the highest: the doubling's eighths are equal as ratios. */
const EIGHTHS = Uint8Array.from({ length: MANTISSAS }, (_, mantissa) =>
	Math.floor(Math.log2(1 + mantissa / MANTISSAS) * PER_DOUBLING + 1e-9),
);
/** Where each class begins, in microseconds, and where the last one ends. */
const STARTS_US = Float64Array.from({ length: HISTOGRAM_CLASSES + 1 }, (_, index) => startUs(index));

function startUs(index: number): number {
	if (index < LINEAR_US) return index;
	const eighth = (index - LINEAR_US) % PER_DOUBLING;
	const exponent = FIRST_EXPONENT + (index - LINEAR_US - eighth) / PER_DOUBLING;
	return Math.ceil((MANTISSAS + EIGHTHS.indexOf(eighth)) * 2 ** (exponent - MANTISSA_BITS));
}

/** The class of a time in whole microseconds, 0..2^31-1. */
export function classOf(us: number): number {
	if (us < LINEAR_US) return us;
	const exponent = 31 - Math.clz32(us);
	if (exponent > LAST_EXPONENT) return HISTOGRAM_CLASSES - 1;
	const mantissa =
		exponent >= MANTISSA_BITS ? us >>> (exponent - MANTISSA_BITS) : us << (MANTISSA_BITS - exponent);
	return (exponent - FIRST_EXPONENT + 1) * PER_DOUBLING + EIGHTHS[mantissa & (MANTISSAS - 1)]!;
}

/** A count of 32 bits this high is soon none any more: a day of full load, all of one class, is between two looks. */
const NARROW_MAX = 2 ** 31;

export class Histogram {
	/** By class. Of 32 bits until one of them outgrows those. */
	#counts: Uint32Array | Float64Array = new Uint32Array(HISTOGRAM_CLASSES);
	#sumUs = -0;

	/** Something took so many whole microseconds, 0..2^31-1. */
	record(us: number): void {
		this.#counts[classOf(us)]! += 1;
		this.#sumUs += us;
	}

	get isEmpty(): boolean {
		return this.#sumUs === 0 && this.#counts[0] === 0;
	}

	/** All that was recorded there was recorded here, too. */
	add(other: Histogram): void {
		const counts = other.#counts;
		// Together they may be more than 32 bits hold.
		void this.counts;
		for (let index = 0; index < HISTOGRAM_CLASSES; index++) this.#counts[index]! += counts[index]!;
		this.#sumUs += other.#sumUs;
	}

	/** All that was recorded, together. */
	get sumUs(): number {
		return this.#sumUs;
	}

	/** By class, as they are now: not to be kept. To be asked for now and then, for counts to go on past 32 bits. */
	get counts(): ArrayLike<number> {
		const counts = this.#counts;
		if (counts instanceof Uint32Array && counts.some((count) => count >= NARROW_MAX))
			this.#counts = Float64Array.from(counts);
		return this.#counts;
	}

	/** As new. */
	clear(): void {
		this.#counts.fill(0);
		this.#sumUs = 0;
	}
}

/** A histogram for each kind of operation, by number, made when there is first something to count. */
export class Latencies {
	readonly of: (Histogram | null)[] = [null, null, null, null];

	/** @param kind 0..3 */
	record(kind: number, us: number): void {
		let histogram = this.of[kind] ?? null;
		if (histogram === null) {
			histogram = new Histogram();
			this.of[kind] = histogram;
		}
		histogram.record(us);
	}

	add(other: Latencies): void {
		for (const [kind, histogram] of other.of.entries()) {
			if (histogram === null || histogram.isEmpty) continue;
			this.of[kind] ??= new Histogram();
			this.of[kind].add(histogram);
		}
	}

	/** As new. */
	clear(): void {
		for (const histogram of this.of) histogram?.clear();
	}
}

// ---- for those who read counts: of one histogram, the sum of several, or the difference of two moments ----

type Counts = ArrayLike<number>;

export function countOf(counts: Counts): number {
	let count = 0;
	for (let index = 0; index < counts.length; index++) count += counts[index]!;
	return count;
}

/** Adds `counts` to those in `sum`. */
export function addCounts(sum: Float64Array, counts: Counts): void {
	invariant(sum.length === counts.length, "counts of other classes");
	for (let index = 0; index < sum.length; index++) sum[index]! += counts[index]!;
}

/** The seconds that a part of all (0.99) keep: the middle of the class in which that is decided. 0 if there are none. */
export function quantileOf(counts: Counts, part: number): number {
	const wanted = countOf(counts) * part;
	let seen = 0;
	let last = -1;
	for (let index = 0; index < HISTOGRAM_CLASSES && (last < 0 || seen < wanted); index++) {
		if (counts[index] === 0) continue;
		seen += counts[index]!;
		last = index;
	}
	return last < 0 ? 0 : (STARTS_US[last]! + STARTS_US[last + 1]!) / 2 / 1e6;
}

/** How many took less than `seconds`. */
export interface Bucket {
	readonly seconds: number;
	readonly count: number;
}

const BUCKETS_FROM_US = 16;
const BUCKETS_TO_US = 2 ** 24;

/**
 * Cumulative buckets for metrics, from 16 us to 17 s, without the last one, which is all (`countOf`).
 * @param perDoubling 1: some twenty; 8: as fine as is known
 */
export function bucketsOf(counts: Counts, perDoubling: 1 | 2 | 4 | 8): Bucket[] {
	const step = PER_DOUBLING / perDoubling;
	const buckets: Bucket[] = [];
	let count = 0;
	for (let index = 0; STARTS_US[index]! <= BUCKETS_TO_US; index++) {
		const us = STARTS_US[index]!;
		if (us >= BUCKETS_FROM_US && index % step === 0) buckets.push({ seconds: us / 1e6, count });
		count += counts[index] ?? 0;
	}
	return buckets;
}
