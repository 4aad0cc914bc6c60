// How long the log waits for company: as long as those come who were answered, a part of what a sync takes at most, and seldom where nobody comes.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { CommitDelay } from "../../lib/pool/commit-delay.js";
import { Pool } from "../../lib/pool/pool.js";
import { kept, MemoryFolder, Stage, testWorld } from "./memory-folder.js";

const SYNC_US = 400;

t.test("It waits until as many have come as were answered and gathered", async (t) => {
	const delay = new CommitDelay();
	delay.begin(8, 8, SYNC_US, 0);
	t.ok(delay.goesOn(8));
	t.ok(delay.goesOn(15));
	t.notOk(delay.goesOn(16));
	t.notOk(delay.isWaiting);
});

t.test("One alone does not wait, nor does anybody when nobody was answered", async (t) => {
	const delay = new CommitDelay();
	for (const [answered, gathered] of [
		[1, 0],
		[0, 5],
	] as const) {
		delay.begin(answered, gathered, SYNC_US, 0);
		t.notOk(delay.isWaiting);
	}
});

t.test(
	"It ends when nobody has come for long, and at three quarters of a sync however many come",
	async (t) => {
		const quiet = new CommitDelay();
		quiet.begin(8, 8, SYNC_US, 0);
		quiet.turn(8, 99);
		t.ok(quiet.isWaiting);
		quiet.turn(8, 100);
		t.notOk(quiet.isWaiting);

		const long = new CommitDelay();
		long.begin(800, 8, SYNC_US, 0);
		for (let us = 50; us < 300; us += 50) {
			long.turn(8 + us, us);
			t.ok(long.isWaiting, `after ${us} us`);
		}
		long.turn(400, 300);
		t.notOk(long.isWaiting);
	},
);

t.test("A clock that stands still holds nothing up for ever", async (t) => {
	const delay = new CommitDelay();
	delay.begin(8, 8, SYNC_US, 0);
	let turns = 0;
	for (; delay.isWaiting; turns++) delay.turn(8, 0);
	t.equal(turns, 1000);
});

/** Of so many records the numbers of those that waited, in vain each time. */
function waits(delay: CommitDelay, records: number): number[] {
	const waited: number[] = [];
	for (let record = 0; record < records; record++) {
		delay.begin(8, 8, SYNC_US, 0);
		if (!delay.isWaiting) continue;
		waited.push(record);
		delay.turn(8, SYNC_US);
	}
	return waited;
}

t.test("Where nobody comes it waits less and less often, until somebody does", async (t) => {
	const delay = new CommitDelay();
	t.same(waits(delay, 40), [0, 2, 5, 10, 19, 36]);
	do delay.begin(8, 8, SYNC_US, 0);
	while (!delay.isWaiting);
	t.notOk(delay.goesOn(16));
	t.same(waits(delay, 10), [0, 2, 5]);
});

const WRITERS = 16;
const ROUNDS = 20;

t.test("All who write go with the same record", async (t) => {
	let records = 0;
	const folder = new MemoryFolder((device, name) => ({
		...kept(device),
		info: device.info,
		submit: (request) => {
			if (name.startsWith("log.") && request.op === BlockOp.write) records++;
			void nextTurn().then(() => device.submit(request));
		},
	}));
	// Of time there is what records take: each begins by asking for it.
	let us = 0;
	const world = testWorld(folder);
	const now = () => {
		us += SYNC_US;
		return world.now();
	};
	const pool = await Pool.create({ ...world, now, elapsed: () => us });
	await pool.administration.create("web", 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	records = 0;
	const writer = async (page: number) => {
		// (The first ones go while the others are not there yet.)
		for (let turn = 0; turn < page % 3; turn++) await nextTurn();
		for (let round = 0; round < ROUNDS; round++) t.equal(await stage.write(page, round), 0);
	};
	await Promise.all(Array.from({ length: WRITERS }, (_, page) => writer(page)));
	t.ok(records <= 1.5 * ROUNDS, `${records} records for ${ROUNDS} rounds`);
	await stage.close();
});
