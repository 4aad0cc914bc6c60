// Peers of a listener on a unix socket: apart from each other, lazy, wrong, and with an address each; and what lies at the path.

import { spawnSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { ALL_PEERS } from "../../lib/link/link.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { LIMIT_MS } from "../support/limit.js";
import { dir, newPath, opened, packed, rawPeer, Sink, send, until } from "./unix-bench.js";

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
	const { droppedOut } = link.stats;
	const isDropped = () => {
		send(link, "z".repeat(60), numbers[1] ?? -2);
		return link.stats.droppedOut > droppedOut;
	};
	await until(isDropped, "the drop");
	const late = await rawPeer(socketPath);
	late.socket.write(packed("l".repeat(60)));
	await until(() => sink.frames.length === 4, "a frame from the new peer");
	t.notOk(numbers.includes(sink.frames[3]?.peer), "numbers are not used again");
});

t.test("room is made for more frames to each peer, those that are there and those that come", async (t) => {
	const { pump, socketPath, link, sink } = await opened(t, { mtu: 1500 });
	const peers = [await rawPeer(socketPath)];
	const greet = async ({ socket }: { socket: Socket }) => {
		const seen = sink.frames.length;
		socket.write(packed("h".repeat(60)));
		await until(() => sink.frames.length > seen, "a frame from the peer");
	};
	for (const peer of peers) await greet(peer);
	t.equal(link.freeRooms, 256);
	send(link, "first".padEnd(60), ALL_PEERS);
	// It waits in the peer's buffer, or is on its way.
	link.drain();
	send(link, "second".padEnd(60), ALL_PEERS);
	link.makeRoom(1024);
	t.equal(link.freeRooms, 2047, "one frame waits");
	peers.push(await rawPeer(socketPath));
	for (const peer of peers.slice(1)) await greet(peer);
	const { droppedOut } = link.stats;
	for (let number = 0; number < 2000; number++) send(link, String(number).padEnd(1514), ALL_PEERS);
	pump.run();
	t.equal(link.stats.droppedOut, droppedOut, "a buffer of the old size has room for 256 of these");
	await until(() => peers.every(({ received }) => received().includes("1999 ")), "all frames");
	const whole = Array.from({ length: 2000 }, (_, number) => packed(String(number).padEnd(1514)));
	for (const { received } of peers)
		t.ok(
			received()
				.subarray(-2000 * 1518)
				.equals(Buffer.concat(whole)),
		);
	t.match(peers[0]?.received().toString("latin1"), /first .*second /s);
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
