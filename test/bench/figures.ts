/**
 * From samples to figures: the ratio of ours to the other server in each round, its median and spread, and whether that is
 * what the project has set itself. Called by `main.ts`; `report.ts` and `chart.ts` show the result. Knows no clock, no
 * file and no network.
 */

import type { Measured, Side } from "./measure.js";
import type { Reference, Row } from "./rows.js";
import type { Sample } from "./sample.js";

/** Of the values of several rounds. */
export interface Spread {
	readonly median: number;
	readonly min: number;
	readonly max: number;
}

/** What is to be known of a row to tell what it has come to. */
export interface Titled {
	readonly key: string;
	readonly title: string;
	readonly references: readonly Pick<Reference, "name" | "atLeast" | "countsBelow">[];
}

/** One thing that the project has promised to reach. */
export interface Figure {
	readonly key: string;
	readonly title: string;
	/** What ours is held against, for a ratio. */
	readonly against: string;
	readonly unit: "times" | "KiB" | "MiB" | "%" | "ms" | "s";
	readonly bound: { readonly kind: "at least" | "at most"; readonly value: number };
	/** Undefined where it could not be measured; `note` then says why. */
	readonly value: Spread | undefined;
	readonly note: string;
	/** Of two references another one counts: whether this is reached is no matter. */
	readonly isBeside?: boolean;
}

/** What one server did in one row: medians over the rounds. */
export interface Performance {
	readonly name: string;
	readonly median: Sample | undefined;
	/** Why there is no median. */
	readonly failed: string;
	readonly lost: number;
}

export interface Workload {
	readonly key: string;
	readonly title: string;
	/** Ours first. */
	readonly servers: readonly Performance[];
}

/** What the rows of a protocol have come to. */
export interface RowsMeasured {
	readonly figures: Figure[];
	readonly workloads: Workload[];
}

/** Undefined: that is not known, or no matter. */
export function isMet({ value, bound, isBeside }: Figure): boolean | undefined {
	if (value === undefined || isBeside === true) return undefined;
	return bound.kind === "at least" ? value.median >= bound.value : value.median <= bound.value;
}

export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	const upper = sorted[middle];
	if (upper === undefined) throw new RangeError("the median of nothing");
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function spread(values: readonly number[]): Spread {
	return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** The ratio of ours to theirs round by round, by some number of a sample. Undefined unless both have been measured. */
export function ratios(ours: Side, theirs: Side, of: (sample: Sample) => number): Spread | undefined {
	if (!("samples" in ours && "samples" in theirs)) return undefined;
	const values = ours.samples.flatMap((sample, round) => {
		const other = theirs.samples[round];
		return other === undefined ? [] : [of(sample) / of(other)];
	});
	return values.length === 0 ? undefined : spread(values);
}

/** Why a ratio is missing, or what a reader has to know about it. */
function remarks(...sides: readonly Side[]): string {
	const all = sides.map((side) => {
		if ("failed" in side) return `${side.name}: ${side.failed}`;
		const lost = lostIn(side);
		return lost === 0 ? "" : `${side.name}: ${lost} requests had to be sent again`;
	});
	return all.filter((text) => text !== "").join("; ");
}

function lostIn(side: Side): number {
	return "failed" in side ? 0 : side.samples.reduce((sum, { lost }) => sum + lost, 0);
}

/** The figures of a row about throughput: one for each server that ours is held against. */
export function throughput(row: Titled, measured: Measured): Figure[] {
	return row.references.map((reference, index) => {
		const theirs = sideAt(row, measured, index);
		const beside = besideThePoint(row, measured, index);
		const notes = [remarks(measured.ours, theirs), beside];
		return {
			key: row.key,
			title: row.title,
			against: reference.name,
			unit: "times",
			bound: { kind: "at least", value: reference.atLeast },
			value: ratios(measured.ours, theirs, (sample) => sample.requestsPerSecond),
			note: notes.filter((text) => text !== "").join("; "),
			isBeside: beside !== "",
		};
	});
}

function sideAt({ references }: Titled, measured: Measured, index: number): Side {
	return measured.references[index] ?? { name: references[index]?.name ?? "", failed: "not run" };
}

/** Of two references of which only one counts: what the other one has to be told. */
function besideThePoint(row: Titled, measured: Measured, index: number): string {
	const at = row.references[index]?.countsBelow === undefined ? index + 1 : index;
	const { countsBelow } = row.references[at] ?? {};
	if (countsBelow === undefined || at === 0) return "";
	const faster = ratios(
		sideAt(row, measured, at),
		sideAt(row, measured, at - 1),
		(one) => one.requestsPerSecond,
	);
	if (faster === undefined) return "";
	const counts = faster.median >= countsBelow ? at - 1 : at;
	if (counts === index) return "";
	return `does not count: ${row.references[at]?.name} is ${faster.median.toFixed(2)} of ${row.references[at - 1]?.name}`;
}

/** The slowest request of a thousand, ours to vblade's: of all rows at window 16 the one in which ours is worst. */
export function tailLatency(rows: readonly (readonly [Row, Measured])[]): Figure {
	const candidates = rows.flatMap(([row, { ours, references }]) => {
		const [theirs] = references;
		const value = theirs && row.window === 16 ? ratios(ours, theirs, (sample) => sample.p999Us) : undefined;
		return value === undefined ? [] : [{ title: row.title, value }];
	});
	const worst = candidates.reduce<(typeof candidates)[number] | undefined>(
		(a, b) => (a === undefined || b.value.median > a.value.median ? b : a),
		undefined,
	);
	return {
		key: "p99.9",
		title: "p99.9 latency, window 16",
		against: "vblade",
		unit: "times",
		bound: { kind: "at most", value: 1 },
		value: worst?.value,
		note: worst === undefined ? "no row at window 16 was measured" : `at its worst: ${worst.title}`,
	};
}

/** What each server did in a row. */
export function workload(row: Titled, { ours, references }: Measured): Workload {
	return { key: row.key, title: row.title, servers: [ours, ...references].map(performanceOf) };
}

function performanceOf(side: Side): Performance {
	if ("failed" in side) return { name: side.name, median: undefined, failed: side.failed, lost: 0 };
	const of = (pick: (sample: Sample) => number): number => median(side.samples.map(pick));
	return {
		name: side.name,
		failed: "",
		lost: lostIn(side),
		median: {
			requestsPerSecond: of((sample) => sample.requestsPerSecond),
			p50Us: of((sample) => sample.p50Us),
			p99Us: of((sample) => sample.p99Us),
			p999Us: of((sample) => sample.p999Us),
			maxUs: of((sample) => sample.maxUs),
			lost: of((sample) => sample.lost),
			cpuPer100k: of((sample) => sample.cpuPer100k),
			residentKib: of((sample) => sample.residentKib),
		},
	};
}
