// What pools stand on that are on disks: one is opened without a disk that is missing only when it has been so for a while, for at a start disks come one
// after the other.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { StorageEngine } from "../../lib/block/engine.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { ChunkPools } from "../../lib/daemon/chunk-pools.js";
import type { HeldDisk } from "../../lib/daemon/disk-entry.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { makePool, usePool } from "../../lib/pool/openings.js";
import { Pool } from "../../lib/pool/pool.js";
import { Pump } from "../../lib/pump.js";
import { onDisks } from "../../lib/spec/pool-path.js";
import { diskSpec } from "./stage.js";

const SIZE = 72 * 2 ** 20;

const held = (name: string): HeldDisk => ({
	name,
	spec: { ...diskSpec(name), chunkOf: onDisks("far") },
	disk: new Disk(name, makeIdentity(name, "1"), new MemoryDevice(SIZE)),
	isLeaving: false,
});

t.test("what is missing is waited for, then done without, and counts again once it is back", async (t) => {
	const [a, b] = [held("a"), held("b")];
	let disks = [a, b];
	let nowMs = 0;
	const { home } = new ChunkPools(() => disks, new Pump(), { now: () => nowMs });
	const open = (): Promise<Pool> => Pool.open(home.onDisks("far"));
	const states = (pool: Pool): readonly string[] =>
		(pool.space.disks?.states ?? []).map(({ disk, state }) => `${disk} ${state}`);
	const made = await Pool.create(home.onDisks("far", ["a", "b"]));
	disks = [a, b, held("c")];
	await made.space.disks?.add("c", false);
	t.strictSame(states(made), ["a in use", "b in use", "c in use"], "one that has just been made");
	await made.space.disks?.remove("c");
	while (states(made).length > 2) await nextTurn();
	await made.close();
	disks = [a];
	await t.rejects(open(), /what is on disk "b" is missing/);
	home.allowPartial(onDisks("far"), true);
	nowMs = 100_000;
	await t.rejects(open(), /what is on disk "b" is missing/, "it may come in a moment");
	disks = [a, b];
	const whole = await open();
	t.strictSame(states(whole), ["a in use", "b in use"]);
	await whole.close();
	disks = [a];
	nowMs += 60_000;
	await t.rejects(open(), /what is on disk "b" is missing/, "it was there meanwhile");
	nowMs += 9999;
	await t.rejects(open(), /what is on disk "b" is missing/);
	nowMs++;
	const partial = await open();
	t.strictSame(states(partial), ["a in use", "b missing"]);
	await partial.close();
});

t.test("who makes a pool is not taken for one who opens it in vain, whenever others try that", async (t) => {
	const pump = new Pump();
	for (const [when, tries] of [
		["just after", [0, 1]],
		["before, and just after", [1, 1]],
		["before, twice, and just after, twice", [2, 2]],
	] as const) {
		const engine = new StorageEngine(pump);
		const disks = ["a", "b"].map(held);
		const home = { engine, pump, ...new ChunkPools(() => disks, pump).home };
		const path = onDisks("far");
		const open = (): Promise<string> =>
			usePool(home, path).then(
				async ({ release }) => release().then(() => "opened"),
				(error: unknown) => String(error),
			);
		const before = Array.from({ length: tries[0] }, open);
		const making = makePool(home, path, ["a", "b"], false);
		const after = Array.from({ length: tries[1] }, open);
		const { pool, release } = await making;
		t.equal(pool.space.disks?.states.length, 2, `made, though others tried ${when}`);
		t.ok((await Promise.all(before)).every((said) => /is no pool/.test(said)));
		await Promise.all(after);
		await t.rejects(makePool(home, path, ["a", "b"], false), /there is a pool, and it is open/);
		await release();
		engine.close();
	}
});
