// A unit that is configured and not there: initiators wait for it, keep what they knew of it, and are told when it comes; of others they are told that there are none.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey } from "../../lib/scsi/protocol.js";
import { LogicalUnit } from "../../lib/scsi/unit.js";
import { cdb10, MIB, type TestHost, Under } from "./support.js";

const BECOMING_READY = { key: SenseKey.notReady, asc: Asc.becomingReady };
const NO_UNIT = { key: SenseKey.illegalRequest, asc: Asc.noUnit };
const LUN = 5;

function unitOf(name: string): LogicalUnit {
	return LogicalUnit.of(new Disk(name, makeIdentity(name, "1"), new MemoryDevice(MIB)));
}

function stage() {
	const under = new Under();
	const awaited = new Set<number>();
	under.target.isAwaited = (lun) => awaited.has(lun);
	return { under, awaited, host: under.host() };
}

async function luns(host: TestHost): Promise<number[]> {
	const { data } = await host.run("a00000000000000001000000", { dataInBytes: 256 });
	return Array.from({ length: data.readUInt32BE(0) / 8 }, (_, index) => data[8 * index + 9]!);
}

async function inquiry(host: TestHost, page = -1): Promise<Buffer> {
	const cdb = Buffer.from([Opcode.inquiry, page < 0 ? 0 : 1, Math.max(0, page), 1, 0, 0]);
	return (await host.run(cdb, { lun: LUN, dataInBytes: 256 })).data;
}

t.test("one that nobody has seen", async (t) => {
	const { under, awaited, host } = stage();
	t.same((await host.run("000000000000", { lun: LUN })).sense, NO_UNIT);
	awaited.add(LUN);
	for (const cdb of ["000000000000", cdb10(Opcode.readCapacity10, 0, 0), "1a0000000400"])
		t.same((await host.run(cdb, { lun: LUN })).sense, BECOMING_READY);
	for (const cdb of [cdb10(Opcode.read10, 0, 1), cdb10(Opcode.write10, 0, 1), "ff0000000000"]) {
		const { status, sense } = await host.run(cdb, { lun: LUN });
		t.same(
			[status, sense],
			[ScsiStatus.busy, null],
			"which initiators know that take the other for an error",
		);
	}
	const { data } = await host.run("030000001200", { lun: LUN, dataInBytes: 18 });
	t.same([data[2]! & 0x0f, data[12], data[13]], [SenseKey.notReady, 0x04, 0x01]);
	t.equal((await inquiry(host))[0], 0x20, "a disk, which is not connected");
	t.same(await luns(host), [0]);
	awaited.delete(LUN);
	const unit = unitOf("late");
	t.ok(under.target.add(LUN, unit));
	t.equal((await inquiry(host))[0], 0);
	t.equal((await host.run("000000000000", { lun: LUN })).sense?.asc, Asc.powerOn);
	t.equal((await host.run("000000000000", { lun: LUN })).sense?.asc, Asc.lunsChanged);
	t.equal((await host.run("000000000000", { lun: LUN })).status, ScsiStatus.good);
	t.equal((await host.run("000000000000")).sense?.asc, Asc.lunsChanged);
});

t.test("one that goes, and comes again", async (t) => {
	const { under, awaited, host } = stage();
	const unit = unitOf("late");
	under.target.add(LUN, unit);
	while (unit.attention(host.nexus) !== undefined);
	const known = await Promise.all([-1, 0, 0x80, 0x83].map((page) => inquiry(host, page)));
	const write = host.send(cdb10(Opcode.write10, 0, 1), { lun: LUN, dataOut: Buffer.alloc(512) });
	awaited.add(LUN);
	under.target.remove(LUN);
	t.same(await luns(host), [0, LUN], "whoever looks loses nothing");
	t.same(await Promise.all([-1, 0, 0x80, 0x83].map((page) => inquiry(host, page))), known);
	t.equal((await inquiry(host, 0xb0)).length, 0);
	t.same((await host.run("000000000000", { lun: LUN })).sense, BECOMING_READY);
	write.give(512);
	t.equal((await write.answer).status, ScsiStatus.good, "what was under way is over");
	awaited.delete(LUN);
	t.same(await luns(host), [0]);
	t.same((await host.run("000000000000", { lun: LUN })).sense, NO_UNIT, "it is not to come any more");
	t.equal((await inquiry(host))[0], 0x7f);
	under.target.add(LUN, unitOf("late"));
	t.equal((await host.run("000000000000", { lun: LUN })).sense?.asc, Asc.powerOn);
});
