// START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL: a unit that is stopped, a medium that is out, who may take it out, and what is carried out all the same.

import t from "tap";
import { Asc, ScsiStatus } from "../../lib/scsi/protocol.js";
import { TestDevice } from "../ata/bench.js";
import { cdb10, cdb16, type TestHost, Under } from "./support.js";

const START = "1b 00 00 00 01 00";
const STOP = "1b 00 00 00 00 00";
const EJECT = "1b 00 00 00 02 00";
const LOAD = "1b 00 00 00 03 00";
const PREVENT = "1e 00 00 00 01 00";
const ALLOW = "1e 00 00 00 00 00";
const READY = "00 00 00 00 00 00";

/** Of the medium. */
const WANTING = [
	cdb10(0x28, 0, 1),
	cdb10(0x2a, 0, 1),
	cdb10(0x35, 0, 0),
	cdb10(0x25, 0, 0),
	cdb16(0x88, 0, 1),
];
/** Of the unit. */
const OTHERS = [
	"12 00 00 00 ff 00",
	"1a 00 3f 00 ff 00",
	"a0 00 00 000000 000000ff 00 00",
	"03 00 00 00 ff 00",
];

/** 0, or the additional sense code. */
async function asc(host: TestHost, cdb: Buffer | string): Promise<number> {
	const { status, sense } = await host.run(cdb, { dataInBytes: 512, dataOut: Buffer.alloc(512) });
	return status === ScsiStatus.good ? 0 : (sense?.asc ?? -1);
}

t.test("a unit that is stopped", async (t) => {
	const device = new TestDevice();
	const under = new Under(device);
	const [host, other] = [under.host(), under.host("two")];
	t.equal(await asc(host, START), 0, "it was ready");
	t.equal(await asc(host, STOP), 0);
	t.same(
		device.seen.map(({ op }) => op),
		["flush"],
		"what was written is stable",
	);
	for (const cdb of [READY, ...WANTING]) t.equal(await asc(other, cdb), Asc.stopped, `${cdb.toString()}`);
	for (const cdb of OTHERS) t.equal(await asc(other, cdb), 0, cdb);
	const { data } = await host.run("03 00 00 00 ff 00", { dataInBytes: 255 });
	t.same([data[2], data.readUInt16BE(12)], [0x02, Asc.stopped]);
	t.equal(await asc(host, STOP), 0, "once more");
	t.equal(device.requests, 1);
	t.equal(await asc(other, START), 0);
	for (const cdb of [READY, ...WANTING]) t.equal(await asc(host, cdb), 0);
	t.equal(await asc(host, "1b 00 00 00 04 00"), 0, "without a flush");
	t.equal(under.unit.medium.isStopped, true);
	t.equal(await asc(host, START), 0);
	t.equal(await asc(host, EJECT), Asc.invalidField, "nothing can be taken out");
	for (const power of ["1", "2", "3", "4", "7", "a", "b", "f"])
		t.equal(await asc(host, `1b 00 00 00 ${power}0 00`), 0, `condition of power ${power}`);
	t.equal(await asc(host, READY), 0);
	device.fault = { lba: 0, op: "flush", status: 2, errno: 5 };
	t.equal(await asc(host, STOP), Asc.writeError);
	t.equal(await asc(host, READY), 0, "it is not stopped then");
});

t.test("a medium that is taken out and put in", async (t) => {
	const under = new Under(new TestDevice());
	under.unit.isRemovable = true;
	const [host, other] = [under.host(), under.host("two")];
	t.equal(await asc(host, STOP), 0);
	t.equal(await asc(host, READY), 0, "it is not taken out by that");
	t.equal(await asc(host, EJECT), 0);
	for (const cdb of [READY, ...WANTING]) t.equal(await asc(other, cdb), Asc.mediumNotPresent);
	for (const cdb of OTHERS) t.equal(await asc(other, cdb), 0, cdb);
	t.equal(await asc(host, START), Asc.mediumNotPresent, "there is nothing to start");
	t.equal(await asc(host, LOAD), 0);
	t.match((await other.run(READY)).sense, { key: 6, asc: Asc.mediumChanged });
	for (const cdb of [READY, ...WANTING]) t.equal(await asc(other, cdb), 0);
	t.equal(await asc(host, READY), 0);
	t.equal(await asc(host, LOAD), 0);
	t.equal(await asc(other, READY), 0, "it was in");
});

t.test("who prevents it", async (t) => {
	const under = new Under(new TestDevice());
	under.unit.isRemovable = true;
	const [host, other] = [under.host(), under.host("two")];
	t.equal(await asc(host, PREVENT), 0);
	t.equal(await asc(other, PREVENT), 0);
	t.equal(await asc(host, EJECT), Asc.removalPrevented);
	t.equal(await asc(host, ALLOW), 0);
	t.equal(await asc(host, EJECT), Asc.removalPrevented, "each for himself");
	under.target.end(other.nexus);
	t.equal(await asc(host, EJECT), 0, "who is gone prevents nothing");
	t.equal(await asc(host, PREVENT), 0);
	t.equal(await asc(host, LOAD), Asc.removalPrevented, "nor is it put in");
	t.equal(await asc(host, ALLOW), 0);
	t.equal(await asc(host, LOAD), 0);
	t.equal(await asc(host, PREVENT), 0);
	t.equal(await asc(host, LOAD), 0, "it is in");
	await under.unit.reset();
	t.equal(await asc(host, READY), Asc.reset);
	t.equal(await asc(host, EJECT), 0, "after a reset nobody does");
	t.equal(await asc(host, "1e 00 00 00 02 00"), Asc.invalidField);
});
