// EXTENDED COPY and RECEIVE COPY RESULTS: what is copied between units and within one, lists that make no sense, who may not, storage that fails or hangs.

import t from "tap";
import { Hold } from "../../lib/holds.js";
import { Random } from "../../lib/random.js";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { TestDevice } from "../ata/bench.js";
import { copy, copyCdb, DEVICE_BYTES, listOf, received, segmentOf, targetOf, two } from "./copying.js";
import { type Answer, cdb16, type TestHost } from "./support.js";

const BLOCKS = DEVICE_BYTES / 512;

async function fill(host: TestHost, lun: number): Promise<Buffer> {
	const random = new Random(lun + 1);
	const bytes = Buffer.from(Array.from({ length: 4096 }, () => random.below(256)));
	const dataOut = Buffer.alloc(DEVICE_BYTES, bytes);
	for (let at = 0; at < DEVICE_BYTES; at += 512) dataOut.writeUInt32BE(at * 2 + lun, at);
	const { status } = await host.run(cdb16(0x8a, 0, BLOCKS), { dataOut, lun });
	t.equal(status, 0);
	return dataOut;
}

async function contents(host: TestHost, lun: number): Promise<Buffer> {
	return (await host.run(cdb16(0x88, 0, BLOCKS), { dataInBytes: DEVICE_BYTES, lun })).data;
}

const why = ({ status, sense }: Answer): string =>
	status === ScsiStatus.good ? "good" : `${status} ${sense?.key.toString(16)}/${sense?.asc.toString(16)}`;

t.test("from one unit to another", async (t) => {
	const { one, other, host } = two();
	const before = await fill(host, 0);
	const expected = await fill(host, 1);
	const segments = [
		segmentOf({ source: 0, destination: 1, blocks: 1000, from: 3, to: 50 }),
		segmentOf({ source: 0, destination: 1, blocks: 0, from: 3, to: 7 }),
		segmentOf({ source: 0, destination: 1, blocks: 1, from: BLOCKS - 1, to: 0, flags: 2 }),
		segmentOf({ source: 1, destination: 1, blocks: 50, from: 50, to: 2000 }),
	];
	t.equal(why(await copy(host, listOf([targetOf(one), targetOf(other, 0xe4, 0)], segments))), "good");
	before.copy(expected, 50 * 512, 3 * 512, 1003 * 512);
	before.copy(expected, 0, (BLOCKS - 1) * 512);
	expected.copy(expected, 2000 * 512, 50 * 512, 100 * 512);
	t.ok((await contents(host, 1)).equals(expected));
	t.ok((await contents(host, 0)).equals(before), "what is read stays as it is");
	t.equal(host.rooms.takenBytes, 0);
	t.same([one.disk.underWay, other.disk.underWay], [0, 0]);
	const { data } = await received(host, 0);
	t.equal(
		data.toString("hex"),
		`00000008 01 0004 01 ${(1051 / 2).toString(16).slice(0, 3).padStart(8, "0")}`.replaceAll(" ", ""),
	);
	t.equal(why(await received(host, 0)), "2 5/2400", "it was told once");
});

t.test("within one unit, onto itself", async (t) => {
	for (const [from, to] of [
		[100, 300],
		[300, 100],
		[100, 101],
		[101, 100],
		[7, 7],
	] as const) {
		const { one, host } = two();
		const expected = await fill(host, 0);
		t.equal(why(await copy(host, listOf([targetOf(one)], [segmentOf({ blocks: 2000, from, to })]))), "good");
		expected.copy(expected, to * 512, from * 512, (from + 2000) * 512);
		t.ok((await contents(host, 0)).equals(expected), `${from} to ${to}`);
	}
});

t.test("lists that make no sense copy nothing", async (t) => {
	const first = new TestDevice();
	const second = new TestDevice();
	const { one, other, host } = two(first, second);
	const target = targetOf(one);
	const segment = segmentOf({ blocks: 8, from: 0, to: 100 });
	const ask = async (list: Buffer) => why(await copy(host, list));
	const good = listOf([target], [segment]);
	t.equal(await ask(Buffer.alloc(0)), "good", "none asks for nothing");
	for (const bytes of [15, 16 + 31, good.length - 1])
		t.equal(await ask(good.subarray(0, bytes)), "2 5/1a00", `${bytes}`);
	const many = new Array<Buffer>(17).fill(target);
	t.equal(await ask(listOf(many, [segment])), "2 5/2606");
	t.equal(await ask(listOf([target], new Array<Buffer>(65).fill(segment))), "2 5/2608");
	t.equal(await ask(listOf(many, new Array<Buffer>(65).fill(segment))), "2 5/1a00", "longer than any may be");
	t.equal(await ask(listOf([targetOf(one, 0xe0)], [segment])), "2 5/2607");
	t.equal(await ask(listOf([target], [segmentOf({ blocks: 8, from: 0, to: 100, type: 3 })])), "2 5/2609");
	const short = Buffer.from(segment);
	short[3] = 0x17;
	t.equal(await ask(listOf([target], [short])), "2 5/2609");
	t.equal(await ask(listOf([target], [segment.subarray(0, 20)])), "2 5/1a00");
	t.equal(await ask(listOf([target.subarray(0, 31)], [segment])), "2 5/2600");
	t.equal(await ask(listOf([target], [segment], 1, 1)), "2 5/2600", "a usage that there is not");
	t.equal(await ask(listOf([target], [segment], 1, 3)), "2 5/2600", "none is none");
	const inline = Buffer.from(good);
	inline[15] = 1;
	t.equal(await ask(inline), "2 5/260b");
	const long = Buffer.from(target);
	long[7] = 21;
	t.equal(await ask(listOf([long], [segment])), "2 5/2600");
	t.equal(await ask(listOf([target], [segmentOf({ destination: 1, blocks: 8, from: 0, to: 0 })])), "2 a/804");
	const unknown = Buffer.from(target);
	unknown[15]! ^= 1;
	t.equal(await ask(listOf([unknown], [segment])), "2 a/d02");
	t.equal(await ask(listOf([targetOf(one, 0xe4, 4096)], [segment])), "2 a/d02");
	const sideways = Buffer.from(target);
	sideways[5] = 0x13;
	t.equal(await ask(listOf([sideways], [segment])), "2 a/d02", "a port is no unit");
	for (const [from, to] of [
		[993, 0],
		[0, 993],
		[2 ** 40, 0],
		[0, 2 ** 52],
	] as const)
		t.equal(
			await ask(listOf([target], [segment, segmentOf({ blocks: 8, from, to })])),
			"2 a/0",
			`${from} ${to}`,
		);
	t.same([first.requests, second.requests], [0, 0]);
	t.equal(await ask(listOf([targetOf(one), targetOf(other)], [])), "good");
	t.equal(await ask(listOf([target], [segment], 0, 3)), "good");
	const wide = await host.run(copyCdb(70_000), { dataOut: Buffer.alloc(70_000) });
	t.equal(why(wide), "2 5/2400");
	t.equal(host.rooms.takenBytes, 0);
});

t.test("who may not read there, or not write here", async (t) => {
	const { one, other, host } = two();
	await fill(host, 0);
	const list = listOf(
		[targetOf(one), targetOf(other)],
		[segmentOf({ source: 0, destination: 1, blocks: 8, from: 0, to: 0 })],
	);
	const ask = async () => why(await copy(host, list));
	const keeper = {};
	other.disk.holds.set(keeper, "aoe", Hold.writing);
	t.equal(await ask(), "2 a/d01");
	other.disk.holds.set(keeper, "aoe", Hold.none);
	other.modes.writeProtected = true;
	t.equal(await ask(), "2 a/d01");
	other.modes.writeProtected = false;
	other.medium.isStopped = true;
	t.equal(await ask(), "2 a/d02");
	other.medium.isStopped = false;
	const second = two();
	await second.under.host("b").run("16 00 00 00 00 00", { lun: 0 });
	t.equal((await copy(second.host, list)).status, ScsiStatus.reservationConflict);
	t.equal(await ask(), "good");
	t.ok((await contents(host, 1)).subarray(0, 4096).equals((await contents(host, 0)).subarray(0, 4096)));
});

t.test("storage that fails, and one that is reserved meanwhile", async (t) => {
	const first = new TestDevice();
	const second = new TestDevice();
	const { one, other, host } = two(first, second);
	const list = listOf(
		[targetOf(one), targetOf(other)],
		[segmentOf({ source: 0, destination: 1, blocks: 900, from: 0, to: 0 })],
	);
	first.fault = { lba: 700, op: "read", status: 2, errno: 5 };
	t.equal(why(await copy(host, list)), "2 a/d01");
	t.equal(one.disk.faults, 1);
	const { data } = await received(host, 0);
	t.same([data[4], data.readUInt16BE(5)], [2, 0]);
	first.fault = null;
	second.fault = { lba: 300, op: "write", status: 4, errno: 28 };
	t.equal(why(await copy(host, list)), "2 a/d01");
	t.equal(other.disk.stats.causes.space, 1);
	second.fault = null;
	first.hold = true;
	const held = copy(host, list);
	t.match(await received(host, 0), { status: 0 });
	t.equal((await received(host, 0)).data[4], 0, "it is under way");
	t.equal(why(await copy(host, list)), "2 5/16", "by that identifier there is one");
	other.disk.holds.set({}, "aoe", Hold.all);
	const before = second.requests;
	first.hold = false;
	first.release();
	t.equal(why(await held), "2 a/d01");
	t.equal(second.requests, before, "nothing was written after that");
	t.equal(host.rooms.takenBytes, 0);
});

t.test("a copy that is aborted ends when nothing can be written any more", async (t) => {
	const second = new TestDevice();
	const { one, other, host } = two(new TestDevice(), second);
	const list = listOf(
		[targetOf(one), targetOf(other)],
		[segmentOf({ source: 0, destination: 1, blocks: 900, from: 0, to: 0 })],
	);
	second.hold = true;
	const sent = host.send(copyCdb(list.length), { dataOut: list });
	sent.give(list.length);
	sent.task.abort();
	t.equal(host.underWay, 1);
	t.ok(other.disk.underWay > 0);
	second.hold = false;
	second.release();
	t.equal((await sent.answer).isAborted, true);
	t.same([other.disk.underWay, host.rooms.takenBytes, second.held.length], [0, 0, 0]);
	const early = host.send(copyCdb(list.length), { dataOut: list });
	early.give(20);
	early.task.abort();
	t.equal((await early.answer).isAborted, true);
});

t.test("no more than a few are under way", async (t) => {
	const first = new TestDevice();
	const { one, other, host } = two(first, new TestDevice());
	const list = (id: number) =>
		listOf(
			[targetOf(one), targetOf(other)],
			[segmentOf({ source: 0, destination: 1, blocks: 1, from: 0, to: 0 })],
			id,
			2,
		);
	first.hold = true;
	const begun = Array.from({ length: 16 }, (_, id) => copy(host, list(id)));
	t.equal((await copy(host, list(99))).status, ScsiStatus.busy);
	first.hold = false;
	first.release();
	for (const each of begun) t.equal((await each).status, 0);
	t.equal((await copy(host, list(99))).status, 0);
	t.equal(why(await received(host, 0, 99)), "2 5/2400", "nothing is kept of it");
});

t.test("what is possible is told", async (t) => {
	const { host } = two();
	const { data } = await received(host, 3);
	t.equal(data.readUInt32BE(0), data.length - 4);
	t.same([data.readUInt16BE(8), data.readUInt16BE(10), data.readUInt32BE(12)], [16, 64, 2304]);
	t.equal(data.toString("hex", 43), "0202e4");
	const page = (await host.run("12 01 8f 0400 00", { dataInBytes: 1024 })).data;
	const found = new Map<number, Buffer>();
	for (let at = 4; at < page.length; at += 4 + page.readUInt16BE(at + 2))
		found.set(page.readUInt16BE(at), page.subarray(at + 4, at + 4 + page.readUInt16BE(at + 2)));
	t.same([...found.keys()], [1, 4, 8, 12, 0x8001]);
	t.equal(found.get(1)?.toString("hex"), "0783010084020003");
	t.equal(found.get(4)?.toString("hex"), `000000000010004000000900${"00".repeat(16)}`);
	t.equal(found.get(8)?.toString("hex"), "0202e400");
	t.equal(found.get(12)?.toString("hex"), "00000000");
	t.equal(found.get(0x8001)?.length, 32);
});
