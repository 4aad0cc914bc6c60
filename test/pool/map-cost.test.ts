// What questions to a map cost, in nodes: a volume of 1 TiB, all mapped, made up as it is asked for. And that a trim of all of it costs a
// few nodes, whatever is below.

import t from "tap";
import { Entry, Found } from "../../lib/pool/map/entry.js";
import { LEAF_PAGES } from "../../lib/pool/map/leaf.js";
import { Merge } from "../../lib/pool/map/merge.js";
import { OverlayOrder } from "../../lib/pool/map/order.js";
import { Overlay } from "../../lib/pool/map/overlay.js";
import { Ranges } from "../../lib/pool/map/ranges.js";
import { Root, SPAN } from "../../lib/pool/map/ref.js";
import { Random } from "../../lib/random.js";
import { LEVEL, made, PAGES } from "./made-up-nodes.js";

t.test(
	"a look-up in 1 TiB reads a node of each level at most, and one, about, when those above the leaves are here",
	async (t) => {
		const random = new Random();
		const { store, tree, root } = made(2 ** 20);
		const entry = new Entry();
		for (const page of [0, PAGES - 1, random.below(PAGES)]) {
			const before = store.loads;
			t.equal(tree.lookUp(root, page, entry, null), Found.mapped);
			t.equal(entry.position, (page + 1) * 8);
			t.ok(store.loads - before <= LEVEL + 1);
		}
		t.equal(tree.lookUp(root, PAGES, entry, null), Found.unmapped);
		// 4 GiB of it: the nodes above its leaves have a place in memory, its leaves have not.
		const near = (): number => random.below(PAGES / 256);
		for (let i = 0; i < 2_000; i++) tree.lookUp(root, near(), entry, null);
		const before = store.loads;
		for (let i = 0; i < 2_000; i++) tree.lookUp(root, near(), entry, null);
		t.ok(store.loads - before <= 2_000, `${store.loads - before} nodes for 2,000, seed ${random.seed}`);
	},
);

t.test("a page whose leaf is here is found without the nodes above it", async (t) => {
	const { store, tree, root } = made(2 ** 20);
	const entry = new Entry();
	t.equal(tree.lookUp(root, 77, entry, null), Found.mapped);
	// Each of these needs a leaf, and a node above it, of its own: there is room for that many leaves, but not for the nodes.
	const others = tree.leaves.count - 1;
	t.ok(others > tree.nodes.count + 100);
	for (let i = 1; i <= others; i++) tree.lookUp(root, i * SPAN[1]!, entry, null);
	const before = store.loads;
	t.equal(tree.lookUp(root, 78, entry, null), Found.mapped);
	t.equal(entry.position, 79 * 8);
	t.equal(store.loads, before, "nothing is read");
});

t.test("a leaf whose place in memory another one has got is found by no way that led there", async (t) => {
	const random = new Random();
	const { tree, root } = made(0);
	const entry = new Entry();
	// Four times as many leaves as there is room for.
	const near = (): number => random.below(4 * tree.leaves.count * LEAF_PAGES);
	let wrong = 0;
	for (let i = 0; i < 4_000; i++) {
		const page = near();
		tree.lookUp(root, page, entry, null);
		if (entry.position !== (page + 1) * 8) wrong++;
	}
	t.equal(wrong, 0, `seed ${random.seed}`);
});

t.test("what is equal in two trees of 1 TiB is skipped, by a few nodes", async (t) => {
	const { store, tree, root } = made(2 ** 20);
	const ranges = new Ranges(tree);
	t.equal(ranges.nextDiffering(root, new Root(root.ref, 0, LEVEL), 0, PAGES, null), Found.none);
	t.ok(store.loads < 4 * (LEVEL + 1), `${store.loads} nodes`);
});

t.test("a trim of all but some pages of 1 TiB takes the nodes at its ends, in few steps", async (t) => {
	const { store, tree, root } = made(2 ** 20);
	const overlay = new Overlay(16, 1);
	overlay.trim(1, 1000, PAGES - 1000, 2 ** 40);
	overlay.insert(1, PAGES / 2 + 5, Object.assign(new Entry(), { position: 2 ** 40 + 8, sectors: 8 }));
	const order = new OverlayOrder(overlay);
	while (!order.step(100));
	let died = 0;
	let subtrees = 0;
	const merge = new Merge(tree, root, 1, overlay, order, {
		died: () => died++,
		nodeDied: () => {},
		subtreeDied: (_volume, subtree) => {
			subtrees += subtree.mapped;
		},
	});
	let slices = 1;
	while (merge.step(256, null) === "more") slices++;
	t.equal(merge.root.mapped, 2001);
	t.equal(died + subtrees, PAGES - 2000, "all others have died, most of them unseen");
	t.ok(died < 3 * LEAF_PAGES, `${died} one by one`);
	t.ok(store.loads + store.appended < 6 * (LEVEL + 1), `${store.loads} read, ${store.appended} stored`);
	t.ok(slices < 16, `${slices} slices`);
});
