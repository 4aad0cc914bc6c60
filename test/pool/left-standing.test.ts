// What is done in the background is taken up again: whatever it waits for, and whatever could not be read for a while. What was deleted is given
// back, and a sector that can't be read keeps nothing but its own slot.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import type { Pool } from "../../lib/pool/pool.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { MemoryFolder, Stage } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 18 } as const;
const TURNS = 5_000;

/** So many records of a megabyte, from a page on. */
async function fill(stage: Stage, megabytes: number, from = 0): Promise<StorageStatus> {
	let status: StorageStatus = StorageStatus.ok;
	for (let i = 0; i < megabytes && status === StorageStatus.ok; i++)
		status = await stage.write(from + 250 * i, ...new Array<number>(250).fill(1 + i));
	return status;
}

/** What is still to be gone through when nobody asks for anything any more. */
async function freeing(pool: Pool): Promise<number> {
	const left = async (): Promise<number> => pool.space.ofPool(await pool.space.unwalked()).freeingBytes;
	for (let turn = 0; turn < TURNS && (await left()) > 0; turn++) await nextTurn();
	return left();
}

t.test(
	"what was deleted is given back while the next file is being made, though nobody writes",
	async (t) => {
		const folder = new MemoryFolder();
		folder.fillsAhead = true;
		const stage = await Stage.create(folder, 2 ** 30);
		const { administration } = stage.pool;
		await administration.create("old", 2 ** 30, 4096);
		const old = await Stage.of(stage.pool, "old");
		await fill(old, 20);
		await old.device.close();
		// (Of eight slots five are used: it is time for more, and there are some.)
		await fill(stage, 12);
		await stage.pool.checkpoint();
		t.ok(folder.files.has("log.000001"), "the next file is begun");
		await administration.delete("old");
		await stage.pool.checkpoint();
		t.equal(await freeing(stage.pool), 0);
		await stage.close();
	},
);

/** Files of which something can't be read, until they are healed. */
class UnreadableFolder extends SmallFolder {
	readonly layers: FaultyLayer[] = [];

	constructor(filesMax: number) {
		super(filesMax, (device, name) => {
			if (!name.startsWith("log.")) return device;
			const layer = new FaultyLayer(device);
			this.layers.push(layer);
			return layer;
		});
	}

	heal(): void {
		for (const layer of this.layers) layer.heal();
	}
}

t.test("what is deleted while the map can't be read is given back when it can again", async (t) => {
	const folder = new UnreadableFolder(4);
	const stage = await Stage.create(folder, 2 ** 30, 1, MAP_SIZE);
	await stage.pool.administration.create("old", 2 ** 30, 4096);
	const old = await Stage.of(stage.pool, "old");
	await fill(old, 20);
	await old.device.close();
	await stage.close();
	const again = await Stage.open(folder, MAP_SIZE);
	const { pool } = again;
	for (const layer of folder.layers) layer.add({ op: BlockOp.read });
	await pool.administration.delete("old");
	await pool.checkpoint();
	t.ok((await freeing(pool)) > 0, "nobody knows what that was");
	folder.heal();
	pool.age();
	t.equal(await freeing(pool), 0);
	await again.close();
});

t.test("a slot that can't be read is left alone, and others are emptied", async (t) => {
	const folder = new UnreadableFolder(2);
	const stage = await Stage.create(folder, 2 ** 26, 1, MAP_SIZE);
	await stage.write(0, 10);
	await fill(stage, 8, 2000);
	const [first] = folder.layers;
	first?.add({ op: BlockOp.read, endBytes: SEGMENT_BYTES });
	// (Something of each slot is kept, and more than of the first one, so that none comes back by itself.)
	for (let round = 1; round <= 20; round++) {
		const kept = new Array<number>(50).fill(10 + round);
		t.equal(await stage.write(50 * round, ...kept), StorageStatus.ok);
		if (!t.equal(await fill(stage, 8, 2000), StorageStatus.ok, `${8 * round} megabytes and some more`)) break;
	}
	t.equal(await stage.read(0), -StorageStatus.mediumError, "what can't be read is where it was");
	folder.heal();
	stage.pool.age();
	for (let round = 0; round < 4; round++) await fill(stage, 8, 2000);
	t.strictSame(await stage.readAll(0, 50, 1000, 2000), [10, 11, 30, 1]);
	await stage.close();
	const again = await Stage.open(folder, MAP_SIZE);
	t.strictSame(await again.readAll(0, 50, 1000, 2000), [10, 11, 30, 1]);
	await again.close();
});
