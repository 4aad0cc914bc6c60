// A tunnel between a stream and packets, without a network: what it hands on, what it refuses and counts, how it tells and how it ends.

import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import t from "tap";
import { readMessage, type TunnelState } from "../../lib/link/gre-messages.js";
import { madeUpMac } from "../../lib/link/made-up-mac.js";
import { macBytes } from "../../lib/wire/mac.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { type Bench, checked, frame, gre, ipv4, LOCAL, PEER, startedTunnel } from "./packets.js";

const US = macBytes(madeUpMac(`${LOCAL} ${PEER}`));
const ALL = Buffer.alloc(6, 0xff);
const OTHER = Buffer.from("020000000009", "hex");

/** How it stands, as it says next. */
async function told({ messages }: Bench): Promise<TunnelState> {
	// One may be on its way that is of before.
	const from = messages.length + 1;
	await until("a message", () => messages.length > from, LIMIT_MS);
	const state = messages.at(-1);
	if (state?.kind !== "state") throw new Error("not a state");
	return state;
}

/** As it is on the stream. */
function packed(bytes: Uint8Array): Buffer {
	const length = Buffer.alloc(4);
	length.writeUInt32BE(bytes.length);
	return Buffer.concat([length, bytes]);
}

t.test("frames to us and to all come through, whatever the IP header's length", async (t) => {
	const bench = await startedTunnel(t);
	const wanted = [frame(US, "to us"), frame(ALL, "to all"), frame(US, ""), frame(US, "x".repeat(9000))];
	for (const [index, each] of wanted.entries()) bench.tunnel.packet(ipv4(gre(each), 20 + index * 4), PEER);
	bench.tunnel.packet(ipv4(checked(wanted[0]!)), PEER);
	await until("frames", () => bench.frames.length === 5, LIMIT_MS);
	t.strictSame(bench.frames, [...wanted, wanted[0]], "as they were, in order");
});

t.test("of IPv6 there is no header", async (t) => {
	const bench = await startedTunnel(t, "fe80::7%eth0");
	bench.route = { mtu: 1500, local: "fe80::1" };
	t.equal((await told(bench)).mtu, 1500 - 40 - 4 - 14, "its own is longer");
	bench.tunnel.packet(gre(frame(ALL, "hello")), "fe80::7");
	await until("the frame", () => bench.frames.length === 1, LIMIT_MS);
});

t.test("what is refused is counted by why", async (t) => {
	const bench = await startedTunnel(t);
	const good = frame(US, "good");
	const { tunnel } = bench;
	tunnel.packet(ipv4(gre(good)), "192.0.2.8");
	tunnel.packet(ipv4(gre(frame(OTHER, "not to us"))), PEER);
	tunnel.packet(ipv4(gre(frame(Buffer.alloc(6), JSON.stringify({ kind: "failed", why: "a lie" })))), PEER);
	tunnel.packet(ipv4(gre(good, 0x2000)), PEER);
	tunnel.packet(ipv4(gre(good, 0x1000)), PEER);
	tunnel.packet(ipv4(gre(good, 0x0001)), PEER);
	tunnel.packet(ipv4(gre(good, 0x4000)), PEER);
	tunnel.packet(ipv4(gre(good, 0, 0x0800)), PEER);
	tunnel.packet(ipv4(gre(good, 0x8000, 0x6558, Buffer.from("12345678", "hex"))), PEER);
	tunnel.packet(ipv4(gre(good).subarray(0, 10)), PEER);
	tunnel.packet(Buffer.alloc(0), PEER);
	tunnel.packet(Buffer.from([0x4f, 0, 0]), PEER);
	tunnel.packet(Buffer.from([0x60]), PEER);
	const { refused } = await told(bench);
	t.strictSame(
		refused,
		{
			...{ short: 4, version: 1, routing: 1, key: 1, sequence: 1, protocol: 1, checksum: 1 },
			...{ stranger: 1, elsewhere: 2, full: 0 },
		},
		"each once, but for what is too short, and what is to somebody else: nobody from outside can speak as the process",
	);
	t.equal(bench.frames.length, 0, "and nothing of it came through");
});

t.test("hostile packets: no exception, nothing that is not to us", async (t) => {
	const bench = await startedTunnel(t);
	const rest = fc.uint8Array({ maxLength: 64 });
	const packet = fc.oneof(
		rest,
		rest.map((bytes) => ipv4(bytes)),
		fc.tuple(fc.nat(0xffff), rest).map(([flags, bytes]) => ipv4(gre(bytes, flags))),
		rest.map((bytes) => ipv4(gre(bytes))),
		rest.map((bytes) => ipv4(gre(frame(OTHER, Buffer.from(bytes).toString("latin1"))))),
	);
	let sent = 0;
	fc.assert(
		fc.property(packet, fc.constantFrom(PEER, "192.0.2.8", ""), (bytes, source) => {
			sent += 1;
			bench.tunnel.packet(bytes, source);
		}),
		{ numRuns: 3000 },
	);
	const { refused } = await told(bench);
	const count = Object.values(refused).reduce((sum, each) => sum + each, 0);
	t.equal(count + bench.frames.length, sent, "each is counted, or is a frame");
	t.ok(bench.frames.every((each) => each.subarray(0, 6).equals(US) || each.subarray(0, 6).equals(ALL)));
});

t.test("frames of the stream leave as packets, however the stream is cut", async (t) => {
	const bench = await startedTunnel(t);
	const frames = Array.from({ length: 60 }, (_, n) => frame(OTHER, `${n} `.repeat(1 + n * 11)));
	const stream = Buffer.concat(frames.map(packed));
	for (let at = 0, step = 1; at < stream.length; at += step, step = (step * 7 + 3) % 5000) {
		bench.link.write(stream.subarray(at, at + step));
		if (step % 3 === 0) await sleep(0);
	}
	await until("all packets", () => bench.port.sent.length === frames.length, LIMIT_MS);
	t.strictSame(
		bench.port.sent.map(({ packet }) => packet),
		frames.map((each) => gre(each)),
	);
	t.ok(bench.port.sent.every(({ address }) => address === PEER));
	await until("receiving", () => bench.port.receiving, LIMIT_MS);
});

t.test("more than can leave waits in the stream, and what the kernel refuses is counted", async (t) => {
	const bench = await startedTunnel(t);
	bench.port.error = new Error("No buffer space available");
	const frames = Array.from({ length: 3000 }, (_, n) => frame(OTHER, `${n}`.padEnd(60)));
	bench.link.write(Buffer.concat(frames.map(packed)));
	await until("all packets", () => bench.port.sent.length === frames.length, LIMIT_MS);
	t.equal(bench.port.sent.at(-1)?.packet.toString("latin1", 18, 22), "2999");
	t.equal((await told(bench)).unsent, 3000);
});

t.test("a link that does not read loses frames, which are counted, and nothing else", async (t) => {
	const bench = await startedTunnel(t);
	bench.link.pause();
	const large = frame(US, "x".repeat(9000));
	for (let n = 0; n < 3000; n++) {
		bench.tunnel.packet(ipv4(gre(large)), PEER);
		if (n % 100 === 0) await sleep(0);
	}
	bench.link.resume();
	const lost = () => {
		const state = bench.messages.at(-1);
		return state?.kind === "state" ? state.refused.full : 0;
	};
	await until("the rest", () => bench.frames.length + lost() === 3000, LIMIT_MS);
	t.ok(lost() > 0, `${lost()} were lost`);
	t.ok(
		bench.frames.every((each) => each.equals(large)),
		"none is spoiled",
	);
});

t.test("the way is looked at again and again", async (t) => {
	const bench = await startedTunnel(t);
	t.match(
		await told(bench),
		{ local: LOCAL, mtu: 1462, why: "" },
		"1500 without 20 of IPv4, 4 of GRE, 14 of Ethernet",
	);
	bench.route = { mtu: 1400, local: LOCAL };
	t.equal((await told(bench)).mtu, 1362, "it may become narrower");
	bench.route = new Error("there is no way");
	t.match(await told(bench), { mtu: 0, why: "there is no way" });
	bench.route = { mtu: 30, local: LOCAL };
	t.match(await told(bench), { mtu: 0, why: "an MTU of 30 is too small" });
	bench.route = { mtu: 1500, local: "192.0.2.3" };
	t.match(await told(bench), { mtu: 1462, local: "192.0.2.3" }, "we may have another address");
	bench.tunnel.packet(ipv4(gre(frame(US, "to what we were"))), PEER);
	bench.tunnel.packet(ipv4(gre(frame(macBytes(madeUpMac(`192.0.2.3 ${PEER}`)), "to what we are"))), PEER);
	await until("a frame", () => bench.frames.length > 0, LIMIT_MS);
	t.match(bench.frames[0]?.toString(), "to what we are", "and then another MAC address");
});

t.test("the stream's end is the end, when what came by it has left", async (t) => {
	const bench = await startedTunnel(t);
	const frames = Array.from({ length: 40 }, (_, n) => frame(OTHER, `${n}`.padEnd(60)));
	bench.link.end(Buffer.concat(frames.map(packed)));
	await bench.tunnel.ended;
	t.equal(bench.port.sent.length, frames.length);
});

t.test("a stream of something else is the end", async (t) => {
	const bench = await startedTunnel(t);
	bench.link.write(Buffer.alloc(40, 0xff));
	await bench.tunnel.ended;
	t.equal(bench.port.sent.length, 0);
});

t.test("why there is no tunnel is the last thing that is said", async (t) => {
	const bench = await startedTunnel(t);
	bench.tunnel.failed();
	await bench.tunnel.ended;
	await until("the message", () => bench.messages.at(-1)?.kind === "failed", LIMIT_MS);
});

t.test("only what a process of ours would say is a message", async (t) => {
	const text = fc.oneof(fc.json(), fc.string());
	fc.assert(
		fc.property(text, (said) => {
			const bytes = Buffer.concat([Buffer.alloc(14), Buffer.from(said)]);
			return readMessage(bytes, 0, bytes.length) === undefined;
		}),
	);
	const state = { kind: "state", local: "", mtu: 0, why: "", refused: {}, unsent: 0 };
	for (const wrong of [
		state,
		{ ...state, mtu: -1 },
		{ kind: "failed", why: 7 },
		{ kind: "failed", why: "x".repeat(201) },
	]) {
		const bytes = Buffer.concat([Buffer.alloc(14), Buffer.from(JSON.stringify(wrong))]);
		t.equal(readMessage(bytes, 0, bytes.length), undefined, JSON.stringify(wrong).slice(0, 60));
	}
});
