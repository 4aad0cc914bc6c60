// READ and WRITE in all their forms: what was written is read, in pieces and in order, with more or less data than the command names; what
// storage and initiators do wrong; tasks that are aborted, and that wait for each other.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey, TaskAttribute } from "../../lib/scsi/protocol.js";
import { ROOM_BYTES_MAX } from "../../lib/stream/rooms.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { TestDevice } from "../ata/bench.js";
import { cdb10, cdb16, Manual, MIB, Under } from "./support.js";

const SECTOR = 512;
const BLOCKS = (64 * MIB) / SECTOR;

function pattern(bytes: number, seed = 1): Buffer {
	return Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 8) * seed + seed) % 251));
}

function manual() {
	const device = new Manual(new MemoryDevice(64 * MIB));
	const under = new Under(device);
	return { device, under, host: under.host() };
}

function cdb12(opcode: number, lba: number, blocks: number): Buffer {
	const cdb = Buffer.alloc(12);
	cdb[0] = opcode;
	cdb.writeUInt32BE(lba, 2);
	cdb.writeUInt32BE(blocks, 6);
	return cdb;
}

function cdb6(opcode: number, lba: number, blocks: number): Buffer {
	return Buffer.from([opcode, lba >> 16, (lba >> 8) & 0xff, lba & 0xff, blocks, 0]);
}

const FORMS = [
	{ name: "6", make: cdb6, read: Opcode.read6, write: Opcode.write6, blocks: 200 },
	{ name: "10", make: cdb10, read: Opcode.read10, write: Opcode.write10, blocks: 3000 },
	{ name: "12", make: cdb12, read: Opcode.read12, write: Opcode.write12, blocks: 3000 },
	{ name: "16", make: cdb16, read: Opcode.read16, write: Opcode.write16, blocks: 3000 },
];

for (const { name, make, read, write, blocks } of FORMS)
	t.test(`what WRITE (${name}) wrote, READ (${name}) reads`, async (t) => {
		const under = new Under();
		const host = under.host();
		for (const [lba, count] of [
			[5, 1],
			[77, blocks],
		] as const) {
			const data = pattern(count * SECTOR, lba);
			const wrote = await host.run(make(write, lba, count), { dataOut: data });
			t.same([wrote.status, wrote.transferBytes], [ScsiStatus.good, data.length]);
			const got = await host.run(make(read, lba, count), { dataInBytes: data.length });
			t.equal(got.status, ScsiStatus.good);
			t.ok(got.data.equals(data));
		}
		t.equal(under.disk.underWay, 0);
		t.equal(host.roomsHeld, 0);
		t.same(
			host.done.map(({ op }) => op),
			[BlockOp.write, BlockOp.read, BlockOp.write, BlockOp.read],
		);
	});

t.test("READ (6) and WRITE (6) of no blocks are of 256; the others of none", async (t) => {
	const host = new Under().host();
	const data = pattern(256 * SECTOR);
	t.equal((await host.run(cdb6(Opcode.write6, 0, 0), { dataOut: data })).transferBytes, data.length);
	const got = await host.run(cdb6(Opcode.read6, 0, 0), { dataInBytes: data.length });
	t.ok(got.data.equals(data));
	for (const opcode of [Opcode.read10, Opcode.write10]) {
		const none = await host.run(cdb10(opcode, BLOCKS, 0));
		t.same([none.status, none.transferBytes], [ScsiStatus.good, 0]);
		t.equal((await host.run(cdb10(opcode, BLOCKS + 1, 0))).sense?.asc, Asc.lbaOutOfRange);
	}
});

t.test("an initiator with less, or more, than the command is about", async (t) => {
	const host = new Under().host();
	const data = pattern(4 * SECTOR);
	const less = await host.run(cdb10(Opcode.write10, 0, 4), { dataOut: data, dataOutBytes: SECTOR + 100 });
	t.same([less.status, less.transferBytes], [ScsiStatus.good, 4 * SECTOR]);
	const more = await host.run(cdb10(Opcode.write10, 8, 1), { dataOut: data });
	t.same([more.status, more.transferBytes], [ScsiStatus.good, SECTOR]);
	const none = await host.run(cdb10(Opcode.write10, 9, 1));
	t.same([none.status, none.transferBytes], [ScsiStatus.good, SECTOR]);
	const { data: got } = await host.run(cdb10(Opcode.read10, 0, 16), { dataInBytes: 16 * SECTOR });
	const expected = Buffer.alloc(16 * SECTOR);
	data.copy(expected, 0, 0, SECTOR);
	data.copy(expected, 8 * SECTOR, 0, SECTOR);
	t.ok(got.equals(expected), "whole blocks that there were data for");
	const part = await host.run(cdb10(Opcode.read10, 0, 2), { dataInBytes: 100 });
	t.same([part.status, part.transferBytes], [ScsiStatus.good, 2 * SECTOR]);
	t.ok(part.data.equals(data.subarray(0, 100)));
	const much = await host.run(cdb10(Opcode.read10, 0, 1), { dataInBytes: 5000 });
	t.same([much.data.length, much.transferBytes], [SECTOR, SECTOR]);
});

t.test("what makes no sense is refused, and counted", async (t) => {
	const under = new Under();
	const host = under.host();
	const { causes } = under.disk.stats;
	const beyond = await host.run(cdb10(Opcode.read10, BLOCKS - 1, 2), { dataInBytes: 2 * SECTOR });
	t.same(beyond.sense, { key: SenseKey.illegalRequest, asc: Asc.lbaOutOfRange, information: BLOCKS });
	const far = await host.run(cdb16(Opcode.write16, 2n ** 64n - 1n, 2), { dataOut: pattern(2 * SECTOR) });
	t.equal(far.sense?.asc, Asc.lbaOutOfRange);
	t.equal(causes.range, 2);
	const long = await host.run(cdb16(Opcode.read16, 0, 65537), { dataInBytes: 64 * MIB });
	t.same([long.sense?.asc, long.sense?.field], [Asc.invalidField, { inCdb: true, byte: 10 }]);
	const protect = await host.run(cdb10(Opcode.read10, 0, 1, 0x20), { dataInBytes: SECTOR });
	t.same(protect.sense?.field, { inCdb: true, byte: 1, bit: 7 });
	t.equal((await host.run("ff0000000000")).sense?.asc, Asc.opcode);
	t.equal(causes.refused, 3);
	t.equal((await host.run("000000000000", { lun: 3 })).sense?.asc, Asc.noUnit);
	t.equal((await host.run("000000000000")).status, ScsiStatus.good);
	const protectedHost = new Under(new MemoryDevice(MIB, { readOnly: true })).host();
	const refused = await protectedHost.run(cdb10(Opcode.write10, 0, 1), { dataOut: pattern(SECTOR) });
	t.same(refused.sense, { key: SenseKey.dataProtect, asc: Asc.writeProtected });
});

t.test("what storage does wrong is told, with its block, and counted", async (t) => {
	const device = new FaultyLayer(new MemoryDevice(64 * MIB));
	const under = new Under(device);
	const host = under.host();
	const told: number[] = [];
	under.disk.onFault = (_disk, _op, _status, _errno, lba) => told.push(lba);
	device.add({ op: BlockOp.read, startBytes: 700 * SECTOR, endBytes: 701 * SECTOR });
	device.add({ op: BlockOp.write, startBytes: 0, endBytes: 1, status: StorageStatus.noSpace });
	const read = await host.run(cdb10(Opcode.read10, 0, 2000), { dataInBytes: 2000 * SECTOR });
	t.same(read.sense, { key: SenseKey.mediumError, asc: Asc.unrecoveredRead, information: 700 });
	t.ok(read.data.length <= 512 * SECTOR, "nothing behind what failed");
	const wrote = await host.run(cdb10(Opcode.write10, 0, 2000), { dataOut: pattern(2000 * SECTOR) });
	t.same(wrote.sense, { key: SenseKey.dataProtect, asc: Asc.spaceAllocationFailed, information: 0 });
	t.same(told, [700, 0]);
	t.same([under.disk.faults, under.disk.stats.causes.medium, under.disk.stats.causes.space], [1, 1, 1]);
	t.equal(host.roomsHeld, 0);
});

t.test("a long read is a few rooms, goes out in order, and waits while nobody takes it", async (t) => {
	const { device, under, host } = manual();
	const data = pattern(2 * MIB);
	const write = host.send(cdb10(Opcode.write10, 0, 4096), { dataOut: data });
	write.give(data.length);
	while (device.held.length > 0) device.go();
	t.equal((await write.answer).status, ScsiStatus.good);
	const random = new Random(7);
	const { answer } = host.send(cdb10(Opcode.read10, 0, 4096), { dataInBytes: data.length });
	let isPaused = false;
	while (host.underWay > 0) {
		t.ok(host.roomsHeld <= 4);
		if (device.held.length > 0) device.go(random.below(device.held.length));
		else if (!isPaused) {
			isPaused = true;
			host.mayRead = false;
			await new Promise(setImmediate);
			t.equal(device.held.length, 0, "nothing more is read");
			host.mayRead = true;
			host.goOn();
		} else await new Promise(setImmediate);
		if (!isPaused && device.held.length === 2) host.mayRead = false;
	}
	t.ok((await answer).data.equals(data));
	t.equal(under.disk.underWay, 0);
});

for (let seed = 1; seed <= 40; seed++)
	t.test(`a task that is aborted ends when nothing of it is under way, seed ${seed}`, async (t) => {
		const { device, under, host } = manual();
		const random = new Random(seed);
		const isWrite = random.chance(0.5);
		host.chunkBytes = 64 * 1024;
		const data = pattern(MIB);
		const sent = isWrite
			? host.send(cdb10(Opcode.write10, 0, 2048), { dataOut: data })
			: host.send(cdb10(Opcode.read10, 0, 2048), { dataInBytes: data.length });
		for (let steps = random.below(30); steps > 0 && host.underWay > 0; steps--) {
			if (isWrite && random.chance(0.5)) sent.give(host.chunkBytes);
			else if (device.held.length > 0) device.go(random.below(device.held.length));
			else await new Promise(setImmediate);
		}
		if (host.underWay > 0) sent.task.abort();
		t.equal(host.underWay, 0, "for nothing of it had begun");
		t.equal(device.held.length, 0);
		const { isAborted, status } = await sent.answer;
		t.ok(isAborted || status === ScsiStatus.good);
		t.equal(host.roomsHeld, 0);
		t.equal(under.disk.underWay, 0);
	});

t.test(
	"an ordered task waits for those before it, and those behind it wait; head of queue does not",
	async (t) => {
		const { device, under, host } = manual();
		const order: string[] = [];
		const send = (name: string, attribute: TaskAttribute, isWrite = true) => {
			const cdb = cdb10(isWrite ? Opcode.write10 : Opcode.read10, 0, 1);
			const sent = host.send(cdb, {
				attribute,
				...(isWrite ? { dataOut: pattern(SECTOR) } : { dataInBytes: SECTOR }),
			});
			sent.give(SECTOR);
			void sent.answer.then(() => order.push(name));
			return sent;
		};
		const goAll = async () => {
			for (let left = device.held.length; left > 0; left--) device.go();
			await new Promise(setImmediate);
		};
		send("simple", TaskAttribute.simple);
		send("ordered", TaskAttribute.ordered);
		const aborted = send("aborted", TaskAttribute.simple);
		send("behind", TaskAttribute.simple, false);
		t.equal(device.held.length, 1);
		send("head", TaskAttribute.headOfQueue);
		t.equal(device.held.length, 2);
		aborted.task.abort();
		await goAll();
		t.same(order, ["aborted", "simple", "head"]);
		t.equal(device.held.length, 1, "the ordered one alone");
		const other = under.host("two").send(cdb10(Opcode.read10, 0, 1), { dataInBytes: SECTOR });
		t.equal(device.held.length, 2, "nobody else waits for it");
		await goAll();
		t.ok((await other.answer).data.equals(pattern(SECTOR)));
		await goAll();
		t.same(order, ["aborted", "simple", "head", "ordered", "behind"]);
		t.equal(host.roomsHeld, 0);
	},
);

t.test("too much that is held back ends with a full task set", async (t) => {
	const { device, host } = manual();
	const ordered = host.send(cdb10(Opcode.read10, 0, 1), {
		dataInBytes: SECTOR,
		attribute: TaskAttribute.ordered,
	});
	const sent = Array.from({ length: 80 }, () =>
		host.send(cdb10(Opcode.read10, 0, 1), { dataInBytes: SECTOR }),
	);
	const full = await Promise.all(sent.slice(64).map(({ answer }) => answer));
	t.ok(full.every(({ status }) => status === ScsiStatus.taskSetFull));
	const data = pattern(3000 * SECTOR);
	const long = await host.run(cdb10(Opcode.write10, 0, 3000), { dataOut: data });
	t.equal(long.status, ScsiStatus.taskSetFull, "more than may be kept");
	device.go();
	t.equal((await ordered.answer).status, ScsiStatus.good);
	while (device.held.length > 0) device.go();
	const rest = await Promise.all(sent.slice(0, 64).map(({ answer }) => answer));
	t.ok(rest.every(({ status }) => status === ScsiStatus.good));
});

const FUA = 0x08;

t.test("READ with FUA tells nothing that is not on stable storage", async (t) => {
	const device = new Manual(new TestDevice({ sizeBytes: 4 * MIB, writeCache: true }));
	const host = new Under(device).host();
	const blocks = (3 * ROOM_BYTES_MAX) / SECTOR;
	const reading = host.send(cdb10(Opcode.read10, 0, blocks, FUA), { dataInBytes: blocks * SECTOR });
	const ops = () => device.held.map(({ op }) => op);
	t.same(ops(), [BlockOp.read, BlockOp.read, BlockOp.read]);
	for (let piece = 0; piece < 3; piece++) device.go();
	t.same(ops(), [BlockOp.flush, BlockOp.flush, BlockOp.flush], "as soon as it is read, it is made stable");
	const sent = t.capture(host, "dataIn", host.dataIn);
	t.equal(sent().length, 0);
	for (let piece = 0; piece < 3; piece++) device.go(device.held.length - 1);
	const { status, data } = await reading.answer;
	t.same([status, data.length, sent().length], [ScsiStatus.good, blocks * SECTOR, 3]);
	t.equal(host.roomsHeld, 0);
	const aborted = host.send(cdb10(Opcode.read10, 0, blocks, FUA), { dataInBytes: blocks * SECTOR });
	for (let piece = 0; piece < 3; piece++) device.go();
	aborted.task.abort();
	t.ok((await aborted.answer).isAborted);
	t.same([device.held.length, host.roomsHeld], [0, 0]);
});

t.test("READ with FUA fails with the flush, and costs none where there is nothing to flush", async (t) => {
	const device = new TestDevice({ writeCache: true });
	const host = new Under(device).host();
	const ops = () => device.seen.splice(0).map(({ op }) => op);
	const read = (cdb: Buffer) => host.run(cdb, { dataInBytes: SECTOR });
	for (const cdb of [cdb10(Opcode.read10, 0, 1, FUA), cdb16(Opcode.read16, 0, 1, FUA)]) {
		t.equal((await read(cdb)).status, ScsiStatus.good);
		t.same(ops(), ["read", "flush"]);
	}
	await read(cdb10(Opcode.read10, 0, 1));
	t.same(ops(), ["read"]);
	device.fault = { op: "flush", lba: 0, status: StorageStatus.syncFailed, errno: 5 };
	const { status, sense, data } = await read(cdb10(Opcode.read10, 0, 1, FUA));
	t.same([status, sense?.key, data.length], [ScsiStatus.checkCondition, SenseKey.mediumError, 0]);
	const stable = new TestDevice({ writeCache: false });
	await new Under(stable).host().run(cdb10(Opcode.read10, 0, 1, FUA), { dataInBytes: SECTOR });
	t.equal(stable.requests, 1);
});
