// Clients that hang up in the middle of anything, do not read, send half of a write, or are a thousand: memory is bounded, all of it comes
// back, others are served meanwhile, and what was not acknowledged never lands over what came later.

import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { Command, NbdError, OPTION_MAGIC, Option, OptionReply } from "../../lib/nbd/protocol.js";
import { Random } from "../../lib/random.js";
import { type ByteStream, NOTHING_NOW, type StreamPart, type StreamUser } from "../../lib/stream/stream.js";
import type { Memory } from "../../lib/wire/memory.js";
import { Gate } from "../support/gate.js";
import { MIB, nameQuery, ServerUnderTest } from "./client.js";

const BUDGET = 4 * MIB;

function under(device: BlockDevice = new MemoryDevice(64 * MIB)): ServerUnderTest {
	const server = new ServerUnderTest(device, { budgetBytes: BUDGET });
	t.teardown(() => server.close());
	return server;
}

async function settled(isSo: () => boolean): Promise<void> {
	for (let left = 3000; left > 0 && !isSo(); left--) await sleep(10);
	if (!isSo()) throw new Error("it does not come to that");
}

/** With so many exports. */
function serverWith(count: number): ServerUnderTest {
	const server = new ServerUnderTest();
	t.teardown(() => server.close());
	for (let i = 1; i < count; i++) server.server.add({ ...server.exported, name: `disk${i}` });
	return server;
}

/** There is always more to receive: what it begins with, then one thing again and again. */
class EndlessStream implements ByteStream {
	readonly identity = null;
	readonly encryption = null;
	readonly peer = "test";
	readonly trouble = null;
	#user: StreamUser | undefined;
	#receives = 0;

	constructor(
		readonly first: Uint8Array[],
		readonly again: Uint8Array = Buffer.alloc(1),
	) {}

	attach(user: StreamUser): void {
		this.#user = user;
	}

	/** How often something was received in one turn. */
	turn(): number {
		this.#receives = 0;
		this.#user?.readable();
		return this.#receives;
	}

	receive({ bytes }: Memory, offset: number, length: number): number {
		if (++this.#receives > 1000) return NOTHING_NOW;
		const next = this.first.shift() ?? this.again;
		for (let at = 0; at < length; at += next.length) bytes.set(next, offset + at);
		return length;
	}

	send(parts: readonly StreamPart[]): number {
		return parts.reduce((sum, { length }) => sum + length, 0);
	}

	wantReadable(): void {}
	close(): void {}
}

const isEmpty =
	({ server, disk }: ServerUnderTest) =>
	() =>
		server.rooms.takenBytes === 0 && disk.underWay === 0 && [...server.connections()].length === 0;

t.test("clients that end at any byte leave nothing behind", async (t) => {
	const random = new Random();
	const server = under();
	for (let run = 0; run < 150; run++) {
		const client = server.connect();
		await client.go();
		const data = Buffer.alloc(512 * (1 + random.below(600)), 3);
		for (let i = 0; i < 3; i++) client.request(Command.read, BigInt(i), 0, 512 * (1 + random.below(4000)));
		client.request(Command.write, 9n, MIB, data.length, {
			data: data.subarray(0, random.below(data.length)),
		});
		if (random.chance(0.5)) await sleep(random.below(4));
		client.end();
	}
	await settled(isEmpty(server));
	const last = server.connect();
	await last.go();
	t.equal(await last.write(0, Buffer.alloc(4096, 1)), NbdError.none);
});

t.test("a client whose options never end has no more of a turn than others", (t) => {
	const { server } = serverWith(4096);
	const option = (code: number, length: number): Buffer => {
		const head = Buffer.alloc(16);
		head.writeBigUInt64BE(OPTION_MAGIC);
		head.writeUInt32BE(code, 8);
		head.writeUInt32BE(length, 12);
		return head;
	};
	const flags = Buffer.from([0, 0, 0, 3]);
	const passedBy = new EndlessStream([flags, option(99, 2 ** 32 - 1)]);
	server.accept(passedBy);
	t.ok(passedBy.turn() <= 16, "of what is passed by");
	const lists = new EndlessStream([flags], option(Option.list, 0));
	server.accept(lists);
	t.ok(lists.turn() <= 2, "of what is long to tell");
	t.end();
});

t.test("a thousand clients that stop in the middle of a write, and others are served", async (t) => {
	const server = under();
	const stuck = await Promise.all(
		Array.from({ length: 1000 }, async () => {
			const client = server.connect();
			await client.go();
			client.request(Command.write, 1n, 0, MIB, { data: Buffer.alloc(200 * 1024, 7) });
			return client;
		}),
	);
	await sleep(200);
	const bound = BUDGET + 1000 * 2 * 128 * 1024;
	t.ok(server.server.rooms.takenBytes <= bound, `${server.server.rooms.takenBytes} bytes, ${bound} at most`);
	const client = server.connect();
	await client.go();
	for (let i = 0; i < 20; i++) t.equal(await client.write(MIB * i, Buffer.alloc(MIB, i)), NbdError.none);
	client.request(Command.read, 1n, 5 * MIB, MIB);
	await client.chunks();
	for (const each of stuck) each.end();
	client.end();
	await settled(isEmpty(server));
});

t.test("clients that do not read cost no more than their share, and get all in the end", async (t) => {
	const server = under();
	const writer = server.connect();
	await writer.go();
	for (let i = 0; i < 4; i++) await writer.write(MIB * i, Buffer.alloc(MIB, 1 + i));
	const slow = await Promise.all(
		Array.from({ length: 50 }, async () => {
			const client = server.connect();
			await client.go();
			client.pause();
			for (let i = 0; i < 16; i++) client.request(Command.read, BigInt(i), 0, 4 * MIB);
			return client;
		}),
	);
	await sleep(200);
	t.ok(
		server.server.rooms.takenBytes <= BUDGET + 51 * 2 * 128 * 1024,
		`${server.server.rooms.takenBytes} bytes`,
	);
	for (let i = 0; i < 10; i++) t.equal(await writer.write(8 * MIB, Buffer.alloc(MIB, 9)), NbdError.none);
	const [first] = slow;
	first!.resume();
	let bytes = 0;
	for (let answers = 0; answers < 16; ) {
		const { data, flags } = await first!.chunk();
		bytes += Math.max(0, data.length - 8);
		if ((flags & 1) > 0) answers++;
	}
	t.equal(bytes, 16 * 4 * MIB);
	for (const each of [...slow, writer]) each.end();
	await settled(isEmpty(server));
});

/** What it is asked for begins in a later turn, as with files. */
class Later extends Gate {
	protected override handle(request: BlockRequest): void {
		request.park();
		setImmediate(() => this.device.submit(request));
	}
}

t.test("clients that do not read, on a disk that takes its time, hold up no write", async (t) => {
	const server = under(new Later(new MemoryDevice(64 * MIB)));
	const writer = server.connect();
	await writer.go();
	for (let i = 0; i < 8; i++) await writer.write(MIB * i, Buffer.alloc(MIB, 1 + i));
	const slow = await Promise.all(
		Array.from({ length: 40 }, async () => {
			const client = server.connect();
			await client.go();
			client.pause();
			for (let i = 0; i < 16; i++) client.request(Command.read, BigInt(i), 0, 4 * MIB);
			return client;
		}),
	);
	await settled(() => server.server.rooms.takenBytes > BUDGET - 128 * 1024);
	for (let i = 0; i < 4; i++) t.equal(await writer.write(8 * MIB, Buffer.alloc(MIB, 9)), NbdError.none);
	for (const each of [...slow, writer]) each.end();
	await settled(isEmpty(server));
	t.equal(server.disk.underWay, 0);
});

t.test("a write of a client that is gone never lands over a later one", async (t) => {
	const gate = new Gate(new MemoryDevice(64 * MIB));
	const server = under(new OrderingLayer(gate));
	const old = server.connect();
	await old.go();
	gate.isShut = true;
	old.request(Command.write, 1n, 0, 4096, { data: Buffer.alloc(4096, 1) });
	old.request(Command.write, 2n, 4096, 4096, { data: Buffer.alloc(4096, 1) });
	await settled(() => gate.waiting.length === 2);
	old.end();
	await settled(() => [...server.server.connections()].length === 0);
	const anew = server.connect();
	await anew.go();
	anew.request(Command.write, 3n, 0, 4096, { data: Buffer.alloc(4096, 2) });
	await sleep(50);
	gate.open();
	t.same(await anew.simple(), { error: NbdError.none, cookie: 3n });
	anew.request(Command.read, 4n, 0, 4096);
	const [chunk] = await anew.chunks();
	t.ok(chunk!.data.subarray(8).every((byte) => byte === 2));
	anew.end();
	await settled(isEmpty(server));
});

t.test(
	"a disk that goes: who has asked it for something, or asks then, is cut off, and not told that it is an error",
	async (t) => {
		const gate = new Gate(new MemoryDevice(64 * MIB));
		const server = under(gate);
		const client = server.connect();
		await client.go();
		const looking = server.connect();
		await looking.greet();
		gate.isShut = true;
		client.request(Command.write, 1n, 0, 4096, { data: Buffer.alloc(4096, 1) });
		await settled(() => gate.waiting.length === 1);
		const closing = server.disk.close();
		client.request(Command.read, 2n, 0, 4096);
		looking.option(Option.go, nameQuery("web"));
		t.equal((await looking.answers()).at(-1)?.reply, OptionReply.errShutdown);
		gate.open();
		// (The gate is before the disk, which has not begun it.)
		t.equal(await client.over(), 0);
		await closing;
		looking.end();
		await settled(isEmpty(server));
	},
);

t.test("answers to all that was asked before the end in good order", async (t) => {
	const gate = new Gate(new MemoryDevice(64 * MIB));
	const server = under(gate);
	const client = server.connect();
	await client.go();
	gate.isShut = true;
	for (let i = 0; i < 10; i++)
		client.request(Command.write, BigInt(i), 4096 * i, 4096, { data: Buffer.alloc(4096, 1) });
	client.request(Command.disconnect, 99n);
	await settled(() => gate.waiting.length === 10);
	gate.open();
	for (let i = 0; i < 10; i++) t.equal((await client.simple()).error, NbdError.none);
	t.equal(await client.over(), 0);
	await settled(isEmpty(server));
});
