// Questions about ranges of a tree held against plain tables: the next page that is mapped, is not, or differs, and how many there are.

import t from "tap";
import { Entry, FLAG_ZERO, Found } from "../../lib/pool/map/entry.js";
import { Merge } from "../../lib/pool/map/merge.js";
import { OverlayOrder } from "../../lib/pool/map/order.js";
import { Overlay } from "../../lib/pool/map/overlay.js";
import { Ranges } from "../../lib/pool/map/ranges.js";
import { EMPTY_ROOT, type Root } from "../../lib/pool/map/ref.js";
import { Tree } from "../../lib/pool/map/tree.js";
import { Random } from "../../lib/random.js";
import { checksum, finish, MemoryNodes } from "./memory-nodes.js";

/** Positions that were given out. */
let newest = 8;

/** A volume's pages: position, or undefined. */
type Pages = readonly (number | undefined)[];

const SIZE = 20_000;
const NOBODY = { died: () => {}, nodeDied: () => {}, subtreeDied: () => {} };

/** The tree after some runs of pages were written or trimmed, and what is in it. */
function changed(
	store: MemoryNodes,
	tree: Tree,
	root: Root,
	pages: Pages,
	runs: number,
	random: Random,
): { root: Root; pages: Pages } {
	const overlay = new Overlay(2 ** 16, 1);
	const after = [...pages];
	for (let run = 0; run < runs; run++) {
		const from = random.below(SIZE);
		const to = Math.min(SIZE, from + 1 + random.below(random.pick([3, 200, 9000])));
		const flags = random.chance(0.4) ? FLAG_ZERO : 0;
		for (let page = from; page < to; page++) {
			const position = newest++;
			overlay.insert(1, page, Object.assign(new Entry(), { position, sectors: 8, flags }));
			after[page] = flags === 0 ? position : undefined;
		}
	}
	const order = new OverlayOrder(overlay);
	while (!order.step(10_000));
	const merge = new Merge(tree, root, 1, overlay, order, NOBODY);
	finish(store, () => merge.step(10_000, null));
	return { root: merge.root, pages: after };
}

t.test("the next page is found, whatever is asked for", async (t) => {
	for (let round = 0; round < 6; round++) {
		const random = new Random();
		const store = new MemoryNodes();
		const tree = new Tree(store, checksum, 2 ** 20);
		const ranges = new Ranges(tree);
		const nothing: Pages = new Array<undefined>(SIZE).fill(undefined);
		const a = changed(store, tree, EMPTY_ROOT, nothing, round * 4, random);
		const b = changed(store, tree, a.root, a.pages, 4, random);
		store.answersAtOnce = false;
		const next = (ask: (from: number, to: number) => Found, from: number, to: number): number => {
			for (let at = from; ; ) {
				const found = ask(at, to);
				if (found === Found.mapped || (found === Found.none && ranges.page >= to)) return ranges.page;
				if (found === Found.none) at = ranges.page;
				else store.answer();
			}
		};
		const find = (from: number, to: number, is: (page: number) => boolean): number => {
			for (let page = from; page < to; page++) if (is(page)) return page;
			return to;
		};
		for (let question = 0; question < 100; question++) {
			const from = random.below(SIZE);
			const to = random.chance(0.5) ? SIZE + 10_000 : from + random.below(SIZE);
			const { root, pages } = random.chance(0.5) ? a : b;
			const mapped = next((from, to) => ranges.nextMapped(root, from, to, null), from, to);
			const differing = next((from, to) => ranges.nextDiffering(a.root, b.root, from, to, null), from, to);
			const right = {
				mapped: find(from, to, (page) => pages[page] !== undefined),
				differing: find(from, to, (page) => a.pages[page] !== b.pages[page]),
			};
			const answers = JSON.stringify({ mapped, differing });
			if (answers !== JSON.stringify(right)) t.fail(`from ${from} to ${to}: ${answers}`);
		}
		t.ok(t.passing(), `seed ${random.seed}`);
	}
});

t.test("a node that can't be read fails the question", async (t) => {
	const store = new MemoryNodes();
	const tree = new Tree(store, checksum, 0);
	const { root } = changed(
		store,
		tree,
		EMPTY_ROOT,
		new Array<undefined>(SIZE).fill(undefined),
		10,
		new Random(),
	);
	store.stored.clear();
	const ranges = new Ranges(new Tree(store, checksum, 0));
	t.equal(ranges.nextMapped(root, 0, SIZE, null), Found.failed);
});
