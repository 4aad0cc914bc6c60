// A pool on disks at its beginnings and ends: the power is cut at each step of making it, of adding a disk, and of closing it; a disk is there twice,
// or is an older copy of itself. What was acknowledged is there, and what can't go on is said in a line.

import t, { type Test } from "tap";
import { OperatorError } from "../../../lib/errors.js";
import { Pool } from "../../../lib/pool/pool.js";
import { Random } from "../../../lib/random.js";
import { rounds } from "../../support/long.js";
import { CrashDisk } from "../crash-disk.js";
import { Stage, show } from "../memory-folder.js";
import { sizeFor, TestDisks } from "./disks.js";

/** Cut at one in so many places. */
const STEP = rounds(3, 1);
const PAGE = 3;

/** What comes of an attempt: "opened", or the line that says why not. */
async function outcome(attempt: Promise<Pool>): Promise<string> {
	try {
		await (await attempt).close();
		return "opened";
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return error.message;
	}
}

/** A pool with something in it. */
async function made(disks: TestDisks, among?: readonly string[]): Promise<Stage> {
	const pool = await Pool.create(disks.world(1, among));
	await pool.administration.create("web", 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	await stage.write(PAGE, 7);
	return stage;
}

/** Does it with less and less power missing, until it comes to its end; then looks at what is there. */
async function cutEverywhere(
	t: Test,
	prepare: () => Promise<{ readonly disks: TestDisks; readonly act: () => Promise<unknown> }>,
	look: (after: TestDisks) => Promise<void>,
): Promise<void> {
	const random = new Random(1);
	for (let cut = 0; cut < 2000; cut += STEP) {
		const { disks, act } = await prepare();
		disks.power.left = cut;
		const isOver = await Promise.race([act().then(() => true), disks.power.off.then(() => false)]);
		if (isOver) {
			t.pass(`${cut} places`);
			return;
		}
		// 1: as after the end of a process.
		await look(disks.crash(random, () => random.pick([0, 0.5, 1, 1])));
	}
	t.fail("it never comes to its end");
}

t.test("making it: it is there, or can be made again, which is said", async (t) => {
	await cutEverywhere(
		t,
		async () => {
			const disks = TestDisks.of({ x: 1, y: 1, z: 1 });
			return { disks, act: () => Pool.create(disks.world(1)) };
		},
		async (after) => {
			const found = await outcome(Pool.open(after.world(2)));
			const again = await outcome(Pool.create(after.world(3)));
			if (found === "opened") t.match(again, /has a part of a pool on it/);
			else {
				t.match(found, /^far: (is no pool|was not made to its end, and has nothing; make it again)$/);
				t.equal(again, "opened");
			}
		},
	);
});

t.test("a disk of one that was not made to its end can be used for another one", async (t) => {
	const disks = TestDisks.of({ x: 1, y: 1 });
	disks.power.left = 18;
	await Promise.race([Pool.create(disks.world(1)), disks.power.off]);
	const after = disks.crash(new Random(1), () => 1);
	t.match(await outcome(Pool.open(after.world(2, ["x"]))), /was not made to its end/);
	t.equal(await outcome(Pool.create(after.world(3, ["x"]))), "opened");
});

t.test("adding one: it is a part, or can be added again", async (t) => {
	await cutEverywhere(
		t,
		async () => {
			const disks = TestDisks.of({ x: 1, y: 1 });
			await (await made(disks, ["x"])).close();
			const world = disks.world(2);
			await Pool.open(world);
			return { disks, act: () => world.disks.add("y", false) };
		},
		async (after) => {
			const world = after.world(3);
			const pool = await Pool.open(world);
			if (world.disks.states.length === 1) await world.disks.add("y", false);
			t.equal(world.disks.states.length, 2);
			await pool.close();
			const again = await Pool.open(after.world(4));
			t.strictSame(await show(again, "web", PAGE), [7]);
			await again.close();
		},
	);
});

t.test("closing it: it is opened again", async (t) => {
	await cutEverywhere(
		t,
		async () => {
			const disks = TestDisks.of({ x: 1, y: 1 });
			const stage = await made(disks);
			return { disks, act: () => stage.close() };
		},
		async (after) => {
			const again = await Pool.open(after.world(4));
			t.strictSame(await show(again, "web", PAGE), [7]);
			await again.close();
			t.equal(await outcome(Pool.open(after.world(5))), "opened");
		},
	);
});

t.test("a copy of a disk from when the pool was open is none of it once that has been closed", async (t) => {
	for (const name of ["x", "y"]) {
		const now = TestDisks.of({ x: 1, y: 1 });
		const again = await made(now);
		const copy = now.disks.get(name)!.crash(new Random(1), 1);
		await again.write(PAGE, 8);
		await again.close();
		t.match(
			await outcome(Pool.open(new TestDisks(new Map([...now.disks, [name, copy]])).world(2))),
			/is an older copy of this part of the pool/,
		);
		t.equal(await outcome(Pool.open(now.world(3))), "opened");
	}
});

t.test("one storage by two names is one disk, also by force", async (t) => {
	const same = new CrashDisk(sizeFor(2));
	const both = new TestDisks(
		new Map([
			["x", same],
			["y", same],
		]),
	);
	t.match(await outcome(Pool.create(both.world(1))), /^disk "[xy]": is the same storage as disk "[xy]"$/);
	t.equal(await outcome(Pool.create(both.world(2, ["x"]))), "opened", "nothing is left of it");
	t.match(
		await outcome(Pool.open(both.world(3))),
		/has the same part of the pool as disk "x": one is a copy/,
	);
	both.present.delete("y");
	const world = both.world(4, ["x", "y"]);
	const pool = await Pool.open(world);
	await pool.administration.create("web", 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	both.present.add("y");
	await t.rejects(world.disks.add("y", false), /disk y: has a part of a pool on it/);
	await t.rejects(world.disks.add("y", true), /disk "y": is the same storage as disk "x" of the pool/);
	await stage.write(PAGE, 7);
	await stage.close();
	const again = await Pool.open(both.world(5, ["x"]));
	t.strictSame(await show(again, "web", PAGE), [7]);
	await again.close();
});

t.test("a copy of a disk of the pool can be added by force: it is a disk of its own", async (t) => {
	const disks = TestDisks.of({ x: 1 });
	await (await made(disks)).close();
	const copy = disks.disks.get("x")!.crash(new Random(1), 1);
	const more = new TestDisks(new Map([...disks.disks, ["y", copy]]));
	more.present.delete("y");
	const world = more.world(2, ["x", "y"]);
	const pool = await Pool.open(world);
	more.present.add("y");
	await world.disks.add("y", true);
	await pool.close();
	const again = await Pool.open(more.world(3));
	t.strictSame(await show(again, "web", PAGE), [7]);
	await again.close();
});
