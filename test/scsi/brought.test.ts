// A unit that two hosts serve: what only the one can do that has what is stored waits for that at the other, or is asked for again.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey, TaskFunction } from "../../lib/scsi/protocol.js";
import { type Answer, cdb10, cdb16, type TestHost } from "./support.js";
import { attentions, EXCLUSIVE, out, reserved, SECTOR, stage } from "./two-hosts-stage.js";

const REGISTRANTS = 5;

/** What only the owner can do. */
function forOwner(host: TestHost): Promise<Answer>[] {
	const compare = cdb16(Opcode.compareAndWrite, 0, 0);
	compare[13] = 1;
	return [
		out(host, 0, 0, 7),
		host.run("5e0000000000000100 00", { dataInBytes: 256 }),
		host.run("160000000000"),
		host.run("170000000000"),
		host.run("56000000000000000000"),
		host.run("57000000000000000000"),
		host.run(compare, { dataOut: Buffer.alloc(2 * SECTOR) }),
		host.run(cdb16(Opcode.orWrite16, 0, 1), { dataOut: Buffer.alloc(SECTOR, 3) }),
	];
}

t.test(
	"what only the owner can do is not done, nor told, by the other host, if it does not come",
	async (t) => {
		const { device, under, one, moved } = stage();
		device.leave();
		moved();
		await attentions(one);
		device.comes = false;
		const refused = await Promise.all(forOwner(one));
		for (const { sense } of refused) t.same(sense, { key: SenseKey.notReady, asc: Asc.standby });
		t.equal(under.disk.stats.causes.refused, 8);
		const write = await one.run(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR, 1) });
		t.equal(write.status, ScsiStatus.good, "all else is done");
		device.comes = true;
		const late = forOwner(one);
		device.came(false);
		for (const { sense } of await Promise.all(late))
			t.same(sense, { key: SenseKey.notReady, asc: Asc.standby });
		delete (device.partner as { bring?: unknown }).bring;
		t.equal((await forOwner(one)[0]!).sense?.asc, Asc.standby, "nobody can ask for it");
	},
);

t.test("it comes for that, and it is done then", async (t) => {
	const { device, under, one, two, moved } = stage();
	device.leave();
	moved();
	await attentions(one);
	await attentions(two);
	const waiting = forOwner(one);
	const aborted = two.send("160000000000");
	t.equal(two.underWay, 1);
	t.equal(await under.target.manage(two.nexus, TaskFunction.abortTaskSet, 0, 0), "complete");
	t.equal(device.brought, 9);
	device.come(JSON.stringify({ scsi: { registrations: [], type: null, holder: null } }));
	moved();
	device.came(true);
	t.equal((await waiting[0]!).status, ScsiStatus.good, "nor is there anything to be told before");
	for (const each of waiting.slice(1, 6)) t.equal((await each).status, ScsiStatus.good);
	// (The storage of this test can't; `test/iscsi/both-hosts.test.ts` has one that can.)
	for (const each of waiting.slice(6)) t.equal((await each).sense?.asc, Asc.opcode);
	t.equal(under.disk.stats.causes.refused, 2, "what was on its way has not failed");
	t.equal((await aborted.answer).isAborted, true, "who wants it no more is not answered");
	t.same(await attentions(one), [Asc.inquiryChanged, Asc.alua], "of which it is told afterwards");
});

t.test("who may do it is looked at when it is here", async (t) => {
	const { device, one, two, moved } = stage();
	const text = await reserved(device, one);
	device.leave();
	moved();
	await attentions(one);
	await attentions(two);
	const reserving = two.run("160000000000");
	const reading = two.run("5e0100000000000100 00", { dataInBytes: 256 });
	device.come(text);
	moved();
	device.came(true);
	t.equal((await reserving).status, ScsiStatus.reservationConflict);
	t.equal(
		(await reading).data[21],
		EXCLUSIVE,
		"it is not ended by what ends all that was let through before",
	);
});

t.test(
	"a write that the owner refuses, as it is reserved, brings it here, where it is known by whom",
	async (t) => {
		const { device, under, one, moved } = stage();
		device.leave();
		moved();
		await attentions(one);
		device.fail = StorageStatus.writeProtected;
		const write = () => one.run(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
		t.equal((await write()).status, ScsiStatus.busy);
		t.equal(device.brought, 1);
		t.equal((await one.run(cdb10(Opcode.read10, 0, 1), { dataInBytes: SECTOR })).status, ScsiStatus.busy);
		t.equal(under.disk.stats.causes.protected, 0);
		device.comes = false;
		t.same((await write()).sense, { key: SenseKey.notReady, asc: Asc.standby });
		device.partner = { name: "beta", hasIt: false };
		t.equal((await write()).sense?.key, SenseKey.dataProtect, "that of this host is write-protected");
	},
);

t.test("what can't be kept while the other host is about to have it is asked for again", async (t) => {
	const { device, one } = stage();
	device.memo!.keep = async () => {
		throw new OperatorError("it has gone");
	};
	t.equal((await out(one, 0, 0, 7)).sense?.key, SenseKey.hardwareError);
	const conflicting = await out(one, 2, 7, 0, REGISTRANTS);
	t.equal(conflicting.status, ScsiStatus.reservationConflict);
	device.mayAnswer = false;
	for (const late of [out(one, 2, 7, 0, REGISTRANTS), forOwner(one)[1]!])
		t.equal((await late).status, ScsiStatus.busy, "who has reserved may be known better elsewhere by now");
	const refused = await out(one, 0, 0, 7);
	t.strictSame([refused.status, refused.sense], [ScsiStatus.busy, null]);
});

t.test("who preempts and aborts waits for what was asked by way of the other host", async (t) => {
	const { device, under, one, two } = stage();
	let settled = (): void => {};
	let asked = 0;
	const settle = (): Promise<void> => {
		asked++;
		return new Promise((resolve) => {
			settled = resolve;
		});
	};
	device.partner = { name: "beta", hasIt: false, settle };
	for (const [host, key] of [
		[one, 7],
		[two, 9],
	] as const)
		t.equal((await out(host, 0, 0, key)).status, ScsiStatus.good);
	t.equal((await out(one, 1, 7, 0, REGISTRANTS)).status, ScsiStatus.good);
	t.equal((await out(one, 5, 7, 9, REGISTRANTS)).status, ScsiStatus.good);
	t.equal(asked, 0, "what that one had asked is known here");
	// (As one that is registered by a port of the other host.)
	await attentions(two);
	t.equal((await out(two, 0, 0, 9)).status, ScsiStatus.good);
	under.target.end(two.nexus);
	let isDone = false;
	const preempting = out(one, 5, 7, 9, REGISTRANTS).then(({ status }) => {
		isDone = true;
		return status;
	});
	await nextTurn();
	t.strictSame([asked, isDone], [1, false]);
	settled();
	t.equal(await preempting, ScsiStatus.good);
});
