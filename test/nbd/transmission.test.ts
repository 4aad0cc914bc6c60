// Requests of NBD and their answers, over real sockets: each command, each error that the specification names, data longer than a room,
// and many requests at once; simple and structured.

import t from "tap";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { ChunkType, Command, CommandFlag, NbdError } from "../../lib/nbd/protocol.js";
import { Random } from "../../lib/random.js";
import { MIB, ServerUnderTest, type TestClient } from "./client.js";

const PAGE = 4096;

/** Each request is done in a later turn than it came in. */
class Later extends DeviceLayer {
	protected handle(request: BlockRequest): void {
		request.park();
		setImmediate(() => this.device.submit(request));
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

async function withClient(structured: boolean, contexts: readonly string[] = []) {
	const under = new ServerUnderTest();
	t.teardown(() => under.close());
	const client = under.connect();
	await client.go("web", structured, contexts);
	return { under, client };
}

/** A structured read, put together. */
async function readStructured(
	client: TestClient,
	offset: number,
	length: number,
	flags = 0,
): Promise<Buffer> {
	client.request(Command.read, 9n, offset, length, { flags });
	const whole = Buffer.alloc(length, 0xee);
	let bytes = 0;
	for (const { type, data } of await client.chunks()) {
		if (type === ChunkType.none) continue;
		const at = Number(data.readBigUInt64BE()) - offset;
		const isHole = type === ChunkType.offsetHole;
		const count = isHole ? data.readUInt32BE(8) : data.length - 8;
		if (isHole) whole.fill(0, at, at + count);
		else data.copy(whole, at, 8);
		bytes += count;
	}
	t.equal(bytes, length, "each byte once");
	return whole;
}

for (const length of [512, PAGE, 128 * 1024, 128 * 1024 + 512, 5 * MIB, 32 * MIB])
	t.test(`what was written is read, ${length} bytes`, async (t) => {
		const { client } = await withClient(true);
		const data = Buffer.from(Array.from({ length: 1024 }, (_, i) => 1 + (i % 251)));
		const whole = Buffer.alloc(length, data);
		t.equal(await client.write(MIB, whole), NbdError.none);
		t.ok((await readStructured(client, MIB, length)).equals(whole), "structured");
		t.ok(
			(await readStructured(client, 0, MIB)).every((byte) => byte === 0),
			"zeros before",
		);
		const { client: plain, under } = await withClient(false);
		t.equal(await plain.write(MIB, whole), NbdError.none);
		plain.request(Command.read, 3n, MIB, length);
		t.same(await plain.simple(), { error: 0, cookie: 3n });
		t.ok((await plain.take(length)).equals(whole), "simple");
		t.equal(under.disk.underWay, 0);
	});

t.test("zeros are said, not sent; with the flag against that all comes in one piece", async (t) => {
	const { client } = await withClient(true);
	client.request(Command.read, 1n, 0, PAGE);
	const [hole] = await client.chunks();
	t.equal(hole?.type, ChunkType.offsetHole);
	client.request(Command.read, 1n, 0, 64 * 1024, { flags: CommandFlag.df });
	t.equal((await client.chunks()).length, 1);
	client.request(Command.read, 1n, 0, MIB, { flags: CommandFlag.df });
	const [refused] = await client.chunks();
	t.equal(refused?.data.readUInt32BE(), NbdError.EOVERFLOW);
});

t.test("trim, zeroes, flush and cache are done and counted", async (t) => {
	const { client, under } = await withClient(true);
	await client.write(0, Buffer.alloc(MIB, 1));
	const ranges: [type: number, flags: number][] = [
		[Command.trim, 0],
		[Command.writeZeroes, CommandFlag.noHole],
		[Command.writeZeroes, CommandFlag.fua],
		[Command.cache, 0],
		[Command.flush, 0],
	];
	for (const [index, [type, flags]] of ranges.entries()) {
		client.request(type, BigInt(index), PAGE * index, type === Command.flush ? 0 : PAGE, { flags });
		t.same(await client.simple(), { error: 0, cookie: BigInt(index) });
	}
	const found = await readStructured(client, 0, MIB);
	t.ok(found.subarray(0, 3 * PAGE).every((byte) => byte === 0));
	t.ok(found.subarray(3 * PAGE).every((byte) => byte === 1));
	t.match(under.disk.stats, { writes: 1, trims: 1, flushes: 1, errors: 0 });
});

t.test("what makes no sense is answered with the error that the specification names", async (t) => {
	const { client, under } = await withClient(false);
	const size = 64 * MIB;
	const cases: [type: number, offset: number | bigint, length: number, flags: number, error: number][] = [
		[Command.read, size, 512, 0, NbdError.EINVAL],
		[Command.read, size - 512, 1024, 0, NbdError.EINVAL],
		[Command.read, 2n ** 64n - 512n, 512, 0, NbdError.EINVAL],
		[Command.read, 1, 512, 0, NbdError.EINVAL],
		[Command.read, 0, 0, 0, NbdError.EINVAL],
		[Command.read, 0, 33 * MIB, 0, NbdError.EINVAL],
		[Command.read, 0, 512, CommandFlag.df, NbdError.EINVAL],
		[Command.read, 0, 512, 1 << 12, NbdError.EINVAL],
		[Command.write, size, 512, 0, NbdError.ENOSPC],
		[Command.write, 0, 513, 0, NbdError.EINVAL],
		[Command.write, 0, 512, CommandFlag.noHole, NbdError.EINVAL],
		[Command.write, 0, 33 * MIB, 0, NbdError.EINVAL],
		[Command.trim, size - 512, 1024, 0, NbdError.EINVAL],
		[Command.writeZeroes, size - 512, 1024, 0, NbdError.ENOSPC],
		[Command.writeZeroes, 0, 512, CommandFlag.fastZero | CommandFlag.noHole, NbdError.ENOTSUP],
		[Command.blockStatus, 0, 512, 0, NbdError.EINVAL],
		[99, 0, 512, 0, NbdError.EINVAL],
	];
	for (const [type, offset, length, flags, error] of cases) {
		const data = type === Command.write ? Buffer.alloc(length, 5) : Buffer.alloc(0);
		client.request(type, 4n, offset, length, { flags, data });
		t.same(await client.simple(), { error, cookie: 4n }, `${type} ${offset} ${length} ${flags}`);
	}
	t.equal(under.disk.stats.errors, cases.length);
	t.equal(under.disk.underWay, 0);
	t.same(under.troubles, []);
});

t.test("whoever may only read is refused, and what he sent is passed by", async (t) => {
	const under = new ServerUnderTest();
	t.teardown(() => under.close());
	under.access = "read";
	const client = under.connect();
	await client.go();
	t.equal(await client.write(0, Buffer.alloc(MIB, 1)), NbdError.EPERM);
	t.ok((await readStructured(client, 0, PAGE)).every((byte) => byte === 0));
});

t.test("block status tells data from zeros, and is asked for", async (t) => {
	const { client } = await withClient(true, ["base:allocation"]);
	await client.write(MIB, Buffer.alloc(64 * 1024, 1));
	client.request(Command.blockStatus, 1n, 0, 4 * MIB);
	const [status] = await client.chunks();
	t.equal(status?.type, ChunkType.blockStatus);
	const extents = Array.from({ length: (status!.data.length - 4) / 8 }, (_, i) => [
		status!.data.readUInt32BE(4 + 8 * i),
		status!.data.readUInt32BE(8 + 8 * i),
	]);
	t.same(extents, [
		[MIB, 3],
		[64 * 1024, 0],
		[3 * MIB - 64 * 1024, 3],
	]);
	client.request(Command.blockStatus, 1n, 0, 4 * MIB, { flags: CommandFlag.reqOne });
	const [one] = await client.chunks();
	t.equal(one?.data.length, 12);
	t.equal(one?.data.readUInt32BE(4), MIB);
});

t.test("reads that are longer than all room, among other commands: each is answered once", async (t) => {
	const under = new ServerUnderTest(new Later(new MemoryDevice(64 * MIB)), { budgetBytes: 2 * MIB });
	t.teardown(() => under.close());
	const clients = [under.connect(), under.connect(), under.connect()];
	for (const client of clients) await client.go();
	await clients[0]!.write(0, Buffer.alloc(20 * MIB, 7));
	await Promise.all(
		clients.map(async (client) => {
			const left = new Map<bigint, number>();
			for (let i = 0n; i < 40n; i++) {
				const isRead = i % 3n === 0n;
				const type = isRead ? Command.read : i % 3n === 1n ? Command.flush : Command.trim;
				left.set(i, isRead ? 5 * MIB : 0);
				client.request(
					type,
					i,
					type === Command.trim ? 40 * MIB : 0,
					isRead ? 5 * MIB : type === Command.trim ? PAGE : 0,
				);
			}
			while (left.size > 0) {
				const { cookie, bytes, isLast } = await client.any();
				const wanted = left.get(cookie);
				if (wanted === undefined) throw new Error(`${cookie} is answered again`);
				left.set(cookie, wanted - bytes);
				if (!isLast) continue;
				if (wanted !== bytes) throw new Error(`${cookie} lacks ${wanted - bytes} bytes`);
				left.delete(cookie);
			}
		}),
	);
	t.equal(under.disk.underWay, 0);
	t.match(under.disk.stats, { flushes: 39, trims: 39, reads: 42 });
});

t.test("a hundred clients with a hundred requests each, in pieces of any length", async (t) => {
	const random = new Random();
	const under = new ServerUnderTest(new MemoryDevice(64 * MIB));
	t.teardown(() => under.close());
	const clients = await Promise.all(
		Array.from({ length: 100 }, async () => {
			const client = under.connect();
			await client.go();
			return client;
		}),
	);
	await Promise.all(
		clients.map(async (client, index) => {
			const base = index * 512 * 1024;
			for (let i = 0; i < 100; i++) {
				const data = Buffer.alloc(512 * (1 + random.below(16)), 1 + ((index + i) % 255));
				client.request(Command.write, BigInt(i), base + 8192 * (i % 60), data.length, { data });
			}
			const seen = new Set<bigint>();
			for (let i = 0; i < 100; i++) seen.add((await client.simple()).cookie);
			if (seen.size !== 100) throw new Error("an answer came twice");
		}),
	);
	t.equal(under.disk.stats.writes, 10_000);
	t.equal(under.server.rooms.takenBytes, 0, "all memory is given back");
});
