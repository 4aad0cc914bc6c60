// Whatever is written, snapshotted and deleted, nodes take few slots: about twice what lives of them.

import t, { type Test } from "tap";
import { readSpace } from "../../lib/pool/checkpoint-read.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { openHead } from "../../lib/pool/head-file.js";
import { Segments } from "../../lib/pool/segments.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

const FILL = 256 * 1024;
const SPARE = 2;
const MAP_SIZE = { entries: 20_000, nodeBytes: 2 ** 20, nodeFillBytes: FILL, spareNodeSlots: SPARE } as const;

/** Slots of nodes, of a pool that nobody has open. */
async function checkSlots(t: Test, folder: MemoryFolder): Promise<void> {
	const world = testWorld(folder);
	const head = await openHead(world, true);
	const segments = new Segments(folder);
	await segments.openAll();
	const { places } = (await readSpace(world, segments, head.state.checkpoint!)).nodes;
	const slots = new Set([...places.all].map(({ slot }) => slot)).size;
	// (The last one, and those that were filled since it was cleaned: what one checkpoint stores.)
	const most = (2 * places.liveBytes) / SEGMENT_BYTES + SPARE + 3;
	t.ok(slots <= most, `${slots} slots, ${places.count} segments, ${places.liveBytes} bytes live`);
	await segments.close();
	await head.device.close();
}

t.test("a volume that is written again and again beside one that never is", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder, 2 ** 30, 1, MAP_SIZE);
	await stage.pool.administration.set("web", { historySeconds: 0 });
	for (let page = 0; page < 2 ** 18; page += 655) await stage.write(page, 1);
	for (let round = 0; round < 150; round++) {
		for (let page = 0; page < 40; page++) await stage.write(page * 64, round);
		await stage.pool.checkpoint();
	}
	await stage.close();
	await checkSlots(t, folder);
});

t.test("many snapshots with some changed pages each, and then every second is no more", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder, 2 ** 30, 1, MAP_SIZE);
	const { administration } = stage.pool;
	await administration.set("web", { historySeconds: 0 });
	const count = 120;
	const last = (i: number): number => 1 + (i % 200);
	for (let i = 0; i < count; i++) {
		for (let k = 0; k < 4; k++) await stage.write(((i * 4 + k) * 977) % 2 ** 18, last(i));
		await stage.write(7, last(i));
		await administration.takeSnapshots([{ volume: "web", name: `s${i}` }]);
	}
	for (let i = 0; i < count; i += 2) await administration.forget("web", `s${i}`);
	for (let round = 0; round < 3; round++) {
		await stage.write(8, round);
		await stage.pool.checkpoint();
	}
	for (let i = 1; i < count; i += 38)
		t.strictSame(await show(stage.pool, `web@s${i}`, 7, (i * 4 * 977) % 2 ** 18), [last(i), last(i)]);
	await stage.close();
	await checkSlots(t, folder);
	const again = await Stage.open(folder, MAP_SIZE);
	for (let i = 1; i < count; i += 38)
		t.strictSame(await show(again.pool, `web@s${i}`, 7, (i * 4 * 977) % 2 ** 18), [last(i), last(i)]);
	await again.close();
});
