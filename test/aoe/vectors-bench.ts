/** Stations and comparisons that the vectors of AoE share. */

import type { Test } from "tap";
import { type Bench, frame } from "../support/target-bench.js";

export const T = "020000000001";
export const A = "0200000000aa";
export const B = "0200000000bb";
export const ALL = "ffffffffffff";

/** One question and its answer ("" for silence). Both are padded to 60 bytes; the answer may be cut where data begins. */
export function same(test: Test, bench: Bench, what: string, request: string, reply: string): void {
	const expected = reply === "" ? "" : frame(reply).toString("hex");
	test.equal(bench.askHex(frame(request)), expected, what);
}
