// Schedules carried out by a pool: what is made and forgotten, by which clock, and what is left alone.
import t from "tap";
import { Pool } from "../../lib/pool/pool.js";
import { scheduledName } from "../../lib/pool/space/keep.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

const HOUR_US = 3600e6;
const BEGIN_US = Date.UTC(2026, 10, 25, 10) * 1000;

/** A pool whose clock the test sets, and what it tells. */
async function scheduled(folder = new MemoryFolder()) {
	const clock = { us: BEGIN_US };
	const told: PoolTold[] = [];
	const world = { ...testWorld(folder), now: () => ++clock.us };
	const pool = await Pool.create(world);
	pool.tell = (each) => told.push(each);
	const { administration } = pool;
	const namesOf = (volume: string): string[] =>
		administration.volume(volume).snapshots.map(({ name }) => name);
	/** Sets the clock to so many hours after the beginning. */
	const at = async (hours: number): Promise<void> => {
		clock.us = BEGIN_US + hours * HOUR_US;
		await pool.keepSchedules();
	};
	return { pool, administration, clock, told, namesOf, at };
}

const nameAt = (hours: number): string => scheduledName(BEGIN_US + hours * HOUR_US);
const MIB = 2 ** 20;
const hourly = (hours: number) => ({ keep: { hourly: hours * 3600 } });

t.test("snapshots of several volumes are made at one moment and forgotten, and that is told", async (t) => {
	const { pool, administration, told, namesOf, at } = await scheduled();
	for (const name of ["web", "db", "web.part", "plain"]) await administration.create(name, MIB, 4096);
	await administration.setPool("file", hourly(2));
	await administration.set("plain", { keep: { hourly: 0 } });
	for (const hours of [0, 0.5, 1, 2, 3]) await at(hours);
	t.strictSame(namesOf("web"), [1, 2, 3].map(nameAt));
	t.strictSame(namesOf("db"), namesOf("web"));
	t.strictSame([...namesOf("web.part"), ...namesOf("plain")], [], "unfinished, and one that has none");
	const [web, db] = ["web", "db"].map((name) => administration.volume(name).snapshots[0]);
	t.equal(web?.position, db?.position);
	t.equal(told.filter(({ kind }) => kind === "snapshot-taken").length, 8);
	t.match(told.at(-1), {
		kind: "snapshot-removed",
		level: "info",
		volume: "web",
		message: `snapshot ${nameAt(0)} removed by schedule`,
	});
	await pool.close();
});

t.test("what somebody needs is left alone, and goes when he does not", async (t) => {
	const { pool, administration, namesOf, at } = await scheduled();
	await administration.create("web", MIB, 4096);
	await administration.set("web", hourly(4));
	for (const hours of [0, 1, 2, 3]) await at(hours);
	const [held = "", cloned = "", read = "", spared = ""] = namesOf("web");
	await administration.hold("web", held, true);
	await administration.clone("web", cloned, "copy");
	const { device } = await pool.openVolume(`web@${read}`, true, async () => {});
	pool.spared = new Set([`web@${spared}`]);
	await at(20);
	t.strictSame(namesOf("web"), [held, cloned, read, spared, nameAt(20)]);
	await administration.hold("web", held, false);
	await administration.delete("copy");
	await device.close();
	pool.spared = new Set();
	await pool.checkpoint();
	await at(20.5);
	t.strictSame(namesOf("web"), [nameAt(20)]);
	await pool.close();
});

t.test("a clock that is set back, and a week without a daemon: no doubles, no storm", async (t) => {
	const folder = new MemoryFolder();
	const { pool, administration, namesOf, at, clock } = await scheduled(folder);
	await administration.create("web", MIB, 4096);
	await administration.setPool("create", { keep: { hourly: 7 * 86_400, daily: 30 * 86_400 } });
	for (let hours = 0; hours < 30; hours++) await at(hours + 0.5);
	const names = namesOf("web");
	t.equal(names.length, 30);
	for (const hours of [29.1, 20.2, 20.7, 29.9]) await at(hours);
	t.strictSame(namesOf("web"), names);
	await pool.close();
	clock.us = BEGIN_US + 9 * 24 * HOUR_US;
	const again = await Pool.open({ ...testWorld(folder), now: () => ++clock.us });
	await again.keepSchedules();
	await again.keepSchedules();
	const left = again.administration.volume("web").snapshots.map(({ name }) => name);
	t.strictSame(left, [nameAt(0.5), nameAt(14.5), nameAt(9 * 24)], "the first of each day, and one now");
	await again.close();
});

t.test("what fails is told once, and does not stop what can be done", async (t) => {
	const { pool, administration, told, namesOf, at } = await scheduled();
	await administration.create("web", MIB, 4096);
	await administration.set("web", hourly(1));
	await at(0);
	const { takeSnapshots } = administration;
	administration.takeSnapshots = () => administration.forget("web", "none").then(() => []);
	await at(5);
	await at(6);
	t.strictSame(namesOf("web"), []);
	t.match(
		told.filter(({ level }) => level === "error"),
		[{ message: 'snapshots of schedules are not taken: volume "web": has no snapshot "none"' }],
	);
	administration.takeSnapshots = takeSnapshots;
	await at(7);
	t.strictSame(namesOf("web"), [nameAt(7)]);
	await pool.close();
});

t.test("while a volume is written to, its snapshots hold what it was", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	const { pool } = stage;
	await pool.administration.set("web", hourly(1));
	const writing = (async () => {
		for (let round = 1; round <= 40; round++) await stage.write(0, round, round);
	})();
	await pool.keepSchedules();
	await writing;
	const [{ name = "" } = {}] = pool.administration.volume("web").snapshots;
	const [first, second] = await show(pool, `web@${name}`, 0, 1);
	t.equal(first, second, "of one write");
	await stage.close();
});
