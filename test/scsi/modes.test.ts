// MODE SENSE and MODE SELECT, of both lengths: pages held against SPC-4, 7.5, and SBC-3, 6.5; what can be changed, and what of a list is refused.

import t from "tap";
import { Asc } from "../../lib/scsi/protocol.js";
import { TestDevice } from "../ata/bench.js";
import { cdb10, type TestHost, Under } from "./support.js";

const RECOVERY = "010a00000000000000000000";
const CACHING_ON = `081204${"00".repeat(17)}`;
const CACHING_OFF = `0812${"00".repeat(18)}`;
const CONTROL = "0a0a2010000000 00ffff0000".replaceAll(" ", "");
const EXCEPTIONS = "1c0a08000000000000000000";

async function sense(host: TestHost, cdb: string, dataInBytes = 255): Promise<string> {
	const { status, data } = await host.run(cdb, { dataInBytes });
	t.equal(status, 0, cdb);
	return data.toString("hex");
}

async function refused(host: TestHost, cdb: string, asc: number, byte?: number): Promise<void> {
	const { status, sense: why } = await host.run(cdb, { dataInBytes: 255 });
	t.same([status, why?.key, why?.asc], [2, 5, asc], cdb);
	if (byte !== undefined) t.equal(why?.field?.byte, byte, cdb);
}

t.test("all pages, as they are", async (t) => {
	const host = new Under(new TestDevice({ sizeBytes: 1000 * 512 })).host();
	const pages = RECOVERY + CACHING_ON + CONTROL + EXCEPTIONS;
	const blocks = "000003e800000200";
	t.equal(await sense(host, "1a 00 3f 00 ff 00"), `43001008${blocks}${pages}`);
	t.equal(await sense(host, "1a 00 3f ff ff 00"), `43001008${blocks}${pages}`, "with subpages");
	t.equal(await sense(host, "1a 08 3f 00 ff 00"), `3b001000${pages}`, "without blocks");
	t.equal(await sense(host, "1a 00 3f 00 04 00"), "43001008", "as much as is allocated");
	t.equal(await sense(host, "5a 00 3f 00 000000 00ff 00"), `0046001000000008${blocks}${pages}`);
	const long = "00000000000003e80000000000000200";
	t.equal(await sense(host, "5a 10 3f 00 000000 00ff 00"), `004e001001000010${long}${pages}`);
	t.equal(await sense(host, "5a 18 08 00 000000 00ff 00"), `001a001000000000${CACHING_ON}`);
	t.equal(await sense(host, "1a 08 48 00 ff 00"), `17001000${CACHING_ON}`, "what can be changed");
	t.equal(await sense(host, "1a 08 4a 00 ff 00"), "0f0010000a0a04000800000000000000");
	t.equal(await sense(host, "1a 08 41 00 ff 00"), `0f001000010a${"00".repeat(10)}`);
	t.equal(await sense(host, "1a 08 bf 00 ff 00"), `3b001000${pages}`, "the default");
	await refused(host, "1a 00 ff 00 ff 00", Asc.savingNotSupported);
	await refused(host, "1a 00 02 00 ff 00", Asc.invalidField, 2);
	await refused(host, "1a 00 08 01 ff 00", Asc.invalidField, 3);
});

t.test("a disk of more blocks than 32 bits say", async (t) => {
	const host = new Under(new TestDevice({ sizeBytes: 2 ** 33 * 512 })).host();
	t.equal((await sense(host, "1a 00 08 00 0c 00")).slice(8), "ffffffff00000200");
	t.equal((await sense(host, "5a 10 08 00 000000 0018 00")).slice(16), "00000002000000000000000000000200");
});

t.test("a disk that can't be changed says so", async (t) => {
	const host = new Under(new TestDevice({ readOnly: true })).host();
	t.equal((await sense(host, "1a 08 08 00 ff 00")).slice(0, 8), "17009000");
	t.equal((await sense(host, "5a 08 08 00 000000 00ff 00")).slice(0, 8), "001a0090");
});

const select6 = (host: TestHost, list: string, flags = "10") => {
	const dataOut = Buffer.from(list.replaceAll(" ", ""), "hex");
	return host.run(`15 ${flags} 0000 ${dataOut.length.toString(16).padStart(2, "0")} 00`, { dataOut });
};
const select10 = (host: TestHost, list: string) => {
	const dataOut = Buffer.from(list.replaceAll(" ", ""), "hex");
	return host.run(`55 10 0000000000 00${dataOut.length.toString(16).padStart(2, "0")} 00`, { dataOut });
};

t.test("the write cache is switched, and flushed when it is off", async (t) => {
	const device = new TestDevice();
	const under = new Under(device);
	const host = under.host();
	const other = under.host("two");
	t.equal((await select6(host, `00000000 ${CACHING_OFF}`)).status, 0);
	t.equal(device.info.writeCache, false);
	t.same(
		device.seen.map(({ op }) => op),
		["flush"],
	);
	t.match((await other.run("00 00 00 00 00 00")).sense, { key: 6, asc: Asc.modeChanged });
	t.equal((await host.run("00 00 00 00 00 00")).status, 0, "he who did it knows");
	t.equal((await select10(host, `00000000 00000000 ${CACHING_ON}`)).status, 0);
	t.equal(device.info.writeCache, true);
	t.equal(device.requests, 1, "nothing to flush");
	await other.run("00 00 00 00 00 00");
	t.equal((await select6(host, `00000000 ${CACHING_ON}`)).status, 0);
	t.equal((await other.run("00 00 00 00 00 00")).status, 0, "nothing has changed");
	device.fault = { lba: 0, op: "flush", status: 2, errno: 5 };
	t.match((await select6(host, `00000000 ${CACHING_OFF}`)).sense, { key: 3, asc: Asc.writeError });
	t.equal(under.disk.faults, 1);
});

t.test("a cache that can't be switched is not said to be so", async (t) => {
	const device = new TestDevice();
	device.refuseCacheSwitch = true;
	const host = new Under(device).host();
	t.equal(await sense(host, "1a 08 48 00 ff 00"), `17001000${CACHING_OFF}`);
	t.match((await select6(host, `00000000 ${CACHING_OFF}`)).sense, {
		asc: Asc.invalidParameter,
		field: { byte: 6 },
	});
	t.equal((await select6(host, `00000000 ${CACHING_ON}`)).status, 0);
});

t.test("sense data in descriptor form, and nobody may write", async (t) => {
	const device = new TestDevice();
	const under = new Under(device);
	const host = under.host();
	const list = "00000000 0a0a24100800 0000ffff0000";
	t.equal((await select6(host, list)).status, 0);
	t.equal(under.unit.modes.descriptorSense, true);
	t.equal((await sense(host, "1a 08 0a 00 ff 00")).slice(0, 8), "0f009000");
	const dataOut = Buffer.alloc(512);
	t.match((await host.run(cdb10(0x2a, 0, 1), { dataOut })).sense, { key: 7, asc: Asc.softwareProtected });
	t.equal(device.requests, 0);
	t.equal((await host.run(cdb10(0x28, 0, 1), { dataInBytes: 512 })).status, 0);
	t.equal((await host.run(cdb10(0x35, 0, 0))).status, 0, "what was written may become stable");
	t.equal((await select6(host, `00000000 ${CONTROL}`)).status, 0);
	t.equal((await host.run(cdb10(0x2a, 0, 1), { dataOut })).status, 0);
	await select6(host, list);
	await under.unit.reset();
	t.same(under.unit.modes.writeProtected, false, "a reset undoes it");
});

t.test("lists that make no sense change nothing", async (t) => {
	const device = new TestDevice({ sizeBytes: 1000 * 512 });
	const under = new Under(device);
	const host = under.host();
	const blocks = "000003e800000200";
	for (const list of ["", "00000000", `00000008 ${blocks}`, "00000008 0000000000000200"])
		t.equal((await select6(host, list)).status, 0, list);
	t.equal((await select10(host, "0000000001000010 00000000000003e80000000000000200")).status, 0);
	const wrong: [string, number, number?][] = [
		["000000", Asc.listLength],
		[`00000008 ${blocks.slice(0, 12)}`, Asc.listLength],
		["00000008 000003e900000200", Asc.invalidParameter, 4],
		["00000008 000003e800000400", Asc.invalidParameter, 9],
		["00000010 00000000000003e80000000000000200", Asc.invalidParameter, 3],
		[`00000000 ${CACHING_OFF.slice(0, -2)}`, Asc.listLength],
		["00000000 02", Asc.listLength],
		["00000000 020a00000000000000000000", Asc.invalidParameter, 4],
		["00000000 480100020000", Asc.invalidParameter, 4],
		["00000000 010900000000000000 0000", Asc.invalidParameter, 5],
		["00000000 010a01000000000000000000", Asc.invalidParameter, 6],
		[`00000000 ${CACHING_OFF} 0a0a20000000 0000ffff0000`, Asc.invalidParameter, 27],
		[`00000000 ${CACHING_OFF} 0a`, Asc.listLength],
	];
	for (const [list, asc, byte] of wrong) {
		const { status, sense: why } = await select6(host, list);
		t.same([status, why?.asc], [2, asc], list);
		if (byte !== undefined) t.same([why?.field?.inCdb, why?.field?.byte], [false, byte], list);
	}
	t.same([device.info.writeCache, device.requests], [true, 0]);
	t.match((await select6(host, "00000000", "00")).sense, { field: { inCdb: true, byte: 1, bit: 4 } });
	t.match((await select6(host, "00000000", "11")).sense, { field: { inCdb: true, byte: 1, bit: 0 } });
	const short = await host.run("15 10 0000 18 00", { dataOut: Buffer.alloc(10) });
	t.match(short.sense, { asc: Asc.listLength });
	t.equal(host.rooms.takenBytes, 0);
});
