// Management of tasks: what is aborted has ended, and can change nothing any more, when it is answered; others go on, and are told.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus, SenseKey, TaskAttribute, TaskFunction } from "../../lib/scsi/protocol.js";
import { LogicalUnit } from "../../lib/scsi/unit.js";
import { cdb10, Manual, MIB, type Sent, type TestHost, Under } from "./support.js";

const SECTOR = 512;
const { abortTask, abortTaskSet, clearTaskSet, logicalUnitReset, targetReset, nexusReset } = TaskFunction;
const { queryTask, queryTaskSet, queryAsynchronousEvent, clearAca } = TaskFunction;

function manual() {
	const device = new Manual(new MemoryDevice(MIB));
	const under = new Under(device);
	return { device, under, one: under.host("one"), two: under.host("two") };
}

function write(
	host: TestHost,
	lba: number,
	tag = lba,
	attribute: TaskAttribute = TaskAttribute.simple,
): Sent {
	const sent = host.send(cdb10(Opcode.write10, lba, 1), {
		dataOut: Buffer.alloc(SECTOR, 0xaa),
		tag,
		attribute,
	});
	sent.give(SECTOR);
	return sent;
}

t.test("a task that has begun is waited for; one that has not is taken back at once", async (t) => {
	const { device, under, one } = manual();
	const begun = write(one, 1);
	const waiting = write(one, 2);
	device.begin(0);
	const answers: string[] = [];
	void under.target.manage(one.nexus, abortTask, 0, 1).then((answer) => answers.push(`begun ${answer}`));
	void under.target.manage(one.nexus, abortTask, 0, 2).then((answer) => answers.push(`waiting ${answer}`));
	await new Promise(setImmediate);
	t.same(answers, ["waiting complete"]);
	t.ok((await waiting.answer).isAborted);
	device.finish();
	await new Promise(setImmediate);
	t.same(answers, ["waiting complete", "begun complete"]);
	t.ok((await begun.answer).isAborted);
	t.equal(await under.target.manage(one.nexus, abortTask, 0, 1), "no-task");
	t.equal(await under.target.manage(one.nexus, abortTask, 7, 1), "no-unit");
});

for (const what of [abortTaskSet, clearTaskSet, nexusReset])
	t.test(`what a nexus has under way ends, and nothing of others: function ${what}`, async (t) => {
		const { device, under, one, two } = manual();
		const mine = [write(one, 1), write(one, 2, 2, TaskAttribute.ordered), write(one, 3)];
		const other = write(two, 4);
		t.equal(await under.target.manage(one.nexus, what, 0, 0), "complete");
		for (const { answer } of mine) t.ok((await answer).isAborted);
		t.equal(device.held.length, 1, "those that were held back have not begun");
		device.go();
		t.equal((await other.answer).status, ScsiStatus.good);
		t.equal((await two.run("000000000000")).status, ScsiStatus.good, "nobody has to be told");
		t.equal(one.roomsHeld, 0);
	});

for (const what of [logicalUnitReset, targetReset])
	t.test(`a reset ends everybody's tasks, and all are told: function ${what}`, async (t) => {
		const { device, under, one, two } = manual();
		const sent = [write(one, 1), write(two, 2)];
		device.begin(1);
		let isAnswered = false;
		const reset = under.target.manage(one.nexus, what, 0, 0).then(() => {
			isAnswered = true;
		});
		await new Promise(setImmediate);
		t.notOk(isAnswered, "the other one's is under way");
		device.finish();
		await reset;
		for (const { answer } of sent) t.ok((await answer).isAborted);
		for (const each of [two, one]) {
			const told = await each.run("000000000000");
			t.same(told.sense, { key: SenseKey.unitAttention, asc: Asc.reset });
			t.equal((await each.run("000000000000")).status, ScsiStatus.good, "once");
		}
	});

t.test("queries", async (t) => {
	const { device, under, one, two } = manual();
	const ask = (what: TaskFunction, tag = 0) => under.target.manage(one.nexus, what, 0, tag);
	t.equal(await ask(queryTaskSet), "complete");
	const { answer } = write(one, 1);
	t.equal(await ask(queryTask, 1), "succeeded");
	t.equal(await ask(queryTask, 2), "complete");
	t.equal(await ask(queryTaskSet), "succeeded");
	t.equal(await ask(queryAsynchronousEvent), "complete");
	t.equal(await ask(clearAca), "unsupported");
	device.go();
	await answer;
	await under.target.manage(two.nexus, logicalUnitReset, 0, 0);
	t.equal(await ask(queryAsynchronousEvent), "succeeded");
	t.equal((await one.run("000000000000")).sense?.asc, Asc.reset, "it is told still");
});

t.test("who comes is told of the unit, and of units that come and go", async (t) => {
	const { under, one } = manual();
	const other = LogicalUnit.of(new Under().disk);
	under.target.begin(one.nexus);
	t.equal((await one.run("000000000000")).sense?.asc, Asc.powerOn);
	t.ok(under.target.add(5, other));
	t.notOk(under.target.add(5, other));
	t.equal((await one.run("000000000000")).sense?.asc, Asc.lunsChanged);
	under.target.remove(5);
	t.equal((await one.run("000000000000", { lun: 5 })).sense?.asc, Asc.noUnit);
	t.equal((await one.run("000000000000")).sense?.asc, Asc.lunsChanged);
	t.equal((await one.run("000000000000")).status, ScsiStatus.good);
});
