// What an initiator sets is answered when it is kept, and not at all if the blade is another's by then; who sets things without end leaves
// others their rooms.

import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { Blade } from "../../lib/aoe/blade.js";
import { Bench, frame, makeBlade } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";

/** Sets the config string of 9.`slot` to that one byte. */
function set(bench: Bench, slot: number, byte: string): number {
	bench.link.receive(frame(`${T} ${A} 88a2 1000 0009 0${slot} 01 0000000c 0000 0000 00 14 0001 ${byte}`));
	return bench.link.take().length;
}

function holding(blade: Blade): { readonly kept: (() => void)[]; readonly failed: (() => void)[] } {
	const kept: (() => void)[] = [];
	const failed: (() => void)[] = [];
	blade.onSet = () =>
		new Promise((resolve) => {
			kept.push(() => resolve(true));
			failed.push(() => resolve(false));
		});
	return { kept, failed };
}

t.test("the answer leaves when what it says is kept", async (t) => {
	const bench = new Bench();
	const blade = bench.add(makeBlade(9, 1));
	const { kept } = holding(blade);
	t.equal(set(bench, 1, "61"), 0);
	t.equal(blade.disk.underWay, 1);
	kept[0]?.();
	await sleep(0);
	t.equal(bench.link.take().length, 1);
	t.equal(blade.disk.underWay, 0);
	blade.onSet = () => undefined;
	t.equal(set(bench, 1, "62"), 1, "nobody is there to keep it");
});

t.test("what is not kept is not answered, and can be asked again", async (t) => {
	const bench = new Bench();
	const blade = bench.add(makeBlade(9, 1));
	const { kept, failed } = holding(blade);
	t.equal(set(bench, 1, "61"), 0);
	failed[0]?.();
	await sleep(0);
	t.equal(bench.link.take().length, 0);
	t.equal(bench.rejected.unkept, 1);
	t.equal(blade.disk.underWay, 0);
	t.equal(set(bench, 1, "61"), 0);
	kept[1]?.();
	await sleep(0);
	t.equal(bench.link.take().length, 1);
});

t.test("who sets things without end leaves others half of the rooms", async (t) => {
	const bench = new Bench({ rooms: 64 });
	const { kept } = holding(bench.add(makeBlade(9, 1)));
	const other = bench.add(makeBlade(9, 2));
	for (let i = 0; i < 100; i++) set(bench, 1, i.toString(16).padStart(2, "0"));
	t.ok(bench.link.freeRooms >= 31, `${bench.link.freeRooms} of 64`);
	t.ok((bench.rejected.backlog ?? 0) > 0);
	t.equal(other.disk.underWay, 0);
	for (const each of kept) each();
	await sleep(0);
	bench.link.take();
	t.equal(bench.link.freeRooms, 64);
});
