// A clone gets pages of its own while it is written to: nothing of what it began as is left, and nothing that was written is lost.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Random } from "../../lib/random.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

const PAGES = 600;
const SIZE = PAGES * 4096;

/** A clone, `copy`, of a volume all of whose pages but each tenth hold 1. */
async function cloned(folder: MemoryFolder): Promise<Pool> {
	const stage = await Stage.create(folder, SIZE);
	for (let page = 0; page < PAGES; page += 10) await stage.write(page, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1);
	const { pool } = stage;
	await pool.administration.takeSnapshots([{ volume: "web", name: "a" }]);
	await pool.administration.clone("web", "a", "copy");
	await stage.device.close();
	return pool;
}

async function flattened(pool: Pool, from = 0): Promise<void> {
	for (let at = from; at < SIZE; ) at = await pool.flatten("copy", at);
}

/** How many pages are where those of the snapshot are. */
async function shared(pool: Pool): Promise<number> {
	let other = 0;
	for await (const { count } of pool.readings.changes("web@a", "copy", 0)) other += count;
	return PAGES * 0.9 - other;
}

/** Who goes on from the snapshot. */
async function clonesOf(pool: Pool): Promise<string[]> {
	await pool.checkpoint();
	const { space, administration } = pool;
	return space.clonesOf(administration.snapshot(administration.volume("web"), "a"));
}

t.test("while it is served and written to", async (t) => {
	const folder = new MemoryFolder();
	const pool = await cloned(folder);
	t.equal(await shared(pool), PAGES * 0.9);
	t.strictSame(await clonesOf(pool), ["copy"]);
	const options = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, durability: "ack" } as const;
	const { device } = await openVolumeStack(pool, "copy", options);
	const random = new Random();
	const values = new Map<number, number>();
	let isOver = false;
	const writing = (async () => {
		// Parts of pages too: the rest of such a page is read and written with it.
		for (let round = 2; !isOver || round < 50; round++) {
			const page = random.below(PAGES);
			const promised = new PromisedRequest();
			const memory = heapMemory(4096);
			memory.bytes.fill(2 + (round % 250));
			const lengthBytes = round % 2 === 0 ? 4096 : 512;
			const offsetBytes = page * 4096 + 4096 - lengthBytes;
			Object.assign(promised.request, { op: BlockOp.write, offsetBytes, lengthBytes, memory });
			if ((await promised.run(device)).status !== 0) t.fail(`page ${page} can't be written`);
			values.set(page, 2 + (round % 250));
			// (In memory all is done at once, and nobody else would have a turn.)
			await nextTurn();
		}
	})();
	await flattened(pool);
	isOver = true;
	await writing;
	await pool.checkpoint();
	t.ok((await shared(pool)) <= 0, "none is shared");
	await device.close();
	const wrong = async (of: Pool): Promise<number[]> => {
		const found: number[] = [];
		for (let page = 0; page < PAGES; page++) {
			// (The last byte of each.)
			const expected = values.get(page) ?? (page % 10 === 0 ? 0 : 1);
			if ((await show(of, "copy", page))[0] !== expected) found.push(page);
		}
		return found;
	};
	t.strictSame(await wrong(pool), [], `seed ${random.seed}`);
	t.strictSame(await show(pool, "web@a", 0, 1), [0, 1], "what it began as is as it was");
	await pool.close();
	const again = await Pool.open(testWorld(folder));
	t.strictSame(await wrong(again), []);
	await again.close();
});

t.test("what was done is not written again, and one that shares nothing is left as it is", async (t) => {
	const pool = await cloned(new MemoryFolder());
	const written = async (from: number, volume = "copy"): Promise<number> => {
		await pool.checkpoint();
		const id = (): number => Number(pool.readings.contentId("copy").split("@")[1]);
		const before = id();
		for (let at = from; at < SIZE; ) at = await pool.flatten(volume, at);
		return id() - before;
	};
	t.ok((await written(SIZE / 2)) > (PAGES * 8 * 0.9) / 2, "half of it");
	const rest = await written(0);
	t.ok(rest < PAGES * 8 * 0.6, "the rest alone");
	t.equal(await written(0), 0);
	t.strictSame(await clonesOf(pool), [], "and what it began as has no clone any more");
	t.equal(await written(0, "web"), 0);
	await pool.close();
});

t.test("two at once, and one that is not there", async (t) => {
	const pool = await cloned(new MemoryFolder());
	await Promise.all([flattened(pool), pool.flatten("web", 0)]);
	t.equal(await shared(pool), 0);
	await t.rejects(pool.flatten("none", 0), /has no volume "none"/);
	await pool.close();
});
