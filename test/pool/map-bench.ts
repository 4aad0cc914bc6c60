/**
 * How fast the map of a pool is: `node build/test/pool/map-bench.js [GIB]`. Nanoseconds of processor per entry of the overlay, per look-up in a tree of
 * so many GiB that are all mapped (20 unless said), and per entry merged into it; and the longest slice of a merge.
 */

import { Entry, Found } from "../../lib/pool/map/entry.js";
import { Merge, SLICE_STEPS } from "../../lib/pool/map/merge.js";
import { OverlayOrder } from "../../lib/pool/map/order.js";
import { OVERLAY_MAX, Overlay } from "../../lib/pool/map/overlay.js";
import { Random } from "../../lib/random.js";
import { made, PAGES } from "./made-up-nodes.js";

const COUNT = 1_000_000;
const random = new Random(1);
const entry = Object.assign(new Entry(), { position: 2 ** 33, sectors: 8 });
const pages = Math.min(PAGES, Number(process.argv[2] ?? 20) * 2 ** 18);

/** Of this process, so that others do not count. */
function processorUs(): number {
	const { user, system } = process.cpuUsage();
	return user + system;
}

function measured(what: string, count: number, work: () => void): void {
	const before = processorUs();
	work();
	const ns = ((processorUs() - before) * 1e3) / count;
	process.stdout.write(`${what.padEnd(40)} ${ns.toFixed(0).padStart(6)} ns\n`);
}

const numbers = Float64Array.from({ length: COUNT }, () => random.below(pages));
const overlay = new Overlay(OVERLAY_MAX, 12345);

for (const round of ["first", "again"]) {
	measured(`overlay, written, ${round}`, COUNT, () => {
		for (let i = 0; i < COUNT; i++) overlay.insert(1, numbers[i]!, entry);
	});
	measured(`overlay, found, ${round}`, COUNT, () => {
		for (let i = 0; i < COUNT; i++) overlay.lookUp(1, numbers[i]!, entry);
	});
	measured(`overlay, not found, ${round}`, COUNT, () => {
		for (let i = 0; i < COUNT; i++) overlay.lookUp(2, numbers[i]!, entry);
	});
}

const { store, tree, root } = made();
for (const round of ["cold", "warm", "hot"]) {
	const before = store.loads;
	measured(`tree of ${pages / 2 ** 18} GiB, ${round}`, COUNT, () => {
		for (let i = 0; i < COUNT; i++)
			if (tree.lookUp(root, numbers[i]!, entry, null) !== Found.mapped) throw new Error("not mapped");
	});
	process.stdout.write(`    nodes read per look-up: ${((store.loads - before) / COUNT).toFixed(2)}\n`);
}

let longest = 0;
const order = new OverlayOrder(overlay);
const inSlices = (step: () => boolean): void => {
	for (let isDone = false; !isDone; ) {
		const before = processorUs();
		isDone = step();
		longest = Math.max(longest, processorUs() - before);
	}
};
measured("sorted", overlay.size, () => inSlices(() => order.step(SLICE_STEPS)));
process.stdout.write(`    longest slice: ${longest} us\n`);
longest = 0;
let slices = 0;
const sink = { died: () => {}, nodeDied: () => {}, subtreeDied: () => {} };
const merge = new Merge(tree, root, 1, overlay, order, sink);
measured("merged", overlay.size, () =>
	inSlices(() => {
		slices++;
		return merge.step(SLICE_STEPS, null) === "done";
	}),
);
process.stdout.write(`    longest of ${slices} slices: ${longest} us\n`);
process.stdout.write(`    bytes stored per entry: ${(merge.writer.bytes / overlay.size).toFixed(0)}\n`);
