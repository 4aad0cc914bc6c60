// A pool of one file, eight slots, in which log, nodes and cleaner have most: what was emptied is filled again, as often as one likes, with history and
// without; clones that come and go by the hundred use nothing up.

import { setImmediate as nextTurn } from "node:timers/promises";
import t, { type Test } from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { Random } from "../../lib/random.js";
import { Stage } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 20 } as const;
const VOLUME_BYTES = 2 ** 30;
const RECORD_PAGES = 250;
/** Of 64: the rest is what log, nodes and cleaner have, and what no write gets. */
const MEGABYTES_AT_LEAST = 20;
const ROUNDS = 4;
const TURNS_MAX = 10_000;

async function createdWith(historySeconds: number): Promise<{ folder: SmallFolder; stage: Stage }> {
	const folder = new SmallFolder(1);
	const stage = await Stage.create(folder, VOLUME_BYTES, 1, MAP_SIZE);
	await stage.pool.administration.setPool("create", { historySeconds, historySpace: { percent: 100 } });
	return { folder, stage };
}

function write(stage: Stage, page: number, pages = RECORD_PAGES): Promise<StorageStatus> {
	return stage.write(page, ...new Array<number>(pages).fill(1));
}

async function fill(stage: Stage): Promise<number> {
	let megabytes = 0;
	while ((await write(stage, megabytes * RECORD_PAGES)) === StorageStatus.ok) megabytes++;
	return megabytes;
}

async function trimAll(stage: Stage): Promise<StorageStatus> {
	const trim = new PromisedRequest();
	Object.assign(trim.request, { op: BlockOp.trim, offsetBytes: 0, lengthBytes: VOLUME_BYTES });
	return (await trim.run(stage.device)).status;
}

async function canWriteAgain(stage: Stage): Promise<boolean> {
	for (let turns = 0; turns < TURNS_MAX; turns++) {
		if ((await write(stage, 0)) === StorageStatus.ok) return true;
		await nextTurn();
	}
	return false;
}

async function filledAndEmptied(t: Test, historySeconds: number): Promise<void> {
	const random = new Random();
	let { folder, stage } = await createdWith(historySeconds);
	for (let round = 0; round < ROUNDS; round++) {
		const megabytes = await fill(stage);
		t.ok(megabytes >= MEGABYTES_AT_LEAST, `${megabytes} megabytes in round ${round}, seed ${random.seed}`);
		t.equal(await trimAll(stage), StorageStatus.ok);
		t.ok(await canWriteAgain(stage), `in round ${round}, seed ${random.seed}`);
		if (!random.chance(0.5)) continue;
		await stage.close();
		stage = await Stage.open(folder, MAP_SIZE);
	}
	await stage.close();
}

t.test("a small pool that was filled and emptied is filled again (trap 11)", (t) => filledAndEmptied(t, 0));

t.test("and so it is where all of it was history", (t) => filledAndEmptied(t, 3600));

t.test("clones of an image come and go in a small pool", async (t) => {
	const { stage } = await createdWith(3600);
	const { pool } = stage;
	const { administration } = pool;
	for (let megabyte = 0; megabyte < 10; megabyte++) await write(stage, megabyte * RECORD_PAGES);
	await administration.takeSnapshots([{ volume: "web", name: "gold" }]);
	for (let i = 0; i < 300; i++) {
		await administration.clone("web", "gold", "copy");
		const copy = await Stage.of(pool, "copy");
		const status = await write(copy, 7 * i, 20);
		if (status !== StorageStatus.ok) t.fail(`${status} in clone ${i}`);
		await copy.device.close();
		await administration.delete("copy");
	}
	t.equal(await stage.read(0), 1);
	await stage.close();
});
