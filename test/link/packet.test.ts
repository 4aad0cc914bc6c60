// The link over packet sockets, on virtual cables in a network namespace: the conformance suite, what may not come in, rings
// and sockets that are full, interfaces that change or vanish, and what an operator without privileges is told.
import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { BpfProgram } from "../../lib/link/bpf.js";
import { interfaceInfo, interfaceMonitor, interfaceNames } from "../../lib/link/interfaces.js";
import type { BpfInstruction, FrameSink, Link } from "../../lib/link/link.js";
import { openLink } from "../../lib/link/open.js";
import { PacketLink } from "../../lib/link/packet.js";
import { native, nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import { MAC_BROADCAST } from "../../lib/wire/ethernet.js";
import type { Memory } from "../../lib/wire/memory.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { sourceFile } from "../support/paths.js";
import { Program, run } from "../support/process.js";

const LIMIT_MS = 10_000;
/** Within which an interface that was made again must be served. */
const BACK_LIMIT_MS = 2000;
const OTHER_MAC = 0x02aabbccddee;
/** Allows frames that are too long for an XDP socket. */
const LONG_MTU = 12_000;

/** Links also send by an XDP socket. */
let xdp = false;

/** Keeps copies of what comes in. */
class Sink implements FrameSink {
	readonly frames: Buffer[] = [];
	changes = 0;
	onFrame: (() => void) | undefined;

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number): void {
		this.frames.push(Buffer.from(memory.bytes.slice(offset, offset + frameBytes)));
		this.onFrame?.();
	}

	linkChanged(): void {
		this.changes += 1;
	}

	/** The text behind the Ethernet header of each frame, without what fills it up. */
	texts(): string[] {
		return this.frames.map((frame) => frame.subarray(14).toString("latin1").replace(/\0+$/, ""));
	}
}

function command(name: string, line: string): void {
	execFileSync(name, line.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
}

const ip = (line: string) => command("ip", line);
const tc = (line: string) => command("tc", line);

/** A cable with an end `near` and an end `far`, both up. */
async function layCable(nearMtu: number, farMtu = nearMtu): Promise<void> {
	ip(`link add name near mtu ${nearMtu} type veth peer name far mtu ${farMtu}`);
	ip("link set near up");
	ip("link set far up");
	const isUp = (name: string) => interfaceInfo(name)?.up === true;
	await until("the carrier", () => isUp("near") && isUp("far"), LIMIT_MS);
}

function frameTo(mac: number, text: string | Buffer, etherType = "88a2"): Buffer {
	const macs = `${mac.toString(16).padStart(12, "0")}020000000001`;
	const frame = Buffer.concat([Buffer.from(macs + etherType, "hex"), Buffer.from(text)]);
	return frame.length < 60 ? Buffer.concat([frame, Buffer.alloc(60 - frame.length)]) : frame;
}

/** Queues a frame; false if there is no slot. The pump sends it. */
function send(from: Link, frame: Buffer, dataAddress = 0, dataBytes = 0): boolean {
	const slot = from.acquire();
	if (slot === undefined) return false;
	frame.copy(slot.memory.bytes, slot.offset);
	slot.dataAddress = dataAddress;
	from.transmit(slot, frame.length, 0, dataBytes);
	return true;
}

interface Ends {
	readonly pump: Pump;
	readonly near: PacketLink;
	readonly far: PacketLink;
	readonly nearSink: Sink;
	readonly farSink: Sink;
}

async function openEnds(t: Test, nearMtu = 1500, farMtu = nearMtu): Promise<Ends> {
	await layCable(nearMtu, farMtu);
	const pump = new Pump();
	const near = new PacketLink("near", pump, { framesInFlight: 16, xdp });
	// The far end has room for all that comes at once.
	const far = new PacketLink("far", pump, { framesInFlight: 2048, xdp });
	const [nearSink, farSink] = [new Sink(), new Sink()];
	near.attach(nearSink);
	far.attach(farSink);
	t.teardown(async () => {
		await near.close();
		await far.close();
		if (interfaceNames().includes("near")) ip("link delete near");
	});
	return { pump, near, far, nearSink, farSink };
}

/** Sends until a frame arrives: one that is sent while a socket is opened anew is lost. */
async function heard(from: Link, to: Link, sink: Sink, frameBytes = 60, limitMs = LIMIT_MS): Promise<void> {
	const before = sink.frames.length;
	const arrived = () => {
		send(from, frameTo(to.mac, Buffer.alloc(frameBytes - 14, "h")));
		return sink.frames.slice(before).some((frame) => frame.length === frameBytes);
	};
	await until(`a frame of ${frameBytes} bytes`, arrived, limitMs);
}

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

function incoming(t: Test): void {
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
			await until("a few frames", () => isThere(port.slotOffsets[5]), LIMIT_MS);
			for (const at of port.slotOffsets) {
				if (!isThere(at)) continue;
				if (ring[at + ring.readUInt16LE(at + 12) + 14] === "w".charCodeAt(0)) wanted += 1;
				else unwanted += 1;
			}
			native.portClose(port.handle);
		}
		t.ok(wanted > 0, `${wanted} frames`);
		t.equal(unwanted, 0);
	});

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

	t.test("frames longer than the MTU allows are dropped and counted", async (t) => {
		const { near, nearSink } = await openEnds(t, 1500, 9000);
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

function full(t: Test): void {
	t.test("many times round the ring", async (t) => {
		const { pump, near, far, nearSink } = await openEnds(t);
		const total = 5000;
		for (let number = 0; number < total; ) {
			for (let batch = 0; batch < 100; batch++, number++) send(far, frameTo(near.mac, `frame ${number}`));
			pump.run();
			await until("the batch", () => nearSink.frames.length === number, LIMIT_MS);
		}
		t.strictSame(
			nearSink.texts(),
			Array.from({ length: total }, (_, number) => `frame ${number}`),
		);
		t.match(near.stats, { framesIn: total, droppedIn: 0 });
	});

	t.test("a ring that overflows loses frames, counts them and goes on", async (t) => {
		const { pump, near, far, nearSink } = await openEnds(t);
		const total = 900;
		// Nobody looks at the ring meanwhile.
		for (let number = 0; number < total; number++) {
			send(far, frameTo(near.mac, `frame ${number}`));
			if (number % 100 === 99) pump.run();
		}
		await until(
			"all are accounted for",
			() => near.stats.framesIn + near.stats.droppedIn === total,
			LIMIT_MS,
		);
		t.ok(near.stats.droppedIn > 0, `${near.stats.droppedIn} lost`);
		t.strictSame(
			nearSink.texts(),
			Array.from({ length: near.stats.framesIn }, (_, number) => `frame ${number}`),
		);
		t.equal(far.stats.framesOut, total);
		await heard(far, near, nearSink);
	});

	t.test("frames that wait for a full socket carry the data of their time", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 4kb limit 1gb");
		const batch = 32;
		const data = nativeMemory(batch * 1000);
		let number = 0;
		while (near.stats.framesOut === number)
			for (let i = 0; i < batch; i++, number++) {
				data.bytes.fill(number & 0xff, i * 1000, (i + 1) * 1000);
				if (
					!send(
						near,
						frameTo(far.mac, String(number).padStart(6)).subarray(0, 20),
						data.address + i * 1000,
						1000,
					)
				)
					throw new Error("no slot");
				if (i === batch - 1) {
					pump.run();
					data.bytes.fill(0xee);
				}
			}
		t.ok(number > near.stats.framesOut, `blocked after ${near.stats.framesOut} of ${number} frames`);
		// Those that are sent now wait behind them.
		for (; ; number++) {
			data.bytes.fill(number & 0xff, 0, 1000);
			if (!send(near, frameTo(far.mac, String(number).padStart(6)).subarray(0, 20), data.address, 1000))
				break;
			data.bytes.fill(0xee);
		}
		pump.run();
		tc("qdisc change dev near root tbf rate 10gbit burst 1mb limit 1gb");
		await until("all frames", () => farSink.frames.length === number, LIMIT_MS);
		// The two processors may let frames pass each other.
		const numbers = farSink.frames.map((frame) => Number(frame.subarray(14, 20).toString()));
		t.equal(new Set(numbers).size, number, `${number} frames, each once`);
		const spoiled = farSink.frames.filter(
			(frame, index) =>
				frame.length !== 1020 ||
				!frame.subarray(20).every((byte) => byte === ((numbers[index] ?? -1) & 0xff)),
		);
		t.equal(spoiled.length, 0, "each with its data");
		t.match(near.stats, { framesOut: number, droppedOut: 0 });
		await heard(near, far, farSink);
	});

	t.test("a link can be closed while its socket is full", async (t) => {
		const { pump, near } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 4kb limit 1gb");
		while (send(near, frameTo(OTHER_MAC, Buffer.alloc(1400)))) pump.run();
		await near.close();
		await near.close();
		t.pass("closed");
	});

	t.test("deleted while its socket is full", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 4kb limit 1gb");
		while (send(near, frameTo(OTHER_MAC, Buffer.alloc(1400)))) pump.run();
		ip("link delete near");
		await until("the end", () => !near.up, LIMIT_MS);
		await layCable(1500);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
		t.equal(near.acquire() === undefined, false, "the slots of what was lost are free again");
	});

	t.test("a device whose queue is full loses frames, and only those", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 2kb limit 4kb");
		for (let number = 0; number < 100; number++) send(near, frameTo(far.mac, Buffer.alloc(1000)));
		pump.run();
		const { framesOut, droppedOut } = near.stats;
		t.equal(framesOut + droppedOut, 100);
		t.ok(framesOut > 0 && droppedOut > 0, `${droppedOut} lost`);
		tc("qdisc del dev near root");
		await heard(near, far, farSink);
	});

	t.test("a frame whose data is gone is lost, its neighbours are not", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t);
		send(near, frameTo(far.mac, "before"));
		send(near, frameTo(far.mac, "gone").subarray(0, 20), 4096, 512);
		send(near, frameTo(far.mac, "after"));
		pump.run();
		await until("two frames", () => farSink.frames.length === 2, LIMIT_MS);
		t.strictSame(farSink.texts(), ["before", "after"]);
		t.match(near.stats, { framesOut: 2, droppedOut: 1 });
	});
}

function changes(t: Test): void {
	t.test("down and up again", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t);
		await heard(far, near, nearSink);
		ip("link set near down");
		await until("down", () => !near.up && !far.up, LIMIT_MS);
		t.ok(nearSink.changes > 0 && farSink.changes > 0, "both ends are told");
		const { droppedOut } = near.stats;
		const lost = 3;
		// By an XDP socket the first one waits.
		for (let number = 0; number < lost + (xdp ? 1 : 0); number++) {
			send(near, frameTo(far.mac, `nowhere ${number}`));
			pump.run();
		}
		t.equal(near.stats.droppedOut, droppedOut + lost);
		ip("link set near up");
		await until("up", () => near.up && far.up, BACK_LIMIT_MS);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
		t.ok(nearSink.changes > 1);
		ip("link set far down");
		await until("no carrier", () => !near.up, LIMIT_MS);
		ip("link set far up");
		await until("a carrier", () => near.up, BACK_LIMIT_MS);
		await heard(far, near, nearSink);
	});

	t.test("opened while it is down, it serves when it comes up", async (t) => {
		await layCable(1500);
		ip("link set near down");
		const pump = new Pump();
		const near = new PacketLink("near", pump, { framesInFlight: 16 });
		const far = new PacketLink("far", pump, { framesInFlight: 16 });
		t.teardown(async () => {
			await near.close();
			await far.close();
			ip("link delete near");
		});
		const sink = new Sink();
		near.attach(sink);
		t.notOk(near.up);
		ip("link set near up");
		await heard(far, near, sink);
		t.ok(near.up);
	});

	t.test("a new MTU: longer frames pass, slots fit, what waited is counted as lost", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t);
		const old = near.acquire();
		send(near, frameTo(far.mac, "waits"));
		const before = near.stats.droppedOut;
		ip("link set near mtu 9000");
		ip("link set far mtu 9000");
		await until("the MTU", () => near.mtu === 9000 && far.mtu === 9000, LIMIT_MS);
		t.ok(nearSink.changes > 0 && farSink.changes > 0, "the sinks are told");
		t.ok(near.stats.droppedOut + near.stats.framesOut >= before + 1, "the frame is accounted for");
		if (old !== undefined) near.release(old);
		const slots = [];
		for (let slot = near.acquire(); slot !== undefined; slot = near.acquire()) slots.push(slot);
		t.ok(slots.every(({ capacityBytes }) => capacityBytes >= 9014));
		for (const slot of slots) near.release(slot);
		await heard(far, near, nearSink, 9014);
		await heard(near, far, farSink, 9014);
		ip("link set near mtu 1500");
		ip("link set far mtu 1500");
		await until("the old MTU", () => near.mtu === 1500 && far.mtu === 1500, LIMIT_MS);
		await heard(far, near, nearSink, 1514);
		pump.run();
	});

	t.test("a new address", async (t) => {
		const { near, far, nearSink, farSink } = await openEnds(t);
		ip("link set near address 02:00:00:00:77:77");
		await until("the address", () => near.mac === 0x020000007777, LIMIT_MS);
		t.ok(nearSink.changes > 0);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
	});

	t.test("word that was lost is asked for", async (t) => {
		const { near, nearSink } = await openEnds(t);
		// More than the netlink socket has room for, while nobody reads it.
		ip("link add name other type veth peer name other2");
		const script = Array.from({ length: 400 }, (_, i) => `link set other mtu ${1400 + (i % 100)}`);
		execFileSync("ip", ["-batch", "-"], { input: [...script, "link set near mtu 4321"].join("\n") });
		t.equal(near.mtu, 1500, "nothing has been heard yet");
		await until("the MTU", () => near.mtu === 4321, LIMIT_MS);
		t.ok(nearSink.changes > 0);
		ip("link delete other");
		execFileSync("ip", ["-batch", "-"], {
			input: ["link delete near", ...script.map(() => "link set lo mtu 65536\nlink set lo mtu 65535")].join(
				"\n",
			),
		});
		await until("the end", () => near.status === "gone", LIMIT_MS);
		await layCable(1500);
		await until("it is back", () => near.status === "up", BACK_LIMIT_MS);
	});

	t.test("deleted, and made again with the same name", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t);
		for (const mtu of [1500, 4000]) {
			ip("link delete near");
			await until("the end", () => !near.up && !far.up, LIMIT_MS);
			const { droppedOut } = near.stats;
			send(near, frameTo(far.mac, "nowhere"));
			pump.run();
			t.equal(near.stats.droppedOut, droppedOut + 1, "what is sent meanwhile is lost");
			const { changes } = nearSink;
			ip("link add name other type veth");
			ip("link delete other");
			await pause(20);
			t.equal(nearSink.changes, changes, "other interfaces are none of its business");
			await layCable(mtu);
			await until("the MTU", () => near.mtu === mtu && far.mtu === mtu, BACK_LIMIT_MS);
			await heard(far, near, nearSink, mtu + 14, BACK_LIMIT_MS);
			await heard(near, far, farSink, mtu + 14, BACK_LIMIT_MS);
			t.equal(near.mac, interfaceInfo("near")?.mac);
		}
	});

	t.test("a sink may close the link that hands it a frame", async (t) => {
		const { pump, near, far, nearSink } = await openEnds(t);
		nearSink.onFrame = () => void near.close();
		for (let number = 0; number < 10; number++) send(far, frameTo(near.mac, "x"));
		pump.run();
		await until("a frame", () => nearSink.frames.length > 0, LIMIT_MS);
		await pause(20);
		t.equal(nearSink.frames.length, 1, "it gets no more");
	});
}

/** Whether a frame that leaves the interface is seen there; by the queue it is. */
async function startWatch(t: Test, interfaceName: string): Promise<() => string[]> {
	const program = [
		"import socket",
		"port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))",
		`port.bind(('${interfaceName}', 3))`,
		"print('ready', flush=True)",
		"while True:",
		"    frame, address = port.recvfrom(20000)",
		"    if address[2] == 4: print(frame[14:].rstrip(b'\\0').decode('latin1')[:20], flush=True)",
	].join("\n");
	const watch = new Program(["python3", "-c", program]);
	t.teardown(() => watch.stop("SIGKILL"));
	await watch.waitFor(/^ready$/m, LIMIT_MS);
	return () => watch.stdout.split("\n").slice(1, -1);
}

function direct(t: Test): void {
	t.test("frames of every length arrive, each once and as they were sent", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t, LONG_MTU);
		t.notOk(near.gathersFast, "not all that the MTU allows can go this way");
		// Chunks end at 4096 and 8192; what is longer than 9216 goes by the queue.
		const lengths = [60, 61, 4095, 4096, 4097, 8191, 8192, 8193, 9014, 9216, 9217, LONG_MTU + 14];
		const total = 2000;
		const sent: string[] = [];
		for (let number = 0; number < total; ) {
			for (let batch = 0; batch < 50; batch++, number++) {
				const frame = frameTo(
					far.mac,
					Buffer.alloc((lengths[number % lengths.length] ?? 60) - 14, `${number},`),
				);
				sent.push(frame.toString("latin1"));
				send(near, frame);
			}
			pump.run();
			await until("the batch", () => farSink.frames.length === number, LIMIT_MS);
		}
		const received = farSink.frames.map((frame) => frame.toString("latin1")).sort();
		sent.sort();
		t.ok(received.every((frame, index) => frame === sent[index]));
		t.match(near.stats, { framesOut: total, droppedOut: 0 });
		t.match(far.stats, { framesIn: total, droppedIn: 0 });
	});

	t.test("data from elsewhere is behind the head, however both fit into chunks", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t, 9000);
		t.ok(near.gathersFast);
		const data = nativeMemory(9000);
		data.bytes.forEach((_, index) => {
			data.bytes[index] = index % 251;
		});
		// A frame that was cut short would be filled up.
		const lengths = [24, 512, 4060, 4061, 4096, 4097, 8191, 8192, 8193, 8978];
		const head = frameTo(far.mac, Buffer.alloc(22, "h")).subarray(0, 36);
		for (const [index, length] of lengths.entries()) {
			send(near, head, data.address + index, length);
			pump.run();
		}
		await until("all", () => farSink.frames.length === lengths.length, LIMIT_MS);
		for (const [index, length] of lengths.entries()) {
			const frame = farSink.frames[index] ?? Buffer.alloc(0);
			t.ok(frame.subarray(0, 36).equals(head), `${length}: its head`);
			t.ok(frame.subarray(36).equals(data.bytes.subarray(index, index + length)), `${length}: its data`);
		}
		t.match(near.stats, { framesOut: lengths.length, droppedOut: 0 });
	});

	t.test(
		"short frames are past the queue and unseen, long ones and those of another process are not",
		async (t) => {
			const { pump, near, far, farSink } = await openEnds(t, LONG_MTU);
			const told: string[] = [];
			const log = (message: string, level = "warn") => void told.push(`${level}: ${message}`);
			const other = new PacketLink("near", pump, { framesInFlight: 16, xdp, log });
			t.teardown(() => other.close());
			const refusal = "verbose: near: sends without an XDP socket (bind: Device or resource busy)";
			t.strictSame(told, [refusal], "whoever wonders is told why it has no XDP socket");
			const seen = await startWatch(t, "near");
			send(near, frameTo(far.mac, "directly"));
			send(near, frameTo(far.mac, Buffer.concat([Buffer.from("queued "), Buffer.alloc(9300)])));
			send(other, frameTo(far.mac, "has none"));
			pump.run();
			await until("all", () => farSink.frames.length === 3, LIMIT_MS);
			await until("two are seen", () => seen().length === 2, LIMIT_MS);
			t.strictSame(seen().sort(), ["has none", "queued "]);
		},
	);
}

function opening(t: Test): void {
	const options = { framesInFlight: 16, log: () => {} };
	const open = (name: string) => openLink({ kind: "interface", name }, new Pump(), options);

	t.test("an interface that is not there", async (t) => {
		for (const name of ["nothere0", "a-name-that-is-much-too-long", ""])
			await t.rejects(open(name), { name: "OperatorError", message: /there is no such network interface/ });
		t.equal(interfaceInfo("nothere0"), undefined);
	});

	t.test("without the capability the operator is told which one it is", async (t) => {
		const openUrl = import.meta.resolve("../../lib/link/open.js");
		const pumpUrl = import.meta.resolve("../../lib/pump.js");
		const script = [
			`const { openLink } = await import(${JSON.stringify(openUrl)});`,
			`const { Pump } = await import(${JSON.stringify(pumpUrl)});`,
			`try { await openLink({ kind: "interface", name: "lo" }, new Pump(), { framesInFlight: 1, log() {} }); }`,
			"catch (error) { console.log(error.name, error.message); }",
		].join("\n");
		const child = [process.execPath, "--input-type=module", "-e", script];
		const without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", ...child];
		const { stdout, code } = await run(without, LIMIT_MS);
		t.match(stdout, /^OperatorError lo: .*CAP_NET_RAW/);
		t.equal(stdout.trim().split("\n").length, 1, "in one line");
		t.equal(code, 0, "and the process ends by itself: nothing was left open");
	});

	t.test("interfaces: which there are, what they are like, and word of changes", async (t) => {
		await layCable(1234);
		t.ok(["lo", "near", "far"].every((name) => interfaceNames().includes(name)));
		t.match(interfaceInfo("near"), { mtu: 1234, up: true });
		ip("link set near address 02:03:04:05:06:07");
		t.equal(interfaceInfo("near")?.mac, 0x020304050607);
		const told = [0, 0];
		const unwatch = [0, 1].map((index) => interfaceMonitor.watch(() => told[index]!++));
		await pause(20);
		ip("link set near mtu 1235");
		await until("word to both", () => told.every((count) => count > 0), LIMIT_MS);
		unwatch[0]?.();
		await pause(50);
		const before = [...told];
		ip("link delete near");
		await until("word to the other", () => told[1]! > before[1]!, LIMIT_MS);
		t.equal(told[0], before[0]);
		unwatch[1]?.();
	});
}

t.setTimeout(60_000);
if (await inNamespace(import.meta.url)) {
	const kinds = [1500, 9000].flatMap((mtu) => [false, true].map((usesXdp) => ({ mtu, usesXdp })));
	for (const { mtu, usesXdp } of kinds)
		await linkConformance(t, `packet, MTU ${mtu}${usesXdp ? ", XDP" : ""}`, async () => {
			await layCable(mtu);
			const pump = new Pump();
			const near = new PacketLink("near", pump, { framesInFlight: 16, xdp: usesXdp });
			const far = new PacketLink("far", pump, { framesInFlight: 16, xdp: usesXdp });
			const close = async () => {
				await near.close();
				await far.close();
				ip("link delete near");
			};
			return { pump, near, far, close };
		});
	incoming(t);
	full(t);
	changes(t);
	opening(t);
	await t.test("sending by an XDP socket", async (t) => {
		xdp = true;
		direct(t);
		changes(t);
	});
}
