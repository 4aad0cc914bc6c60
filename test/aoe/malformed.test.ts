// Frames that are wrong, one named case each: what comes back ("" for nothing) and under which reason it is counted. A case is
// added here for every frame that ever went wrong, the finds of the fuzzer included.
import t from "tap";
import type { RejectReason } from "../../lib/aoe/stats.js";
import { Bench, bytes, frame } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";
const ALL = "ffffffffffff";
const ATA = `${T} ${A} 88a2 10 00 0009 00 00 00000001`;
const CONFIG = `${T} ${A} 88a2 10 00 0009 00 01 00000001`;
const MASK = `${T} ${A} 88a2 10 00 0009 00 02 00000001`;
const RESERVE = `${T} ${A} 88a2 10 00 0009 00 03 00000001`;
const WRITE = "01 00 01 30 000000e0 0000 0000";
const SECTOR = "dd".repeat(512);

interface Case {
	readonly what: string;
	/** Sent as it is, not padded. */
	readonly request: string;
	/** The reply's first bytes; it is 60 long and the rest is zeros. */
	readonly reply?: string;
	readonly reason: RejectReason;
}

const cases: Case[] = [
	{ what: "nothing at all", request: "", reason: "runt" },
	{ what: "an Ethernet header alone", request: `${T} ${A} 88a2`, reason: "runt" },
	{
		what: "one byte less than an AoE header",
		request: `${T} ${A} 88a2 10 00 0009 00 01 000000`,
		reason: "runt",
	},
	{ what: "another EtherType", request: `${T} ${A} 0800 10 00 0009 00 01 00000001`, reason: "notAoe" },
	{
		what: "a VLAN tag that is still there",
		request: `${T} ${A} 8100 0005 88a2 10 00 0009 00 01 00000001`,
		reason: "notAoe",
	},
	{
		what: "for another MAC address",
		request: `020000000002 ${A} 88a2 10 00 0009 00 01 00000001`,
		reason: "wrongDestination",
	},
	{
		what: "for a multicast address",
		request: `03000000ffff ${A} 88a2 10 00 0009 00 01 00000001`,
		reason: "wrongDestination",
	},
	{ what: "from ourselves", request: `${ALL} ${T} 88a2 10 00 0009 00 01 00000001`, reason: "ownSource" },
	{
		what: "from another of our links",
		request: `${ALL} 0200000000ff 88a2 10 00 0009 00 01 00000001`,
		reason: "ownSource",
	},
	{
		what: "from everybody, who would all get the reply",
		request: `${T} ${ALL} 88a2 10 00 0009 00 01 00000001`,
		reason: "groupSource",
	},
	{
		what: "from a multicast address",
		request: `${T} 010000000001 88a2 10 00 0009 00 01 00000001`,
		reason: "groupSource",
	},
	{
		what: "an ATA response",
		request: `${T} ${A} 88a2 18 00 0009 00 00 00000001 ${WRITE} ${SECTOR}`,
		reason: "response",
	},
	{
		what: "a mask response",
		request: `${T} ${A} 88a2 18 00 0009 00 02 00000001 00 00 00 00`,
		reason: "response",
	},
	{
		what: "an error response",
		request: `${T} ${A} 88a2 1c 02 0009 00 00 00000001 ${WRITE}`,
		reason: "response",
	},
	{
		what: "a version from the future, broadcast: no storm of errors",
		request: `${ALL} ${A} 88a2 20 00 ffff ff 01 00000001`,
		reason: "version",
	},
	{
		what: "version 0",
		request: `${T} ${A} 88a2 00 00 0009 00 01 00000001`,
		reply: `${A} ${T} 88a2 1c 05 0009 00 01 00000001`,
		reason: "version",
	},
	{
		what: "a write to everybody",
		request: `${ALL} ${A} 88a2 10 00 0009 00 00 00000001 ${WRITE} ${SECTOR}`,
		reason: "notForBroadcast",
	},
	{
		what: "a write to all slots",
		request: `${T} ${A} 88a2 10 00 0009 ff 00 00000001 ${WRITE} ${SECTOR}`,
		reason: "notForBroadcast",
	},
	{
		what: "a write to all shelves",
		request: `${T} ${A} 88a2 10 00 ffff 00 00 00000001 ${WRITE} ${SECTOR}`,
		reason: "notForBroadcast",
	},
	{
		what: "a read from everybody",
		request: `${ALL} ${A} 88a2 10 00 0009 00 00 00000001 00 00 01 20 000000e0 0000 0000`,
		reason: "notForBroadcast",
	},
	{
		what: "a mask edit to everybody",
		request: `${ALL} ${A} 88a2 10 00 0009 00 02 00000001 00 01 00 01 00 01 ${A}`,
		reason: "notForBroadcast",
	},
	{
		what: "a reservation of everything",
		request: `${ALL} ${A} 88a2 10 00 ffff ff 03 00000001 02 01 ${A}`,
		reason: "notForBroadcast",
	},
	{
		what: "an unknown command to everybody",
		request: `${ALL} ${A} 88a2 10 00 ffff ff 09 00000001`,
		reason: "notForBroadcast",
	},
	{
		what: "a broadcast ATA command without registers",
		request: `${ALL} ${A} 88a2 10 00 0009 00 00 00000001`,
		reason: "notForBroadcast",
	},
	{
		what: "a broadcast for a slot that is not here",
		request: `${ALL} ${A} 88a2 10 00 0009 01 01 00000001`,
		reason: "unknownAddress",
	},
	{ what: "an ATA command without registers", request: ATA, reason: "shortSection" },
	{
		what: "one byte less than the registers",
		request: `${ATA} 00 00 01 ec 000000a0 0000 00`,
		reason: "shortSection",
	},
	{ what: "a config query without arguments", request: CONFIG, reason: "shortSection" },
	{
		what: "one byte less than a config query",
		request: `${CONFIG} 0000 0000 00 00 00`,
		reason: "shortSection",
	},
	{ what: "one byte less than a mask request", request: `${MASK} 00 00 00`, reason: "shortSection" },
	{ what: "one byte less than a reserve request", request: `${RESERVE} 00`, reason: "shortSection" },
	{
		what: "a config string longer than its frame",
		request: `${CONFIG} 0000 0000 00 14 0006 6162636465`,
		reply: `${A} ${T} 88a2 1c 02 0009 00 01 00000001 0010 4019 02 14 0000`,
		reason: "badArgument",
	},
	{
		what: "a config string of 1025 bytes",
		request: `${CONFIG} 0000 0000 00 13 0401 ${"61".repeat(1025)}`,
		reply: `${A} ${T} 88a2 1c 02 0009 00 01 00000001 0010 4019 02 13 0000`,
		reason: "badArgument",
	},
	{
		what: "a prefix test that claims 65535 bytes",
		request: `${CONFIG} 0000 0000 00 12 ffff ${"61".repeat(28)}`,
		reply: `${A} ${T} 88a2 1c 02 0009 00 01 00000001 0010 4019 02 12 0000`,
		reason: "badArgument",
	},
	{
		what: "a reservation list longer than its frame",
		request: `${RESERVE} 02 02 ${A} 0102030405`,
		reply: `${A} ${T} 88a2 1c 02 0009 00 03 00000001 02 00`,
		reason: "badArgument",
	},
	{
		what: "a reservation list of 255 in a short frame",
		request: `${RESERVE} 01 ff ${"00".repeat(34)}`,
		reply: `${A} ${T} 88a2 1c 02 0009 00 03 00000001 01 00`,
		reason: "badArgument",
	},
];

t.test("malformed frames", async (t) => {
	for (const { what, request, reply, reason } of cases) {
		const bench = new Bench({ ownMacs: [0x0200000000ff] });
		const blade = bench.disk();
		const expected = reply === undefined ? "" : frame(reply).toString("hex");
		t.equal(bench.askHex(bytes(request)), expected, what);
		t.same(bench.rejected, { [reason]: 1 }, `${what}: counted as ${reason}`);
		t.equal(bench.link.freeRooms, bench.link.rooms.length, `${what}: no slot is lost`);
		t.match(blade.disk.stats, { reads: 0, writes: 0 });
		t.equal(blade.configString.length, 0);
		t.equal(blade.access.mask.size, 0);
		t.equal(blade.access.reserved.size, 0);
		bench.link.checkMargins();
	}
});

t.test("a mask edit longer than its frame: mask error 1, how many there are, nothing changed", async (t) => {
	for (const [what, entries, count, present] of [
		["half an entry is missing", `00 01 ${A} 00 01 0200`, "02", "01"],
		["all are missing", "", "01", "00"],
		["255 in a short frame", `00 01 ${A} 00 01 ${A} 00 01 ${A}`, "ff", "03"],
	] as const) {
		const bench = new Bench();
		const { access } = bench.disk();
		const reply = bench.askHex(bytes(`${MASK} 00 01 00 ${count} ${entries}`));
		t.equal(
			reply,
			frame(`${A} ${T} 88a2 18 00 0009 00 02 00000001 00 01 01 ${present}`).toString("hex"),
			what,
		);
		t.equal(access.mask.size, 0, what);
	}
});

t.test("ATA commands that can't be carried out end in ATA status, never in E", async (t) => {
	const abort = (registers: string) => `${A} ${T} 88a2 18 00 0009 00 00 00000001 ${registers}`;
	for (const [what, request, reply] of [
		["a write without W", `00 00 01 30 000000e0 0000 0000 ${SECTOR}`, "00 04 01 41 000000e0 0000 0000"],
		[
			"a write whose data is cut off",
			`01 00 01 30 000000e0 0000 0000 ${SECTOR.slice(2)}`,
			"01 04 01 41 000000e0 0000 0000",
		],
		["a write without data", "01 00 01 30 000000e0 0000 0000", "01 04 01 41 000000e0 0000 0000"],
		[
			"a read longer than the reply could be",
			"00 00 03 20 000000e0 0000 0000",
			"00 04 03 41 000000e0 0000 0000",
		],
		["a read of 255 sectors", "00 00 ff 20 000000e0 0000 0000", "00 04 ff 41 000000e0 0000 0000"],
	] as const) {
		const bench = new Bench();
		const blade = bench.disk();
		t.equal(bench.askHex(bytes(`${ATA} ${request}`)), frame(abort(reply)).toString("hex"), what);
		t.match(blade.disk.stats, { reads: 0, writes: 0, errors: 1 });
		t.same(bench.rejected, {});
	}
});

t.test("a frame longer than a reply slot", async (t) => {
	const bench = new Bench({ mtu: 1500 });
	bench.disk();
	t.equal(bench.askHex(Buffer.concat([bytes(`${ATA} ${WRITE}`), Buffer.alloc(1514 - 35)])), "");
	t.same(bench.rejected, { oversize: 1 });
	t.equal(bench.link.freeRooms, bench.link.rooms.length);
	t.equal(
		bench.ask(Buffer.concat([bytes(`${ATA} ${WRITE}`), Buffer.alloc(1514 - 36)])).length,
		1,
		"the longest that fits",
	);
});

t.test("every length of every command", async (t) => {
	const whole = [
		`${ATA} ${WRITE} ${SECTOR}`,
		`${CONFIG} 0000 0000 00 14 0020 ${"61".repeat(32)}`,
		`${MASK} 00 01 00 03 00 01 ${A} 00 01 ${A} 00 02 ${A}`,
		`${RESERVE} 02 04 ${A} ${A} ${A} ${A}`,
	];
	for (const request of whole.map(bytes)) {
		for (let length = 0; length <= request.length; length++) {
			const bench = new Bench();
			bench.disk();
			const replies = bench.ask(request.subarray(0, length));
			t.ok(replies.length <= 1 && replies.every((reply) => reply.length >= 60));
			t.equal(bench.link.freeRooms, bench.link.rooms.length);
		}
	}
});
