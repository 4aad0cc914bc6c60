// A pool is opened a little in each turn of the event loop, however much its checkpoint says and its log has: whoever is served meanwhile waits
// for a turn. Steps are counted, not time.

import t from "tap";
import { Contents } from "../../lib/pool/contents.js";
import { Descent } from "../../lib/pool/descent.js";
import { Lineage } from "../../lib/pool/map/lineage.js";
import { Points } from "../../lib/pool/map/points.js";
import { inTurns, STEPS_PER_TURN } from "../../lib/pool/map/turns.js";
import { Pool } from "../../lib/pool/pool.js";
import { Slots } from "../../lib/pool/space/slots.js";
import { SegmentTable } from "../../lib/pool/space/table.js";
import { encodeRow, rowsIn } from "../../lib/pool/space/table-form.js";
import { Counted } from "./counted.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

const VOLUMES = 300;
const GROUPS = 10;

/** A pool with so many snapshots, each of its own, and those of one moment in one record. */
async function manySnapshots(folder: MemoryFolder): Promise<void> {
	const pool = await Pool.create(testWorld(folder));
	const { administration } = pool;
	const names = Array.from({ length: VOLUMES }, (_, i) => `v${i}`);
	for (const name of names) await administration.create(name, 2 ** 20, 4096);
	for (let group = 0; group < GROUPS; group++)
		for (const some of [names.slice(0, VOLUMES / 2), names.slice(VOLUMES / 2)])
			await administration.takeSnapshots(some.map((volume) => ({ volume, name: `s${group}` })));
	await pool.close();
}

t.test("a pool with 3,000 snapshots is opened in turns", async (t) => {
	const folder = new MemoryFolder();
	await manySnapshots(folder);
	const of = [
		["parse", JSON],
		["keeps", Descent.prototype],
		["has", Points.prototype],
		["hasLine", Lineage.prototype],
	] as const;
	const counted = new Counted(Object.fromEntries(of));
	const pool = await Pool.open(testWorld(folder)).finally(() => counted.end());
	t.equal(pool.volumes.flatMap(({ snapshots }) => snapshots).length, VOLUMES * GROUPS);
	for (const name of ["parse", "keeps", "has"]) t.ok(counted.all(name) >= VOLUMES * GROUPS, name);
	for (const [name] of of)
		t.ok(counted.most(name) <= 2 * STEPS_PER_TURN, `${name}: ${counted.most(name)} in one turn`);
	await pool.close();
});

t.test("of a pool with many slots the table is read in turns, in whatever format", async (t) => {
	const COUNT = 4000;
	const slots = new Slots();
	slots.grow(COUNT);
	const table = new SegmentTable(slots);
	const rows: Uint8Array[] = [];
	for (let segment = 0; segment < COUNT; segment++) {
		table.begin(segment, slots.take());
		table.born(segment * 16_384, 8);
		table.seal(segment, 8);
		rows.push(encodeRow(table, segment));
	}
	const again = new SegmentTable(new Slots());
	let [most, before] = [0, 0];
	const nextTurn = async (): Promise<void> => {
		most = Math.max(most, again.rows.size - before);
		before = again.rows.size;
	};
	await inTurns(rowsIn(again, Buffer.concat(rows), COUNT), nextTurn);
	t.equal(again.rows.size, COUNT);
	t.ok(most > 0 && most <= STEPS_PER_TURN, `${most} rows in one turn`);
});

t.test("a log that was not in a checkpoint is taken in in turns; so is that before a moment", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { pool } = stage;
	const PAGES = 2500;
	for (let page = 0; page < PAGES; page++) await stage.write(page % 64, 1 + (page % 250));
	// As after a crash: nobody has closed it.
	const counted = new Counted({ page: Contents.prototype });
	const again = await Pool.open(testWorld(folder));
	t.equal(counted.all("page"), PAGES);
	t.ok(counted.most("page") <= STEPS_PER_TURN, `${counted.most("page")} pages in one turn`);
	const then = new Date(Math.ceil(again.find("web")!.createdUs / 1000 + 1)).toISOString();
	counted.forget();
	await show(again, `web@${then}`, 0);
	counted.end();
	t.ok(counted.all("page") > 0);
	t.ok(counted.most("page") <= STEPS_PER_TURN, `${counted.most("page")} pages in one turn`);
	await again.close();
	await pool.close().catch(() => {});
});
