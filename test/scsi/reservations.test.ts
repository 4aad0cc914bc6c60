// Reservations by commands, of several initiators on one unit: whom each type keeps from which command, what is kept before it is answered, RESERVE and
// RELEASE, and reservations of other protocols.

import t from "tap";
import { Hold } from "../../lib/holds.js";
import { isKeptUnit, type KeptUnit } from "../../lib/scsi/kept.js";
import { Asc, ScsiStatus } from "../../lib/scsi/protocol.js";
import { TestDevice } from "../ata/bench.js";
import { out, read, status, three } from "./reserving.js";
import { type Answer, cdb10, type TestHost, Under } from "./support.js";

const { good, reservationConflict } = ScsiStatus;

/** From SPC-4, table 66, and SBC-3, table 13: who may in spite of a reservation. A: all; W: while others may not write; R: who is registered, where that is enough. */
const COMMANDS: readonly (readonly [string, "A" | "W" | "R"])[] = [
	["00 00 00 00 00 00", "A"],
	["03 00 00 00 ff 00", "A"],
	["12 00 00 00 ff 00", "A"],
	["a0 00 00 000000 00000100 00 00", "A"],
	["4d 00 40 00 00 0000 00ff 00", "A"],
	["25 00 00000000 0000 00 00", "A"],
	["9e 10 0000000000000000 00000020 00 00", "A"],
	["5e 00 00 00 00 00 00 00 ff 00", "A"],
	["a3 0a 00 00 0000 000000ff 00 00", "A"],
	["1e 00 00 00 00 00", "A"],
	["1b 00 00 00 01 00", "A"],
	["1a 00 3f 00 ff 00", "W"],
	["5a 00 3f 00 000000 00ff 00", "W"],
	["a3 0c 00 00 0000 000000ff 00 00", "W"],
	["08 00 00 00 01 00", "W"],
	["28 00 00000000 00 0001 00", "W"],
	["88 00 0000000000000000 00000001 00 00", "W"],
	["9e 12 0000000000000000 00000020 00 00", "W"],
	["1e 00 00 00 01 00", "R"],
	["1b 00 00 00 00 00", "R"],
	["15 10 00 00 00 00", "R"],
	["2a 00 00000000 00 0001 00", "R"],
	["8a 00 0000000000000000 00000001 00 00", "R"],
	["35 00 00000000 00 0000 00", "R"],
	["42 00 00000000 00 0000 00", "R"],
	["93 00 0000000000000000 00000001 00 00", "R"],
	["89 00 0000000000000000 00000001 00 00", "R"],
	["83 00 0000000000000000 00000001 00 00", "R"],
	["48 01 00000000 00 0000 00", "R"],
];

for (const type of [1, 3, 5, 6, 7, 8])
	t.test(`whom type ${type} keeps from what`, async (t) => {
		const { a, b, c } = three();
		await out(a, 0, { actionKey: 1 });
		await out(b, 0, { actionKey: 2 });
		await out(a, 1, { key: 1, type });
		const isRefused = async (host: TestHost, cdb: string) => {
			const answer = await host.run(cdb, { dataInBytes: 4096, dataOut: Buffer.alloc(512) });
			return answer.status === reservationConflict;
		};
		const writes = type === 1 || type === 5 || type === 7;
		for (const [cdb, allowed] of COMMANDS) {
			t.equal(await isRefused(a, cdb), false, `${cdb}: who holds it`);
			const keeps = allowed === "R" || (allowed === "W" && !writes);
			t.equal(await isRefused(c, cdb), keeps, `${cdb}: who is not registered`);
			t.equal(await isRefused(b, cdb), keeps && type < 5, `${cdb}: who is`);
			await a.run("1b 00 00 00 01 00");
			await a.run("1e 00 00 00 00 00");
		}
		t.equal(await isRefused(c, "16 00 00 00 00 00"), true, "RESERVE");
		t.equal(await status(c, 3, { key: 1 }), reservationConflict, "who is not registered clears nothing");
		t.equal(await status(b, 3, { key: 2 }), good);
		t.match((await a.run("00 00 00 00 00 00")).sense, { key: 6, asc: Asc.reservationsPreempted });
		t.equal((await c.run("00 00 00 00 00 00")).status, good, "he is told of nothing");
		t.equal(await isRefused(c, "2a 00 00000000 00 0001 00"), false);
	});

t.test("who is preempted is told, and what he had under way is taken back", async (t) => {
	const device = new TestDevice();
	const under = new Under(device);
	const [a, b] = [under.host("a"), under.host("b")];
	await out(a, 0, { actionKey: 1 });
	await out(b, 0, { actionKey: 2 });
	await out(a, 1, { key: 1, type: 5 });
	device.hold = true;
	const write = a.send(cdb10(0x2a, 0, 1), { dataOut: Buffer.alloc(512) });
	write.give(512);
	let isOver = false;
	const preempted = out(b, 5, { key: 2, actionKey: 1, type: 5 }).then((answer) => {
		isOver = true;
		return answer;
	});
	await new Promise((resolve) => setImmediate(resolve));
	t.equal(isOver, false, "it can still change the disk");
	device.hold = false;
	device.release();
	t.equal((await preempted).status, good);
	t.equal((await write.answer).isAborted, true);
	t.match((await a.run("00 00 00 00 00 00")).sense, { key: 6, asc: Asc.registrationsPreempted });
	t.equal((await a.run(cdb10(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })).status, reservationConflict);
	t.equal(under.disk.stats.causes.access, 1);
});

t.test("it outlives a loss of power if that is wanted, and is not answered before it is kept", async (t) => {
	const { under, a, b } = three();
	const { reservations } = under.unit;
	const kept: KeptUnit[] = [];
	const waiting: ((isKept: boolean) => void)[] = [];
	reservations.keep = (state) => {
		kept.push(state);
		return new Promise((resolve) => waiting.push(resolve));
	};
	const settled = () => new Promise((resolve) => setImmediate(resolve));
	t.equal((await read(a, 2)).toString("hex"), "00081d80ea010000");
	t.equal(await status(b, 0, { actionKey: 2 }), good);
	t.equal(kept.length, 0, "this is not wanted to last");
	const ends: string[] = [];
	const go = (name: string, answer: Promise<Answer>) =>
		answer.then(({ status: ended, sense }) => ends.push(`${name} ${ended} ${sense?.asc ?? ""}`));
	void go("register", out(a, 0, { actionKey: 1, flags: 1 }));
	void go("reserve", out(a, 1, { key: 1, type: 1 }));
	await settled();
	t.same([ends, kept.length], [[], 1]);
	t.equal(reservations.persistent.registrations.size, 1, "nor does it count before");
	waiting.shift()?.(true);
	await settled();
	t.same(ends, ["register 0 "]);
	t.equal(reservations.persistent.reservation, null);
	waiting.shift()?.(false);
	await settled();
	t.same(ends, ["register 0 ", `reserve 2 ${Asc.internalFailure}`], "what can't be kept has not happened");
	t.equal(reservations.persistent.reservation, null);
	void go("again", out(a, 1, { key: 1, type: 1 }));
	await settled();
	waiting.shift()?.(true);
	await settled();
	t.equal(ends.at(-1), "again 0 ");
	t.equal((await read(a, 2)).toString("hex"), "00081d81ea010000");

	const after = new Under(new TestDevice());
	const text = JSON.stringify(kept.at(-1));
	t.equal(isKeptUnit(JSON.parse(text)), true);
	after.unit.reservations.restore(JSON.parse(text) as KeptUnit);
	const stranger = after.host("b");
	t.equal(
		(await stranger.run(cdb10(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })).status,
		reservationConflict,
	);
	t.equal(after.disk.holds.against(), Hold.writing);
	const owner = after.host("a");
	t.equal((await owner.run(cdb10(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })).status, good);

	const before = kept.length;
	void go("forget", out(b, 6, { actionKey: 3 }));
	await settled();
	waiting.shift()?.(true);
	await settled();
	t.equal(kept.length, before + 1);
	t.same(kept.at(-1), { registrations: [], type: null, holder: null }, "nor that it is to last no longer");
	t.equal(await status(b, 6, { actionKey: 4 }), good);
	t.equal(kept.length, before + 1);
});

t.test("a command that is taken back while it is kept is not answered", async (t) => {
	const { under, a } = three();
	let kept: ((isKept: boolean) => void) | undefined;
	under.unit.reservations.keep = () =>
		new Promise((resolve) => {
			kept = resolve;
		});
	const dataOut = Buffer.alloc(24);
	dataOut[15] = 1;
	dataOut[20] = 1;
	const sent = a.send("5f 00 00 00 00 00 00 00 18 00", { dataOut });
	sent.give(24);
	await new Promise((resolve) => setImmediate(resolve));
	sent.task.abort();
	t.equal(a.underWay, 1);
	kept?.(true);
	t.equal((await sent.answer).isAborted, true);
});

t.test("RESERVE and RELEASE", async (t) => {
	const { under, a, b } = three();
	const ask = async (host: TestHost, cdb: string) => (await host.run(cdb, { dataInBytes: 255 })).status;
	for (const [reserve, release] of [
		["16 00 00 00 00 00", "17 00 00 00 00 00"],
		["56 00 00 00 00 00 00 00 00 00", "57 00 00 00 00 00 00 00 00 00"],
	] as const) {
		t.equal(await ask(a, reserve), good);
		t.equal(await ask(a, reserve), good);
		t.equal(await ask(b, reserve), reservationConflict);
		for (const cdb of [
			"00 00 00 00 00 00",
			"1a 00 3f 00 ff 00",
			"5e 00 00 00 00 00 00 00 ff 00",
			"08 00 00 00 01 00",
		])
			t.equal(await ask(b, cdb), reservationConflict, cdb);
		for (const cdb of ["03 00 00 00 ff 00", "12 00 00 00 ff 00", "a0 00 00 000000 000000ff 00 00", release])
			t.equal(await ask(b, cdb), good, cdb);
		t.equal(await ask(a, "00 00 00 00 00 00"), good);
		t.equal(await status(a, 0, { actionKey: 1 }), reservationConflict, "persistent ones are another matter");
		t.equal(under.disk.holds.against(), Hold.all);
		t.equal(await ask(a, release), good);
		t.equal(await ask(b, "00 00 00 00 00 00"), good);
	}
	await ask(a, "16 00 00 00 00 00");
	under.target.end(a.nexus);
	t.equal(await ask(b, "00 00 00 00 00 00"), good, "who is gone has nothing");
	t.match((await b.run("16 10 00 00 00 00")).sense, { asc: Asc.invalidField, field: { byte: 1 } });
	t.match((await b.run("16 01 00 00 00 00")).sense, { asc: Asc.invalidField, field: { byte: 1 } });
	await ask(b, "16 00 00 00 00 00");
	await under.unit.reset();
	t.equal(under.disk.holds.isAny, false);
});

t.test("RESERVE by who has it persistently changes nothing", async (t) => {
	const { under, a, b } = three();
	await out(a, 0, { actionKey: 1 });
	t.equal((await a.run("16 00 00 00 00 00")).status, reservationConflict, "registered is not enough");
	await out(a, 1, { key: 1, type: 3 });
	t.equal((await a.run("16 00 00 00 00 00")).status, good);
	t.equal((await a.run("17 00 00 00 00 00")).status, good);
	t.equal((await b.run("17 00 00 00 00 00")).status, reservationConflict);
	t.equal(under.unit.reservations.legacy, null);
	t.equal(under.unit.reservations.persistent.reservation?.type, 3);
});

t.test("what another protocol has reserved", async (t) => {
	const { under, a } = three();
	const { holds } = under.disk;
	const keeper = {};
	const write = async () => (await a.run(cdb10(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })).status;
	const readOne = async () => (await a.run(cdb10(0x28, 0, 1), { dataInBytes: 512 })).status;
	holds.set(keeper, "aoe", Hold.writing);
	t.same([await readOne(), await write()], [good, reservationConflict]);
	holds.set(keeper, "aoe", Hold.all);
	t.same([await readOne(), await write()], [reservationConflict, reservationConflict]);
	t.equal((await a.run("12 00 00 00 ff 00", { dataInBytes: 255 })).status, good);
	t.equal((await a.run("16 00 00 00 00 00")).status, reservationConflict);
	t.equal(await status(a, 0, { actionKey: 1 }), reservationConflict);
	holds.set(keeper, "aoe", Hold.none);
	t.same([await readOne(), await write()], [good, good]);
	await out(a, 0, { actionKey: 1 });
	await out(a, 1, { key: 1, type: 5 });
	t.same([holds.against("aoe"), holds.against()], [Hold.writing, Hold.writing]);
	await out(a, 0, { key: 1 });
	t.equal(holds.isAny, false);
});
