// Snapshots, clones, rollback and moments: what each of them shows, now and after the pool was opened again.
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { readVolumeName } from "../../lib/pool/past.js";
import { Pool } from "../../lib/pool/pool.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

/** The same of each pool: as it is, and as it is when it is opened again. */
async function alsoAgain(
	folder: MemoryFolder,
	stage: Stage,
	check: (pool: Pool) => Promise<void>,
): Promise<void> {
	await stage.device.close();
	await check(stage.pool);
	await stage.pool.close();
	const pool = await Pool.open(testWorld(folder));
	await check(pool);
	await pool.close();
}

t.test("a snapshot stays what it was; a clone begins as it is", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { administration } = stage.pool;
	await stage.write(0, 1, 2, 3);
	await administration.takeSnapshots([{ volume: "web", name: "one" }]);
	await stage.write(1, 22);
	await administration.clone("web", "one", "copy");
	await administration.takeSnapshots([{ volume: "copy", name: "first" }]);
	await administration.clone("copy", "first", "copy-of-copy");
	const copy = await stage.pool.openVolume("copy", false, async () => {});
	const written = new PromisedRequest();
	Object.assign(written.request, { op: BlockOp.write, lengthBytes: 4096, memory: heapMemory(4096) });
	written.request.memory.bytes.fill(77);
	t.equal((await written.run(copy.device)).status, 0);
	await copy.device.close();
	await alsoAgain(folder, stage, async (pool) => {
		t.strictSame(await show(pool, "web@one", 0, 1, 2), [1, 2, 3]);
		t.strictSame(await show(pool, "web", 0, 1, 2), [1, 22, 3]);
		t.strictSame(await show(pool, "copy", 0, 1, 2), [77, 2, 3]);
		t.strictSame(await show(pool, "copy-of-copy", 0, 1, 2), [1, 2, 3]);
		const identities = new Set(pool.volumes.map(({ wwn }) => wwn));
		t.equal(identities.size, 3, "each is a disk of its own");
	});
});

t.test("trap 7: snapshots of several volumes are of one moment", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { administration } = stage.pool;
	await administration.create("db", 64 * 2 ** 20, 4096);
	await stage.write(0, 5);
	const names = ["web", "db"].map((volume) => ({ volume, name: "both" }));
	const [a, b] = await administration.takeSnapshots(names);
	t.equal(a?.position, b?.position);
	await t.rejects(administration.takeSnapshots(names), /web"?: has a snapshot "both" already/);
	await t.rejects(
		administration.takeSnapshots([
			{ volume: "web", name: "c" },
			{ volume: "db", name: "-" },
		]),
		/snapshot "-": a name/,
	);
	t.equal(stage.pool.volumes.find(({ name }) => name === "db")?.snapshots.length, 1);
	await stage.close();
});

t.test("trap 15: rolled back, and the snapshot deleted: all is there", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { administration } = stage.pool;
	await stage.write(0, 1, 2, 3);
	await administration.takeSnapshots([{ volume: "web", name: "good" }]);
	await stage.write(0, 66, 66);
	await t.rejects(administration.rollback("web", "good"), /goes back only while nobody serves it/);
	const before = administration.volume("web").wwn;
	await stage.device.close();
	t.equal(await administration.rollback("web", "good"), "before-good");
	t.not(administration.volume("web").wwn, before, "initiators find another disk");
	await administration.forget("web", "good");
	await alsoAgain(folder, stage, async (pool) => {
		t.strictSame(await show(pool, "web", 0, 1, 2), [1, 2, 3]);
		t.strictSame(await show(pool, "web@before-good", 0, 1, 2), [66, 66, 3]);
		await t.rejects(show(pool, "web@good"), /has no snapshot "good"/);
	});
});

t.test("any moment can be read", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const moments: number[] = [];
	// Enough for several segments.
	for (let round = 1; round <= 12; round++) {
		await stage.write(0, ...new Array<number>(250).fill(round));
		await stage.pool.administration.takeSnapshots([{ volume: "web", name: `s${round}` }]);
		moments.push(stage.pool.volumes[0]!.snapshots.at(-1)!.timeUs);
	}
	await stage.device.close();
	for (const [i, timeUs] of moments.entries()) {
		const iso = `${new Date(Math.floor(timeUs / 1000)).toISOString().slice(0, -5)}.${String(timeUs % 1e6).padStart(6, "0")}Z`;
		t.strictSame(await show(stage.pool, `web@${iso}`, 0, 249), [i + 1, i + 1], iso);
	}
	await t.rejects(show(stage.pool, "web@2999-01-01T00:00:00Z"), /is in the future/);
	await t.rejects(show(stage.pool, "web@2001-01-01T00:00:00Z"), /there was no such volume then/);
	await stage.pool.close();
});

t.test("what stands behind an @", async (t) => {
	const now = 1_764_000_000_000_000;
	t.strictSame(readVolumeName("web", now), { name: "web" });
	t.strictSame(readVolumeName("web@a", now), { name: "web", at: { kind: "snapshot", name: "a" } });
	for (const [text, seconds] of [
		["-10m", 600],
		["-1.5h", 5400],
		["-2d", 172_800],
		["-3s", 3],
	] as const)
		t.strictSame(readVolumeName(`web@${text}`, now).at, { kind: "moment", timeUs: now - seconds * 1e6 });
	const at = { kind: "moment", timeUs: 1_764_064_800_000_123 };
	t.strictSame(readVolumeName("web@2025-11-25T10:00:00.000123Z", now).at, at);
	t.throws(() => readVolumeName("web@2026-13-41T10:00:00Z", now), /is not in the calendar/);
});

t.test("traps 9 and 10: deleted is deleted, and another one of its name begins empty", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { administration } = stage.pool;
	await stage.write(0, 1, 2, 3);
	await administration.takeSnapshots([{ volume: "web", name: "kept" }]);
	await administration.hold("web", "kept", true);
	await t.rejects(administration.delete("web"), /is deleted only while nobody serves it/);
	await t.rejects(administration.rename("web", "www"), /is renamed only while nobody serves it/);
	await stage.device.close();
	await t.rejects(administration.delete("web"), /web@kept: is held/);
	await t.rejects(administration.forget("web", "kept"), /web@kept: is held/);
	await administration.hold("web", "kept", false);
	await administration.delete("web");
	await administration.create("web", 4096 * 8, 4096);
	await administration.rename("web", "www");
	await administration.resize("www", 4096 * 16, false);
	await t.rejects(administration.resize("www", 4096, false), /--shrink cuts it off/);
	const before = administration.volume("www");
	t.equal((await administration.resize("www", 4096 * 4, true)).wwn, before.wwn);
	t.not(
		(await administration.resize("www", 4096 * 2, true, true)).wwn,
		before.wwn,
		"another disk, if wanted",
	);
	t.not(administration.volume("www").serial, before.serial);
	await alsoAgain(folder, stage, async (pool) => {
		t.strictSame(
			pool.volumes.map(({ name, sizeBytes }) => [name, sizeBytes]),
			[["www", 8192]],
		);
		t.strictSame(await show(pool, "www", 0, 1), [0, 0]);
	});
});

t.test("trap 13: what a golden image is now, its clones don't see", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { administration } = stage.pool;
	for (let version = 1; version <= 3; version++) {
		await stage.write(0, ...new Array<number>(8).fill(version));
		await administration.takeSnapshots([{ volume: "web", name: `v${version}` }]);
		for (let i = 0; i < 5; i++) await administration.clone("web", `v${version}`, `c${version}-${i}`);
	}
	await stage.device.close();
	for (let version = 1; version <= 3; version++)
		for (let i = 0; i < 5; i++)
			t.strictSame(await show(stage.pool, `c${version}-${i}`, 0, 7), [version, version]);
	await stage.pool.close();
});

t.test("a volume grows while it is used, and what was cut off is zeros", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder, 4096 * 4);
	let heard = 0;
	stage.device.listen({ changed: () => heard++ });
	await stage.write(3, 9);
	await stage.pool.administration.resize("web", 4096 * 8, false);
	t.equal(heard, 1);
	t.equal(stage.device.info.sizeBytes, 4096 * 8);
	t.equal(await stage.write(7, 7), 0);
	await stage.device.close();
	await stage.pool.administration.resize("web", 4096 * 2, true);
	await stage.pool.administration.resize("web", 4096 * 8, false);
	t.strictSame(await show(stage.pool, "web", 3, 7), [0, 0]);
	await stage.pool.close();
});

t.test("a volume does not take its own place", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	await stage.write(0, 1);
	await stage.device.close();
	const { pool } = stage;
	await t.rejects(pool.administration.replace("web", "web"), /can't be replaced by itself/);
	await pool.checkpoint();
	t.strictSame(await show(pool, "web", 0), [1]);
	await pool.close();
});
