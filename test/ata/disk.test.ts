/**
 * Verifies, flushes and power by their command codes: what reaches the device, what comes back, and every way to fail.
 */

import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { ABRT, FAULT, IDNF, makeBench, OK, pattern, TestCommand, UNC } from "./bench.js";

const READS = [0x20, 0x24, 0x25, 0x29, 0xc4, 0xc8];
const WRITES = [0x30, 0x34, 0x35, 0x39, 0x3d, 0xc5, 0xca, 0xce];

const hex = (command: number) => command.toString(16).padStart(2, "0");

t.test("what the storage reports, as registers and to the operator", async (t) => {
	const cases = [
		{ op: "read", status: StorageStatus.mediumError, result: UNC, told: true, failing: true },
		{ op: "write", status: StorageStatus.mediumError, result: FAULT, told: true, failing: true },
		{ op: "read", status: StorageStatus.outOfRange, result: IDNF, told: false, failing: false },
		{ op: "write", status: StorageStatus.outOfRange, result: IDNF, told: false, failing: false },
		{ op: "write", status: StorageStatus.readOnly, result: ABRT, told: false, failing: false },
		{ op: "write", status: StorageStatus.writeProtected, result: ABRT, told: true, failing: false },
		{ op: "write", status: StorageStatus.noSpace, result: ABRT, told: true, failing: false },
		{ op: "write", status: StorageStatus.syncFailed, result: FAULT, told: true, failing: true },
		{ op: "read", status: StorageStatus.unsupported, result: ABRT, told: false, failing: false },
		{ op: "read", status: StorageStatus.closed, result: FAULT, told: false, failing: false },
	];
	for (const { op, status, result, told, failing } of cases) {
		const { device, disk, send } = makeBench();
		const reports: unknown[][] = [];
		disk.disk.onFault = (who, ...rest) => {
			reports.push([who.name, ...rest]);
		};
		device.fault = { op, lba: 105, status, errno: 5 };
		const command = op === "read" ? 0x24 : 0x34;
		const data = pattern(op === "read" ? 0 : 8);
		const answer = await send({ command, lba: 100, count: 8, data });
		t.match(answer, { result, replyLba: 105, dataInBytes: 0, borrowedAddress: 0 }, `${op} ${status}`);
		t.ok(answer.replyStatus & 0xa9, "Linux sees an error");
		t.same(reports, told ? [["e9.0", BlockOp[op as "read" | "write"], status, 5, 105]] : []);
		t.match(disk.stats, { errors: 1, reads: 0, writes: 0, readBytes: 0, writtenBytes: 0 });
		const health = await send({ command: 0xb0, feature: 0xda, lba: 0xc24f00 });
		t.equal(health.replyLba, failing ? 0x2cf400 : 0xc24f00, "SMART");
	}
});

t.test("a read-only disk refuses every change with ABRT, and says nothing of it in the log", async (t) => {
	const { disk, device, send } = makeBench({ readOnly: true });
	disk.disk.onFault = () => t.fail("reported");
	for (const command of WRITES)
		t.equal((await send({ command, count: 1, data: pattern(1) })).result, ABRT, hex(command));
	t.equal((await send({ command: 0x06, feature: 1, count: 1, data: new Uint8Array(512) })).result, ABRT);
	t.equal((await send({ command: 0x34, lba: 1000, count: 1, data: pattern(1) })).result, IDNF);
	t.equal((await send({ command: 0x24, count: 1 })).result, OK);
	t.equal((await send({ command: 0xea })).result, OK);
	t.equal(device.sectors.size, 0);
});

t.test("FLUSH CACHE and FLUSH CACHE EXT are a flush of the device", async (t) => {
	for (const command of [0xe7, 0xea]) {
		const { device, disk, send } = makeBench();
		t.match(await send({ command }), { result: OK, dataInBytes: 0 }, hex(command));
		t.same(device.seen, [{ op: "flush", lba: 0, sectors: 0, fua: false }]);
		t.equal(disk.stats.flushes, 1);
		const reports: unknown[][] = [];
		disk.disk.onFault = (who, ...rest) => {
			reports.push([who.name, ...rest]);
		};
		device.fault = { op: "flush", lba: 0, status: StorageStatus.syncFailed, errno: 28 };
		t.match(await send({ command }), { result: FAULT, replyLba: 0 });
		t.same(reports, [["e9.0", BlockOp.flush, StorageStatus.syncFailed, 28, 0]]);
		t.match(disk.stats, { flushes: 1, errors: 1 });
	}
});

t.test("an answer waits for the device", async (t) => {
	const { device, disk } = makeBench();
	device.hold = true;
	const commands = [
		{ command: 0x24, count: 1 },
		{ command: 0x3d, count: 1, data: pattern(1) },
		{ command: 0xea },
		{ command: 0x42, count: 1 },
	].map((registers) => new TestCommand().fill(registers));
	const answers = commands.map((command) => command.run(disk));
	t.ok(commands.every(({ answers }) => answers === 0));
	device.release();
	for (const answer of await Promise.all(answers)) t.equal(answer.result, OK, hex(answer.command.command));
});

t.test("READ VERIFY reads every sector, in slices as large as the room", async (t) => {
	const { device, send, disk } = makeBench({ sizeBytes: 70_000 * 512 });
	t.match(await send({ command: 0x40, lba: 10, count: 7, roomBytes: 1500 }), { result: OK, dataInBytes: 0 });
	const slices = device.seen.map(({ op, lba, sectors }) => [op, lba, sectors]);
	t.same(slices, [
		["read", 10, 2],
		["read", 12, 2],
		["read", 14, 2],
		["read", 16, 1],
	]);
	t.equal(disk.stats.reads, 0, "not a READ");

	for (const [command, sectors] of [
		[0x40, 256],
		[0x42, 65536],
	] as const) {
		device.seen.length = 0;
		t.equal((await send({ command, lba: 3, roomBytes: 512 })).result, OK, "count 0, a sector at a time");
		t.equal(device.seen.length, sectors);
		t.ok(device.seen.every(({ lba }, i) => lba === 3 + i));
	}
	device.lend = 0x1000;
	const lent = await send({ command: 0x42, lba: 0, count: 4 });
	t.match(lent, { result: OK, borrowedAddress: 0, mayBorrow: false }, "an address is not a read");
});

t.test("READ VERIFY names the sector that fails", async (t) => {
	const { device, disk, send } = makeBench();
	const told: number[] = [];
	disk.disk.onFault = (_disk, _op, _status, _errno, lba) => told.push(lba);
	device.fault = { op: "read", lba: 777, status: StorageStatus.mediumError, errno: 5 };
	t.match(await send({ command: 0x42, lba: 700, count: 200, roomBytes: 1024 }), {
		result: UNC,
		replyLba: 777,
	});
	t.equal(device.seen.length, 39, "and stops there");
	t.same(told, [777]);
	t.equal((await send({ command: 0x42, lba: 700, count: 77 })).result, OK);
	t.match(await send({ command: 0x42, lba: 900, count: 101 }), { result: IDNF, replyLba: 1000 });
	t.match(await send({ command: 0x40, lba: 0 }), { result: OK }, "256 sectors from 0");
	t.match(await send({ command: 0x42, lba: 0 }), { result: IDNF, replyLba: 1000 }, "65536 sectors");
	t.equal((await send({ command: 0x40, count: 1, roomBytes: 511 })).result, ABRT, "no room at all");
});

t.test(
	"what is not known is aborted: registers as they came, counted, no word to the operator",
	async (t) => {
		const known = [
			...[...READS, ...WRITES],
			...[
				0x06, 0x2f, 0x40, 0x42, 0x90, 0xb0, 0xc6, 0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xef,
			],
		];
		const { device, disk, send } = makeBench();
		disk.disk.onFault = () => t.fail("reported");
		let sent = 0;
		for (let command = 0; command < 256; command++) {
			if (known.includes(command)) continue;
			const answer = await send({ command, count: 7, lba: 0x123456 });
			t.match(answer, { result: ABRT, replyCount: 7, replyLba: 0x123456, dataInBytes: 0 }, hex(command));
			sent += 1;
		}
		t.equal(disk.stats.errors, sent);
		t.same(device.seen, []);
		for (const command of [0x00, 0x27, 0x45, 0xa1, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8])
			t.notOk(known.includes(command), hex(command));
	},
);

t.test("power: standby flushes, the medium wakes", async (t) => {
	const { device, send } = makeBench();
	const mode = async () => (await send({ command: 0xe5, count: 1 })).replyCount;
	t.match(await send({ command: 0xe5, count: 200 }), { result: OK, replyCount: 0xff, dataInBytes: 0 });
	for (const command of [0xe0, 0xe2, 0xe6]) {
		device.seen.length = 0;
		t.equal((await send({ command, count: 12 })).result, OK, hex(command));
		t.same(
			device.seen.map(({ op }) => op),
			["flush"],
		);
		t.equal(await mode(), 0x00);
		await send({ command: 0xec });
		await send({ command: 0x24, lba: 5000, count: 1 });
		t.equal(await mode(), 0x00, "neither IDENTIFY nor a bad address wakes it");
		await send({ command: 0x24, count: 1 });
		t.equal(await mode(), 0xff);
	}
	const wakers = [
		{ command: 0x34, count: 1, data: pattern(1) },
		{ command: 0x40, count: 1 },
		{ command: 0xe7 },
		{ command: 0xe1 },
		{ command: 0xe3, count: 3 },
	];
	for (const waker of wakers) {
		await send({ command: 0xe0 });
		t.equal((await send(waker)).result, OK, hex(waker.command));
		t.equal(await mode(), 0xff);
	}
	device.fault = { op: "flush", lba: 0, status: StorageStatus.syncFailed, errno: 5 };
	t.equal((await send({ command: 0xe0 })).result, FAULT);
	t.equal(await mode(), 0xff, "not in standby if the flush failed");
});

t.test("EXECUTE DEVICE DIAGNOSTIC passes with the signature of a disk", async (t) => {
	const { send, disk } = makeBench();
	const answer = await send({ command: 0x90, lba: 99, count: 3 });
	t.match(answer, { replyStatus: 0x40, replyError: 1, replyCount: 1, replyLba: 1 });
	t.equal(disk.stats.errors, 0);
});
