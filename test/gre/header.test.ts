// What stands before a frame in a GRE packet: RFC 2784 byte by byte, and anything at all.

import fc from "fast-check";
import t from "tap";
import { frameInGre, GRE_REFUSALS, writeGreHeader } from "../../lib/wire/gre.js";
import { checked, frame, gre } from "./packets.js";

const US = Buffer.from("020000000001", "hex");
const FRAME = frame(US, "some payload");

t.test("what is sent is version 0, without anything, and Ethernet", async (t) => {
	const bytes = Buffer.alloc(6, 0xff);
	writeGreHeader(bytes, 1);
	t.equal(bytes.toString("hex"), "ff00006558ff");
});

t.test("a frame is found behind the header", async (t) => {
	t.equal(frameInGre(gre(FRAME), 0, FRAME.length + 4), 4);
	const inTheMiddle = Buffer.concat([Buffer.alloc(20), gre(FRAME)]);
	t.equal(frameInGre(inTheMiddle, 20, inTheMiddle.length), 24);
});

t.test("a checksum is checked", async (t) => {
	for (const text of ["even", "odd"]) {
		const packet = checked(frame(US, text));
		t.equal(frameInGre(packet, 0, packet.length), 8, `right: ${text}`);
		for (let at = 4; at < packet.length; at++) {
			const spoiled = Buffer.from(packet);
			spoiled[at] = (spoiled[at] ?? 0) ^ 0x10;
			t.equal(frameInGre(spoiled, 0, spoiled.length), "checksum", `byte ${at} is another`);
		}
	}
});

t.test("what was not agreed upon is refused, each by its name", async (t) => {
	const cases: [string, number, number][] = [
		["version", 0x0001, 0x6558],
		["version", 0x0007, 0x6558],
		["routing", 0x4000, 0x6558],
		["routing", 0x0800, 0x6558],
		["routing", 0x0400, 0x6558],
		["key", 0x2000, 0x6558],
		["key", 0x3000, 0x6558],
		["sequence", 0x1000, 0x6558],
		["protocol", 0, 0x0800],
		["protocol", 0, 0x88be],
	];
	for (const [refusal, flags, protocol] of cases) {
		const packet = gre(FRAME, flags, protocol);
		t.equal(frameInGre(packet, 0, packet.length), refusal, `${flags.toString(16)} ${protocol.toString(16)}`);
	}
	for (const flags of [0x0200, 0x0100, 0x0080, 0x0008])
		t.equal(
			frameInGre(gre(FRAME, flags), 0, FRAME.length + 4),
			4,
			`bits 6 to 12 are ignored: ${flags.toString(16)}`,
		);
	for (const length of [0, 3, 4, 17]) t.equal(frameInGre(gre(FRAME), 0, length), "short", `${length} bytes`);
	t.equal(frameInGre(checked(FRAME), 0, 21), "short", "a checksum, and no whole header behind it");
});

t.test("whatever comes is refused by a name, or is a frame within it", async (t) => {
	const bytes = fc.uint8Array({ maxLength: 80 });
	const likely = fc
		.tuple(fc.constantFrom(0, 0x80, 0x20, 0x10), bytes)
		.map(([flags, rest]) => Buffer.concat([Buffer.from([flags, 0, 0x65, 0x58]), rest]));
	fc.assert(
		fc.property(fc.oneof(bytes, likely), fc.nat(8), (packet, begin) => {
			const from = Math.min(begin, packet.length);
			const at = frameInGre(packet, from, packet.length);
			return typeof at === "number" ? at >= from + 4 && at + 14 <= packet.length : GRE_REFUSALS.includes(at);
		}),
		{ numRuns: 2000 },
	);
	t.pass("2000 of them");
});
