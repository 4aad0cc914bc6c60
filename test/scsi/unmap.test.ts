// What frees and what repeats: UNMAP with lists of any shape, and WRITE SAME in all its forms.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { Random } from "../../lib/random.js";
import { UNMAP_RANGES_MAX, WRITE_SAME_BYTES_MAX } from "../../lib/scsi/limits.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey } from "../../lib/scsi/protocol.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { cdb10, cdb16, Manual, MIB, type TestHost, Under } from "./support.js";

const SECTOR = 512;
const BLOCKS = MIB / SECTOR;

function listOf(ranges: readonly (readonly [lba: number, blocks: number])[]): Buffer {
	const list = Buffer.alloc(8 + 16 * ranges.length);
	list.writeUInt16BE(list.length - 2, 0);
	list.writeUInt16BE(list.length - 8, 2);
	for (const [index, [lba, blocks]] of ranges.entries()) {
		list.writeBigUInt64BE(BigInt(lba), 8 + 16 * index);
		list.writeUInt32BE(blocks, 16 + 16 * index);
	}
	return list;
}

function unmap(host: TestHost, list: Buffer, flags = 0) {
	return host.run(cdb10(Opcode.unmap, 0, list.length, flags), { dataOut: list });
}

async function contents(device: MemoryDevice): Promise<Uint8Array> {
	const memory = heapMemory(MIB);
	const asked = new PromisedRequest();
	Object.assign(asked.request, { op: BlockOp.read, offsetBytes: 0, lengthBytes: MIB, memory });
	await asked.run(device);
	return memory.bytes;
}

async function fill(host: TestHost): Promise<void> {
	const data = Buffer.alloc(MIB, 0xaa);
	await host.run(cdb10(Opcode.write10, 0, BLOCKS), { dataOut: data });
}

t.test("UNMAP, lists by chance: what they cover reads as zeros, and nothing else", async (t) => {
	for (let seed = 1; seed <= 20; seed++) {
		const random = new Random(seed);
		const device = new MemoryDevice(MIB);
		const host = new Under(device).host();
		await fill(host);
		const expected = Buffer.alloc(MIB, 0xaa);
		const ranges = Array.from({ length: 1 + random.below(40) }, () => {
			const lba = random.below(BLOCKS);
			return [lba, random.below(Math.min(200, BLOCKS - lba))] as const;
		});
		for (const [lba, blocks] of ranges) expected.fill(0, lba * SECTOR, (lba + blocks) * SECTOR);
		host.chunkBytes = 512;
		const { status, transferBytes } = await unmap(host, listOf(ranges));
		t.same([status, transferBytes], [ScsiStatus.good, 8 + 16 * ranges.length]);
		t.ok(expected.equals(await contents(device)), `seed ${seed}`);
	}
});

t.test("UNMAP is one request, however long the list", async (t) => {
	const device = new Manual(new MemoryDevice(MIB));
	const host = new Under(device).host();
	const list = listOf(Array.from({ length: UNMAP_RANGES_MAX }, (_, index) => [index, 1] as const));
	const { answer, give } = host.send(cdb10(Opcode.unmap, 0, list.length), { dataOut: list });
	give(list.length);
	t.match(device.held, [{ op: BlockOp.trim, offsetBytes: 0, lengthBytes: MIB }] as Partial<BlockRequest>[]);
	device.go();
	t.equal((await answer).status, ScsiStatus.good);
});

t.test("UNMAP that makes no sense changes nothing", async (t) => {
	const device = new MemoryDevice(MIB);
	const host = new Under(device).host();
	await fill(host);
	const beyond = await unmap(
		host,
		listOf([
			[0, 8],
			[BLOCKS - 1, 2],
		]),
	);
	t.same(beyond.sense, { key: SenseKey.illegalRequest, asc: Asc.lbaOutOfRange, information: BLOCKS });
	const long = listOf(Array.from({ length: UNMAP_RANGES_MAX + 1 }, () => [0, 1] as const));
	t.equal((await unmap(host, long)).sense?.asc, Asc.invalidParameter);
	t.equal((await unmap(host, Buffer.alloc(7))).sense?.asc, Asc.listLength);
	t.same((await unmap(host, listOf([[0, 1]]), 1)).sense?.field, { inCdb: true, byte: 1, bit: 0 });
	t.equal((await unmap(host, Buffer.alloc(0))).status, ScsiStatus.good);
	t.equal((await unmap(host, listOf([[5, 0]]))).status, ScsiStatus.good);
	const cut = listOf([
		[0, 0],
		[1, 1],
	]).subarray(0, 30);
	t.equal((await unmap(host, cut)).status, ScsiStatus.good, "what is no whole entry is none");
	t.ok(Buffer.alloc(MIB, 0xaa).equals(await contents(device)));
	const readOnly = new Under(new MemoryDevice(MIB, { readOnly: true })).host();
	t.equal((await unmap(readOnly, listOf([[0, 1]]))).sense?.asc, Asc.writeProtected);
});

const NDOB = 0x01;
const UNMAP = 0x08;

t.test("WRITE SAME", async (t) => {
	const device = new MemoryDevice(MIB);
	const host = new Under(device).host();
	const block = Buffer.from(Uint8Array.from({ length: SECTOR }, (_, i) => 1 + (i % 251)));
	const expected = Buffer.alloc(MIB);
	const same = async (cdb: Buffer, dataOut: Buffer, value: Buffer, from: number, to: number) => {
		const { status, transferBytes } = await host.run(cdb, { dataOut });
		t.same([status, transferBytes], [ScsiStatus.good, dataOut.length]);
		expected.fill(value, from * SECTOR, to * SECTOR);
		t.ok(expected.equals(await contents(device)));
		t.equal(host.roomsHeld, 0);
	};
	const zeros = Buffer.alloc(SECTOR);
	const none = Buffer.alloc(0);
	await same(cdb10(Opcode.writeSame10, 5, 1000), block, block, 5, 1005);
	await same(cdb16(Opcode.writeSame16, 1500, 0), block, block, 1500, BLOCKS);
	await same(cdb10(Opcode.writeSame10, 10, 3), zeros, zeros, 10, 13);
	await same(cdb16(Opcode.writeSame16, 20, 3, NDOB), none, zeros, 20, 23);
	await same(cdb16(Opcode.writeSame16, 30, 300, UNMAP), zeros, zeros, 30, 330);
	await same(cdb16(Opcode.writeSame16, 400, 300, UNMAP | NDOB), none, zeros, 400, 700);
	await same(cdb10(Opcode.writeSame10, 800, 3, UNMAP), block, block, 800, 803);
});

t.test("WRITE SAME that makes no sense", async (t) => {
	const host = new Under(new MemoryDevice(2 * WRITE_SAME_BYTES_MAX)).host();
	const dataOut = Buffer.alloc(SECTOR);
	const refused = async (cdb: Buffer) => (await host.run(cdb, { dataOut })).sense?.field?.byte;
	t.equal(await refused(cdb10(Opcode.writeSame10, 0, 1, 0x10)), 1, "anchor");
	t.equal(await refused(cdb10(Opcode.writeSame10, 0, 1, 0x04)), 1, "pbdata");
	t.equal(await refused(cdb10(Opcode.writeSame10, 0, 1, 0x02)), 1, "lbdata");
	t.equal(await refused(cdb10(Opcode.writeSame10, 0, 1, NDOB)), 1);
	t.equal(await refused(cdb10(Opcode.writeSame10, 0, 0)), 7, "all there is, and that is too much");
	t.equal(await refused(cdb16(Opcode.writeSame16, 0, WRITE_SAME_BYTES_MAX / SECTOR + 1)), 10);
	for (const bytes of [0, SECTOR / 2, 2 * SECTOR]) {
		const { sense } = await host.run(cdb10(Opcode.writeSame10, 0, 1), { dataOut: Buffer.alloc(bytes) });
		t.equal(sense?.asc, Asc.listLength, `${bytes} bytes are not a block`);
	}
	const readOnly = new Under(new MemoryDevice(MIB, { readOnly: true })).host();
	for (const flags of [0, UNMAP])
		t.equal(
			(await readOnly.run(cdb10(Opcode.writeSame10, 0, 1, flags), { dataOut })).sense?.asc,
			Asc.writeProtected,
		);
});

t.test("WRITE SAME is a few pieces at a time, and can be aborted", async (t) => {
	const device = new Manual(new MemoryDevice(MIB));
	const host = new Under(device).host();
	const sent = host.send(cdb10(Opcode.writeSame10, 0, BLOCKS), { dataOut: Buffer.alloc(SECTOR, 3) });
	sent.give(SECTOR);
	t.equal(device.held.length, 2);
	device.go();
	t.equal(device.held.length, 2);
	t.equal(host.roomsHeld, 1);
	sent.task.abort();
	t.ok((await sent.answer).isAborted);
	t.equal(host.roomsHeld, 0);
});
