/**
 * The past of each disk: five minutes by the second and a day by the minute, of rates, latencies and a heat map of latency, within
 * 64 KiB a disk; a disk that was never used has none. Fed by `observed.ts` once a second; shown by the API; what is by the minute is
 * kept over restarts by `history-files.ts`.
 */

import { classOf, HISTOGRAM_CLASSES, quantileOf } from "../histogram.js";
import type { History, Window } from "./model.js";
import { EXACT, ROUGH, Series } from "./series.js";

export const MINUTE_SECONDS = 60;
const SECONDS_KEPT = 300;
const MINUTES_KEPT = 1440;
/** What a time since 1970 and a difference of two lose. */
const ROUNDING_SECONDS = 1e-4;

const VALUES = [
	"reads",
	"readBytes",
	"writes",
	"writtenBytes",
	"readP50",
	"readP99",
	"writeP50",
	"writeP99",
] as const;
type Value = (typeof VALUES)[number];
/** Upper bounds of the rows of the heat map; one more row is for what took longer. */
const HEAT_US = [100, 200, 500, 1000, 2000, 5000, 20_000, 100_000, 1_000_000];
export const HEAT_ROWS = HEAT_US.length + 1;
export const VALUE_COUNT = VALUES.length;

/** The row of the heat map of each class of latency. */
const HEAT_OF_CLASS = Uint8Array.from(
	{ length: HISTOGRAM_CLASSES },
	(_, index) => HEAT_US.filter((us) => index >= classOf(us)).length,
);

/** What a disk has done in a stretch of time. */
export interface Stretch {
	readonly seconds: number;
	readonly reads: number;
	readonly readBytes: number;
	readonly writes: number;
	readonly writtenBytes: number;
	/** By class of latency. */
	readonly readCounts: Uint32Array;
	readonly writeCounts: Uint32Array;
}

/** One disk by steps of one length. */
class Window_ {
	readonly values: Series;
	readonly heat: Series;

	constructor(
		readonly stepSeconds: number,
		length: number,
		firstSecond: number,
	) {
		const first = Math.floor(firstSecond / stepSeconds);
		this.values = new Series(EXACT, VALUES.length, length, first);
		this.heat = new Series(ROUGH, HEAT_ROWS, length, first);
	}

	set(step: number, row: Float64Array): void {
		this.values.set(step, row, 0);
		this.heat.set(step, row, VALUES.length);
	}

	/** It is that step now: what is known of later ones was told by a clock that was wrong. */
	goBack(step: number): void {
		this.values.goBack(step);
		this.heat.goBack(step);
	}
}

export class DiskHistory {
	readonly #seconds: Window_;
	readonly #minutes: Window_;
	/** What has been gathered of a minute that is not over. */
	#minute = -1;
	readonly #gathered = {
		reads: 0,
		readBytes: 0,
		writes: 0,
		writtenBytes: 0,
		readCounts: new Uint32Array(HISTOGRAM_CLASSES),
		writeCounts: new Uint32Array(HISTOGRAM_CLASSES),
	};

	/** Nothing is known before that second (since 1970). */
	constructor(firstSecond: number) {
		this.#seconds = new Window_(1, SECONDS_KEPT, firstSecond);
		this.#minutes = new Window_(MINUTE_SECONDS, MINUTES_KEPT, firstSecond);
	}

	/** What was done in the stretch that ends then, in seconds since 1970. One that came late is all the seconds since the last. */
	add(end: number, stretch: Stretch): void {
		const second = Math.floor(end);
		const first = Math.max(second - SECONDS_KEPT, Math.floor(end - stretch.seconds + ROUNDING_SECONDS)) + 1;
		const minute = Math.floor(second / MINUTE_SECONDS);
		if (minute < this.#minute) this.#minute = -1;
		this.#seconds.goBack(second);
		this.#minutes.goBack(minute);
		const values = rowOf(stretch, Math.max(1, second - first + 1));
		for (let step = Math.min(first, second); step <= second; step++) this.#seconds.set(step, values);
		if (minute !== this.#minute) this.#clear(minute);
		const gathered = this.#gathered;
		for (const name of ["reads", "readBytes", "writes", "writtenBytes"] as const)
			gathered[name] += stretch[name];
		for (const name of ["readCounts", "writeCounts"] as const) {
			const counts = gathered[name];
			for (let index = 0; index < counts.length; index++) counts[index]! += stretch[name][index]!;
		}
	}

	#clear(minute: number): void {
		this.#flush();
		this.#minute = minute;
		Object.assign(this.#gathered, { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0 });
		this.#gathered.readCounts.fill(0);
		this.#gathered.writeCounts.fill(0);
	}

	/** What has been gathered becomes a row, as if the minute were over: what follows of it replaces that. */
	#flush(): void {
		if (this.#minute >= 0)
			this.#minutes.set(this.#minute, rowOf({ ...this.#gathered, seconds: MINUTE_SECONDS }));
	}

	show(disk: string, window: Window, nowSecond: number): History {
		this.#flush();
		const { stepSeconds, values, heat } = window === "5m" ? this.#seconds : this.#minutes;
		const end = Math.floor(nowSecond / stepSeconds);
		const columns = VALUES.map((name, column) => [name, shown(name, values.column(column, end))] as const);
		return {
			disk,
			stepSeconds,
			end: new Date((end + 1) * stepSeconds * 1000).toISOString(),
			length: values.length,
			...(Object.fromEntries(columns) as Record<Value, (number | null)[]>),
			heat: {
				boundsSeconds: HEAT_US.map((us) => us / 1e6),
				rows: Array.from({ length: HEAT_ROWS }, (_, row) =>
					heat.column(row, end).map((count) => Math.round(count ?? 0)),
				),
			},
		};
	}

	/** The row of a minute, to be kept: exact values, then the heat map. Undefined: there is none. */
	keptMinute(minute: number): { values: Uint16Array; heat: Uint8Array } | undefined {
		this.#flush();
		const values = this.#minutes.values.row(minute);
		const heat = this.#minutes.heat.row(minute);
		return values instanceof Uint16Array && heat instanceof Uint8Array ? { values, heat } : undefined;
	}

	restoreMinute(minute: number, values: Uint16Array, heat: Uint8Array): void {
		this.#minutes.values.restore(minute, values);
		this.#minutes.heat.restore(minute, heat);
	}

	/** Of the time between what was restored and this second nothing is known. */
	resume(second: number): void {
		const minute = Math.floor(second / MINUTE_SECONDS);
		this.#minutes.values.unknownUntil(minute);
		this.#minutes.heat.unknownUntil(minute);
	}
}

/** A latency of nothing is none. */
function shown(name: Value, column: (number | null)[]): (number | null)[] {
	return /P\d+$/.test(name) ? column.map((value) => value || null) : column;
}

const row = new Float64Array(VALUES.length + HEAT_ROWS);

/** What a step has of a stretch of so many. */
function rowOf(stretch: Stretch, steps = 1): Float64Array {
	const { seconds, readCounts, writeCounts } = stretch;
	row.fill(0);
	row[0] = stretch.reads / seconds;
	row[1] = stretch.readBytes / seconds;
	row[2] = stretch.writes / seconds;
	row[3] = stretch.writtenBytes / seconds;
	if (stretch.reads > 0) {
		row[4] = quantileOf(readCounts, 0.5);
		row[5] = quantileOf(readCounts, 0.99);
	}
	if (stretch.writes > 0) {
		row[6] = quantileOf(writeCounts, 0.5);
		row[7] = quantileOf(writeCounts, 0.99);
	}
	for (let index = 0; index < HISTOGRAM_CLASSES; index++) {
		const count = readCounts[index]! + writeCounts[index]!;
		if (count > 0) row[VALUES.length + HEAT_OF_CLASS[index]!]! += count / steps;
	}
	return row;
}
