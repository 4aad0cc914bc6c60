/**
 * What happens per second, as the API has it: of counts at two times, of how long requests took in between, of several together. Used by
 * `observed.ts`, and for what has not been seen yet.
 */

import { quantileOf } from "../histogram.js";
import type { Counters, Rates } from "./model.js";

export const NO_COUNTERS: Counters = {
	reads: 0,
	readBytes: 0,
	writes: 0,
	writtenBytes: 0,
	flushes: 0,
	trims: 0,
	errors: 0,
	resends: 0,
};
export const NO_RATES: Rates = {
	reads: 0,
	readBytes: 0,
	writes: 0,
	writtenBytes: 0,
	errors: 0,
	readP50: null,
	readP99: null,
	writeP50: null,
	writeP99: null,
};
const RATED = ["reads", "readBytes", "writes", "writtenBytes", "errors"] as const;

export function ratesOf(now: Counters, before: Counters, seconds: number): Rates {
	const rates = { ...NO_RATES };
	for (const name of RATED) rates[name] = Math.max(0, now[name] - before[name]) / seconds;
	return rates;
}

export function latelyTook(
	readCounts: Uint32Array,
	writeCounts: Uint32Array,
): Pick<Rates, "readP50" | "readP99" | "writeP50" | "writeP99"> {
	return {
		readP50: quantileOf(readCounts, 0.5) || null,
		readP99: quantileOf(readCounts, 0.99) || null,
		writeP50: quantileOf(writeCounts, 0.5) || null,
		writeP99: quantileOf(writeCounts, 0.99) || null,
	};
}

export function sumOf(all: readonly Rates[]): Rates {
	const sum = { ...NO_RATES };
	for (const rates of all) {
		for (const name of RATED) sum[name] += rates[name];
		for (const name of ["readP50", "readP99", "writeP50", "writeP99"] as const)
			sum[name] = Math.max(sum[name] ?? 0, rates[name] ?? 0) || null;
	}
	return sum;
}
