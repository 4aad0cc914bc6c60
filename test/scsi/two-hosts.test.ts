// A unit that two hosts serve: which of them reaches it better, what the other one can't do for it, and what initiators are told when that changes.

import t from "tap";
import { type DeviceInfo, deviceInfo, type Partner, type Tenure } from "../../lib/block/device.js";
import type { Memo } from "../../lib/block/memo.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { UnitKeeping } from "../../lib/daemon/unit-keeping.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { hostNumber, portName } from "../../lib/scsi/port-group.js";
import { Asc, ScsiStatus, SenseKey } from "../../lib/scsi/protocol.js";
import type { IscsiExportSpec } from "../../lib/spec/spec.js";
import { cdb10, cdb16, MIB, type TestHost, Under } from "./support.js";

const SECTOR = 512;
const [HERE, THERE] = [hostNumber("alpha"), hostNumber("beta")];
const REPORT_GROUPS = "a30a 0000 0000 00000100 0000";
const EXCLUSIVE = 3;

class Shared extends MemoryDevice {
	partner: Partner | undefined = { name: null, hasIt: false };
	memo: Memo | undefined = memoOf("{}");
	readonly tenure: Tenure;
	#own: DeviceInfo | undefined;

	constructor() {
		super(4 * MIB);
		const partner = () => this.partner;
		this.tenure = {
			...{ mayAnswer: true, epoch: 1, isNew: false },
			get partner() {
				return partner();
			},
		};
	}

	override get info(): DeviceInfo {
		return this.#own ?? super.info;
	}

	/** The pool has gone to the other host, which makes nothing atomic that is asked of it from here. */
	leave(): void {
		this.partner = { name: "beta", hasIt: true };
		this.memo = undefined;
		this.#own = deviceInfo({ ...super.info, atomicBytes: 0 });
	}

	come(text: string): void {
		this.partner = { name: "beta", hasIt: false };
		this.memo = memoOf(text);
		this.#own = deviceInfo({ ...super.info, atomicBytes: MIB });
	}
}

function memoOf(text: string): Memo {
	const memo = {
		text,
		keep: async (kept: string) => {
			memo.text = kept;
		},
	};
	return memo;
}

function stage() {
	const device = new Shared();
	const under = new Under(device);
	under.target.portNumber = HERE;
	const keeping = new UnitKeeping(undefined);
	keeping.begin({ name: "web" } as IscsiExportSpec, under.unit);
	const moved = (): void => {
		keeping.follow(under.unit);
		under.unit.look();
	};
	return { device, under, one: under.host("one"), two: under.host("two"), moved };
}

async function groups(host: TestHost): Promise<[id: number, state: number, port: number][]> {
	const { data } = await host.run(REPORT_GROUPS, { dataInBytes: 256 });
	const found: [number, number, number][] = [];
	for (let at = 4; at < 4 + data.readUInt32BE(0); at += 12)
		found.push([data.readUInt16BE(at + 2), data[at]! & 0x0f, data.readUInt16BE(at + 10)]);
	return found;
}

async function attentions(host: TestHost): Promise<number[]> {
	const told: number[] = [];
	for (;;) {
		const { sense } = await host.run("000000000000");
		if (sense === null) return told;
		t.equal(sense.key, SenseKey.unitAttention);
		told.push(sense.asc);
	}
}

function out(host: TestHost, action: number, key: number, actionKey: number, type = 0, flags = 0) {
	const list = Buffer.alloc(24);
	list.writeBigUInt64BE(BigInt(key), 0);
	list.writeBigUInt64BE(BigInt(actionKey), 8);
	list[20] = flags;
	const cdb = Buffer.from([Opcode.persistentReserveOut, action, type, 0, 0, 0, 0, 0, 24, 0]);
	return host.run(cdb, { dataOut: list });
}

t.test("ports of both hosts are told by number and name, as the groups have them", async (t) => {
	const { device, one } = stage();
	device.partner = { name: "beta", hasIt: false };
	await attentions(one);
	const { data } = await one.run("12 01 88 0400 00", { dataInBytes: 1024 });
	const ports: [number, string][] = [];
	for (let at = 4; at < data.length; at += 12 + data.readUInt16BE(at + 10))
		ports.push([
			data.readUInt16BE(at + 2),
			data.toString("utf8", at + 16, at + 16 + data[at + 15]!).replace(/\0+$/, ""),
		]);
	const name = (port: number) => portName("iqn.2026-11.org.example:test", port);
	t.same(ports, [
		[HERE, name(HERE)],
		[THERE, name(THERE)],
	]);
	t.same(
		ports.map(([port]) => port),
		(await groups(one)).map(([, , port]) => port),
	);
});

t.test("hosts have numbers of their own, none of which is that of other targets", async (t) => {
	t.not(HERE, THERE);
	const numbers = Array.from({ length: 1000 }, (_, index) => hostNumber(`host${index}`));
	t.ok(numbers.every((number) => number >= 2 && number <= 0xffff));
	t.ok(new Set(numbers).size > 980);
});

t.test("the groups of both hosts, as they are now and as the pool moves; all are told", async (t) => {
	const { device, one, two, moved } = stage();
	t.same(await groups(one), [[HERE, 0, HERE]], "the other one is not known yet");
	const { data } = await one.run("120183010000", { dataInBytes: 256 });
	t.ok(data.includes(Buffer.from([0x51, 0x95, 0, 4, 0, 0, HERE >> 8, HERE & 0xff])), "its group");
	t.ok(data.includes(Buffer.from([0x51, 0x94, 0, 4, 0, 0, 0, 1])), "the port that this one came by before");
	device.leave();
	moved();
	t.same(await attentions(one), [Asc.alua]);
	t.same(await groups(one), [
		[HERE, 1, HERE],
		[THERE, 0, THERE],
	]);
	device.come("{}");
	moved();
	t.same(await attentions(one), [Asc.inquiryChanged, Asc.alua], "writes can be atomic here");
	t.same(await groups(one), [
		[HERE, 0, HERE],
		[THERE, 1, THERE],
	]);
	device.leave();
	moved();
	moved();
	t.same(await attentions(one), [Asc.inquiryChanged, Asc.alua]);
	t.same(await attentions(two), [Asc.alua, Asc.inquiryChanged]);
});

t.test("what only the owner can do is not done, nor told, by the other host", async (t) => {
	const { device, one, moved } = stage();
	device.leave();
	moved();
	await attentions(one);
	const compare = cdb16(Opcode.compareAndWrite, 0, 0);
	compare[13] = 1;
	const refused = [
		await out(one, 0, 0, 7),
		await one.run("5e0000000000000100 00", { dataInBytes: 256 }),
		await one.run("160000000000"),
		await one.run("170000000000"),
		await one.run(compare, { dataOut: Buffer.alloc(2 * SECTOR) }),
		await one.run(cdb16(Opcode.orWrite16, 0, 1), { dataOut: Buffer.alloc(SECTOR) }),
	];
	for (const { sense } of refused) t.same(sense, { key: SenseKey.notReady, asc: Asc.standby });
	const write = await one.run(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR, 1) });
	t.equal(write.status, ScsiStatus.good, "all else is done");
});

t.test("reservations stay with the pool", async (t) => {
	const { device, under, one, two, moved } = stage();
	await out(one, 0, 0, 7, 0, 1);
	await out(one, 1, 7, 0, EXCLUSIVE);
	t.equal(under.disk.holds.against(), 2);
	const { text } = device.memo!;
	device.leave();
	moved();
	t.same(await attentions(one), [Asc.alua], "it is kept");
	t.equal(under.disk.holds.against(), 0, "the owner holds it");
	const waiting = two.send(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	t.equal((await waiting.answer).sense?.asc, Asc.alua);
	await attentions(two);
	const late = two.send(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	device.come(text!);
	moved();
	t.equal((await late.answer).status, ScsiStatus.taskAborted, "what was let through before is taken back");
	await attentions(two);
	const write = await two.run(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	t.equal(write.status, ScsiStatus.reservationConflict);
	t.same(await attentions(one), [Asc.inquiryChanged, Asc.alua]);
	const { data } = await one.run("5e000000000000010000", { dataInBytes: 256 });
	t.equal(data.readBigUInt64BE(8), 7n, "whoever had registered has");
});

t.test("who had registered without having that kept is told that it is over", async (t) => {
	const { device, one, two, moved } = stage();
	await out(one, 0, 0, 7);
	t.equal((await two.run("160000000000")).status, ScsiStatus.reservationConflict);
	device.leave();
	moved();
	t.same(await attentions(one), [Asc.registrationsPreempted, Asc.alua]);
	t.same(await attentions(two), [Asc.alua]);
	device.come("{}");
	moved();
	await attentions(one);
	await attentions(two);
	t.equal((await two.run("160000000000")).status, ScsiStatus.good);
	device.leave();
	moved();
	t.same(await attentions(two), [Asc.reset, Asc.inquiryChanged, Asc.alua]);
});
