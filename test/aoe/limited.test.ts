// Places of those that wait for a disk's limit: how many reply rooms they have, and which initiator has them.
import t from "tap";
import { Places } from "../../lib/aoe/places.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Bench, frame, makeBlade } from "../support/target-bench.js";

const T = "020000000001";

t.test("an initiator has its part of the places, and always one", async (t) => {
	const places = new Places();
	const takeAll = (mac: number): number => {
		let taken = 0;
		for (; places.admits(mac, 16); taken++) places.take(mac);
		return taken;
	};
	t.equal(takeAll(1), 16, "one that is alone has all of them");
	t.equal(takeAll(2), 8, "a second one has half");
	t.equal(places.admits(1, 16), false, "so that the first one can't have more before it has less than half");
	t.equal(takeAll(3), 5, "a third one a third");
	t.equal(takeAll(4), 3, "in all never more than twice as many as there are places");
	t.equal(places.admits(5, 16), false);

	const few = new Places();
	const holders = Array.from({ length: 4 }, (_, mac) => few.take(mac));
	t.equal(few.admits(9, 2), false, "twice two are taken");
	few.give(holders[0]!);
	t.equal(few.admits(9, 2), true, "one for each, even if there are more of them than places");
	t.equal(few.admits(1, 2), false);
});

/** READ SECTORS EXT of a sector at 9.`slot`, by the initiator whose address ends with `from`. */
function ask(bench: Bench, slot: number, tag: number, from = "aa"): number {
	const section = "4000 0124 000000000000 0000";
	bench.link.receive(
		frame(
			`${T} 0200000000${from} 88a2 1000 0009 0${slot} 00 ${tag.toString(16).padStart(8, "0")} ${section}`,
		),
	);
	return bench.link.take().length;
}

t.test("a limited disk has as many rooms as its buffer count says; a second initiator gets in", async (t) => {
	const bench = new Bench({ rooms: 64 });
	const blade = bench.add(makeBlade(9, 1));
	blade.disk.device.limit = { iops: 1 };
	let answers = 0;
	for (let i = 0; i < 40; i++) answers += ask(bench, 1, i);
	t.equal(answers, 1);
	t.equal(blade.disk.underWay, 16);
	t.same(bench.rejected, { limited: 40 - 17 });
	for (let i = 0; i < 20; i++) ask(bench, 1, 100 + i, "bb");
	t.equal(blade.disk.underWay, 24);
	blade.disk.device.limit = undefined;
	t.equal(bench.link.take().length, 24, "all are answered when the limit goes");
	t.equal(blade.disk.underWay, 0);
	for (let i = 0; i < 40; i++) answers += ask(bench, 1, i);
	t.equal(answers, 41);
	blade.disk.device.limit = { iops: 1 };
	for (let i = 0; i < 40; i++) ask(bench, 1, i);
	t.equal(blade.disk.underWay, 16, "nothing of the first time is left in the count");
	await blade.disk.close();
});

t.test("limited disks, however many, leave others half of the rooms", async (t) => {
	const bench = new Bench({ rooms: 64 });
	const limited = [1, 2, 3, 4, 5, 6].map((slot) => bench.add(makeBlade(9, slot)));
	for (const { disk } of limited) disk.device.limit = { iops: 1 };
	const polite = bench.add(makeBlade(9, 7, new MemoryDevice(2 ** 20)));
	for (let i = 0; i < 40; i++) for (const { slot } of limited) ask(bench, slot, i);
	t.ok(bench.link.freeRooms >= 64 / 2 - limited.length, `${bench.link.freeRooms} of 64`);
	t.ok((bench.rejected.limited ?? 0) > 0);
	t.equal(bench.rejected.noRoom, undefined);
	for (let i = 0; i < 20; i++) t.equal(ask(bench, 7, i), 1, "another disk answers at once");
	t.equal(polite.disk.device.isLimited, false);
	await Promise.all(limited.map(({ disk }) => disk.close()));
});
