/** Fills all that a pool has for its map in memory, of a volume of 1 TiB, and prints the size of the process: for `map-memory.test.ts`. */

import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Entry } from "../../lib/pool/map/entry.js";
import { MapLayers } from "../../lib/pool/map/layers.js";
import { SLICE_STEPS } from "../../lib/pool/map/merge.js";
import { OVERLAY_MAX } from "../../lib/pool/map/overlay.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { made, PAGES } from "./made-up-nodes.js";

const VOLUME = 1;
const STRIDE = 40_503_001;
const nobody = { died: () => {}, nodeDied: () => {}, subtreeDied: () => {} };
const { tree, root } = made();
const layers = new MapLayers(tree, OVERLAY_MAX, 5, nobody);
layers.addVolume(VOLUME, root);
const entry = new Entry();
/** Two of nodes that are being written out, and what opening reads. */
const segments = [0, 1, 2].map(() => heapMemory(SEGMENT_BYTES).bytes.fill(1));
let page = 0;
const next = (): number => {
	page = (page + STRIDE) % PAGES;
	return page;
};
const fill = (): void => {
	for (let i = 0; !layers.isFull; i++) {
		entry.position = 2 ** 40 + 8 * i;
		entry.sectors = 8;
		layers.insert(VOLUME, next(), entry);
	}
};
fill();
layers.freeze();
fill();
// Sorted, and merged in part: all frames are used by then.
for (let i = 0; i < 4_000; i++) layers.step(SLICE_STEPS, null);
for (let i = 0; i < 100_000; i++) layers.lookUp(VOLUME, next(), entry, null);
if (segments.length === 0) throw new Error("they are kept");
process.stdout.write(`${process.memoryUsage().rss}\n`);
