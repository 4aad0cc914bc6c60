// SANITIZE: everything is overwritten or erased, whatever becomes of whoever has asked for it; what is refused meanwhile, and after a failure.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { UnitKeeping } from "../../lib/daemon/unit-keeping.js";
import { Hold } from "../../lib/holds.js";
import { isKeptUnit, type KeptUnit } from "../../lib/scsi/kept.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey, TaskFunction } from "../../lib/scsi/protocol.js";
import { senseBytes } from "../../lib/scsi/sense.js";
import type { IscsiExportSpec } from "../../lib/spec/spec.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { cdb10, Manual, MIB, type TestHost, Under } from "./support.js";

const SECTOR = 512;
const SIZE = 2 * MIB + SECTOR;
const [OVERWRITE, BLOCK_ERASE, EXIT] = [1, 2, 0x1f] as const;
const AUSE = 0x20;
const READY = "000000000000";

function sanitize(host: TestHost, action: number, list: Buffer = Buffer.alloc(0)) {
	return host.run(cdb10(Opcode.sanitize, 0, list.length, action), { dataOut: list });
}

function listOf(pattern: Uint8Array, passes = 1): Buffer {
	const list = Buffer.alloc(4 + pattern.length);
	list[0] = passes;
	list.writeUInt16BE(pattern.length, 2);
	list.set(pattern, 4);
	return list;
}

async function contents(device: MemoryDevice): Promise<Uint8Array> {
	const memory = heapMemory(SIZE);
	const asked = new PromisedRequest();
	Object.assign(asked.request, { op: BlockOp.read, offsetBytes: 0, lengthBytes: SIZE, memory });
	await asked.run(device);
	return memory.bytes;
}

async function filled(): Promise<{ device: MemoryDevice; host: TestHost; under: Under }> {
	const device = new MemoryDevice(SIZE);
	const under = new Under(device);
	const host = under.host();
	await host.run(cdb10(Opcode.write10, 0, SIZE / SECTOR), { dataOut: Buffer.alloc(SIZE, 0xaa) });
	return { device, host, under };
}

t.test("OVERWRITE, with patterns of any length, once and more often", async (t) => {
	const { device, host } = await filled();
	for (const pattern of [Buffer.alloc(SECTOR, 3), Buffer.from("abc"), Buffer.from([9])]) {
		t.equal((await sanitize(host, OVERWRITE, listOf(pattern))).status, ScsiStatus.good);
		const block = Buffer.alloc(SECTOR, pattern);
		t.ok(Buffer.alloc(SIZE, block).equals(await contents(device)));
	}
	t.equal((await sanitize(host, OVERWRITE, listOf(Buffer.from([0x0f]), 0x80 | 2))).status, ScsiStatus.good);
	t.ok(Buffer.alloc(SIZE, 0xf0).equals(await contents(device)), "the second time inverted");
});

t.test("BLOCK ERASE", async (t) => {
	const { device, host } = await filled();
	t.equal((await sanitize(host, BLOCK_ERASE)).status, ScsiStatus.good);
	t.ok(Buffer.alloc(SIZE).equals(await contents(device)));
	t.ok(device.allocatedBytes < MIB / 8, "but for what is no whole piece of memory");
});

t.test("what makes no sense changes nothing", async (t) => {
	const { device, host } = await filled();
	const pattern = Buffer.alloc(SECTOR, 1);
	const refused = async (action: number, list?: Buffer) =>
		(await sanitize(host, action, list)).sense?.field?.byte;
	t.equal(await refused(0), 1, "no such action");
	t.equal(await refused(3), 1, "nothing is encrypted");
	t.equal(await refused(BLOCK_ERASE | 0x80), 1, "nobody is told before it is done");
	t.equal(await refused(BLOCK_ERASE | 0x40), 1);
	t.equal(await refused(BLOCK_ERASE, pattern), 7);
	t.equal(await refused(EXIT), 1, "nothing has failed");
	t.equal(await refused(EXIT, pattern), 7);
	for (const list of [Buffer.alloc(0), Buffer.alloc(4), listOf(Buffer.alloc(SECTOR + 1)), listOf(pattern, 0)])
		t.equal(await refused(OVERWRITE, list), 7);
	const longer = listOf(pattern);
	longer.writeUInt16BE(SECTOR + 1, 2);
	t.equal(await refused(OVERWRITE, longer), 7);
	for (let byte = 2; byte < 7; byte++) {
		const cdb = cdb10(Opcode.sanitize, 0, 0, BLOCK_ERASE);
		cdb[byte] = 1;
		t.equal((await host.run(cdb)).sense?.field?.byte, byte);
	}
	t.ok(Buffer.alloc(SIZE, 0xaa).equals(await contents(device)));
	const readOnly = new Under(new MemoryDevice(MIB, { readOnly: true })).host();
	t.equal((await sanitize(readOnly, BLOCK_ERASE)).sense?.key, SenseKey.dataProtect);
});

t.test("it goes on when it is aborted and its unit is reset; the unit is not ready meanwhile", async (t) => {
	const device = new Manual(new MemoryDevice(SIZE));
	const under = new Under(device);
	const host = under.host("one");
	const other = under.host("two");
	const write = other.send(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR, 5) });
	write.give(SECTOR);
	const list = listOf(Buffer.from([7]));
	const sent = host.send(cdb10(Opcode.sanitize, 0, list.length, OVERWRITE), { dataOut: list });
	sent.give(list.length);
	const { status, isAborted } = await write.answer;
	t.same(
		[status, isAborted],
		[ScsiStatus.taskAborted, false],
		"what was under way is over, and its initiator is told",
	);
	while (device.held.length === 0) await new Promise(setImmediate);
	t.same((await other.run(READY)).sense, { key: SenseKey.notReady, asc: Asc.sanitizing, progress: 0 });
	device.go();
	t.equal(await under.target.manage(host.nexus, TaskFunction.logicalUnitReset, 0, 0), "complete");
	t.ok((await sent.answer).isAborted);
	t.equal((await host.run(READY)).sense?.asc, Asc.reset);
	while (device.held.length === 0) await new Promise(setImmediate);
	const { sense } = await host.run(cdb10(Opcode.read10, 0, 1), { dataInBytes: SECTOR });
	t.ok(sense?.progress !== undefined && sense.progress > 30_000 && sense.progress < 40_000);
	t.equal(Buffer.from(senseBytes(sense!)).readUInt16BE(16), sense?.progress);
	t.equal(Buffer.from(senseBytes(sense!, true)).readUInt16BE(13), sense?.progress);
	t.equal((await host.run("120000006000", { dataInBytes: 96 })).status, ScsiStatus.good);
	const asked = await host.run("030000001200", { dataInBytes: 18 });
	t.equal(asked.data.readUInt16BE(12), Asc.sanitizing);
	t.equal((await sanitize(host, BLOCK_ERASE)).sense?.asc, Asc.sanitizing, "one at a time");
	while (under.unit.sanitization.isUnderWay) {
		if (device.held.length > 0) device.go();
		await new Promise(setImmediate);
	}
	t.equal((await host.run(READY)).status, ScsiStatus.good);
	const read = host.send(cdb10(Opcode.read10, SIZE / SECTOR - 1, 1), { dataInBytes: SECTOR });
	device.go();
	t.ok((await read.answer).data.every((byte) => byte === 7));
});

t.test(
	"after a failure nothing is carried out, until another one succeeds or it is left by leave",
	async (t) => {
		for (const mayLeave of [true, false]) {
			const device = new FaultyLayer(new MemoryDevice(SIZE));
			const under = new Under(device);
			const host = under.host();
			device.add({ op: BlockOp.trim, times: 1 });
			const failed = { key: SenseKey.mediumError, asc: Asc.sanitizeFailed };
			t.same((await sanitize(host, BLOCK_ERASE | (mayLeave ? AUSE : 0))).sense, failed);
			t.equal(under.disk.faults, 1);
			t.same((await host.run(READY)).sense, failed);
			const left = await sanitize(host, EXIT);
			t.equal(left.status, mayLeave ? ScsiStatus.good : ScsiStatus.checkCondition);
			if (!mayLeave) t.equal((await sanitize(host, BLOCK_ERASE)).status, ScsiStatus.good);
			t.equal((await host.run(READY)).status, ScsiStatus.good);
		}
	},
);

/** A unit that is kept somewhere, as it was found there. */
class Kept {
	/** In the order in which it was kept. */
	readonly all: KeptUnit[] = [];
	/** False: it can't be kept. */
	canKeep = true;
	readonly under: Under;
	readonly host: TestHost;

	constructor(device: Manual | MemoryDevice, before?: KeptUnit) {
		this.under = new Under(device);
		const keeping = new UnitKeeping(async (_, kept) => {
			if (this.canKeep) this.all.push(JSON.parse(JSON.stringify(kept)) as KeptUnit);
			return this.canKeep;
		});
		keeping.begin(
			{ name: "web", ...(before && { kept: before }) } as unknown as IscsiExportSpec,
			this.under.unit,
		);
		this.host = this.under.host();
	}

	/** What there is against the unit. */
	async trouble(): Promise<number | undefined> {
		return (await this.host.run(READY)).sense?.asc;
	}

	get last(): KeptUnit | undefined {
		return this.all.at(-1);
	}

	/** What those may not do who come by other protocols. */
	get hold(): Hold {
		return this.under.disk.holds.against("aoe");
	}
}

/** As it is found after a restart that has interrupted it; a key is registered, and kept as well. */
async function interrupted(flags: number): Promise<{ kept: KeptUnit; storage: MemoryDevice }> {
	const storage = new MemoryDevice(SIZE);
	const device = new Manual(storage);
	const before = new Kept(device);
	const register = Buffer.alloc(24);
	register[15] = 7;
	register[20] = 1;
	const cdb = Buffer.from([Opcode.persistentReserveOut, 0, 0, 0, 0, 0, 0, 0, 24, 0]);
	t.equal((await before.host.run(cdb, { dataOut: register })).status, ScsiStatus.good);
	const list = listOf(Buffer.from([7]));
	const sent = before.host.send(cdb10(Opcode.sanitize, 0, list.length, OVERWRITE | flags), { dataOut: list });
	sent.give(list.length);
	t.equal(await before.trouble(), Asc.sanitizing);
	t.equal(before.hold, Hold.all, "nobody changes it meanwhile, by whatever protocol");
	while (device.held.length === 0) await new Promise(setImmediate);
	return { kept: before.last!, storage };
}

t.test("a restart that interrupts it is a failure, until another one succeeds", async (t) => {
	const { kept, storage } = await interrupted(0);
	t.ok(isKeptUnit(kept));
	t.same(
		[kept.sanitizing, kept.registrations.length],
		[{ mayLeave: false }, 1],
		"kept before anything is done",
	);
	const after = new Kept(storage, kept);
	t.equal(await after.trouble(), Asc.sanitizeFailed);
	t.equal(after.hold, Hold.all);
	t.equal((await sanitize(after.host, EXIT)).status, ScsiStatus.checkCondition);
	t.equal((await sanitize(after.host, BLOCK_ERASE)).status, ScsiStatus.good);
	t.same([await after.trouble(), after.hold], [undefined, Hold.none]);
	t.same([after.last?.sanitizing, after.last?.registrations.length], [undefined, 1]);
	t.equal(await new Kept(storage, after.last).trouble(), undefined);
});

t.test("one that is stopped has failed, and changes nothing more", async (t) => {
	const device = new Manual(new MemoryDevice(SIZE));
	const under = new Under(device);
	const host = under.host();
	const list = listOf(Buffer.from([7]));
	const sent = host.send(cdb10(Opcode.sanitize, 0, list.length, OVERWRITE), { dataOut: list });
	sent.give(list.length);
	while (device.held.length === 0) await new Promise(setImmediate);
	under.unit.sanitization.stop();
	device.go();
	t.equal((await sent.answer).sense?.asc, Asc.sanitizeFailed);
	t.equal(device.held.length, 0);
	t.equal((await host.run(READY)).sense?.asc, Asc.sanitizeFailed);
});

t.test("it can be left if it was said so before, and if it can be kept that it was", async (t) => {
	const { kept, storage } = await interrupted(AUSE);
	const after = new Kept(storage, kept);
	after.canKeep = false;
	t.equal((await sanitize(after.host, EXIT)).status, ScsiStatus.checkCondition);
	t.same([await after.trouble(), after.hold], [Asc.sanitizeFailed, Hold.all]);
	after.canKeep = true;
	t.equal((await sanitize(after.host, EXIT)).status, ScsiStatus.good);
	t.same([await after.trouble(), after.last?.sanitizing, after.hold], [undefined, undefined, Hold.none]);
});

t.test("what can't be kept is not begun; and not done, if that can't be kept", async (t) => {
	const storage = new MemoryDevice(SIZE);
	const device = new Manual(storage);
	const unit = new Kept(device);
	unit.canKeep = false;
	t.same((await sanitize(unit.host, BLOCK_ERASE)).sense, {
		key: SenseKey.hardwareError,
		asc: Asc.internalFailure,
	});
	t.same([device.held.length, await unit.trouble(), unit.hold], [0, undefined, Hold.none]);
	unit.canKeep = true;
	const answer = sanitize(unit.host, BLOCK_ERASE);
	while (device.held.length === 0) await new Promise(setImmediate);
	unit.canKeep = false;
	while (unit.under.unit.sanitization.isUnderWay) {
		if (device.held.length > 0) device.go();
		await new Promise(setImmediate);
	}
	t.equal((await answer).sense?.asc, Asc.sanitizeFailed);
	t.same([await unit.trouble(), unit.hold], [Asc.sanitizeFailed, Hold.all]);
});
