// What the target does with time and with what is scarce: replies that come later, reply slots, data that is lent, stopping.
import t from "tap";
import { Blade } from "../../lib/aoe/blade.js";
import type { AtaCommand } from "../../lib/ata/command.js";
import { AtaDisk } from "../../lib/ata/disk.js";
import { STALE } from "../support/recording-link.js";
import { Bench, bytes, frame } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";
const read = (tag: number, count = "01"): Buffer =>
	frame(
		`${T} ${A} 88a2 10 00 0009 00 00 ${tag.toString(16).padStart(8, "0")} 40 00 ${count} 24 000000000000 0000`,
	);
const tag = (reply: Buffer | undefined): number | undefined => reply?.readUInt32BE(20);

t.test("replies in any order, each to its own request", async (t) => {
	const bench = new Bench({ rooms: 8 });
	const disk = bench.stub();
	disk.reply = undefined;
	for (let i = 1; i <= 4; i++) bench.link.receive(read(i), i);
	t.equal(bench.target.inFlight, 4);
	for (const i of [2, 0, 3, 1]) disk.commands[i]?.answer();
	t.same(
		bench.link.sent.map(({ peer }) => peer),
		[3, 1, 4, 2],
		"to the peer that asked",
	);
	t.same(bench.link.take().map(tag), [3, 1, 4, 2]);
	t.equal(bench.target.inFlight, 0);
	t.equal(bench.stats.requests, 4);
	t.equal(bench.stats.replies, 4);
});

t.test("blades that do not answer leave slots for the others", async (t) => {
	const bench = new Bench({ rooms: 8 });
	const disks = [bench.stub(9, 0), bench.stub(9, 1), bench.stub(9, 2), bench.stub(9, 3)];
	for (const [slot, disk] of disks.entries()) {
		disk.reply = undefined;
		for (let i = 0; i < 20; i++) {
			const request = read(i);
			request[18] = slot;
			bench.link.receive(request);
		}
		t.equal(disk.commands.length, [4, 2, 1, 1][slot], "half of what the ones before have left");
	}
	t.equal(bench.link.freeRooms, 0);
	t.same(bench.rejected, { backlog: 16 + 18 + 19, noRoom: 19 });
	for (const disk of disks) for (const command of disk.commands.splice(0)) command.answer();
	bench.link.take();
	for (let i = 0; i < 20; i++) bench.link.receive(read(i));
	t.equal(disks[0]?.commands.length, 4, "what has been answered does not count any more");
});

t.test("what is to this host the link may know better than one address can tell", async (t) => {
	const at = (destination: string, tag: number) => frame(read(tag).toString("hex").replace(T, destination));
	for (const isScreened of [false, true]) {
		const bench = new Bench({ isScreened });
		const disk = bench.stub();
		t.equal(bench.ask(read(1)).length, 1, "at the link's address");
		const [reply] = bench.ask(at("0200000000bb", 2));
		t.equal(reply !== undefined, isScreened, "at another one that leads here, if the kernel says so");
		if (reply !== undefined) t.equal(reply.toString("hex", 6, 12), T, "the answer comes from the link's");
		bench.link.mac = 0x0200000000cc;
		bench.link.changed();
		bench.link.take();
		t.equal(bench.ask(at("0200000000cc", 3)).length, 1, "at its new one");
		t.equal(bench.ask(at(T, 4))[0]?.toString("hex", 6, 12), isScreened ? "0200000000cc" : undefined);
		t.equal(bench.ask(at("030000000001", 5)).length, 0, "never at that of a group");
		t.equal(disk.commands.length, isScreened ? 4 : 2);
		t.same(bench.rejected, { wrongDestination: isScreened ? 1 : 3 });
	}
});

t.test("exchanges are used again: as many as were ever in flight at once", async (t) => {
	const bench = new Bench();
	const disk = bench.stub();
	for (let i = 0; i < 100; i++) bench.ask(read(i));
	t.equal(new Set(disk.commands).size, 1);
	disk.reply = undefined;
	bench.ask(read(1));
	bench.ask(read(2));
	t.equal(new Set(disk.commands).size, 2);
});

t.test("the room for data, and what data came", async (t) => {
	const rooms: [mtu: number, bytes: number][] = [
		[1500, 1478],
		[9000, 8978],
	];
	for (const [mtu, room] of rooms) {
		const bench = new Bench({ mtu });
		const disk = bench.stub();
		bench.ask(Buffer.concat([read(1), Buffer.alloc(100)]));
		const [command] = disk.commands;
		const [slot] = bench.link.rooms;
		t.equal(command?.dataInCapacityBytes, room);
		t.equal(command?.request.room, slot?.memory);
		t.equal(command?.request.roomOffset, (slot?.offset ?? 0) + 36);
		t.equal(command?.dataOutBytes, 124);
		t.equal(command?.dataInMayBorrow, false);
	}
	const bench = new Bench({ mtu: 9000 });
	const disk = bench.stub();
	bench.link.mtu = 1500;
	bench.ask(read(1));
	t.equal(disk.commands[0]?.dataInCapacityBytes, 1478, "a MTU that has shrunk counts at once");
});

t.test("data of the reply follows the header in the slot", async (t) => {
	const bench = new Bench();
	const disk = bench.stub();
	disk.reply = (command) => {
		const { room, roomOffset } = command.request;
		room.bytes.fill(0x11, roomOffset, roomOffset + 5);
		command.dataInBytes = 5;
	};
	const [reply] = bench.ask(read(1));
	t.equal(reply?.length, 60);
	t.same(
		reply?.subarray(36),
		Buffer.concat([Buffer.alloc(5, 0x11), Buffer.alloc(19)]),
		"and zeros follow short data",
	);
});

t.test("data that is lent is sent from where it is", async (t) => {
	const bench = new Bench({ canGather: true });
	const disk = bench.stub();
	const lend = (command: AtaCommand, address: number, dataBytes: number): void => {
		command.request.borrowedAddress = address;
		command.dataInBytes = dataBytes;
	};
	disk.reply = (command) => lend(command, 0x7f0012345000, 1024);
	bench.link.receive(read(1, "02"));
	t.equal(disk.commands[0]?.dataInMayBorrow, true);
	t.match(bench.link.sent[0], { dataAddress: 0x7f0012345000, dataBytes: 1024 });
	t.equal(bench.link.take()[0]?.length, 36, "of the slot only the header");
	disk.reply = (command) => lend(command, 0, 512);
	bench.link.receive(read(2));
	t.match(bench.link.sent[0], { dataAddress: 0, dataBytes: 0 });
	t.equal(bench.link.take()[0]?.length, 36 + 512, "the same exchange, with data of its own");
});

t.test("a write's data parked in the slot does not leave with the reply", async (t) => {
	const bench = new Bench({ rooms: 1 });
	const disk = bench.stub();
	disk.reply = undefined;
	bench.link.receive(
		frame(`${T} ${A} 88a2 10 00 0009 00 00 00000001 41 00 01 34 000000000000 0000 ${"dd".repeat(512)}`),
	);
	const [command] = disk.commands;
	t.ok(command);
	if (command === undefined) return;
	const { room, roomOffset } = command.request;
	room.bytes.fill(STALE, roomOffset, roomOffset + 512);
	command.answer();
	t.same(bench.link.take(), [
		frame(`${A} ${T} 88a2 18 00 0009 00 00 00000001 41 00 00 40 000000000000 0000`),
	]);
});

t.test(
	"an answer that a disk gives twice, or that is too long, is our bug and ends the process",
	async (t) => {
		const bench = new Bench();
		const disk = bench.stub();
		bench.ask(read(1));
		t.throws(() => disk.commands[0]?.answer(), /answered twice/);
		disk.reply = (command) => {
			command.dataInBytes = command.dataInCapacityBytes + 1;
		};
		t.throws(() => bench.ask(read(2)), /longer than its room/);
	},
);

t.test("stopping: what is in flight is answered, nothing more is taken", async (t) => {
	const bench = new Bench();
	const disk = bench.stub();
	disk.reply = undefined;
	bench.ask(read(1));
	const asked = bench.claim(9, 1);
	bench.link.take();
	bench.target.stop();
	t.equal(await asked, undefined, "a question that is open ends");
	t.same(bench.ask(read(2)), []);
	t.same(bench.rejected, { stopping: 1 });
	t.equal(bench.target.inFlight, 1);
	disk.commands[0]?.answer();
	t.same(bench.link.take().map(tag), [1]);
	t.equal(bench.target.inFlight, 0);
	bench.target.advertiseAll();
	t.same(bench.link.take(), []);
});

t.test("a changed link is advertised, with what holds now", async (t) => {
	const bench = new Bench();
	bench.stub();
	bench.link.mtu = 9000;
	bench.link.mac = 0x020000000077;
	bench.link.changed();
	t.same(bench.link.take(), [
		frame(`ffffffffffff 020000000077 88a2 18 00 0009 00 01 00000000 0010 4019 10 10 0000`),
	]);
	t.equal(bench.ask(read(1)).length, 0, "the old address is not ours any more");
	bench.link.up = false;
	bench.link.changed();
	t.same(bench.link.take(), [], "nothing is said on a link that is down");
});

t.test("advertisements", async (t) => {
	const bench = new Bench();
	const blade = bench.disk();
	bench.disk(9, 1);
	blade.configString = bytes("616263");
	bench.target.advertise(blade);
	const rest = "88a2 18 00 0009 00 01 00000000 0010 4019 02 10 0003 616263";
	t.same(bench.link.sent[0]?.peer, -1, "to all peers");
	t.same(bench.link.take(), [frame(`ffffffffffff ${T} ${rest}`)]);
	blade.access.mask.add(0x0200000000aa).add(0x0200000000bb);
	bench.target.advertise(blade);
	t.same(
		bench.link.take(),
		[frame(`0200000000aa ${T} ${rest}`), frame(`0200000000bb ${T} ${rest}`)],
		"a blade with a mask is advertised to those in it",
	);
	bench.target.advertiseAll();
	t.equal(bench.link.take().length, 3);
	blade.change([], 16);
	bench.target.advertise(blade);
	t.same(bench.link.take(), [], "a blade for nobody is advertised to nobody");
});

t.test("one disk at two addresses: what AoE adds is the address's own, all else is the disk's", (t) => {
	const bench = new Bench();
	const first = bench.disk(9, 0);
	const second = bench.add(new Blade(9, 1, AtaDisk.of(first.disk), 16));
	const command = (slot: number, opcode: string): string =>
		bench.askHex(
			frame(`${T} ${A} 88a2 10 00 0009 0${slot} 00 00000001 00 00 00 ${opcode} 000000000000 0000`),
		);
	const powerMode = (slot: number): string => command(slot, "e5").slice(52, 54);
	t.equal(powerMode(1), "ff", "active");
	command(0, "e0");
	t.equal(powerMode(1), "00", "in standby, which the other address has asked for");
	bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 01 00000001 0000 0000 00 13 0001 78`));
	t.equal(first.configString.length, 1);
	t.equal(second.configString.length, 0);
	bench.registry.remove(new Blade(9, 1, AtaDisk.of(first.disk), 16));
	t.ok(bench.registry.has(second), "another blade of the same address is not this one");
	bench.registry.remove(second);
	t.equal(powerMode(1), "", "no longer there");
	t.equal(powerMode(0), "00");
	t.end();
});
