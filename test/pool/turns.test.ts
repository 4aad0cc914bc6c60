// What takes long of thousands of snapshots is done a little in each turn of the event loop: steps are counted, not time.

import t from "tap";
import type { Snapshot, Volume } from "../../lib/pool/catalog.js";
import { Lineage } from "../../lib/pool/map/lineage.js";
import { encodeLineage } from "../../lib/pool/map/lineage-form.js";
import { isPage, lineageIn } from "../../lib/pool/map/lineage-read.js";
import { answerOf } from "../../lib/pool/map/merging.js";
import type { Point } from "../../lib/pool/map/point.js";
import { NodeFault } from "../../lib/pool/map/store.js";
import { atOnce, inTurns, STEPS_PER_TURN } from "../../lib/pool/map/turns.js";
import { Pool } from "../../lib/pool/pool.js";
import { Schedules } from "../../lib/pool/schedules.js";
import { Cleaner } from "../../lib/pool/space/cleaner.js";
import { scheduledName } from "../../lib/pool/space/keep.js";
import { Slots } from "../../lib/pool/space/slots.js";
import { SegmentTable } from "../../lib/pool/space/table.js";
import { Pump } from "../../lib/pump.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, testWorld } from "./memory-folder.js";

const SINK = { free: () => {}, freePart: () => {} };

t.test("who waits for a node that can't be had does not ask for it for ever", async (t) => {
	let asked = 0;
	const ask = (fault: NodeFault | null) =>
		answerOf(
			(waiter) => {
				setImmediate(() => waiter.nodeReady(fault));
				return ++asked < 4 ? "waiting" : "here";
			},
			(answer) => answer === "waiting",
			"failed",
		);
	t.equal(await ask(new NodeFault("log.000000, byte 512", "it is none")), "failed");
	t.equal(asked, 1);
	t.equal(await ask(null), "here");
});

t.test("work is done so many steps in a turn, and what it throws comes out", async (t) => {
	let steps = 0;
	const perTurn: number[] = [];
	const work = function* (): Generator<void, string> {
		for (; steps < 1000; steps++) yield;
		return "done";
	};
	const nextTurn = async (): Promise<void> => void perTurn.push(steps);
	t.equal(await inTurns(work(), nextTurn), "done");
	t.strictSame(perTurn, [255, 511, 767]);
	const fails = function* (): Generator<void> {
		yield;
		throw new Error("torn");
	};
	await t.rejects(inTurns(fails(), nextTurn), { message: "torn" });
	t.throws(() => atOnce(fails()), { message: "torn" });
});

t.test("a lineage of thousands of points is made bytes of, and read, in small pieces", async (t) => {
	const lineage = new Lineage(SINK);
	lineage.addLine(1);
	const kept: Point[] = [];
	for (let at = 8; kept.length < 5000; at += 8) {
		lineage.died({ volume: 1, birth: at - 8, sectors: 8, death: at - 1 });
		kept.push(lineage.keep(1, at));
	}
	let taken = 0;
	let most = 0;
	const counting = function* (): Generator<Point> {
		for (const point of kept) {
			taken++;
			yield point;
		}
	};
	const pieces: Uint8Array[] = [];
	for (const piece of encodeLineage(lineage, counting())) {
		most = Math.max(most, taken);
		taken = 0;
		pieces.push(piece);
	}
	t.ok(most <= STEPS_PER_TURN, `${most} points between two pieces`);
	t.ok(Math.max(...pieces.map(({ length }) => length)) <= 16_384);
	const steps = lineageIn(Buffer.concat(pieces), SINK, isPage);
	let turns = 0;
	const { points } = await inTurns(steps, async () => void turns++);
	t.equal(points.length, kept.length + 1);
	t.ok(turns >= (4 * kept.length) / STEPS_PER_TURN, `${turns} turns`);
});

t.test("a volume with many snapshots is deleted in several turns, and so in replay", async (t) => {
	const folder = new MemoryFolder();
	let turns = 0;
	const world = testWorld(folder, 1, new Pump());
	const nextTurn = (): Promise<void> => {
		turns++;
		return world.nextTurn();
	};
	const pool = await Pool.create({ ...world, nextTurn });
	const { administration } = pool;
	for (const name of ["web", "db"]) await administration.create(name, 2 ** 20, 4096);
	for (let i = 0; i < 130; i++) await administration.takeSnapshots([{ volume: "web", name: `s${i}` }]);
	await pool.checkpoint();
	turns = 0;
	await administration.delete("web");
	await administration.takeSnapshots([{ volume: "db", name: "after" }]);
	t.ok(turns >= 2, `${turns} turns`);
	// Opened as after a crash: the log says both, one behind the other.
	const again = await Pool.open(testWorld(folder));
	t.strictSame(
		again.volumes.map(({ name, snapshots }) => [name, snapshots.length]),
		[["db", 1]],
	);
	await again.close();
	t.equal((await Pool.open(testWorld(folder))).volumes.length, 1);
});

t.test(
	"the emptiest of many slots is looked for in turns; one that is written to meanwhile is left alone",
	async (t) => {
		const slots = new Slots();
		slots.grow(40_000);
		const table = new SegmentTable(slots);
		for (let segment = 0; segment < 32_768; segment++) {
			table.begin(segment, slots.take());
			table.born(segment * 16_384, segment === 7 ? 8 : 800);
			table.seal(segment, 8);
		}
		let turns = 0;
		const mayGoOn = async (): Promise<void> => {
			// All that lived in it dies, and the log goes on there.
			if (turns++ > 0) return;
			table.free(7 * 16_384, 8);
			table.forgetSummary(7);
			table.open(7);
		};
		const none = async (): Promise<void> => void t.fail("nothing is moved");
		const world = {
			allocate: heapMemory,
			takeSlot: () => slots.take(),
			say: none,
			read: none,
			write: none,
		};
		const cleaner = new Cleaner(table, { ...world, sync: none, mayGoOn } as never);
		t.notOk(await cleaner.clean(40_000, 16_384));
		t.ok(turns >= 3, `${turns} turns`);
	},
);

/** A schedule of a volume that has a snapshot of each of so many minutes, and what is asked and done. */
function scheduled(minutes: number, beginUs: number) {
	const seen = { asked: 0, turns: 0, forgotten: [] as number[], nowUs: beginUs };
	const snapshots = Array.from({ length: minutes }, (_, i) => {
		const name = scheduledName(beginUs - i * 60e6);
		return {
			isHeld: false,
			get name() {
				seen.asked++;
				return name;
			},
		};
	});
	const volume = { name: "web", snapshots: snapshots as unknown as readonly Snapshot[] } as Volume;
	const schedule = { hourly: 1000 * 3600 };
	const schedules = new Schedules({
		administration: {
			takeSnapshots: async () => [],
			forgetAll: async (wanted) => {
				seen.forgotten.push(wanted.length);
				return [...wanted];
			},
		},
		volumes: () => [volume],
		scheduleOf: () => schedule,
		isSpared: () => false,
		now: () => seen.nowUs,
		nextTurn: async () => void seen.turns++,
		tell: () => {},
	});
	return { seen, schedules };
}

t.test("a schedule of ten thousand snapshots is gone through in turns, few in a record", async (t) => {
	const { seen, schedules } = scheduled(10_000, Date.UTC(2026, 10, 25, 10, 30) * 1000);
	await schedules.keep();
	t.ok(seen.turns >= 20_000 / STEPS_PER_TURN, `${seen.turns} turns`);
	t.equal(seen.forgotten.length, 256);
	t.strictSame(new Set(seen.forgotten), new Set([1]), "for each all of its volume are gone through");
});

t.test("a schedule by which nothing is due is not looked at until something is", async (t) => {
	const { seen, schedules } = scheduled(1, Date.UTC(2026, 10, 25, 10) * 1000);
	await schedules.keep();
	t.equal(seen.asked, 1);
	for (const minutes of [1, 59]) {
		seen.nowUs = Date.UTC(2026, 10, 25, 10, minutes) * 1000;
		await schedules.keep();
	}
	t.equal(seen.asked, 1);
	seen.nowUs = Date.UTC(2026, 10, 25, 11) * 1000;
	await schedules.keep();
	t.equal(seen.asked, 2, "the next hour has begun");
	seen.nowUs = Date.UTC(2026, 10, 25, 9) * 1000;
	await schedules.keep();
	t.equal(seen.asked, 3, "the clock was set back");
});
