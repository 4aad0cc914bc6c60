// What may not come in by a packet socket: what the filter leaves out, frames of other kinds and for others, and those that are too
// long.

import t, { type Test } from "tap";
import { BpfProgram } from "../../lib/link/bpf.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import type { BpfInstruction } from "../../lib/link/link.js";
import { PacketLink } from "../../lib/link/packet.js";
import { native } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { MAC_BROADCAST } from "../../lib/wire/ethernet.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { Program } from "../support/process.js";
import { ip, layCable } from "./cable.js";
import { frameTo, openEnds, Sink, send } from "./packet-bench.js";

const OTHER_MAC = 0x02aabbccddee;

/** Starts a hand on the wire that shares no code with us: it sends what it is given in hexadecimal. */
async function startHand(t: Test, interfaceName: string): Promise<(frame: Buffer) => void> {
	const hand = new Program(["python3", sourceFile("test/support/frame-port.py"), interfaceName]);
	t.teardown(() => hand.stop());
	await hand.waitFor(/^ready$/m, LIMIT_MS);
	return (frame) => hand.write(`${frame.toString("hex")}\n`);
}

/** A tap device `tap0`: what is sent to it comes in there, however long. */
async function startTap(t: Test): Promise<(frame: Buffer) => void> {
	const program = [
		"import fcntl, os, struct, sys",
		"tap = os.open('/dev/net/tun', os.O_RDWR)",
		"fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'tap0', 0x1002))",
		"print('ready', flush=True)",
		"for line in sys.stdin: os.write(tap, bytes.fromhex(line.strip()))",
	].join("\n");
	const tap = new Program(["python3", "-c", program]);
	t.teardown(() => tap.stop());
	await tap.waitFor(/^ready$/m, LIMIT_MS);
	ip("link set tap0 up");
	return (frame) => tap.write(`${frame.toString("hex")}\n`);
}

/** Sends two kinds of frame in turn, as fast as it can: to all, with "wanted" or "unwanted" as text. */
async function startFlood(t: Test, interfaceName: string): Promise<void> {
	const program = [
		"import socket, sys",
		"port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
		`port.bind(('${interfaceName}', 0))`,
		"frames = [bytes.fromhex(text) for text in sys.argv[1:]]",
		"print('ready', flush=True)",
		"while True:",
		"    for frame in frames:",
		"        try: port.send(frame)",
		"        except OSError: pass",
	].join("\n");
	const frames = ["wanted", "unwanted"].map((text) => frameTo(MAC_BROADCAST, text).toString("hex"));
	const flood = new Program(["python3", "-c", program, ...frames]);
	t.teardown(() => flood.stop("SIGKILL"));
	await flood.waitFor(/^ready$/m, LIMIT_MS);
}

/** Lets in frames whose text begins with "w". */
const wantedOnly: BpfInstruction[] = new BpfProgram()
	.loadByte(14)
	.ifEqual("w".charCodeAt(0), { no: "drop" })
	.return(0x40000)
	.label("drop")
	.return(0)
	.assemble();

function filterBytes(program: BpfInstruction[]): Uint8Array {
	const bytes = Buffer.alloc(program.length * 8);
	for (const [index, { code, jt, jf, k }] of program.entries()) {
		bytes.writeUInt16LE(code, index * 8);
		bytes[index * 8 + 2] = jt;
		bytes[index * 8 + 3] = jf;
		bytes.writeUInt32LE(k, index * 8 + 4);
	}
	return bytes;
}

function filtered(t: Test): void {
	t.test("only what the filter lets in is delivered, from the first moment", async (t) => {
		await layCable(1500);
		t.teardown(() => ip("link delete near"));
		await startFlood(t, "far");
		const seen = new Set<string>();
		let frames = 0;
		for (let round = 0; round < 30; round++) {
			const link = new PacketLink("near", new Pump(), { framesInFlight: 16 });
			link.setFilter(wantedOnly);
			const sink = new Sink();
			link.attach(sink);
			await until("frames", () => sink.frames.length > 20, LIMIT_MS);
			await link.close();
			for (const text of sink.texts()) seen.add(text);
			frames += sink.frames.length;
		}
		t.strictSame([...seen], ["wanted"], `in ${frames} frames`);
	});

	t.test("the addon attaches the filter before it binds", async (t) => {
		await layCable(1500);
		t.teardown(() => ip("link delete near"));
		await startFlood(t, "far");
		let [wanted, unwanted] = [0, 0];
		for (let round = 0; round < 50; round++) {
			const port = native.portOpen(
				interfaceInfo("near")?.index ?? 0,
				0x88a2,
				1514,
				256,
				65536,
				filterBytes(wantedOnly),
				() => {},
			);
			const ring = Buffer.from(port.ring);
			const isThere = (at: number | undefined) => (ring.readUInt32LE(at) & 1) !== 0;
			await until("a few frames", () => isThere(port.frameOffsets[5]), LIMIT_MS);
			for (const at of port.frameOffsets) {
				if (!isThere(at)) continue;
				if (ring[at + ring.readUInt16LE(at + 12) + 14] === "w".charCodeAt(0)) wanted += 1;
				else unwanted += 1;
			}
			native.portClose(port.handle);
		}
		t.ok(wanted > 0, `${wanted} frames`);
		t.equal(unwanted, 0);
	});
}

function withoutSink(t: Test): void {
	t.test("without a sink nothing comes in, and nothing is kept for it", async (t) => {
		await layCable(1500);
		const pump = new Pump();
		const near = new PacketLink("near", pump, { framesInFlight: 16 });
		const far = new PacketLink("far", pump, { framesInFlight: 16 });
		t.teardown(async () => {
			await near.close();
			await far.close();
			ip("link delete near");
		});
		send(far, frameTo(near.mac, "early"));
		pump.run();
		await pause(20);
		const sink = new Sink();
		near.attach(sink);
		t.throws(() => near.attach(sink), { name: "InvariantError" });
		send(far, frameTo(near.mac, "late"));
		await until("a frame", () => sink.frames.length > 0, LIMIT_MS);
		t.strictSame(sink.texts(), ["late"]);
		t.match(near.stats, { framesIn: 1, droppedIn: 0 });
	});
}

function unwanted(t: Test): void {
	t.test("frames of other kinds, for others and with a VLAN tag stay out", async (t) => {
		const { near, nearSink } = await openEnds(t);
		const handSend = await startHand(t, "far");
		ip("link set near promisc on");
		const tagged = (mac: number, tag: string, text: string) => frameTo(mac, text, `8100${tag}88a2`);
		handSend(frameTo(near.mac, "other kind", "88a3"));
		handSend(frameTo(OTHER_MAC, "other host"));
		handSend(tagged(near.mac, "0005", "VLAN 5"));
		handSend(tagged(MAC_BROADCAST, "0005", "VLAN 5 for all"));
		handSend(tagged(near.mac, "a005", "VLAN 5 with priority"));
		handSend(tagged(near.mac, "6000", "priority alone"));
		handSend(frameTo(MAC_BROADCAST, "for all"));
		handSend(frameTo(near.mac, "for us"));
		await until("the last frame", () => nearSink.texts().includes("for us"), LIMIT_MS);
		// A tag of VLAN 0 says nothing but a priority (802.1Q): the frame is of no virtual network.
		t.strictSame(nearSink.texts(), ["priority alone", "for all", "for us"]);
		t.match(near.stats, { framesIn: 3, droppedIn: 4 }, "of another kind is not even counted");
	});
}

function tooLong(t: Test): void {
	t.test("frames longer than the MTU allows are dropped and counted", async (t) => {
		const { near, nearSink } = await openEnds(t, { farMtu: 9000 });
		const handSend = await startHand(t, "far");
		// A veth lets four bytes more pass, for a tag.
		for (const bytes of [1514, 1515, 1518, 60]) handSend(frameTo(near.mac, Buffer.alloc(bytes - 14, "x")));
		await until("two frames", () => nearSink.frames.length >= 2, LIMIT_MS);
		t.strictSame(
			nearSink.frames.map((frame) => frame.length),
			[1514, 60],
		);
		t.equal(near.stats.droppedIn, 2);
	});

	t.test("so are those that the ring cuts off", async (t) => {
		const tapSend = await startTap(t);
		const tap = new PacketLink("tap0", new Pump(), { framesInFlight: 16 });
		t.teardown(() => tap.close());
		const sink = new Sink();
		tap.attach(sink);
		for (const bytes of [1514, 1600, 20_000, 60]) tapSend(frameTo(tap.mac, Buffer.alloc(bytes - 14, "x")));
		await until("two frames", () => sink.frames.length >= 2, LIMIT_MS);
		t.strictSame(
			sink.frames.map((frame) => frame.length),
			[1514, 60],
		);
		t.equal(tap.stats.droppedIn, 2);
	});
}

t.setTimeout(230_000);

if (await inNamespace(import.meta.url)) {
	filtered(t);
	withoutSink(t);
	unwanted(t);
	tooLong(t);
}
