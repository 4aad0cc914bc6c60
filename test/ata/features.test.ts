/**
 * The rarer commands: SET FEATURES, SMART and logs, by their hex codes.
 */

import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { ABRT, FAULT, makeBench, OK, type Registers } from "./bench.js";

t.test("SET FEATURES: the write cache is the device's", async (t) => {
	const { device, send } = makeBench();
	t.equal((await send({ command: 0xef, feature: 0x02 })).result, OK);
	t.same(device.seen, [], "enabling needs no flush");
	t.equal((await send({ command: 0xef, feature: 0x82 })).result, OK);
	t.same(device.cacheSwitches, [true, false]);
	t.match(device.seen, [{ op: "flush" }], "what was cached is flushed");

	device.fault = { op: "flush", lba: 0, status: StorageStatus.syncFailed, errno: 5 };
	t.equal((await send({ command: 0xef, feature: 0x82 })).result, FAULT);

	device.refuseCacheSwitch = true;
	device.seen.length = 0;
	t.equal((await send({ command: 0xef, feature: 0x02 })).result, ABRT);
	t.equal((await send({ command: 0xef, feature: 0x82 })).result, ABRT);
	t.same(device.seen, []);
});

t.test("SET FEATURES: what is not known is aborted", async (t) => {
	const { device, send } = makeBench();
	for (let feature = 0; feature < 256; feature++) {
		if ([0x02, 0x03, 0x55, 0x82, 0xaa].includes(feature)) continue;
		t.equal((await send({ command: 0xef, feature })).result, ABRT, feature.toString(16));
	}
	t.same(device.cacheSwitches, []);
});

/** A SMART command: `low` is LBA low, the signature above it. */
const smart = (feature: number, low = 0, more: Partial<Registers> = {}): Registers => ({
	command: 0xb0,
	feature,
	lba: 0xc24f00 + low,
	extended: false,
	...more,
});

const sum = (data: Buffer) => data.reduce((total, byte) => (total + byte) % 256, 0);

/** The attribute table of SMART READ DATA: id to its 12 bytes. */
function attributes(data: Buffer): Map<number, Buffer> {
	const rows = Array.from({ length: 30 }, (_, i) => data.subarray(2 + i * 12, 14 + i * 12));
	return new Map(rows.filter((row) => row[0] !== 0).map((row) => [row[0] ?? 0, row]));
}

t.test("SMART data and thresholds", async (t) => {
	const { device, send } = makeBench();
	for (const feature of [0xd0, 0xd1]) {
		const answer = await send(smart(feature));
		t.match(answer, { result: OK, dataInBytes: 512 });
		t.equal(sum(answer.data), 0, "checksum");
		t.equal((await send(smart(feature, 0, { roomBytes: 511 }))).result, ABRT);
	}
	await send({ command: 0x24, lba: 0, count: 5 });
	await send({ command: 0x34, lba: 0, count: 3, data: new Uint8Array(3 * 512) });
	const before = (await send(smart(0xd0))).data;
	t.same([...attributes(before).keys()], [187, 241, 242]);
	t.equal(attributes(before).get(241)?.readUIntLE(5, 6), 3, "sectors written");
	t.equal(attributes(before).get(242)?.readUIntLE(5, 6), 5, "sectors read");
	t.equal(attributes(before).get(187)?.[3], 100);
	t.equal(before[362], 0x00);
	t.equal(before[367], 0x01, "off-line collection, no self-test");
	t.equal(before.readUInt16LE(368), 0x0002);
	t.equal(before[370], 0x00, "no error log");

	const thresholds = attributes((await send(smart(0xd1))).data);
	t.same([...thresholds.keys()], [187, 241, 242]);
	const threshold = thresholds.get(187)?.[1] ?? 0;
	t.ok(threshold < 100);
	device.fault = { op: "read", lba: 1, status: StorageStatus.mediumError, errno: 5 };
	await send({ command: 0x24, lba: 0, count: 5 });
	await send({ command: 0x24, lba: 1, count: 1 });
	const after = (await send(smart(0xd0))).data;
	t.equal(sum(after), 0);
	t.equal(attributes(after).get(187)?.readUIntLE(5, 6), 2, "reported uncorrectable errors");
	t.ok((attributes(after).get(187)?.[3] ?? 255) <= threshold, "below its threshold, as RETURN STATUS says");
});

t.test("SMART numbers beyond 32 bits", async (t) => {
	const { send, disk } = makeBench();
	disk.stats.did(BlockOp.read, (2 ** 33 + 5) * 512);
	t.equal(
		attributes((await send(smart(0xd0))).data)
			.get(242)
			?.readUIntLE(5, 6),
		2 ** 33 + 5,
	);
});

t.test("SMART RETURN STATUS", async (t) => {
	const { device, send } = makeBench();
	t.match(await send(smart(0xda)), { result: OK, replyLba: 0xc24f00, dataInBytes: 0 });
	device.fault = { op: "write", lba: 3, status: StorageStatus.noSpace, errno: 28 };
	await send({ command: 0x34, lba: 3, count: 1, data: new Uint8Array(512) });
	t.equal((await send(smart(0xda))).replyLba, 0xc24f00, "a full file system is not a failing disk");
	device.fault = { op: "flush", lba: 0, status: StorageStatus.syncFailed, errno: 5 };
	await send({ command: 0xea });
	device.fault = null;
	await send({ command: 0xea });
	t.match(await send(smart(0xda)), { result: OK, replyLba: 0x2cf400 }, "a failed sync is not forgotten");
});

t.test("SMART is signed, can be switched off, and aborts the rest", async (t) => {
	const { send, disk } = makeBench();
	const known = [0xd0, 0xd1, 0xd2, 0xd4, 0xd5, 0xd8, 0xd9, 0xda];
	for (const feature of known)
		for (const lba of [0, 0x4fc200, 0xc24e00, 0xc34f00, 0xc24f])
			t.equal((await send(smart(feature, 0, { lba }))).result, ABRT, `${feature} ${lba}`);
	for (let feature = 0; feature < 256; feature++)
		if (!known.includes(feature)) t.equal((await send(smart(feature))).result, ABRT, feature.toString(16));
	const errors = disk.stats.errors;

	t.equal((await send(smart(0xd9))).result, OK);
	for (const feature of known)
		if (feature !== 0xd8) t.equal((await send(smart(feature, 0, { count: 1 }))).result, ABRT, "disabled");
	t.equal(disk.stats.errors, errors + 7);
	t.equal((await send(smart(0xd8))).result, OK);
	t.equal((await send(smart(0xd8))).result, OK, "twice is fine");
	t.equal((await send(smart(0xd0))).result, OK);
});

t.test("SMART autosave and off-line collection", async (t) => {
	const { send } = makeBench();
	t.equal((await send(smart(0xd2, 0, { count: 0xf1 }))).result, OK);
	t.equal((await send(smart(0xd2, 0, { count: 0x00 }))).result, OK);
	t.equal((await send(smart(0xd2, 0, { count: 0x01 }))).result, ABRT);
	for (const test of [1, 2, 3, 4, 0x7f, 0x81, 0x82, 0x83, 0x84])
		t.equal((await send(smart(0xd4, test))).result, ABRT, `self-test ${test}`);
	t.equal((await send(smart(0xd0))).data[362], 0x00);
	t.equal((await send(smart(0xd4, 0))).result, OK);
	t.equal((await send(smart(0xd0))).data[362], 0x02, "completed");
});

t.test("logs, by READ LOG EXT and SMART READ LOG", async (t) => {
	const { send } = makeBench();
	const ext = (lba: number, count: number, roomBytes = 8192): Registers => ({
		command: 0x2f,
		lba,
		count,
		roomBytes,
	});
	const identify = (await send({ command: 0xec })).data;

	const directory = await send(ext(0x00, 1));
	t.match(directory, { result: OK, dataInBytes: 512, replyCount: 0 });
	const words = Array.from({ length: 256 }, (_, i) => directory.data.readUInt16LE(i * 2));
	t.equal(words[0], 1, "version");
	t.equal(words[0x30], 2, "pages of the IDENTIFY DEVICE data log");
	t.equal(words.filter((word) => word !== 0).length, 2, "and no other");
	t.same((await send(smart(0xd5, 0x00, { count: 1 }))).data, directory.data);

	const pages = (await send(ext(0x30, 1))).data;
	t.same([...pages.subarray(0, 3)], [1, 0, 0], "revision 1, page 0");
	t.same([...pages.subarray(8, 12)], [2, 0, 1, 0], "two pages: 0 and 1");
	t.same((await send(ext(0x0130, 1))).data, identify, "page 1 is IDENTIFY");
	t.same((await send(ext(0x30, 2))).data, Buffer.concat([pages, identify]));
	t.same((await send(smart(0xd5, 0x30, { count: 2 }))).data, Buffer.concat([pages, identify]));

	t.equal((await send(ext(0x30, 2, 1023))).result, ABRT, "no room");
	t.equal((await send(ext(0x30, 3))).result, ABRT, "more pages than it has");
	t.equal((await send(ext(0x0130, 2))).result, ABRT);
	t.equal((await send(ext(0x0230, 1))).result, ABRT, "no page 2");
	t.equal((await send(ext(0x01_0000_0030, 1))).result, ABRT, "no page 256: its number is in two places");
	t.equal((await send(ext(0x00, 2))).result, ABRT);
	t.equal((await send(ext(0x00, 0))).result, ABRT, "no pages asked for");
	for (const address of [0x01, 0x03, 0x04, 0x06, 0x07, 0x10, 0x11, 0x21, 0x80, 0xe0, 0xff]) {
		t.equal((await send(ext(address, 1))).result, ABRT, `log ${address}`);
		t.equal((await send(smart(0xd5, address, { count: 1 }))).result, ABRT);
	}
});
