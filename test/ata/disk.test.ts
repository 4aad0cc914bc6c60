/**
 * Reads, writes, verifies and flushes by their command codes: what reaches the device, what comes back, and
 * every way to fail. Answers are given as status and error register in one number: 0x4000 success, 0x4104
 * ABRT, 0x4110 IDNF, 0x4140 UNC, 0x6104 device fault.
 */

import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { makeBench, pattern, TestCommand } from "./bench.js";

const OK = 0x4000;
const ABRT = 0x4104;
const IDNF = 0x4110;
const UNC = 0x4140;
const FAULT = 0x6104;

const READS = [0x20, 0x24, 0x25, 0x29, 0xc4, 0xc8];
const READS_28 = [0x20, 0xc4, 0xc8];
const WRITES = [0x30, 0x34, 0x35, 0x39, 0x3d, 0xc5, 0xca, 0xce];
const FUA_WRITES = [0x3d, 0xce];

const hex = (command: number) => command.toString(16).padStart(2, "0");

t.test("every READ is one borrowable request for the sectors it names", async (t) => {
	for (const command of READS) {
		const { device, send, disk } = makeBench();
		const data = pattern(16);
		for (let i = 0; i < 16; i++) device.sectors.set(100 + i, data.slice(i * 512, (i + 1) * 512));
		const answer = await send({ command, lba: 100, count: 16 });
		t.equal(answer.result, OK, hex(command));
		t.equal(answer.dataInBytes, 8192);
		t.same(answer.data, Buffer.from(data));
		t.equal(answer.mayBorrow, true);
		t.equal(answer.replyCount, 0);
		t.equal(answer.replyLba, 100);
		t.same(device.seen, [{ op: "read", lba: 100, sectors: 16, fua: false }]);
		t.match(disk.stats, { reads: 1, readBytes: 8192, errors: 0, writes: 0 });
	}
});

t.test("a READ passes on a borrowed address, unless the link can't take it", async (t) => {
	const { device, send } = makeBench();
	device.lend = 0x1000;
	t.equal((await send({ command: 0x24, count: 1 })).borrowedAddress, 0x1000);
	t.equal((await send({ command: 0x24, count: 1, mayBorrow: false })).borrowedAddress, 0);
});

t.test("every WRITE is one request with the data that came, and FUA only where it says so", async (t) => {
	for (const command of WRITES) {
		const { device, send, disk } = makeBench();
		const data = pattern(3);
		const answer = await send({ command, lba: 997, count: 3, data });
		t.equal(answer.result, OK, hex(command));
		t.equal(answer.dataInBytes, 0);
		t.equal(answer.replyCount, 0);
		t.same(device.seen, [{ op: "write", lba: 997, sectors: 3, fua: FUA_WRITES.includes(command) }]);
		const written = [997, 998, 999].map((lba) => Buffer.from(device.sectors.get(lba) ?? []));
		t.same(Buffer.concat(written), Buffer.from(data));
		t.match(disk.stats, { writes: 1, writtenBytes: 1536, errors: 0, reads: 0 });
	}
});

t.test("a WRITE's bytes may be parked in the room for the answer", async (t) => {
	const { device, disk } = makeBench();
	device.hold = true;
	const data = pattern(2);
	const command = new TestCommand().fill({ command: 0x34, lba: 5, count: 2, data });
	const frame = command.command.request.memory.bytes;
	const answered = command.run(disk);
	device.held[0]?.park();
	frame.fill(0);
	device.release();
	t.equal((await answered).result, OK);
	t.same(device.sectors.get(5), data.slice(0, 512));
	t.same(device.sectors.get(6), data.slice(512));
	t.same(Buffer.from(command.room.subarray(0, 1024)), Buffer.from(data));
});

t.test("a command can be used again: nothing of its last life is left", async (t) => {
	const { device, disk } = makeBench();
	device.lend = 0x1000;
	const command = new TestCommand();
	await command.fill({ command: 0x3d, lba: 1, count: 1, data: pattern(1) }).run(disk);
	await command.fill({ command: 0x24, lba: 1, count: 1 }).run(disk);
	t.equal(device.seen[1]?.fua, false, "FUA");
	t.equal(command.borrowedAddress, 0x1000);
	await command.fill({ command: 0xec }).run(disk);
	t.equal(command.borrowedAddress, 0, "IDENTIFY does not answer with the borrowed address of a READ");
	await command.fill({ command: 0x24, lba: 1, count: 1 }).run(disk);
	await command.fill({ command: 0x24, lba: 5000, count: 1 }).run(disk);
	t.match(command, { result: IDNF, dataInBytes: 0, borrowedAddress: 0 });
	await command.fill({ command: 0x34, lba: 1, count: 1, data: pattern(1) }).run(disk);
	t.equal(command.mayBorrow, false);
	t.match(command, { result: OK, dataInBytes: 0 });
	t.equal(device.seen.at(-1)?.fua, false);
	for (const again of ["first", "second"]) {
		device.seen.length = 0;
		await command.fill({ command: 0x42, lba: 1, count: 4, roomBytes: 1024 }).run(disk);
		t.equal(device.seen.length, 2, `${again} READ VERIFY`);
		const data = new Uint8Array(512).fill(1, 6, 7).fill(1, 14, 15).fill(9, 8, 9);
		await command.fill({ command: 0x06, feature: 1, count: 1, data }).run(disk);
		t.equal(device.seen.length, 4, `${again} TRIM`);
	}
});

t.test("data that does not fit its count", async (t) => {
	const { device, send, disk } = makeBench();
	const data = pattern(2);
	t.equal((await send({ command: 0x24, count: 17 })).result, ABRT, "READ beyond the room for the answer");
	t.equal((await send({ command: 0x24, count: 2, roomBytes: 1023 })).result, ABRT);
	t.equal((await send({ command: 0x34, count: 3, data })).result, ABRT, "WRITE with too little data");
	t.equal((await send({ command: 0x34, count: 2, data: data.slice(1) })).result, ABRT, "one byte short");
	t.equal((await send({ command: 0x34, count: 2, data, roomBytes: 1023 })).result, ABRT, "no place to park");
	t.equal((await send({ command: 0x34, count: 2, data, writeFlag: false })).result, ABRT, "WRITE without W");
	t.equal((await send({ command: 0x34, count: 1 })).result, ABRT, "WRITE without anything");
	t.same(device.seen, [], "none of them reached the device");
	t.equal(disk.stats.errors, 7);
	t.equal((await send({ command: 0x34, count: 1, data })).result, OK, "WRITE with too much data");
	t.same(device.seen, [{ op: "write", lba: 0, sectors: 1, fua: false }]);
});

t.test("a count of 0 means 256 sectors, or 65536", async (t) => {
	const { device, send } = makeBench({ sizeBytes: 100_000 * 512 });
	for (const command of READS) t.equal((await send({ command })).result, ABRT, hex(command));
	for (const command of WRITES)
		t.equal((await send({ command, data: pattern(16) })).result, ABRT, hex(command));
	const roomBytes = 256 * 512;
	for (const command of READS) {
		const wanted = READS_28.includes(command) ? OK : ABRT;
		t.equal((await send({ command, roomBytes })).result, wanted, hex(command));
	}
	t.equal((await send({ command: 0xca, data: pattern(256), roomBytes })).result, OK);
	t.ok(device.seen.every(({ sectors }) => sectors === 256));
});

t.test("out of range: IDNF and the first sector that is not there", async (t) => {
	const { device, send, disk } = makeBench();
	const data = pattern(8);
	for (const command of [...READS, ...WRITES]) {
		const isWrite = WRITES.includes(command);
		const ask = (lba: number, count: number) =>
			send(isWrite ? { command, lba, count, data } : { command, lba, count });
		t.match(await ask(1000, 1), { result: IDNF, replyLba: 1000, dataInBytes: 0 }, hex(command));
		t.match(await ask(5000, 2), { result: IDNF, replyLba: 5000 });
		t.match(await ask(996, 8), { result: IDNF, replyLba: 1000 });
		t.match(await ask(999, 2), { result: IDNF, replyLba: 1000 });
		t.match(await ask(0xfffffff, 8), { result: IDNF, replyLba: 0xfffffff });
	}
	t.match(await send({ command: 0x24, lba: 2 ** 48 - 1, count: 8 }), { result: IDNF, replyLba: 2 ** 48 - 1 });
	t.same(device.seen, []);
	t.equal(disk.stats.errors, (READS.length + WRITES.length) * 5 + 1);
	device.info = { ...device.info, sizeBytes: 1010 * 512 };
	t.equal((await send({ command: 0x24, lba: 999, count: 2 })).result, OK, "a disk that has grown");
});

t.test("28-bit commands have 28 bits, whatever the AoE flag E says", async (t) => {
	const { device, send } = makeBench({ sizeBytes: 2 ** 41 });
	for (const command of [...READS_28, 0x40]) {
		t.equal((await send({ command, lba: 0xfffffff, count: 1, extended: false })).result, OK, hex(command));
		for (const above of [2 ** 28, 0xe * 2 ** 28, 2 ** 32, 0x0102e * 2 ** 28]) {
			t.equal((await send({ command, lba: above + 5, count: 1, extended: true })).result, OK, hex(above));
			t.equal(device.seen.at(-1)?.lba, 5, "what is above them is the device register's");
		}
	}
	t.equal((await send({ command: 0x30, lba: 0xe0000006, count: 1, data: pattern(1) })).result, OK);
	t.match(device.seen.at(-1), { op: "write", lba: 6 });
	device.info = { ...device.info, sizeBytes: 1000 * 512 };
	t.match(await send({ command: 0x20, lba: 0xe0000000 + 1000, count: 1 }), { result: IDNF, replyLba: 1000 });
	device.info = { ...device.info, sizeBytes: 2 ** 41 };
	t.equal((await send({ command: 0x34, lba: 0xffffffff, count: 1, data: pattern(1) })).result, OK);
	t.equal(device.seen.at(-1)?.lba, 0xffffffff);
	t.equal((await send({ command: 0x24, lba: 7, count: 1, extended: false })).result, OK, "EXT without E");
	t.equal(device.seen.at(-1)?.lba, 7);
});

t.test("SET MULTIPLE MODE switches READ and WRITE MULTIPLE", async (t) => {
	const { send } = makeBench();
	const data = pattern(1);
	for (const count of [1, 2, 4, 8, 16]) {
		t.equal((await send({ command: 0xc6, count })).result, OK, `${count}`);
		t.equal((await send({ command: 0xec })).data.readUInt16LE(59 * 2), 0x100 | count);
	}
	for (const count of [3, 5, 15, 32, 64, 128, 255])
		t.equal((await send({ command: 0xc6, count })).result, ABRT, `${count}`);
	t.equal((await send({ command: 0xec })).data.readUInt16LE(59 * 2), 0x110, "a refused one changes nothing");
	t.equal((await send({ command: 0xc6, count: 0 })).result, OK);
	t.equal((await send({ command: 0xec })).data.readUInt16LE(59 * 2), 0);
	for (const command of [0xc4, 0x29]) t.equal((await send({ command, count: 1 })).result, ABRT, hex(command));
	for (const command of [0xc5, 0x39, 0xce])
		t.equal((await send({ command, count: 1, data })).result, ABRT, hex(command));
	t.equal((await send({ command: 0x24, count: 1 })).result, OK);
	t.equal((await send({ command: 0x3d, count: 1, data })).result, OK);
	await send({ command: 0xc6, count: 4 });
	t.equal((await send({ command: 0xc4, count: 1 })).result, OK);
	t.equal((await send({ command: 0xce, count: 1, data })).result, OK);
});

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
