// Commands about the medium that move no data of it: its capacity, and that it is stable.

import t from "tap";
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
