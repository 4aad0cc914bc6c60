/**
 * Figures on their way from a worker to whoever keeps them: one list of numbers, and the names of what is new. Written by
 * `figures.ts` in the worker; read by `readFigures`, wherever they go. Each row begins with the number of its section; then come the
 * columns of `FIGURES_LAYOUT`, or those of a latency.
 *
 *   version, generation | section, column, column ... | section, column ... | latency, of what, number, kind, sum, first, n, n counts
 */

import { REJECT_REASONS, type RejectReason } from "../aoe/stats.js";
import { FrameError } from "../channel/frames.js";
import { type DiskPhase, ERROR_CAUSES, type ErrorCause } from "../disk.js";
import { invariant } from "../errors.js";
import { HISTOGRAM_CLASSES } from "../histogram.js";

/** The phases of a disk that is open or has been. */
export const DISK_PHASES: readonly DiskPhase[] = ["open", "draining", "abandoned", "closed"];

const IO = [
	"reads",
	"readBytes",
	"writes",
	"writtenBytes",
	"flushes",
	"trims",
	"errors",
	"resends",
	"underWay",
	/** When that was last seen to change, in milliseconds since 1970; 0: never. */
	"lastSeenMs",
] as const;
const CAUSES = Object.keys(ERROR_CAUSES).map((cause) => `cause ${cause}` as `cause ${ErrorCause}`);
const REASONS = Object.keys(REJECT_REASONS).map((reason) => `dropped ${reason}` as `dropped ${RejectReason}`);

/** The columns of each section. `number` is what `FigureNames` calls it by. */
export const FIGURES_LAYOUT = {
	/** One row. `putOff`: operations that had to wait for a thread; `longestTurnSteps`: of `lib/turn.ts`. */
	worker: ["cpuSeconds", "heapBytes", "putOff", "openingsWaiting", "longestTurnSteps"],
	/** `phase`: of `DISK_PHASES`. */
	disks: ["number", ...IO, "sizeBytes", "phase", "faults", "delayed", "delayedSeconds", ...CAUSES],
	/** `droppedIn` and `droppedOut` by the link itself (a full ring, a full queue), the others by the target. */
	links: [
		"number",
		...IO,
		"framesIn",
		"framesOut",
		"droppedIn",
		"droppedOut",
		"requests",
		"replies",
		"protocolErrors",
		"isUp",
		"mtu",
		"blades",
		"initiators",
		...REASONS,
	],
	initiators: ["number", "disk", "link", ...IO],
} as const;

export type FigureSection = keyof typeof FIGURES_LAYOUT;
export type FigureRow<Section extends FigureSection> = Readonly<
	Record<(typeof FIGURES_LAYOUT)[Section][number], number>
>;

const SECTIONS = Object.keys(FIGURES_LAYOUT) as FigureSection[];
/** What a row begins with that is a latency. */
const LATENCY = SECTIONS.length;
/** Another one whenever the meaning of a column changes; columns that come or go are in it, too. */
const VERSION = SECTIONS.reduce((sum, section) => sum * 101 + FIGURES_LAYOUT[section].length, 1);
const HEAD = 2;

/** How long operations of a kind have taken. */
export interface FigureLatency {
	readonly of: FigureSection;
	readonly number: number;
	/** Of `BlockOp`. */
	readonly kind: number;
	readonly sumSeconds: number;
	/** By class of `lib/histogram.ts`. */
	readonly counts: Float64Array;
}

/** Rows that have changed since the generation that was asked for: those of the others are as they were. */
export interface Figures {
	/** To be asked for next. */
	readonly generation: number;
	readonly worker: readonly FigureRow<"worker">[];
	readonly disks: readonly FigureRow<"disks">[];
	readonly links: readonly FigureRow<"links">[];
	readonly initiators: readonly FigureRow<"initiators">[];
	readonly latencies: readonly FigureLatency[];
}

/** What the numbers of things that are new stand for, and which are gone. Numbers are not used again. */
export interface FigureNames {
	/** All that there is: whatever is not here or in the rows is gone. */
	readonly isWhole: boolean;
	readonly disks: readonly { readonly number: number; readonly name: string }[];
	readonly links: readonly { readonly number: number; readonly name: string }[];
	/** `mac`: 48 bits; the others are the numbers of disk and link. */
	readonly initiators: readonly {
		readonly number: number;
		readonly mac: number;
		readonly disk: number;
		readonly link: number;
	}[];
	readonly gone: Readonly<Record<"disks" | "links" | "initiators", readonly number[]>>;
}

/** A list of numbers that grows. */
export class FigureWriter {
	#numbers = new Float64Array(1024);
	#length = 0;

	constructor(generation: number) {
		this.#push(VERSION);
		this.#push(generation);
	}

	/** `columns` as `FIGURES_LAYOUT` has them. */
	row(section: FigureSection, columns: readonly number[]): void {
		invariant(columns.length === FIGURES_LAYOUT[section].length, `a row of ${section} has other columns`);
		this.#push(SECTIONS.indexOf(section));
		for (const column of columns) this.#push(column);
	}

	/** Those classes that have been seen. */
	latency(of: FigureSection, number: number, kind: number, sumUs: number, counts: ArrayLike<number>): void {
		let first = 0;
		let end = counts.length;
		while (first < end && counts[first] === 0) first += 1;
		while (end > first && counts[end - 1] === 0) end -= 1;
		for (const field of [LATENCY, SECTIONS.indexOf(of), number, kind, sumUs, first, end - first])
			this.#push(field);
		for (let index = first; index < end; index++) this.#push(counts[index]!);
	}

	/** What has been written. */
	get written(): Float64Array {
		return this.#numbers.subarray(0, this.#length);
	}

	#push(number: number): void {
		if (this.#length === this.#numbers.length) {
			const larger = new Float64Array(2 * this.#length);
			larger.set(this.#numbers);
			this.#numbers = larger;
		}
		this.#numbers[this.#length] = number;
		this.#length += 1;
	}
}

function demand(condition: boolean, message: string): asserts condition {
	if (!condition) throw new FrameError(message);
}

/** Of a Date. */
const LATEST_MS = 8.64e15;

/** Throws a FrameError if it is not what this version of the program writes. */
export function readFigures(numbers: Float64Array): Figures {
	demand(numbers[0] === VERSION, "figures of another version");
	for (let index = 0; index < numbers.length; index++)
		demand(numbers[index]! >= 0 && numbers[index]! < Infinity, "figures have what is no number from 0");
	const rows: { readonly [Section in FigureSection]: FigureRow<Section>[] } = {
		worker: [],
		disks: [],
		links: [],
		initiators: [],
	};
	const latencies: FigureLatency[] = [];
	let at = HEAD;
	while (at < numbers.length) {
		const kind = numbers[at]!;
		at += 1;
		if (kind === LATENCY) {
			const latency = readLatency(numbers, at);
			latencies.push(latency);
			at += LATENCY_FIELDS + numbers[at + LATENCY_FIELDS - 1]!;
			demand(at <= numbers.length, "figures end within a latency");
			continue;
		}
		const section = SECTIONS[kind];
		demand(section !== undefined, `figures have a row of kind ${kind}`);
		const columns = FIGURES_LAYOUT[section];
		const row: Record<string, number> = {};
		for (let index = 0; index < columns.length; index++) row[columns[index]!] = numbers[at + index]!;
		(rows[section] as Record<string, number>[]).push(row);
		demand((row.lastSeenMs ?? 0) <= LATEST_MS, "figures have a moment that is none");
		at += columns.length;
	}
	demand(at === numbers.length, "figures end within a row");
	return { generation: numbers[1]!, ...rows, latencies };
}

/** Before the counts of a latency. */
const LATENCY_FIELDS = 6;

function readLatency(numbers: Float64Array, at: number): FigureLatency {
	const [of = 0, number = 0, kind = 0, sumUs = 0, first = 0, length = 0] = numbers.subarray(
		at,
		at + LATENCY_FIELDS,
	);
	demand(of < SECTIONS.length && Number.isInteger(of), "figures have a latency of nothing");
	demand(Number.isInteger(first) && Number.isInteger(length), "a latency has classes that are none");
	demand(first + length <= HISTOGRAM_CLASSES, "a latency has more classes than there are");
	const counts = new Float64Array(HISTOGRAM_CLASSES);
	counts.set(numbers.subarray(at + LATENCY_FIELDS, at + LATENCY_FIELDS + length), first);
	return { of: SECTIONS[of]!, number, kind, sumSeconds: sumUs / 1e6, counts };
}
