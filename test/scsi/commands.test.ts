// Commands about the medium that move no data of it: its capacity, and that it is stable.

import t from "tap";
import { type BlockDevice, type DeviceInfo, deviceInfo } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey } from "../../lib/scsi/protocol.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { cdb10, cdb16, Manual, MIB, Under } from "./support.js";

function hex(data: Buffer): string {
	return data.toString("hex");
}

t.test("READ CAPACITY", async (t) => {
	const host = new Under(new MemoryDevice(MIB, { physicalBlockBytes: 4096 })).host();
	const short = await host.run("25000000000000000000", { dataInBytes: 8 });
	t.equal(hex(short.data), "000007ff00000200");
	t.same((await host.run("25000000000500000000", { dataInBytes: 8 })).sense?.field, { inCdb: true, byte: 2 });
	const long = await host.run("9e100000000000000000000000200000", { dataInBytes: 32 });
	t.equal(hex(long.data), `00000000000007ff000002000003c000${"00".repeat(16)}`);
	const part = await host.run("9e1000000000000000000000000c0000", { dataInBytes: 32 });
	t.same([part.data.length, part.transferBytes], [12, 12]);
	t.equal((await host.run("9e1f0000000000000000000000200000")).sense?.asc, Asc.invalidField);
});

t.test("READ CAPACITY (10) of a unit that has more blocks than it can tell", async (t) => {
	const host = new Under(new MemoryDevice(4 * 2 ** 40)).host();
	t.equal(hex((await host.run("25000000000000000000", { dataInBytes: 8 })).data), "ffffffff00000200");
});

t.test("SYNCHRONIZE CACHE is over when all is stable, or at once", async (t) => {
	const device = new Manual(new MemoryDevice(MIB));
	const under = new Under(device);
	const host = under.host();
	const flush = host.send(cdb10(Opcode.synchronizeCache10, 0, 0));
	t.same(
		device.held.map(({ op }) => op),
		[BlockOp.flush],
	);
	device.go();
	t.equal((await flush.answer).status, ScsiStatus.good);
	t.same(host.done, [{ op: BlockOp.flush, bytes: 0 }]);
	for (let i = 0; i < 5; i++)
		t.equal((await host.run(cdb16(Opcode.synchronizeCache16, 0, 0, 0x02))).status, ScsiStatus.good);
	t.equal(device.held.length, 1, "one is under way for all of them");
	device.go();
	await new Promise(setImmediate);
	t.equal(device.held.length, 1, "and one for those that came meanwhile");
	device.go();
	await new Promise(setImmediate);
	t.equal(device.held.length, 0);
	t.equal((await host.run(cdb10(Opcode.synchronizeCache10, 2048, 1))).sense?.asc, Asc.lbaOutOfRange);
});

t.test("a flush that fails", async (t) => {
	const device = new FaultyLayer(new MemoryDevice(MIB));
	const under = new Under(device);
	device.add({ op: BlockOp.flush });
	const { sense } = await under.host().run(cdb10(Opcode.synchronizeCache10, 0, 0));
	t.same(sense, { key: SenseKey.mediumError, asc: Asc.writeError });
	t.equal(under.disk.faults, 1);
});

/** UNMAP of some blocks. */
function unmapList(lba: number, blocks: number): Buffer {
	const list = Buffer.alloc(24);
	list.writeUInt16BE(22, 0);
	list.writeUInt16BE(16, 2);
	list.writeBigUInt64BE(BigInt(lba), 8);
	list.writeUInt32BE(blocks, 16);
	return list;
}

t.test("GET LBA STATUS", async (t) => {
	const host = new Under(new MemoryDevice(MIB)).host();
	const status = async (lba: number, bytes = 4096): Promise<string[]> => {
		const cdb = cdb16(0x9e, lba, bytes, 0x12);
		const { data, transferBytes } = await host.run(cdb, { dataInBytes: bytes });
		t.equal(data.length, transferBytes);
		t.equal(data.readUInt32BE(0) % 16, 4);
		const runs: string[] = [];
		for (let at = 8; at + 16 <= data.length; at += 16)
			runs.push(`${data.readBigUInt64BE(at)}+${data.readUInt32BE(at + 8)} ${data[at + 12]}`);
		return runs;
	};
	t.same(await status(0), ["0+2048 1"]);
	await host.run(cdb10(Opcode.write10, 0, 2048), { dataOut: Buffer.alloc(MIB, 1) });
	t.same(await status(5), ["5+2043 0"]);
	const list = unmapList(256, 128);
	await host.run(cdb10(Opcode.unmap, 0, list.length), { dataOut: list });
	t.same(await status(0), ["0+256 0", "256+128 1", "384+1664 0"]);
	t.same(await status(300), ["300+84 1", "384+1664 0"]);
	t.same(await status(0, 24), ["0+256 0"]);
	t.same(await status(2047), ["2047+1 0"]);
	t.equal((await host.run(cdb16(0x9e, 2048, 24, 0x12))).sense?.asc, Asc.lbaOutOfRange);
	const device = new FaultyLayer(new MemoryDevice(MIB));
	device.add({ op: BlockOp.extents });
	const { sense } = await new Under(device).host().run(cdb16(0x9e, 0, 24, 0x12), { dataInBytes: 24 });
	t.equal(sense?.asc, Asc.unrecoveredRead);
});

t.test(
	"GET LBA STATUS of a unit with more blocks than one entry can tell, and than storage looks at in one go",
	async (t) => {
		const host = new Under(new MemoryDevice(4 * 2 ** 40)).host();
		const { data } = await host.run(cdb16(0x9e, 7, 40, 0x12), { dataInBytes: 40 });
		// 4096 pieces of 64 KiB at a time, 256 times.
		t.same([data.readUInt32BE(0), data.readBigUInt64BE(8), data.readUInt32BE(16)], [20, 7n, 2 ** 27 - 7]);
		const small = new Under(new MemoryDevice(2 ** 32)).host();
		const all = await small.run(cdb16(0x9e, 0, 256, 0x12), { dataInBytes: 256 });
		t.same([all.data.length, all.data.readUInt32BE(16)], [24, 2 ** 23]);
	},
);

t.test("READ DEFECT DATA: none is known", async (t) => {
	const host = new Under().host();
	const short = await host.run("37001d000000000040 00", { dataInBytes: 64 });
	t.equal(hex(short.data), "001d0000");
	const long = await host.run("b70c00000000000000400000", { dataInBytes: 64 });
	t.equal(hex(long.data), "000c000000000000");
});

/** Promises something of writes. */
class Atomic extends Manual {
	readonly #info: DeviceInfo;

	constructor(device: BlockDevice) {
		super(device);
		this.#info = deviceInfo({ ...device.info, atomicBytes: MIB / 2, atomicUnitBytes: 4096 });
	}

	override get info(): DeviceInfo {
		return this.#info;
	}
}

function atomic(lba: number, blocks: number, boundary = 0): Buffer {
	const cdb = cdb16(Opcode.writeAtomic16, lba, 0);
	cdb.writeUInt16BE(boundary, 10);
	cdb.writeUInt16BE(blocks, 12);
	return cdb;
}

t.test("WRITE ATOMIC is one request, where the storage promises something of that", async (t) => {
	const device = new Atomic(new MemoryDevice(MIB));
	const host = new Under(device).host();
	const dataOut = Buffer.alloc(MIB / 2, 7);
	const { answer, give } = host.send(atomic(8, 1024), { dataOut });
	give(dataOut.length);
	t.match(device.held, [{ op: BlockOp.write, offsetBytes: 4096, lengthBytes: MIB / 2 }]);
	device.go();
	t.equal((await answer).status, ScsiStatus.good);
	const read = host.send(cdb10(Opcode.read10, 8, 1024), { dataInBytes: dataOut.length });
	while (device.held.length > 0) device.go();
	t.ok((await read.answer).data.equals(dataOut));
	const field = async (cdb: Buffer) => (await host.run(cdb, { dataOut })).sense?.field?.byte;
	t.equal(await field(atomic(8, 1032)), 12, "too much");
	t.equal(await field(atomic(8, 9)), 12, "no multiple");
	t.equal(await field(atomic(7, 8)), 2, "not aligned");
	t.equal(await field(atomic(8, 8, 8)), 10, "a boundary");
	t.equal((await host.run(atomic(8, 0))).status, ScsiStatus.good);
	t.equal(
		(await host.run(atomic(8, 8), { dataOut: dataOut.subarray(512), dataOutBytes: 512 })).sense?.field?.byte,
		12,
	);
	t.equal((await new Under().host().run(atomic(0, 8), { dataOut })).sense?.asc, Asc.opcode);
	t.equal(device.held.length, 0);
});
