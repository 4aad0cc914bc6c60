/**
 * How much a test does: `scripts/test --long` says it with LONG_TESTS=true, and runs with that each test file that imports this one, beside the long
 * tests. A usual run has at least one of every kind: fewer seeds, rounds and sizes, and of variants of one thing some. A test file imports
 * this itself, not by way of another one: by that import it is found.
 */

import t, { type Test } from "tap";

export const isLong = process.env.LONG_TESTS === "true";

/** So many in a usual run, so many in a long one. */
export function rounds(usual: number, long: number): number {
	return isLong ? long : usual;
}

/** Of some variants those that a usual run has, or all. */
export function variants<T>(all: readonly T[], ...usual: number[]): readonly T[] {
	return isLong ? all : all.filter((_, at) => usual.includes(at));
}

/** A case that long runs alone have. A usual one has nothing of it, not even a skip, which CI does not allow. */
export function longTest(
	name: string,
	options: { skip?: string | false },
	body: (t: Test) => Promise<void>,
): void {
	if (isLong) void t.test(name, options, body);
}
