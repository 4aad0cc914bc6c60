/**
 * Reads and writes by their command codes: what reaches the device, what comes back, and which sectors a command can name.
 */

import t from "tap";
import { ABRT, IDNF, makeBench, OK, pattern, TestCommand } from "./bench.js";

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
