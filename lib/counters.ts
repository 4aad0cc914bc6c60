/**
 * Where a count begins that nobody ever resets: requests, frames, bytes. It is -0, which the engine keeps as a floating-point
 * number from the start. As an integer a count would outgrow 31 bits, bytes after seconds and frames after two hours at full
 * rate, and all code that has come to rely on integers there would be thrown away and compiled again, in the middle of full
 * load. Counted so by every room; it prints as 0, and is exact to 2^53.
 */
export const COUNT_START = -0;

/** A count for each of `names`. */
export function countsOf<Name extends string>(names: readonly Name[]): Record<Name, number> {
	return Object.fromEntries(names.map((name) => [name, COUNT_START])) as Record<Name, number>;
}
