/** Lists of ranges against a plain model: a row of sectors, each of which is in one of the ranges or is not. */

import fc from "fast-check";
import t from "tap";
import { blocksOf, pairsOf, unite } from "../../lib/block/ranges.js";

const PLACES = 60;

const ranges = fc.array(
	fc.record({ start: fc.nat({ max: PLACES - 1 }), length: fc.integer({ min: 1, max: 7 }) }),
	{ minLength: 1, maxLength: 90 },
);

function covered(pairs: Iterable<readonly [number, number]>): boolean[] {
	const row = new Array<boolean>(PLACES + 10).fill(false);
	for (const [start, length] of pairs) row.fill(true, start, start + length);
	return row;
}

function isAscending(pairs: readonly (readonly [number, number])[]): boolean {
	return pairs.every(([start], i) => i === 0 || start > (pairs[i - 1]?.[0] ?? 0) + (pairs[i - 1]?.[1] ?? 0));
}

t.test(
	"ranges in any order, and over each other, are united: ascending, apart, and the same sectors",
	async (t) => {
		fc.assert(
			fc.property(ranges, (list) => {
				const united = unite(
					Float64Array.from(list, ({ start }) => start),
					Float64Array.from(list, ({ start, length }) => start + length),
				);
				const pairs = [...pairsOf(united)];
				t.ok(isAscending(pairs));
				t.same(covered(pairs), covered(list.map(({ start, length }) => [start, length] as const)));
			}),
		);
	},
);

t.test("as blocks they are the same as long as there is room, else hulls of neighbours", async (t) => {
	fc.assert(
		fc.property(ranges, fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 2, 4), (list, room, size) => {
			const united = unite(
				Float64Array.from(list, ({ start }) => start),
				Float64Array.from(list, ({ start, length }) => start + length),
			);
			const blocks = new Float64Array(2 * room);
			const count = blocksOf(united, 1 / size, blocks);
			const found = [...pairsOf(blocks.subarray(0, 2 * count))];
			const asPairs = found.map(([start, end]) => [start * size, (end - start) * size] as const);
			t.ok(count >= 1 && count <= room);
			t.ok(isAscending(asPairs), "in order, and no block twice");
			const have = covered(asPairs);
			const want = covered(pairsOf(united));
			t.ok(
				want.every((is, i) => !is || have[i]),
				"nothing is left out",
			);
			const blocksTouched = new Set(want.flatMap((is, i) => (is ? [Math.floor(i / size)] : [])));
			if (united.length / 2 <= room)
				t.ok(
					have.every((is, i) => !is || blocksTouched.has(Math.floor(i / size))),
					"and nothing is added",
				);
		}),
	);
});
