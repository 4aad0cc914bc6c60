/**
 * Lists of ranges, as a trim may name many: pairs of numbers in one flat array, in ascending order, none touching another.
 * Made by whoever decodes a protocol's list (`lib/ata/trim.ts`), carried by a `BlockRequest`, compared by `ordering.ts`.
 */

/** Most ranges of one request. */
export const RANGES_MAX = 16_384;

/**
 * What ranges that begin at `starts` and end at `ends` cover together: pairs of offset and length. Sorts both arrays; which
 * start belongs to which end does not matter, for there is a gap wherever as many have ended as have begun.
 */
export function unite(starts: Float64Array, ends: Float64Array): Float64Array {
	starts.sort();
	ends.sort();
	let count = 0;
	let first = 0;
	for (let i = 0; i < starts.length; i++) {
		if (i + 1 < starts.length && starts[i + 1]! <= ends[i]!) continue;
		const start = starts[first]!;
		// Behind the one that is read: what is written here is never read again.
		starts[count] = start;
		ends[count] = ends[i]! - start;
		count++;
		first = i + 1;
	}
	const ranges = new Float64Array(2 * count);
	for (let i = 0; i < count; i++) {
		ranges[2 * i] = starts[i]!;
		ranges[2 * i + 1] = ends[i]!;
	}
	return ranges;
}

/**
 * Writes the blocks that `ranges` touch to `blocks`, as pairs of the first and the one behind the last, and returns how many
 * pairs: at most as many as there is room for. What is too many for that becomes the hulls of neighbours.
 */
export function blocksOf(ranges: Float64Array, blocksPerByte: number, blocks: Float64Array): number {
	const perHull = Math.ceil(ranges.length / blocks.length);
	let pairs = 0;
	let inHull = perHull;
	for (let i = 0; i < ranges.length; i += 2) {
		const offset = ranges[i]!;
		const start = Math.floor(offset * blocksPerByte);
		const end = Math.ceil((offset + ranges[i + 1]!) * blocksPerByte);
		// In a hull that is not full, or in the block with which the last one ends.
		if (inHull < perHull || (pairs > 0 && start <= blocks[2 * pairs - 1]!)) {
			blocks[2 * pairs - 1] = end;
		} else {
			blocks[2 * pairs] = start;
			blocks[2 * pairs + 1] = end;
			pairs++;
			inHull = 0;
		}
		inHull++;
	}
	return pairs;
}

/** The pairs of offset and length, one after the other. For where speed does not matter. */
export function* pairsOf(ranges: ArrayLike<number>): Generator<readonly [offset: number, length: number]> {
	for (let i = 0; i + 1 < ranges.length; i += 2) yield [ranges[i] ?? 0, ranges[i + 1] ?? 0];
}
