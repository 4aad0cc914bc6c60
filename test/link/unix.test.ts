// The link over a unix socket: the conformance suite, its framing byte by byte, and peers that misbehave.
import { spawnSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { ALL_PEERS } from "../../lib/link/link.js";
import { UnixLink, type UnixLinkOptions } from "../../lib/link/unix.js";
import { nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import type { Memory } from "../../lib/wire/memory.js";

const LIMIT_MS = 10_000;

/** Waits until `done` says so; fails the test if it takes too long. */
async function until(done: () => boolean, what: string): Promise<void> {
	const endMs = performance.now() + LIMIT_MS;
	while (!done()) {
		if (performance.now() > endMs) throw new Error(`waited too long for ${what}`);
		await sleep(1);
	}
}

class Sink implements FrameSink {
	readonly frames: { text: string; peer: number }[] = [];
	changes = 0;

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		const text = Buffer.from(memory.bytes.slice(offset, offset + frameBytes)).toString("latin1");
		this.frames.push({ text, peer });
	}

	linkChanged(): void {
		this.changes += 1;
	}
}

/** A frame as it is on the stream: written here by hand, not by the code under test. */
function packed(text: string): Buffer {
	const bytes = Buffer.alloc(4 + text.length);
	bytes.writeUInt32BE(text.length, 0);
	bytes.write(text, 4, "latin1");
	return bytes;
}

/** A connection that keeps all that it receives. */
async function rawPeer(socketPath: string): Promise<{ socket: Socket; received: () => Buffer }> {
	const socket = connect(socketPath);
	const chunks: Buffer[] = [];
	socket.on("data", (chunk) => chunks.push(chunk));
	socket.on("error", () => {});
	await until(() => socket.readyState === "open", "the connection");
	return { socket, received: () => Buffer.concat(chunks) };
}

function send(link: Link, text: string, peer: number): boolean {
	const slot = link.acquire();
	if (slot === undefined) return false;
	Buffer.from(text, "latin1").copy(slot.memory.bytes, slot.offset);
	link.transmit(slot, text.length, peer);
	return true;
}

let socketsMade = 0;
function newPath(dir: string): string {
	return path.join(dir, `s${socketsMade++}`);
}

const dir = t.testdir({});

await linkConformance(t, "unix", async () => {
	const pump = new Pump();
	const socketPath = newPath(dir);
	const near = await UnixLink.open(socketPath, { pump });
	const far = await UnixLink.connect(socketPath, { pump });
	return { pump, near, far, close: async () => void (await Promise.all([near.close(), far.close()])) };
});

async function opened(t: Test, options: Partial<UnixLinkOptions> = {}) {
	const pump = new Pump();
	const socketPath = newPath(dir);
	const logged: string[] = [];
	const link = await UnixLink.open(socketPath, { pump, log: (line) => logged.push(line), ...options });
	const sink = new Sink();
	link.attach(sink);
	t.teardown(() => link.close());
	return { pump, socketPath, link, sink, logged };
}

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

t.test("peers are apart: answers go to the one that asked, broadcasts to all", async (t) => {
	const { socketPath, link, sink } = await opened(t);
	const peers = [await rawPeer(socketPath), await rawPeer(socketPath), await rawPeer(socketPath)];
	for (const [index, { socket }] of peers.entries()) socket.write(packed(String(index).repeat(60)));
	await until(() => sink.frames.length === 3, "a frame from each");
	const numbers = [0, 1, 2].map((index) => sink.frames.find(({ text }) => text.startsWith(`${index}`))?.peer);
	t.equal(new Set(numbers).size, 3, "each has its number");
	t.strictSame(
		peers.map(({ received }) => received().length),
		[0, 0, 0],
		"they do not hear each other",
	);
	send(link, "x".repeat(60), numbers[1] ?? -2);
	send(link, "y".repeat(61), ALL_PEERS);
	const everyone = packed("y".repeat(61));
	await until(() => peers.every(({ received }) => received().length >= everyone.length), "the broadcast");
	t.strictSame(
		peers.map(({ received }) => received().toString("latin1")),
		[
			everyone.toString("latin1"),
			Buffer.concat([packed("x".repeat(60)), everyone]).toString("latin1"),
			everyone.toString("latin1"),
		],
	);
	peers[1]?.socket.destroy();
	await sleep(20);
	const { droppedOut } = link.stats;
	send(link, "z".repeat(60), numbers[1] ?? -2);
	await until(() => link.stats.droppedOut === droppedOut + 1, "the drop");
	const late = await rawPeer(socketPath);
	late.socket.write(packed("l".repeat(60)));
	await until(() => sink.frames.length === 4, "a frame from the new peer");
	t.notOk(numbers.includes(sink.frames[3]?.peer), "numbers are not used again");
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

t.test("what is not a stream of frames ends the connection, with one message", async (t) => {
	const lengths: Record<string, number> = { oversize: 65536, "as text": 0x47455420, zero: 0, runt: 13 };
	for (const [name, length] of Object.entries(lengths)) {
		const { socketPath, link, sink, logged } = await opened(t);
		const bad = await rawPeer(socketPath);
		const good = await rawPeer(socketPath);
		const header = Buffer.alloc(4);
		header.writeUInt32BE(length);
		bad.socket.write(Buffer.concat([packed("f".repeat(60)), header, packed("n".repeat(60))]));
		bad.socket.write(packed("n".repeat(60)));
		await until(() => bad.socket.destroyed, `${name}: the end`);
		t.strictSame(
			sink.frames.map(({ text }) => text[0]),
			["f"],
			`${name}: only what came before counts`,
		);
		t.equal(logged.length, 1, `${name}: ${logged[0]}`);
		good.socket.write(packed("g".repeat(60)));
		await until(() => sink.frames.length === 2, "a frame from the other peer");
		await link.close();
	}
	const split = await opened(t);
	const bad = await rawPeer(split.socketPath);
	bad.socket.write(Buffer.of(0xff, 0xff));
	await sleep(20);
	bad.socket.write(Buffer.of(0xff, 0xff, 1, 2, 3));
	await until(() => bad.socket.destroyed, "the end of one whose length came in two pieces");
	t.equal(split.logged.length, 1);
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

t.test("a peer that does not read loses frames and holds up nobody", async (t) => {
	const { pump, socketPath, link, sink } = await opened(t);
	const lazy = await rawPeer(socketPath);
	const eager = await rawPeer(socketPath);
	lazy.socket.pause();
	lazy.socket.write(packed("L".repeat(60)));
	await until(() => sink.frames.length === 1, "the lazy one's frame");
	eager.socket.write(packed("E".repeat(60)));
	await until(() => sink.frames.length === 2, "the eager one's frame");
	const [lazyNumber, eagerNumber] = sink.frames.map(({ peer }) => peer);
	const before = process.memoryUsage();
	const rounds = 200;
	for (let round = 0; round < rounds; round++) {
		for (let number = 0; number < 64; number++) send(link, "w".repeat(9014), lazyNumber ?? -2);
		pump.run();
		send(link, "e".repeat(60), eagerNumber ?? -2);
		if (round % 20 === 0) await sleep(1);
	}
	await until(() => eager.received().length === rounds * 64, "all frames for the eager one");
	t.equal(link.stats.framesOut + link.stats.droppedOut, rounds * 65, "every frame is accounted for");
	t.ok(link.stats.droppedOut > rounds * 32, `most are lost: ${link.stats.droppedOut}`);
	const after = process.memoryUsage();
	const sent = rounds * 64 * 9014;
	t.ok(after.external + after.arrayBuffers - before.external - before.arrayBuffers < sent / 4, "not kept");
	const kept = link.stats.framesOut - rounds;
	lazy.socket.resume();
	await until(() => lazy.received().length === kept * 9018, "what was not lost, once it reads");
	t.ok(lazy.received().length > 0);
});

t.test("who listens already, what lies there, and what is left behind", async (t) => {
	const { socketPath, link } = await opened(t);
	t.equal(statSync(socketPath).mode & 0o777, 0o600, "for the owner alone");
	await t.rejects(UnixLink.open(socketPath, { pump: new Pump() }), {
		name: "OperatorError",
		message: /another process listens there/,
	});
	t.ok(existsSync(socketPath), "the one in use is still there");
	await link.close();
	t.notOk(existsSync(socketPath), "removed at close");

	const stale = newPath(dir);
	const script = `require("net").createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, "SIGKILL"))`;
	spawnSync(process.execPath, ["-e", script], { timeout: LIMIT_MS });
	t.ok(existsSync(stale), "a process that was killed leaves its socket");
	const second = await UnixLink.open(stale, { pump: new Pump() });
	await (await rawPeer(stale)).socket.destroy();
	await second.close();

	const file = path.join(dir, "file");
	writeFileSync(file, "precious");
	await t.rejects(UnixLink.open(file, { pump: new Pump() }), {
		name: "OperatorError",
		message: /not a socket/,
	});
	t.equal(statSync(file).size, 8, "a file is left alone");
	await t.rejects(UnixLink.open(path.join(dir, "none", "s"), { pump: new Pump() }), {
		name: "OperatorError",
		message: /can't listen there/,
	});
	await t.rejects(UnixLink.open(path.join(dir, "l".repeat(120)), { pump: new Pump() }), {
		name: "OperatorError",
	});
	await t.rejects(UnixLink.connect(path.join(dir, "nobody"), { pump: new Pump() }), {
		name: "OperatorError",
		message: /can't connect/,
	});
});

t.test("addresses: the listener's stays the same, each client's is its own", async (t) => {
	const { pump, socketPath, link } = await opened(t);
	const clients = [
		await UnixLink.connect(socketPath, { pump }),
		await UnixLink.connect(socketPath, { pump }),
	];
	const macs = [link, ...clients].map(({ mac }) => mac);
	t.equal(new Set(macs).size, 3);
	for (const mac of macs) t.equal(Math.floor(mac / 2 ** 40) & 3, 2, "locally administered, not a group");
	for (const client of clients) await client.close();
	await link.close();
	const again = await UnixLink.open(socketPath, { pump });
	t.equal(again.mac, link.mac);
	const client = await UnixLink.connect(socketPath, { pump });
	const sink = new Sink();
	client.attach(sink);
	t.ok(client.up);
	await again.close();
	await until(() => sink.changes === 1, "word that the other end is gone");
	t.notOk(client.up);
	await client.close();
});
