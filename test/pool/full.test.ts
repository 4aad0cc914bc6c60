// A full pool says so, and what that has come to: history given up, writes refused, no space for a checkpoint, nothing taken; and that it is over,
// when somebody has made room.

import { setImmediate as nextTurn } from "node:timers/promises";
import t, { type Test } from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { NoSpaceError, StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { Fullness } from "../../lib/pool/full.js";
import { lookAtPool } from "../../lib/pool/looks.js";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { Unstored } from "../../lib/pool/unstored.js";
import { Pump } from "../../lib/pump.js";
import { Stage, testWorld } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 20 } as const;
const VOLUME_BYTES = 2 ** 30;
const RECORD_PAGES = 250;
const RECORDS_MAX = 200;
const TURNS_MAX = 2_000;
const NOT_FULL = { full: null, fullFor: [] } as const;

function writeAt(stage: Stage, record: number): Promise<StorageStatus> {
	return stage.write(record * RECORD_PAGES, ...new Array<number>(RECORD_PAGES).fill(1 + (record % 250)));
}

/** How the last one ended. */
async function fill(stage: Stage): Promise<StorageStatus> {
	let status: StorageStatus = StorageStatus.ok;
	for (let record = 0; record < RECORDS_MAX && status === StorageStatus.ok; record++)
		status = await writeAt(stage, record);
	return status;
}

async function trimAll(stage: Stage): Promise<StorageStatus> {
	const trim = new PromisedRequest();
	Object.assign(trim.request, { op: BlockOp.trim, offsetBytes: 0, lengthBytes: VOLUME_BYTES });
	return (await trim.run(stage.device)).status;
}

async function staged(t: Test, historySeconds: number) {
	const world = testWorld(new SmallFolder(1), 1, new Pump(), MAP_SIZE);
	const passed = { us: 0 };
	const pool = await Pool.create({ ...world, elapsed: () => world.elapsed() + passed.us });
	await pool.administration.create("web", VOLUME_BYTES, 4096);
	const stage = await Stage.of(pool);
	t.teardown(() => stage.close());
	await pool.administration.setPool("create", { historySeconds, historySpace: { percent: 100 } });
	const all: PoolTold[] = [];
	pool.tell = (each) => void all.push(each);
	/** What it has said of being full since the last time, in so many half minutes. */
	const told = async (ages = 1): Promise<PoolTold[]> => {
		for (let age = 0; age < ages; age++) {
			pool.age();
			for (let turn = 0; turn < 200; turn++) await nextTurn();
		}
		return all.splice(0).filter(({ kind }) => kind === "pool-full");
	};
	/** Until it is not full any more, or for long. */
	const recovers = async (): Promise<boolean> => {
		for (let turn = 0; turn < TURNS_MAX && pool.state.full !== null; turn++) {
			if (turn % 100 === 0) pool.age();
			await nextTurn();
		}
		return pool.state.full === null;
	};
	return { stage, pool, told, recovers, passed };
}

t.test("a pool that is full refuses writes, and says so until there is space", async (t) => {
	const { stage, pool, told, recovers } = await staged(t, 0);
	t.match(pool.state, NOT_FULL);
	t.strictSame(await told(4), []);
	for (let round = 0; round < 2; round++) {
		t.equal(await fill(stage), StorageStatus.noSpace);
		const full = /^it is full: writes are refused; that ends by itself when there is space/;
		t.match(pool.state, { full, fullFor: ["writes"] }, "whoever looks sees it");
		t.match(await lookAtPool(pool, { of: "pool" }), { full, fullFor: ["writes"] });
		t.match(await told(), [{ kind: "pool-full", level: "error", message: full }], "it is told");
		t.strictSame(await told(4), [], "once");
		t.match(pool.state, { full }, "and is so as long as nobody makes room, whoever looks for some");
		t.equal(await trimAll(stage), StorageStatus.ok);
		t.ok(await recovers());
		t.match(await told(2), [{ kind: "pool-full", level: "info", message: "is not full any more" }]);
		t.strictSame(await told(4), []);
	}
});

t.test("a pool that gives up history for writes says that", async (t) => {
	const { stage, pool, told, passed } = await staged(t, 3600);
	// What is written over is history, all of which may be given up.
	for (let record = 0; record < RECORDS_MAX && pool.state.full === null; record++)
		t.equal(await writeAt(stage, record % 8), StorageStatus.ok);
	const full = /^it is full: history is given up from its oldest end; that ends/;
	t.match(pool.state, { full, fullFor: ["history"] });
	t.match(await told(), [{ kind: "pool-full", level: "warn", message: full }]);
	t.strictSame(await told(4), [], "it is told once");
	passed.us += 600e6;
	t.match(pool.state, NOT_FULL, "none was for long");
	t.match(await told(2), [{ kind: "pool-full", level: "info" }]);
});

/** What is full is said here. */
function fullness() {
	const clock = { us: 0 };
	const room = { isOut: false, reserve: 4 };
	const log = { hasFailed: false, room, refusal: { status: StorageStatus.ok as StorageStatus } };
	const slots = { count: 64, free: 4 };
	const unstored = new Unstored(log);
	const segments = { away: null as string | null };
	const of = { log, unstored, slots, segments, elapsed: () => clock.us };
	const full = new Fullness(of);
	const told: (readonly [string, string])[] = [];
	const age = (): void => full.age(({ level, message }) => told.push([level, message.split(";")[0]!]));
	return { ...of, room, full, told, age, clock };
}

t.test("what comes of it is told when it is more, and that it is over when that has lasted", (t) => {
	const { full, told, age, clock, room, log, unstored, slots, segments } = fullness();
	age();
	full.gaveUp();
	age();
	t.strictSame(told.splice(0), [["warn", "it is full: history is given up from its oldest end"]]);
	room.isOut = true;
	age();
	age();
	const writes = "it is full: writes are refused, and history is given up from its oldest end";
	t.strictSame(told.splice(0), [["error", writes]]);
	room.isOut = false;
	age();
	unstored.checkpointFailed(new NoSpaceError("there is no space left for the pool's map"), undefined);
	t.match(unstored.state, { unstored: null, checkpointFailures: 1 }, "that is told here alone");
	log.refusal.status = StorageStatus.noSpace;
	clock.us += 600e6;
	age();
	const changes = "it is full: nothing can be changed, nor removed, and there is no space for a checkpoint";
	t.strictSame(told.splice(0), [["error", changes]]);
	log.refusal.status = StorageStatus.syncFailed;
	log.hasFailed = true;
	t.match(full.state, NOT_FULL, "of one that has failed other things are told");
	log.refusal.status = StorageStatus.ok;
	log.hasFailed = false;
	segments.away = "there is no such directory";
	t.match(full.state, NOT_FULL, "nor of one that is away, and can't grow for that");
	segments.away = null;
	unstored.checkpointStored();
	age();
	full.gaveUp();
	age();
	slots.free = 64;
	age();
	t.strictSame(told.splice(0), [], "it comes and goes");
	age();
	age();
	t.strictSame(told.splice(0), [["info", "is not full any more"]]);
	t.end();
});
