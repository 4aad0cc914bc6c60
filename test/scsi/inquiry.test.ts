// INQUIRY, its pages, REPORT LUNS, REQUEST SENSE, and what tells of supported commands: bytes held against the tables of SPC-4 and SBC-3.

import t from "tap";
import { deviceInfo } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { Asc } from "../../lib/scsi/protocol.js";
import { LogicalUnit } from "../../lib/scsi/unit.js";
import { MIB, Under } from "./support.js";

const IN = { dataInBytes: 4096 };

/** A device that says other things of itself. */
class Other extends DeviceLayer {
	constructor(readonly said: Parameters<typeof deviceInfo>[0]) {
		super(new MemoryDevice(MIB));
	}

	override get info() {
		return deviceInfo(this.said);
	}

	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

const under = new Under();
const host = under.host();

async function good(cdb: string, dataInBytes = 4096, lun = 0): Promise<Buffer> {
	const answer = await host.run(cdb, { dataInBytes, lun });
	t.equal(answer.status, 0x00, cdb);
	return answer.data;
}

async function refused(cdb: string, asc: number, byte?: number, lun = 0): Promise<void> {
	const { status, sense, data } = await host.run(cdb, { ...IN, lun });
	t.same([status, sense?.key, sense?.asc, data.length], [0x02, 0x05, asc, 0], cdb);
	if (byte !== undefined) t.same([sense?.field?.inCdb, sense?.field?.byte], [true, byte], cdb);
}

t.test("standard INQUIRY data", async (t) => {
	const data = await good("12 00 00 0060 00");
	t.equal(data.length, 96);
	t.same([...data.subarray(0, 8)], [0x00, 0x00, 0x06, 0x02, 91, 0x18, 0x00, 0x02]);
	t.equal(data.toString("latin1", 8, 36), "vblade  virtual disk    1   ");
	t.same(
		[0, 1, 2, 3].map((index) => data.readUInt16BE(58 + 2 * index)),
		[0x00a0, 0x0960, 0x0460, 0x04c0],
	);
	t.equal((await good("12 00 00 0024 00")).length, 36, "as much as is allocated");
	t.equal((await good("12 00 00 0000 00")).length, 0);
	t.equal((await good("12 00 00 0060 00", 20)).length, 20, "no more than the initiator takes");
	await refused("12 00 83 0060 00", Asc.invalidField, 2);
	await refused("12 02 00 0060 00", Asc.invalidField, 1);
	await refused("12 01 c7 0060 00", Asc.invalidField, 2);
	under.unit.isRemovable = true;
	t.equal((await good("12 00 00 0060 00"))[1], 0x80);
	under.unit.isRemovable = false;
});

t.test("a number without a unit", async (t) => {
	const data = await good("12 00 00 0060 00", 96, 7);
	t.equal(data[0], 0x7f);
	t.equal((await good("12 01 00 00ff 00", 255, 7))[0], 0x7f);
	await refused("12 01 83 00ff 00", Asc.invalidField, 2, 7);
	await refused("00 00 00 00 00 00", Asc.noUnit, undefined, 7);
	await refused("1a 00 3f 00 ff 00", Asc.noUnit, undefined, 7);
	const sense = await good("03 00 00 00 ff 00", 255, 7);
	t.same([sense[2], sense[12]], [0x05, 0x25]);
});

t.test("pages of vital product data", async (t) => {
	const list = await good("12 01 00 00ff 00");
	t.same([...list], [0x00, 0x00, 0x00, 10, 0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0x8f, 0xb0, 0xb1, 0xb2]);
	for (const page of list.subarray(4)) {
		const data = await good(`12 01 ${page.toString(16).padStart(2, "0")} 0400 00`);
		t.equal(data[1], page);
		t.equal(data.readUInt16BE(2), data.length - 4, `length of page ${page}`);
	}
	const { serial, wwn } = under.disk.identity;
	t.equal((await good("12 01 80 00ff 00")).toString("latin1", 4), serial);
	const names = designators(await good("12 01 83 0400 00"));
	t.same(names, [
		["1 unit 3", wwn.toString(16)],
		["2 unit 1", Buffer.from(`vblade  ${serial}`).toString("hex")],
		["51 port 4", "00000001"],
		["51 port 5", "00000001"],
		["53 port 8", padded("iqn.2026-11.org.example:test,t,0x0001")],
		["53 device 8", padded("iqn.2026-11.org.example:test")],
	]);
	t.equal(
		(await good("12 01 88 0400 00")).toString("hex", 4),
		`00000001${"00000000"}0000002c${"53980028"}${padded("iqn.2026-11.org.example:test,t,0x0001")}`,
		"its only port",
	);
	t.equal((await good("12 01 b1 00ff 00")).readUInt16BE(4), 1, "nothing turns");
});

/** Code set with protocol, association, type; value. */
function designators(page: Buffer): [string, string][] {
	const found: [string, string][] = [];
	for (let at = 4; at < page.length; at += 4 + page[at + 3]!) {
		const association = ["unit", "port", "device"][(page[at + 1]! >> 4) & 3];
		const head = `${page[at]!.toString(16)} ${association} ${page[at + 1]! & 0x0f}`;
		t.equal(
			page[at + 1]! >> 7,
			association === "unit" ? 0 : 1,
			"the protocol is valid with ports and devices",
		);
		found.push([head, page.toString("hex", at + 4, at + 4 + page[at + 3]!)]);
	}
	return found;
}

function padded(text: string): string {
	const bytes = Buffer.alloc(4 * Math.floor(text.length / 4 + 1));
	bytes.write(text);
	return bytes.toString("hex");
}

t.test("limits and provisioning are the device's", async (t) => {
	const said = {
		sizeBytes: MIB,
		canTrim: true,
		physicalBlockBytes: 4096,
		trimGranularityBytes: 65536,
		trimAlignmentBytes: 8192,
		bestTransferBytes: 16384,
		nonRotational: false,
		writeCache: true,
	};
	const page = async (number: string, device: Parameters<typeof deviceInfo>[0]) => {
		const other = new Under(new Other(device));
		return (await other.host().run(`12 01 ${number} 00ff 00`, IN)).data;
	};
	const limits = await page("b0", said);
	t.equal(limits.length, 64);
	t.equal(limits.readUInt16BE(6), 8, "granularity of transfers");
	t.equal(limits.readUInt32BE(12), 32, "the best");
	t.ok(limits.readUInt32BE(20) > 0 && limits.readUInt32BE(24) > 0, "unmap is limited");
	t.equal(limits.readUInt32BE(28), 128);
	t.equal(limits.readUInt32BE(32), 0x8000_0000 + 16);
	t.same([...(await page("b2", said))], [0, 0xb2, 0, 4, 0, 0xe4, 2, 0]);
	t.same([...(await page("b2", { sizeBytes: MIB }))], [0, 0xb2, 0, 4, 0, 0, 0, 0]);
	t.equal((await page("b0", { sizeBytes: MIB })).readUInt32BE(20), 0, "no unmap");
	t.equal((await page("b1", said)).readUInt16BE(4), 0);
	t.equal((await page("86", said))[6], 1, "a volatile cache");
	t.equal((await page("86", { sizeBytes: MIB }))[6], 0);
});

t.test("REPORT LUNS", async (t) => {
	const many = new Under();
	for (const lun of [3, 255, 256, 16383])
		many.target.add(
			lun,
			LogicalUnit.of(new Disk(`d${lun}`, makeIdentity(`${lun}`, "1"), new MemoryDevice(MIB))),
		);
	const one = many.host();
	const luns = async (select: string) => (await one.run(`a0 00 ${select} 000000 00001000 00 00`, IN)).data;
	const all =
		"00000028 00000000 0000000000000000 0003000000000000 00ff000000000000 4100000000000000 7fff000000000000";
	t.equal((await luns("00")).toString("hex"), all.replaceAll(" ", ""));
	t.equal((await luns("02")).toString("hex"), all.replaceAll(" ", ""));
	t.equal((await luns("01")).toString("hex"), "0000000000000000", "none is well known");
	t.equal((await one.run("a0 00 00 000000 00000010 00 00", IN)).data.length, 16);
	const refusals = [
		["a0 00 03 000000 00001000 00 00", 2],
		["a0 00 00 000000 0000000f 00 00", 6],
	] as const;
	for (const [cdb, byte] of refusals)
		t.match((await one.run(cdb, IN)).sense, { asc: Asc.invalidField, field: { byte } });
	t.equal((await one.run("a0 00 00 000000 00001000 00 00", { ...IN, lun: 9 })).data.length, 48, "of any LUN");
});

t.test("REQUEST SENSE tells what waits, once", async (t) => {
	const other = new Under();
	const one = other.host();
	other.unit.attend(one.nexus, Asc.capacityChanged);
	const ask = async (flags: string) => (await one.run(`03 ${flags} 00 00 ff 00`, IN)).data;
	const data = await ask("00");
	t.equal(data.length, 18);
	t.same([data[0], data[2], data[7], data.readUInt16BE(12)], [0x70, 0x06, 10, 0x2a09]);
	t.same([...(await ask("00")).subarray(0, 3)], [0x70, 0x00, 0x00]);
	other.unit.attend(one.nexus, Asc.capacityChanged);
	t.same([...(await ask("01"))], [0x72, 0x06, 0x2a, 0x09, 0, 0, 0, 0]);
	other.unit.attend(one.nexus, Asc.capacityChanged);
	t.equal((await one.run("12 00 00 0060 00", IN)).status, 0, "INQUIRY does not ask");
	t.match((await one.run("00 00 00 00 00 00")).sense, { key: 6, asc: 0x2a09 });
	t.equal((await one.run("00 00 00 00 00 00")).status, 0);
});

t.test("REPORT SUPPORTED OPERATION CODES is the table of them", async (t) => {
	const all = await good("a3 0c 00 00 0000 00004000 00 00", 0x4000);
	t.equal(all.readUInt32BE(0), all.length - 4);
	const seen = new Set<string>();
	for (let at = 4; at < all.length; at += 8) {
		const opcode = all[at]!;
		const hasAction = (all[at + 5]! & 1) > 0;
		const action = all.readUInt16BE(at + 2);
		seen.add(`${opcode.toString(16)}${hasAction ? `/${action.toString(16)}` : ""}`);
		const ask = `a3 0c 0${hasAction ? 2 : 1} ${all.toString("hex", at, at + 1)} ${all.toString("hex", at + 2, at + 4)} 00000100 00 00`;
		const one = await good(ask);
		t.same([one[1], one.readUInt16BE(2)], [0x03, all.readUInt16BE(at + 6)], ask);
		t.equal(one.length, 4 + one.readUInt16BE(2));
		t.equal(one[4], opcode);
		if (hasAction) t.equal(one[5]! & 0x1f, action, ask);
		const timed = await good(ask.replace("a3 0c 0", "a3 0c 8"));
		t.same([timed[1], timed.length], [0x83, one.length + 12]);
	}
	for (const command of [
		"0",
		"12",
		"28",
		"2a",
		"5e/0",
		"5e/3",
		"5f/7",
		"a0",
		"a3/c",
		"a3/d",
		"a3/a",
		"15",
		"5a",
	])
		t.ok(seen.has(command), command);
	t.same([...(await good("a3 0c 01 ff 0000 00000100 00 00"))], [0, 1, 0, 0], "one that there is not");
	t.same([...(await good("a3 0c 02 5e 0017 00000100 00 00"))], [0, 1, 0, 0]);
	t.equal((await good("a3 0c 03 5e 0001 00000100 00 00"))[1], 3);
	t.equal((await good("a3 0c 03 12 0000 00000100 00 00"))[1], 3);
	t.equal((await good("a3 0c 03 12 0001 00000100 00 00"))[1], 1);
	await refused("a3 0c 01 5e 0000 00000100 00 00", Asc.invalidField, 2);
	await refused("a3 0c 02 12 0000 00000100 00 00", Asc.invalidField, 2);
	await refused("a3 0c 04 12 0000 00000100 00 00", Asc.invalidField, 2);
	await refused("a3 1f 00 00 0000 00000100 00 00", Asc.invalidField, 1);
	const timed = await good("a3 0c 80 00 0000 00004000 00 00", 0x4000);
	t.equal(timed.length - 4, ((all.length - 4) / 8) * 20);
});

t.test("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", async (t) => {
	t.same([...(await good("a3 0d 00 00 0000 00000010 00 00"))], [0xde, 0x03, 0, 0]);
	const long = await good("a3 0d 80 00 0000 00000010 00 00");
	t.same([long.length, long[3]], [16, 12]);
});

t.test("REPORT TARGET PORT GROUPS", async (t) => {
	const plain = "00000010 00 0f 0001 00 02 00 01 0000 0001";
	t.equal(
		(await good("a3 0a 00 00 0000 000000ff 00 00")).toString("hex"),
		plain.replaceAll(" ", "").replace("00000010", "0000000c"),
	);
	const long = await good("a3 2a 00 00 0000 000000ff 00 00");
	t.equal(long.toString("hex"), "00000010100000000" + "00f0001000200010000" + "0001");
	await refused("a3 4a 00 00 0000 000000ff 00 00", Asc.invalidField, 1);
	await refused("a4 0a 00 00 0000 00000000 00 00", Asc.opcode);
});

t.test("LOG SENSE has the page of pages", async (t) => {
	t.same([...(await good("4d 00 40 00 00 0000 00ff 00"))], [0, 0, 0, 1, 0]);
	t.same([...(await good("4d 00 40 ff 00 0000 00ff 00"))], [0x40, 0xff, 0, 4, 0, 0, 0, 0xff]);
	await refused("4d 00 4d 00 00 0000 00ff 00", Asc.invalidField, 2);
});
