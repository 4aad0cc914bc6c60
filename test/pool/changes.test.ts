// What differs between two moments of a volume is found a little in each turn, however much of it there is and though all of the map is in memory.
// Steps are counted, not time.

import t from "tap";
import { SAME_PAGES, TURN_PAGES } from "../../lib/pool/difference.js";
import { Ranges } from "../../lib/pool/map/ranges.js";
import { PastChanges } from "../../lib/pool/past-changes.js";
import { Readings } from "../../lib/pool/readings.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Counted } from "./counted.js";
import { MemoryFolder, Stage } from "./memory-folder.js";

const PAGE = 4096;
const PAGES = 8 * TURN_PAGES;
const PAGES_OF_WRITE = 128;

/** Its volume `web` was written over as a whole since the snapshot `a`, up to `b`. */
async function overwritten(): Promise<Stage> {
	const stage = await Stage.create(new MemoryFolder(), PAGES * PAGE);
	for (const value of [1, 2]) {
		const values = new Array<number>(PAGES_OF_WRITE).fill(value);
		for (let page = 0; page < PAGES; page += PAGES_OF_WRITE) await stage.write(page, ...values);
		await stage.pool.administration.takeSnapshots([{ volume: "web", name: value === 1 ? "a" : "b" }]);
	}
	await stage.pool.checkpoint();
	return stage;
}

t.test("by whoever goes through it", async (t) => {
	const { pool, device } = await overwritten();
	const counted = new Counted({ nextDiffering: Ranges.prototype });
	let pages = 0;
	for await (const { count } of pool.readings.changes("web@a", "web@b", 0)) pages += count;
	counted.end();
	t.equal(pages, PAGES);
	t.ok(counted.all("nextDiffering") >= PAGES);
	t.ok(counted.most("nextDiffering") <= 2 * TURN_PAGES, `${counted.most("nextDiffering")} in one turn`);
	await device.close();
	await pool.close();
});

t.test("by whoever asks range by range, who is answered with less than all rather than late", async (t) => {
	const { pool, device } = await overwritten();
	let released = 0;
	const changes = await pool.readings.changesSince(
		"web@a",
		await pool.readings.tree("web@b"),
		0,
		() => released++,
	);
	const counted = new Counted({ nextDiffering: Ranges.prototype });
	const pairs = new Float64Array(4);
	const asked = changes.extents(512, PAGES * PAGE - 1024, pairs);
	changes.release();
	t.equal(released, 0, "while it is asked, nothing goes");
	t.equal(await asked, 1);
	t.equal(released, 1);
	counted.end();
	t.strictSame([...pairs.subarray(0, 2)], [PAGES * PAGE - 1024, 1]);
	t.ok(counted.most("nextDiffering") <= 2 * TURN_PAGES, `${counted.most("nextDiffering")} in one turn`);
	await device.close();
	await pool.close();
});

t.test("an answer has no more extents than there is room for, and ends in time", async (t) => {
	const stage = await Stage.create(new MemoryFolder(), 2 ** 20 * PAGE);
	const { pool, device } = stage;
	await pool.administration.takeSnapshots([{ volume: "web", name: "a" }]);
	for (let page = 1; page < 40; page += 2) await stage.write(page, 1);
	await pool.administration.takeSnapshots([{ volume: "web", name: "b" }]);
	await pool.checkpoint();
	let released = 0;
	const changes = await pool.readings.changesSince(
		"web@a",
		await pool.readings.tree("web@b"),
		0,
		() => released++,
	);
	const pairs = new Float64Array(8);
	t.equal(await changes.extents(0, 40 * PAGE, pairs), 4);
	t.strictSame([...pairs], [PAGE, 0, PAGE, 1, PAGE, 0, PAGE, 1]);
	t.equal(await changes.extents(40 * PAGE, 2 ** 30, pairs), 1);
	t.strictSame([...pairs.subarray(0, 2)], [2 ** 30, 0]);
	const counted = new Counted({ nextDiffering: Ranges.prototype });
	t.equal(await changes.extents(0, PAGE, pairs), 1);
	t.ok(counted.all("nextDiffering") * SAME_PAGES <= TURN_PAGES, "no more is looked at than is asked");
	counted.end();
	changes.release();
	t.equal(released, 1);
	await device.close();
	await pool.close();
});

t.test("what is compared is opened once for all who ask, and let go with the last of them", async (t) => {
	const { pool, device } = await overwritten();
	let uses = 0;
	const use = async () => {
		uses++;
		const release = async (): Promise<void> => void uses--;
		return { pool, release };
	};
	const past = new PastChanges(use, "web@b", 0);
	const counted = new Counted({ tree: Readings.prototype });
	const [one, other] = await Promise.all([past.since("a"), past.since("a")]);
	await t.rejects(past.since("none"), /has no snapshot "none"/);
	await t.rejects(past.since("-1s"), /since snapshots alone/);
	t.equal(counted.all("tree"), 1 + 3, "and what it is compared with");
	t.equal(uses, 1);
	one.release();
	t.equal(await other.extents(0, PAGE, new Float64Array(2)), 1);
	const [left] = [past.since("a"), other.release()];
	(await left).release();
	await until("all is let go", () => uses === 0, LIMIT_MS);
	(await past.since("a")).release();
	await until("and once more", () => uses === 0, LIMIT_MS);
	t.equal(counted.all("tree"), 4 + 1 + 2);
	counted.end();
	await device.close();
	await pool.close();
});
