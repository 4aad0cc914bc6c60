// The link over a unix socket: the conformance suite, and its framing byte by byte. Its peers are in `unix-peers.test.ts`.

import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { ALL_PEERS } from "../../lib/link/link.js";
import { UnixLink } from "../../lib/link/unix.js";
import { nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import type { Memory } from "../../lib/wire/memory.js";
import { dir, newPath, opened, packed, rawPeer, until } from "./unix-bench.js";

await linkConformance(t, "unix", async () => {
	const pump = new Pump();
	const socketPath = newPath(dir);
	const near = await UnixLink.open(socketPath, { pump });
	const far = await UnixLink.connect(socketPath, { pump });
	return { pump, near, far, close: async () => void (await Promise.all([near.close(), far.close()])) };
});

t.test("frames are found however the stream is cut", async (t) => {
	const { SEED } = process.env;
	const random = SEED === undefined ? new Random() : new Random(Number(SEED));
	t.comment(`SEED=${random.seed}`);
	const { socketPath, link, sink } = await opened(t);
	const texts = Array.from({ length: 300 }, (_, number) => {
		const length = number % 3 === 0 ? 14 + number : 14 + random.below(9000);
		return String.fromCharCode(33 + (number % 90)).repeat(length);
	});
	const stream = Buffer.concat(texts.map(packed));
	const { socket } = await rawPeer(socketPath);
	for (let at = 0; at < stream.length; ) {
		const length = random.chance(0.5) ? 1 + random.below(8) : random.below(70_000);
		socket.write(stream.subarray(at, at + length));
		at += length;
		if (random.chance(0.3)) await sleep(0);
	}
	await until(() => sink.frames.length >= texts.length, "all frames");
	t.strictSame(
		sink.frames.map(({ text }) => text),
		texts,
	);
	t.equal(link.stats.framesIn, texts.length);
});

t.test("a frame that came in pieces holds until the pump has run", async (t) => {
	const pump = new Pump();
	const socketPath = newPath(dir);
	const link = await UnixLink.open(socketPath, { pump });
	t.teardown(() => link.close());
	const seen: string[] = [];
	let held: { memory: Memory; offset: number; frameBytes: number } | undefined;
	link.attach({
		frame(_link, memory, offset, frameBytes) {
			held = { memory, offset, frameBytes };
		},
		linkChanged: () => {},
	});
	pump.addStorage({
		get hasWork() {
			return held !== undefined;
		},
		drain() {
			if (held === undefined) return;
			const { memory, offset, frameBytes } = held;
			seen.push(Buffer.from(memory.bytes.slice(offset, offset + frameBytes)).toString("latin1"));
			held = undefined;
		},
	});
	const texts = ["a", "b", "c"].map((letter) => letter.repeat(100));
	const stream = Buffer.concat(texts.map(packed));
	const { socket } = await rawPeer(socketPath);
	// The end of each frame comes together with the beginning of the next.
	for (let at = 0; at < stream.length; at += 60) {
		socket.write(stream.subarray(at, at + 60));
		await sleep(10);
	}
	await until(() => seen.length === 3, "three frames");
	t.strictSame(seen, texts);
});

t.test("one byte at a time", async (t) => {
	const { socketPath, sink } = await opened(t);
	const { socket } = await rawPeer(socketPath);
	socket.setNoDelay(true);
	const texts = ["a".repeat(14), "b".repeat(60), "c".repeat(15)];
	for (const byte of Buffer.concat(texts.map(packed))) {
		socket.write(Buffer.of(byte));
		await new Promise((resolve) => setImmediate(resolve));
	}
	await until(() => sink.frames.length === 3, "three frames");
	t.strictSame(
		sink.frames.map(({ text }) => text),
		texts,
	);
});

t.test("data from elsewhere is gathered", async (t) => {
	const { pump, socketPath, link, sink } = await opened(t);
	const { socket, received } = await rawPeer(socketPath);
	socket.write(packed("q".repeat(60)));
	await until(() => sink.frames.length === 1, "a frame");
	const data = nativeMemory(4096);
	data.bytes.fill(0x64);
	const slot = link.acquire();
	if (slot === undefined) throw new Error("no slot");
	slot.memory.bytes.fill(0x68, slot.offset, slot.offset + 36);
	slot.dataAddress = data.address;
	link.transmit(slot, 36, sink.frames[0]?.peer ?? ALL_PEERS, 4096);
	pump.run();
	data.bytes.fill(0);
	const wanted = packed(`${"h".repeat(36)}${"d".repeat(4096)}`);
	await until(() => received().length >= wanted.length, "the frame");
	t.ok(received().equals(wanted), "head, then data, as it was when the pump ran");
});

t.test("frames beyond the MTU are dropped and counted, both ways", async (t) => {
	const { socketPath, link, sink } = await opened(t, { mtu: 1500 });
	const { socket } = await rawPeer(socketPath);
	for (const length of [1514, 1515, 65535, 60]) socket.write(packed("m".repeat(length)));
	await until(() => sink.frames.length === 2, "two frames");
	t.strictSame(
		sink.frames.map(({ text }) => text.length),
		[1514, 60],
	);
	t.equal(link.stats.droppedIn, 2);
});
