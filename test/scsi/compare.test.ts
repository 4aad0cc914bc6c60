// Commands that compare or combine: VERIFY, WRITE AND VERIFY, PRE-FETCH, COMPARE AND WRITE, ORWRITE; also when they are asked for at once.

import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { deviceInfo } from "../../lib/block/device.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { layersOn } from "../../lib/block/stack.js";
import { Pump } from "../../lib/pump.js";
import { COMPARE_BYTES_MAX, OR_BYTES_MAX } from "../../lib/scsi/limits.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey } from "../../lib/scsi/protocol.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { cdb10, cdb16, Manual, MIB, type TestHost, Under } from "./support.js";

const SECTOR = 512;
const SIZE = 4 * MIB;
const BLOCKS = SIZE / SECTOR;

function layered(bottom: BlockDevice = new MemoryDevice(SIZE)): BlockDevice {
	const options = { offsetSectors: 0, lengthSectors: undefined, durability: "flush" } as const;
	return layersOn(bottom, "test", options, new GroupCommit(new Pump()));
}

function pattern(bytes: number, seed = 1): Buffer {
	return Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 8) * seed + seed) % 251));
}

function compareAndWrite(lba: number, blocks: number, flags = 0): Buffer {
	const cdb = cdb16(Opcode.compareAndWrite, lba, 0, flags);
	cdb[13] = blocks;
	return cdb;
}

function write(host: TestHost, lba: number, dataOut: Buffer) {
	return host.run(cdb10(Opcode.write10, lba, dataOut.length / SECTOR), { dataOut });
}

async function read(host: TestHost, lba: number, blocks: number): Promise<Buffer> {
	const dataInBytes = blocks * SECTOR;
	return (await host.run(cdb10(Opcode.read10, lba, blocks), { dataInBytes })).data;
}

t.test("COMPARE AND WRITE", async (t) => {
	const host = new Under(layered()).host();
	const blocks = COMPARE_BYTES_MAX / SECTOR;
	const old = pattern(COMPARE_BYTES_MAX);
	const fresh = pattern(COMPARE_BYTES_MAX, 2);
	await write(host, 100, old);
	host.chunkBytes = 512;
	const done = await host.run(compareAndWrite(100, blocks, 0x08), { dataOut: Buffer.concat([old, fresh]) });
	t.same([done.status, done.transferBytes], [ScsiStatus.good, 2 * COMPARE_BYTES_MAX]);
	t.ok((await read(host, 100, blocks)).equals(fresh));
	for (const at of [0, 511, 512, 4097, COMPARE_BYTES_MAX - 1]) {
		const wrong = Buffer.from(fresh);
		wrong[at]! ^= 1;
		const refused = await host.run(compareAndWrite(100, blocks), { dataOut: Buffer.concat([wrong, old]) });
		t.same(refused.sense, { key: SenseKey.miscompare, asc: Asc.miscompare, information: at });
	}
	t.ok((await read(host, 100, blocks)).equals(fresh), "nothing was written");
	t.equal((await host.run(compareAndWrite(BLOCKS, 0))).status, ScsiStatus.good);
	t.equal((await host.run(compareAndWrite(BLOCKS - 1, 2))).sense?.asc, Asc.lbaOutOfRange);
	t.same((await host.run(compareAndWrite(0, blocks + 1))).sense?.field, { inCdb: true, byte: 13 });
	for (const dataOut of [pattern(4 * SECTOR), pattern(SECTOR)])
		t.same((await host.run(compareAndWrite(0, 1), { dataOut })).sense?.field, { inCdb: true, byte: 13 });
	t.equal(host.roomsHeld, 0);
});

for (let seed = 1; seed <= 10; seed++)
	t.test(`many who count at once by COMPARE AND WRITE lose none, seed ${seed}`, async (t) => {
		const clock = new VirtualClock();
		const device = layered(new DelayLayer(new MemoryDevice(SIZE), { clock, minMs: 0, maxMs: 9, seed }));
		const under = new Under(device);
		const count = async (host: TestHost): Promise<void> => {
			for (let left = 5; left > 0; ) {
				const old = await read(host, 0, 1);
				const fresh = Buffer.from(old);
				fresh.writeUInt32BE(old.readUInt32BE(0) + 1, 0);
				const { status } = await host.run(compareAndWrite(0, 1), { dataOut: Buffer.concat([old, fresh]) });
				if (status === ScsiStatus.good) left -= 1;
			}
		};
		const hosts = Array.from({ length: 6 }, (_, index) => under.host(`host${index}`));
		await clock.until(Promise.all(hosts.map(count)));
		t.equal((await clock.until(read(hosts[0]!, 0, 1))).readUInt32BE(0), 30);
		t.equal(under.disk.underWay, 0);
	});

t.test("ORWRITE", async (t) => {
	const host = new Under(layered()).host();
	const old = pattern(OR_BYTES_MAX);
	const data = pattern(OR_BYTES_MAX, 5);
	await write(host, 3, old);
	const blocks = OR_BYTES_MAX / SECTOR;
	const { status } = await host.run(cdb16(Opcode.orWrite16, 3, blocks), { dataOut: data });
	t.equal(status, ScsiStatus.good);
	const expected = Buffer.from(old.map((byte, index) => byte | data[index]!));
	t.ok((await read(host, 3, blocks)).equals(expected));
	t.same((await host.run(cdb16(Opcode.orWrite16, 3, blocks + 1))).sense?.field, { inCdb: true, byte: 10 });
	t.equal((await host.run(cdb16(Opcode.orWrite16, 3, 0))).status, ScsiStatus.good);
});

/** BYTCHK: nothing, each block, one block for all. */
const [NOTHING, EACH, RESERVED, ONE] = [0, 2, 4, 6] as const;

t.test("VERIFY", async (t) => {
	const faulty = new FaultyLayer(new MemoryDevice(SIZE));
	const host = new Under(faulty).host();
	const data = pattern(3000 * SECTOR);
	await write(host, 10, data);
	for (const make of [cdb10, cdb16]) {
		const opcode = make === cdb10 ? Opcode.verify10 : Opcode.verify16;
		const verify = (lba: number, blocks: number, flags: number, dataOut: Uint8Array = Buffer.alloc(0)) =>
			host.run(make(opcode, lba, blocks, flags), { dataOut });
		t.equal((await verify(10, 3000, NOTHING)).status, ScsiStatus.good);
		t.equal((await verify(10, 3000, EACH, data)).status, ScsiStatus.good);
		const wrong = Buffer.from(data);
		wrong[600_001]! ^= 4;
		wrong[900_000]! ^= 4;
		t.equal((await verify(10, 3000, EACH, wrong)).sense?.information, 600_001);
		t.same((await verify(10, 1, RESERVED, data)).sense?.field, { inCdb: true, byte: 1, bit: 2 });
		t.equal((await verify(BLOCKS, 1, NOTHING)).sense?.asc, Asc.lbaOutOfRange);
		t.equal((await verify(5, 0, EACH)).status, ScsiStatus.good);
		t.equal((await verify(BLOCKS - 1000, 1000, ONE, Buffer.alloc(SECTOR))).status, ScsiStatus.good);
		t.equal((await verify(9, 2, ONE, Buffer.alloc(SECTOR))).sense?.key, SenseKey.miscompare);
	}
	faulty.add({ op: BlockOp.read, startBytes: 500 * SECTOR, endBytes: 501 * SECTOR });
	const failed = await host.run(cdb10(Opcode.verify10, 0, 2000));
	t.same(failed.sense, { key: SenseKey.mediumError, asc: Asc.unrecoveredRead, information: 500 });
	t.equal(host.roomsHeld, 0);
});

t.test("WRITE AND VERIFY", async (t) => {
	const under = new Under(layered());
	const host = under.host();
	const data = pattern(1000 * SECTOR);
	for (const flags of [NOTHING, EACH]) {
		const lba = 7 + flags;
		const { status } = await host.run(cdb10(Opcode.writeAndVerify10, lba, 1000, flags), { dataOut: data });
		t.equal(status, ScsiStatus.good);
		t.ok((await read(host, lba, 1000)).equals(data));
	}
	const refused = await host.run(cdb16(Opcode.writeAndVerify16, 0, 1, ONE), { dataOut: pattern(SECTOR) });
	t.equal(refused.sense?.asc, Asc.invalidField);
	t.equal(under.disk.underWay, 0);
});

t.test("PRE-FETCH reads what is not too long, and says that it is there", async (t) => {
	const device = new Manual(new MemoryDevice(SIZE));
	const host = new Under(device).host();
	const { answer } = host.send(cdb10(Opcode.preFetch10, 0, 8));
	t.equal(device.held.length, 1);
	device.go();
	t.equal((await answer).status, ScsiStatus.conditionMet);
	t.equal((await host.run(cdb16(Opcode.preFetch16, 0, 8, 0x02))).status, ScsiStatus.good);
	const much = new Under(new MemoryDevice(256 * MIB)).host();
	t.equal(
		(await much.run(cdb10(Opcode.preFetch10, 0, 0))).status,
		ScsiStatus.good,
		"more than there is memory for",
	);
	t.equal((await much.run(cdb10(Opcode.preFetch10, 0xffffffff, 0))).sense?.asc, Asc.lbaOutOfRange);
});

t.test("what is compared is bounded, and given back", async (t) => {
	const device = new Manual(new MemoryDevice(64 * MIB));
	const host = new Under(device).host();
	const dataOut = Buffer.alloc(32 * MIB);
	const cdb = cdb10(Opcode.verify10, 0, dataOut.length / SECTOR - 1, EACH);
	const first = host.send(cdb, { dataOut });
	first.give(dataOut.length);
	t.equal((await host.run(cdb, { dataOut })).status, ScsiStatus.busy);
	first.task.abort();
	t.ok((await first.answer).isAborted);
	const again = host.send(cdb, { dataOut });
	again.give(100);
	again.task.abort();
	t.ok((await again.answer).isAborted);
	t.equal(host.roomsHeld, 0);
});

t.test(
	"where others write by another way, it is refused, and nobody is told that there is such a thing",
	async (t) => {
		class Remote extends MemoryDevice {
			override get info() {
				return deviceInfo({ ...super.info, guarded: "nobody" });
			}
		}
		const device = new Remote(SIZE);
		const host = new Under(layered(device)).host();
		const sectors = Buffer.concat([Buffer.alloc(SECTOR), pattern(SECTOR)]);
		const compared = await host.run(compareAndWrite(0, 1), { dataOut: sectors });
		t.same(compared.sense, { key: SenseKey.illegalRequest, asc: Asc.opcode });
		const combined = await host.run(cdb16(Opcode.orWrite16, 0, 1), { dataOut: pattern(SECTOR) });
		t.same(combined.sense, { key: SenseKey.illegalRequest, asc: Asc.opcode });
		t.ok((await read(host, 0, 1)).equals(Buffer.alloc(SECTOR)));
		const limits = await host.run("1201b0004000", { dataInBytes: 64 });
		t.equal(limits.data[5], 0);
	},
);
