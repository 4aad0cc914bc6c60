// What is free, held against plain tables of what every head, point and moment reads, in histories of chance: nothing that is read is freed,
// and what nothing reads is, at the latest when the window has passed.

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { Lineage } from "../../lib/pool/map/lineage.js";
import { encodeLineage } from "../../lib/pool/map/lineage-form.js";
import { lineageIn } from "../../lib/pool/map/lineage-read.js";
import { atOnce } from "../../lib/pool/map/turns.js";
import { Random } from "../../lib/random.js";
import { pagesAt, World } from "./lineage-world.js";

const SINK = { free: () => {}, freePart: () => {} };

t.test("nothing that is read is freed, and what nobody reads is", async (t) => {
	for (let round = 0; round < 60; round++) {
		const random = new Random();
		const world = new World(random);
		for (let step = 0; step < 400; step++) {
			world.step();
			if (random.chance(0.03)) world.reopen();
			if (step % 20 === 0) world.checkSafe();
			if (step % 30 === 0) world.checkTakings();
			if (step % 100 !== 99) continue;
			world.settle();
			world.checkSafe();
			world.checkExact();
		}
		world.giveUpAll();
		t.strictSame(world.wrong.slice(0, 5), [], `seed ${random.seed}`);
		if (world.wrong.length > 0) break;
	}
});

t.test("a list of any length can be read again, wherever a piece of what is stored ends", async (t) => {
	for (let pages = 900; pages < 1100; pages++) {
		const lineage = new Lineage(SINK);
		lineage.addLine(1);
		const points = [lineage.keep(1, 8 * pages)];
		for (let i = 0; i < pages; i++)
			lineage.died({ volume: 1, birth: 8 * i, sectors: 8, death: 8 * (pages + i) });
		lineage.moveWindow(1, 16 * pages);
		while (!lineage.step(4096));
		const bytes = Buffer.concat([...encodeLineage(lineage, points)]);
		const again = atOnce(lineageIn(bytes, SINK));
		if (Buffer.concat([...encodeLineage(again.lineage, again.points)]).equals(bytes)) continue;
		t.fail(`${pages} pages`);
		return;
	}
	t.pass("all can");
});

t.test("a moment that is kept late keeps what a clone of a later snapshot has written over", async (t) => {
	const world = new World(new Random());
	world.addLine();
	const [line] = world.lines;
	world.change(line!, 0, true);
	const birth = world.position;
	const between = ++world.position;
	const later = world.lineage.keep(1, world.position + 1);
	world.points.push({ point: later, pages: pagesAt(line!, Infinity) });
	world.addLine(world.points[0]);
	world.change(world.lines[1]!, 0, true);
	world.moveWindow(world.lines[1]!, world.position + 1);
	while (!world.lineage.step(10));
	world.lineage.keep(1, between);
	world.end(line!);
	world.lineage.giveUp(later);
	while (!world.lineage.step(10));
	t.notOk(world.free.has(birth), "it is read by the moment");
});

t.test("what is left of many snapshots that were removed can be opened", async (t) => {
	const world = new World(new Random());
	world.addLine();
	const line = world.lines[0]!;
	for (let page = 0; page < 6; page++) {
		world.change(line, page, true);
		const point = world.lineage.keep(1, world.position + 1);
		world.points.push({ point, pages: pagesAt(line, Infinity) });
	}
	for (let page = 0; page < 6; page++) world.change(line, page, true);
	world.settle();
	for (const { point } of world.points.slice(0, 5)) world.lineage.giveUp(point);
	world.reopen();
	world.giveUpAll();
	t.strictSame(world.wrong, []);
});

t.test("a lineage with any byte changed is refused in one line, or can be gone on with", async (t) => {
	const random = new Random();
	const world = new World(random);
	for (let step = 0; step < 300; step++) world.step();
	while (world.work(10));
	world.store();
	const bytes = world.encoded();
	let refused = 0;
	for (let i = 0; i < 1_000; i++) {
		const changed = bytes.slice();
		changed[random.below(bytes.length)]! ^= 1 << random.below(8);
		try {
			const { lineage } = atOnce(lineageIn(changed, SINK));
			for (const { number } of lineage.lines) lineage.moveWindow(number, world.position + 1);
			for (let turn = 0; turn < 10_000 && !lineage.step(10); turn++);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw new Error(`seed ${random.seed}: ${String(error)}`);
			refused++;
		}
	}
	t.ok(refused > 0);
	t.throws(() => atOnce(lineageIn(bytes.subarray(8), SINK)), {
		name: "OperatorError",
	});
	t.throws(() => atOnce(lineageIn(bytes.subarray(0, -1), SINK)), {
		name: "OperatorError",
	});
});
