/**
 * TRIM (DATA SET MANAGEMENT), by its hex code: lists of ranges, what they come to on the device, and every way to fail.
 */

import t from "tap";
import { StorageStatus } from "../../lib/errors.js";
import { ABRT, FAULT, IDNF, makeBench, OK, type Registers, TestCommand } from "./bench.js";

/** A TRIM list of whole blocks: entries of an LBA and a sector count. */
function trimList(entries: readonly (readonly [number, number])[], blocks = 1): Buffer {
	const list = Buffer.alloc(blocks * 512);
	entries.forEach(([lba, sectors], i) => {
		list.writeBigUInt64LE((BigInt(sectors) << 48n) | BigInt(lba), i * 8);
	});
	return list;
}

const trim = (data: Uint8Array, more: Partial<Registers> = {}): Registers => ({
	command: 0x06,
	feature: 1,
	count: data.length / 512,
	data,
	...more,
});

t.test(
	"TRIM: one request for the list, whose ranges are sorted and joined where they touch or overlap",
	async (t) => {
		const { device, send, disk } = makeBench();
		for (const lba of [10, 11, 12, 500]) device.sectors.set(lba, new Uint8Array(512).fill(1));
		const list = trimList([
			[500, 10],
			[0, 0],
			[2 ** 47, 0],
			[10, 2],
			[12, 5],
			[17, 3],
			[21, 1],
			[999, 1],
			[11, 4],
			[505, 3],
			[10, 1],
		]);
		t.match(await send(trim(list)), { result: OK, dataInBytes: 0 });
		t.same(
			device.seen.map(({ op, lba, sectors }) => [op, lba, sectors]),
			[
				["trim", 10, 10],
				["trim", 21, 1],
				["trim", 500, 10],
				["trim", 999, 1],
			],
		);
		t.equal(device.requests, 1);
		t.equal(device.sectors.size, 0);
		t.match(disk.stats, { trims: 1, errors: 0 });

		device.seen.length = 0;
		t.equal((await send(trim(trimList([])))).result, OK, "an empty list");
		t.same(device.seen, []);
	},
);

t.test("TRIM: large disks, joined entries, many blocks", async (t) => {
	const { device, send } = makeBench({ sizeBytes: 2 ** 42 });
	const far = 2 ** 32 + 7;
	await send(trim(trimList(Array.from({ length: 64 }, (_, i) => [far + i * 65535, 65535] as const))));
	t.same(device.seen, [{ op: "trim", lba: far, sectors: 64 * 65535, fua: false }]);

	device.seen.length = 0;
	const entries = Array.from({ length: 16 * 64 }, (_, i) => [i * 10, 1] as const);
	t.equal((await send(trim(trimList(entries, 16)))).result, OK);
	t.same(
		device.seen.map(({ lba }) => lba),
		entries.map(([lba]) => lba),
	);
	device.seen.length = 0;
	t.equal((await send(trim(trimList(entries, 16), { count: 2 }))).result, OK);
	t.equal(device.seen.length, 128, "the count says how much of the data is list");
});

t.test("TRIM: the list is the command's until it ends, not the frame's", async (t) => {
	const { device, disk } = makeBench();
	device.hold = true;
	const list = trimList([
		[1, 1],
		[5, 1],
	]);
	const command = new TestCommand().fill(trim(list));
	const answered = command.run(disk);
	command.command.request.memory.bytes.fill(0xff);
	t.equal(device.held.length, 1, "all are submitted when it arrives: a later write must not be trimmed");
	device.release();
	t.equal((await answered).result, OK);
	t.same(
		device.seen.map(({ lba }) => lba),
		[1, 5],
	);
});

t.test("TRIM: nothing is touched unless the whole list is good", async (t) => {
	const { device, send, disk } = makeBench();
	const good = [1, 5] as const;
	t.match(await send(trim(trimList([good, [1000, 1]]))), { result: IDNF, replyLba: 1000 });
	t.match(await send(trim(trimList([good, [998, 5]]))), { result: IDNF, replyLba: 1000 });
	t.match(await send(trim(trimList([good, [998, 2], [1000, 2]]))), { result: IDNF, replyLba: 1000 });
	t.match(await send(trim(trimList([[2 ** 48 - 1, 65535]]))), { result: IDNF, replyLba: 2 ** 48 - 1 });
	t.equal((await send(trim(trimList([good]), { count: 2 }))).result, ABRT, "short data");
	t.equal((await send(trim(trimList([good]).subarray(1), { count: 1 }))).result, ABRT);
	t.equal((await send(trim(trimList([good]), { count: 0 }))).result, ABRT);
	t.equal((await send(trim(trimList([good]), { feature: 0 }))).result, ABRT, "no TRIM bit");
	t.equal((await send(trim(trimList([good]), { feature: 3 }))).result, ABRT, "a function we don't know");
	t.equal((await send(trim(trimList([good]), { writeFlag: false }))).result, ABRT, "without W");
	t.same(device.seen, []);
	t.match(disk.stats, { trims: 0, errors: 10 });

	const rigid = makeBench({ canTrim: false });
	t.equal((await rigid.send(trim(trimList([good])))).result, ABRT);
	t.same(rigid.device.seen, []);
});

t.test("TRIM: a range that fails is told, the others are trimmed all the same", async (t) => {
	const { device, disk, send } = makeBench();
	const told: number[] = [];
	for (const lba of [1, 100, 200]) device.sectors.set(lba, new Uint8Array(512).fill(1));
	disk.disk.onFault = (_disk, _op, _status, _errno, lba) => told.push(lba);
	device.fault = { op: "trim", lba: 101, status: StorageStatus.mediumError, errno: 5 };
	const list = trimList([
		[1, 1],
		[100, 4],
		[200, 1],
	]);
	t.match(await send(trim(list)), { result: FAULT, replyLba: 101 });
	t.equal(device.seen.length, 3);
	t.same([...device.sectors.keys()], [100]);
	t.same(told, [101]);
	t.match(disk.stats, { trims: 0, errors: 1 });
});
