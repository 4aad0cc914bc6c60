// The link over libpcap, on a virtual cable in a network namespace: the conformance suite, and an interface that is
// switched off, changed and replaced under it.

import t, { type Test } from "tap";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { PcapLink } from "../../lib/link/pcap.js";
import { Pump } from "../../lib/pump.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import { ethSource } from "../../lib/wire/ethernet.js";
import type { Memory } from "../../lib/wire/memory.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip, layCable } from "./cable.js";

class Sink implements FrameSink {
	frames = 0;
	changes = 0;
	/** Who has sent something. */
	readonly sources = new Set<number>();
	frame(_link: Link, memory: Memory, offset: number): void {
		this.frames += 1;
		this.sources.add(ethSource.get(memory.bytes, offset));
	}
	linkChanged(): void {
		this.changes += 1;
	}
}

/** A session of the package that never has a frame. It ends at the second call after `close`; one more would be a crash. */
class FakeSession {
	readonly link_type = "LINKTYPE_ETHERNET";
	readonly buf = new Uint8Array(1514);
	readonly header = new Uint8Array(16);
	closed = false;
	ended = false;
	#calls = 0;
	readonly session = {
		read_callback: () => {},
		dispatch: () => {
			if (this.ended) throw new Error("asked after its end");
			if (this.closed) this.#calls += 1;
			this.ended = this.#calls === 2;
			return this.ended ? -2 : 0;
		},
	};
	on(): void {}
	stats() {
		return { ps_drop: 0 };
	}
	inject(): void {}
	close(): void {
		this.closed = true;
	}
}

/** Sends a frame of AoE to `to`, by hand. */
function send(from: Link, to: Link, frameBytes = 60): void {
	const slot = from.acquire();
	if (slot === undefined) throw new Error("no slot");
	const macs = [to.mac, from.mac].map((mac) => mac.toString(16).padStart(12, "0")).join("");
	Buffer.from(`${macs}88a21000`, "hex").copy(slot.memory.bytes, slot.offset);
	from.transmit(slot, frameBytes, 0);
}

/** Sends until a frame arrives: one that is sent just as a capture is opened anew may be lost. */
async function heard(from: Link, to: Link, sink: Sink, frameBytes = 60): Promise<void> {
	const before = sink.frames;
	const arrived = () => {
		send(from, to, frameBytes);
		return sink.frames > before;
	};
	await until(`a frame of ${frameBytes} bytes`, arrived, LIMIT_MS);
}

async function openPair(t: Test, mtu = 1500) {
	await layCable(mtu);
	const pump = new Pump();
	const log: string[] = [];
	const near = await PcapLink.open("near", { pump, log: (line) => log.push(line) });
	const far = await PcapLink.open("far", { pump, log: (line) => log.push(line) });
	const [nearSink, farSink] = [new Sink(), new Sink()];
	near.attach(nearSink);
	far.attach(farSink);
	t.teardown(async () => {
		await near.close();
		await far.close();
		ip("link delete near");
	});
	return { near, far, nearSink, farSink, log };
}

async function conformance(t: Test): Promise<void> {
	for (const mtu of [1500, 9000])
		await linkConformance(t, `pcap, MTU ${mtu}`, async () => {
			await layCable(mtu);
			const pump = new Pump();
			const near = await PcapLink.open("near", { pump });
			const far = await PcapLink.open("far", { pump });
			const close = async () => {
				await near.close();
				await far.close();
				ip("link delete near");
			};
			return { pump, near, far, close };
		});
}

function ours(t: Test): void {
	t.test("frames for others, of other kinds and our own are not ours", async (t) => {
		const { near, far, nearSink, farSink } = await openPair(t);
		send(near, { mac: 0x02aabbccddee } as Link);
		const slot = near.acquire();
		if (slot === undefined) throw new Error("no slot");
		slot.memory.bytes.fill(0xff, slot.offset, slot.offset + 60);
		near.transmit(slot, 60, 0);
		send(near, { mac: 0xffffffffffff } as Link);
		await until("the broadcast", () => farSink.frames === 1, LIMIT_MS);
		t.equal(farSink.frames, 1, "and nothing else");
		// The kernel shows a frame to every capture of the port but the one that sent it.
		const twin = await PcapLink.open("near", { pump: new Pump() });
		send(twin, { mac: 0xffffffffffff } as Link);
		await until("the broadcast of another of us", () => farSink.frames === 2, LIMIT_MS);
		await twin.close();
		await heard(far, near, nearSink);
		t.strictSame([...nearSink.sources], [far.mac], "we do not hear ourselves");
	});
}

function changes(t: Test): void {
	t.test("an interface that is switched off and on is heard again", async (t) => {
		const { near, far, nearSink, farSink } = await openPair(t);
		await heard(far, near, nearSink);
		ip("link set near down");
		await until("down", () => !near.up, LIMIT_MS);
		const { droppedOut } = near.stats;
		send(near, far);
		await until("the drop", () => near.stats.droppedOut === droppedOut + 1, LIMIT_MS);
		ip("link set near up");
		await until("up", () => near.up && far.up, LIMIT_MS);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
		t.ok(nearSink.changes >= 2, "word of both");
		ip("link set near down");
		ip("link set near up");
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
	});

	t.test("a new MTU, a new address and a new interface of the same name are followed", async (t) => {
		const { near, far, nearSink, farSink } = await openPair(t);
		ip("link set near mtu 9000");
		ip("link set far mtu 9000");
		await until("the MTU", () => near.mtu === 9000 && far.mtu === 9000, LIMIT_MS);
		await heard(far, near, nearSink, 9014);
		ip("link set near address 02:00:00:00:77:77");
		await until("the address", () => near.mac === 0x020000007777, LIMIT_MS);
		await heard(far, near, nearSink);
		ip("link delete near");
		await until("the end", () => !near.up && !far.up, LIMIT_MS);
		await layCable(1500);
		await until("the new one", () => near.up && near.mtu === 1500 && far.up, LIMIT_MS);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
	});

	t.test("opened while it is down, it serves when it comes up", async (t) => {
		await layCable(1500);
		ip("link set near down");
		const pump = new Pump();
		const near = await PcapLink.open("near", { pump });
		const far = await PcapLink.open("far", { pump });
		const sink = new Sink();
		near.attach(sink);
		t.notOk(near.up);
		ip("link set near up");
		await heard(far, near, sink);
		await near.close();
		await far.close();
		ip("link delete near");
	});
}

function opening(t: Test): void {
	t.test("a session that is woken for nothing is replaced, and ended as the package wants it", async (t) => {
		await layCable(1500);
		const sessions: FakeSession[] = [];
		const createSession = () => {
			const session = new FakeSession();
			sessions.push(session);
			return session;
		};
		const load = async () => ({ default: { warningHandler: () => {}, createSession } });
		const link = await PcapLink.open("near", { pump: new Pump(), load });
		sessions[0]?.session.read_callback();
		await until("a second session", () => sessions.length === 2, LIMIT_MS);
		await until("the end of the first", () => sessions[0]?.ended === true, LIMIT_MS);
		t.notOk(sessions[1]?.closed);
		await link.close();
		t.ok(sessions[1]?.ended);
		t.equal(sessions.length, 2);
		ip("link delete near");
	});

	t.test("what can't be opened is told in one line", async (t) => {
		const pump = new Pump();
		await t.rejects(PcapLink.open("nope0", { pump }), { name: "OperatorError", message: /no such network/ });
		const load = () => Promise.reject(new Error("Cannot find package 'pcap'"));
		await t.rejects(PcapLink.open("lo", { pump, load }), {
			name: "OperatorError",
			message: /needs the package "pcap"/,
		});
		await layCable(1500);
		const failing = async () => ({
			default: {
				warningHandler: () => {},
				createSession: () => {
					throw new Error("You don't have permission to capture on that device");
				},
			},
		});
		await t.rejects(PcapLink.open("near", { pump, load: failing }), {
			name: "OperatorError",
			message: /can't capture there: You don't have permission/,
		});
	});
}

if (await inNamespace(import.meta.url)) {
	await conformance(t);
	ours(t);
	changes(t);
	opening(t);
}
