/**
 * What is seen of the data path: once a second every worker is asked what has changed, and rates, histories and sums are made of the
 * difference. Run by `control.ts`; read by the API, the metrics and the status. What is not asked for for want of a worker stays as
 * it was, at a rate of nothing.
 */

import { addCounts, HISTOGRAM_CLASSES, quantileOf } from "../histogram.js";
import { DiskHistory } from "./history.js";
import type { Latencies, Latency, Operation, Rates } from "./model.js";
import { latelyTook, NO_COUNTERS, NO_RATES, ratesOf, sumOf } from "./rates.js";
import type {
	DiskFigures,
	DiskView,
	InitiatorCounts,
	InitiatorFigures,
	LinkOptions,
	LinkView,
	Look,
	Measured,
	MeasuredByOperation,
} from "./seams.js";

/** What is known of a disk by looking at it. */
export interface ObservedDisk {
	readonly figures: DiskFigures | undefined;
	readonly view: DiskView | undefined;
	readonly rates: Rates;
	readonly history: DiskHistory | undefined;
}

export interface ObservedLink extends LinkView {
	readonly worker: number;
	readonly framesInPerSecond: number;
	readonly framesOutPerSecond: number;
}

export interface ObservedInitiator {
	readonly figures: InitiatorFigures;
	readonly rates: Rates;
	/** In which it has come to those. */
	readonly seconds: number;
}

class Entry implements ObservedDisk {
	figures: DiskFigures | undefined;
	view: DiskView | undefined;
	rates = NO_RATES;
	history: DiskHistory | undefined;
}

interface Life {
	/** The last one. */
	readonly look: Look;
	/** Milliseconds since 1970. */
	readonly lookedMs: number;
	links: ReadonlyMap<string, ObservedLink>;
	initiators: ReadonlyMap<string, ObservedInitiator>;
}

/** Of all disks together; and of the one that is looked at, what was counted since the last look. */
interface Sum {
	readonly operation: Operation;
	sumSeconds: number;
	readonly counts: Float64Array;
	readonly difference: Uint32Array;
}

const NO_COUNTS = new Float64Array(HISTOGRAM_CLASSES);
/** One for all initiators. */
const readCounts = new Uint32Array(HISTOGRAM_CLASSES);
const writeCounts = new Uint32Array(HISTOGRAM_CLASSES);

export class Observed {
	readonly #disks = new Map<string, Entry>();
	readonly #workers = new Map<number, Life>();
	/** Disks that had rates at the last look. */
	#busy = new Set<Entry>();
	/** Since this process was started, whatever becomes of workers and disks. */
	readonly #read = newSum("read");
	readonly #write = newSum("write");
	readonly #sums = [this.#read, this.#write, newSum("flush")];
	#rates = NO_RATES;
	/** By a clock that nobody sets. */
	#lookedMs: number | undefined;

	constructor(
		/** Milliseconds since 1970: nothing is known of what was before. */
		readonly startedMs: number,
	) {}

	/**
	 * @param nowMs milliseconds since 1970
	 * @param clockMs by a clock that nobody sets: how long it is since the last look
	 */
	take(looks: readonly Look[], nowMs: number, clockMs = nowMs): void {
		const lookedMs = this.#lookedMs ?? clockMs - 1000;
		this.#lookedMs = clockMs;
		const busy = new Set<Entry>();
		const all: Rates[] = [];
		for (const look of looks) {
			// It may have answered later than the others.
			const last = this.#workers.get(look.worker);
			const seconds = Math.max(0.001, (clockMs - (last?.lookedMs ?? lookedMs)) / 1000);
			const isNew = last?.look.life !== look.life;
			for (const view of look.views) this.#entry(view.name).view = view;
			for (const figures of look.figures) {
				const entry = this.#entry(figures.name);
				this.#count(entry, figures, isNew, seconds, nowMs);
				busy.add(entry);
				all.push(entry.rates);
			}
			this.#workers.set(look.worker, {
				look,
				lookedMs: clockMs,
				links: linksOf(look, isNew ? undefined : last?.links, seconds),
				initiators: initiatorsOf(look, isNew ? undefined : last?.initiators, seconds),
			});
		}
		for (const entry of this.#busy) if (!busy.has(entry)) entry.rates = NO_RATES;
		this.#busy = busy;
		this.#rates = sumOf(all);
	}

	/** How one disk stands, told between two looks. */
	see(view: DiskView): void {
		this.#entry(view.name).view = view;
	}

	#entry(name: string): Entry {
		let entry = this.#disks.get(name);
		if (entry === undefined) {
			entry = new Entry();
			this.#disks.set(name, entry);
		}
		return entry;
	}

	#count(entry: Entry, figures: DiskFigures, isNew: boolean, seconds: number, nowMs: number): void {
		const before = isNew ? undefined : entry.figures;
		entry.figures = figures;
		for (const sum of this.#sums) this.#addTo(sum, figures, before);
		const { counters } = figures;
		const rates = ratesOf(counters, before?.counters ?? (isNew ? NO_COUNTERS : counters), seconds);
		const [readCounts, writeCounts] = [this.#read.difference, this.#write.difference];
		entry.rates = { ...rates, ...latelyTook(readCounts, writeCounts) };
		if (before === undefined) return;
		entry.history ??= new DiskHistory(Math.floor(this.startedMs / 1000));
		const stretch = { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0 };
		for (const name of ["reads", "readBytes", "writes", "writtenBytes"] as const)
			stretch[name] = counters[name] - before.counters[name];
		entry.history.add(nowMs / 1000, { ...stretch, seconds, readCounts, writeCounts });
	}

	/** Leaves the difference in the counts of the operation. */
	#addTo(sum: Sum, { latency }: DiskFigures, before: DiskFigures | undefined): void {
		const now = latency[sum.operation];
		const earlier = before?.latency[sum.operation] ?? null;
		sum.difference.fill(0);
		if (now === null) return;
		differenceOf(sum.difference, now.counts, earlier?.counts ?? NO_COUNTS);
		addCounts(sum.counts, sum.difference);
		sum.sumSeconds += Math.max(0, now.sumSeconds - (earlier?.sumSeconds ?? 0));
	}

	disk(name: string): ObservedDisk | undefined {
		return this.#disks.get(name);
	}

	/** Puts back the history of a disk. */
	historyOf(name: string): DiskHistory {
		const entry = this.#entry(name);
		entry.history ??= new DiskHistory(0);
		return entry.history;
	}

	/** It is gone for good. */
	forget(name: string): void {
		this.#disks.delete(name);
	}

	disks(): IterableIterator<[string, ObservedDisk]> {
		return this.#disks.entries();
	}

	/** Of all disks together. */
	get rates(): Rates {
		return this.#rates;
	}

	get latency(): MeasuredByOperation {
		const of = (operation: Operation): Measured | null =>
			this.#sums.find((sum) => sum.operation === operation && sum.sumSeconds > 0) ?? null;
		return { read: of("read"), write: of("write"), flush: of("flush") };
	}

	/** The last of each worker. */
	looks(): Look[] {
		return [...this.#workers.values()].map(({ look }) => look);
	}

	links(): ObservedLink[] {
		return [...this.#workers.values()].flatMap(({ links }) => [...links.values()]);
	}

	/** How those run that are open. */
	linkOptions(): LinkOptions[] {
		return [...this.#workers.values()].flatMap(({ look }) => look.linkOptions);
	}

	initiators(): ObservedInitiator[] {
		return [...this.#workers.values()].flatMap(({ initiators }) => [...initiators.values()]);
	}
}

function newSum(operation: Operation): Sum {
	const counts = new Float64Array(HISTOGRAM_CLASSES);
	return { operation, sumSeconds: 0, counts, difference: new Uint32Array(HISTOGRAM_CLASSES) };
}

function differenceOf(into: Uint32Array, now: ArrayLike<number>, before: ArrayLike<number>): void {
	for (let index = 0; index < into.length; index++) into[index] = Math.max(0, now[index]! - before[index]!);
}

function linksOf(
	{ worker, links }: Look,
	before: ReadonlyMap<string, ObservedLink> | undefined,
	seconds: number,
): ReadonlyMap<string, ObservedLink> {
	return new Map(
		links.map((link) => {
			const { framesIn, framesOut } = before?.get(link.name) ?? link;
			const framesInPerSecond = Math.max(0, link.framesIn - framesIn) / seconds;
			const framesOutPerSecond = Math.max(0, link.framesOut - framesOut) / seconds;
			return [link.name, { ...link, worker, framesInPerSecond, framesOutPerSecond }];
		}),
	);
}

function initiatorsOf(
	{ initiators }: Look,
	before: ReadonlyMap<string, ObservedInitiator> | undefined,
	seconds: number,
): ReadonlyMap<string, ObservedInitiator> {
	return new Map(
		initiators.map((figures) => {
			const key = `${figures.link} ${figures.mac}`;
			const earlier = before?.get(key);
			// Thousands that do nothing cost next to nothing.
			if (earlier?.figures === figures && earlier.rates === NO_RATES) return [key, earlier];
			const rates = initiatorRates(figures, earlier?.figures ?? figures, seconds);
			return [key, { figures, rates, seconds }];
		}),
	);
}

/** What it does on one of its disks alone. */
export function initiatorOn(initiator: ObservedInitiator, disk: string): ObservedInitiator {
	const { figures, seconds } = initiator;
	const counts = figures.disks.length > 1 ? figures.onDisk(disk) : undefined;
	if (counts === undefined) return initiator;
	const { now, before } = counts;
	return { figures: { ...figures, ...now }, rates: initiatorRates(now, before, seconds), seconds };
}

function initiatorRates(now: InitiatorCounts, before: InitiatorCounts, seconds: number): Rates {
	if (now === before) return NO_RATES;
	differenceOf(readCounts, countsOf(now.latency.read), countsOf(before.latency.read));
	differenceOf(writeCounts, countsOf(now.latency.write), countsOf(before.latency.write));
	return { ...ratesOf(now.counters, before.counters, seconds), ...latelyTook(readCounts, writeCounts) };
}

function countsOf(measured: Measured | null): ArrayLike<number> {
	return measured?.counts ?? NO_COUNTS;
}

/** As the API has it. */
export function latenciesOf(latency: MeasuredByOperation): Latencies {
	return {
		read: latencyOf(latency.read),
		write: latencyOf(latency.write),
		flush: latencyOf(latency.flush),
	};
}

function latencyOf(measured: Measured | null): Latency | null {
	if (measured === null) return null;
	let count = 0;
	for (let index = 0; index < measured.counts.length; index++) count += measured.counts[index]!;
	if (count === 0) return null;
	const { counts } = measured;
	return {
		count,
		p50: quantileOf(counts, 0.5),
		p99: quantileOf(counts, 0.99),
		p999: quantileOf(counts, 0.999),
	};
}
