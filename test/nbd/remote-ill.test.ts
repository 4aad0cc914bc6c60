// A remote disk whose server means ill: no answer is taken for that of another request, nothing is tried for ever, and what it tells of extents is
// what devices are asked for.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { ChunkType, Command } from "../../lib/nbd/protocol.js";
import type { NbdDevice } from "../../lib/nbd/remote/device.js";
import { Random } from "../../lib/random.js";
import { memoryStreamPair } from "../../lib/testing/memory-stream.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MIB } from "./client.js";
import { type Asked, FarEnd } from "./far-end.js";
import { INTERVAL_MS, RESEND, Remote, request } from "./remote-bench.js";

const LIMIT_MS = INTERVAL_MS * RESEND;
const SIZE_BYTES = MIB;

/** A disk of a server that answers as `answer` does. */
class Ill {
	readonly remote = new Remote(new Random(1), new MemoryDevice(SIZE_BYTES));
	device!: NbdDevice;
	connections = 0;

	constructor(readonly answer: (asked: Asked, end: FarEnd) => void) {}

	static async open(answer: (asked: Asked, end: FarEnd) => void): Promise<Ill> {
		const ill = new Ill(answer);
		const connect = async () => {
			ill.connections++;
			const { ends } = memoryStreamPair();
			new FarEnd(ends[1], SIZE_BYTES, answer);
			return ends[0];
		};
		ill.device = await ill.remote.until(ill.remote.open({ connect }));
		return ill;
	}

	ask(op: BlockOp, offsetBytes: number, memory = heapMemory(4096)): Promise<BlockRequest> {
		const fields =
			op === BlockOp.flush ? { op } : { op, offsetBytes, lengthBytes: memory.bytes.length, memory };
		return request(this.device, this.remote.pump, fields);
	}

	async statusOf(asked: Promise<BlockRequest>): Promise<StorageStatus> {
		return (await this.remote.until(asked)).status;
	}

	async close(): Promise<void> {
		await this.remote.until(this.device.close());
		this.remote.server.close();
	}
}

t.test("an answer that comes twice is not that of the next request", async (t) => {
	const stored = Buffer.alloc(SIZE_BYTES, 1);
	let first: Asked | null = null;
	const ill = await Ill.open((asked, end) => {
		const { command, offsetBytes, lengthBytes, data } = asked;
		if (command === Command.write && offsetBytes === 0 && first === null) {
			// Done and answered, and answered again when the next one has come, which is forgotten.
			first = asked;
			data.copy(stored, offsetBytes);
			end.done(asked);
		} else if (first !== null && command === Command.write && offsetBytes === 8192 && ill.connections === 1)
			end.done(first);
		else {
			if (command === Command.write) data.copy(stored, offsetBytes);
			end.done(asked, stored.subarray(offsetBytes, offsetBytes + lengthBytes));
		}
	});
	const memory = heapMemory(4096);
	memory.bytes.fill(7);
	t.equal(await ill.statusOf(ill.ask(BlockOp.write, 0, memory)), StorageStatus.ok);
	t.equal(await ill.statusOf(ill.ask(BlockOp.write, 8192, memory)), StorageStatus.ok);
	t.equal(ill.connections, 2, "it was sent again");
	t.ok(stored.subarray(8192, 12288).equals(Buffer.alloc(4096, 7)), "what was acknowledged is there");
	await ill.close();
});

t.test("a request that ends each connection fails, is seldom tried, and others go on", async (t) => {
	const ill = await Ill.open((asked, end) => {
		if (asked.command === Command.read && asked.offsetBytes === 4096) end.hangUp();
		else end.done(asked);
	});
	const killer = ill.ask(BlockOp.read, 4096);
	await ill.remote.pass(LIMIT_MS / 2);
	t.equal(await ill.statusOf(ill.ask(BlockOp.read, 0)), StorageStatus.ok, "one that came after it");
	t.equal(await ill.statusOf(killer), StorageStatus.unreachable);
	t.ok(ill.connections >= 3 && ill.connections <= RESEND * 2 + 8, `${ill.connections} connections`);
	t.equal(await ill.statusOf(ill.ask(BlockOp.read, 0)), StorageStatus.ok);
	t.equal(ill.device.state.state, "connected");
	await ill.close();
});

t.test(
	"what was answered and is not stable, and ends each connection when it is sent again, is given up, and the next flush says so",
	async (t) => {
		let isBad = false;
		const ill = await Ill.open((asked, end) => {
			if (isBad && (asked.command === Command.write || asked.offsetBytes === 4096)) end.hangUp();
			else end.done(asked);
		});
		t.equal(await ill.statusOf(ill.ask(BlockOp.write, 0)), StorageStatus.ok);
		isBad = true;
		const worn = ill.ask(BlockOp.read, 4096);
		t.equal(await ill.statusOf(worn), StorageStatus.unreachable);
		t.equal(await ill.statusOf(ill.ask(BlockOp.read, 0)), StorageStatus.ok);
		t.equal(await ill.statusOf(ill.ask(BlockOp.flush, 0)), StorageStatus.unreachable);
		t.equal(await ill.statusOf(ill.ask(BlockOp.flush, 0)), StorageStatus.ok);
		await ill.close();
	},
);

t.test("a server that drips, or says what is no answer, has gone silent", async (t) => {
	const words = Buffer.alloc(1000);
	words.writeUInt32BE(5);
	for (const isDripping of [true, false]) {
		let end: FarEnd | null = null;
		const ill = await Ill.open((asked, at) => {
			if (asked.offsetBytes !== 4096) return at.done(asked);
			end = at;
			const head = Buffer.alloc(8);
			head.writeUInt32BE(4096, 4);
			const again = (): void => {
				if (end !== at) return;
				if (isDripping) at.say(Buffer.alloc(1));
				else at.chunk(asked.cookie, ChunkType.error, words, false);
				ill.remote.clock.after(1000, again);
			};
			if (isDripping) at.chunkHead(asked, head);
			again();
		});
		const asked = ill.ask(BlockOp.read, 4096);
		let isOver = false;
		void asked.then(() => {
			isOver = true;
		});
		await ill.remote.pass(LIMIT_MS - 2 * INTERVAL_MS);
		t.notOk(isOver, "it is waited for");
		await ill.remote.pass(4 * INTERVAL_MS);
		t.ok(isOver, isDripping ? "one that drips" : "one that tells errors for ever");
		t.equal(await ill.statusOf(asked), StorageStatus.unreachable);
		end = null;
		await ill.remote.pass(INTERVAL_MS);
		t.equal(await ill.statusOf(ill.ask(BlockOp.read, 0)), StorageStatus.ok);
		await ill.close();
	}
});

t.test("a request that the server never answers, while it answers others, fails", async (t) => {
	const ill = await Ill.open((asked, end) => {
		if (asked.offsetBytes !== 4096) end.done(asked);
	});
	const never = ill.ask(BlockOp.read, 4096);
	let isOver = false;
	void never.then(() => {
		isOver = true;
	});
	let others = 0;
	for (let i = 0; i < 400 && !isOver; i++) {
		if ((await ill.statusOf(ill.ask(BlockOp.read, 0))) === StorageStatus.ok) others++;
		await ill.remote.pass(LIMIT_MS / 200);
	}
	t.ok(isOver);
	t.equal(await ill.statusOf(never), StorageStatus.unreachable);
	t.ok(others >= 256, `${others} others were answered`);
	await ill.close();
});

t.test("extents are whole sectors of what was asked for, whatever the server tells", async (t) => {
	let told: (readonly [number, number])[] = [];
	let isTwice = false;
	const ill = await Ill.open(({ command, cookie, ...asked }, end) => {
		if (command !== Command.blockStatus) return end.done({ command, cookie, ...asked });
		if (told.length === 0) return end.chunk(cookie, ChunkType.none, Buffer.alloc(0));
		if (isTwice && ill.connections === 1) end.extents(cookie, told, false);
		end.extents(cookie, told);
	});
	const extents = async (): Promise<number[]> => {
		const asked = heapMemory(8192);
		const over = request(ill.device, ill.remote.pump, {
			op: BlockOp.extents,
			offsetBytes: 0,
			lengthBytes: asked.bytes.length,
			extents: new Float64Array(16),
		});
		const { status, extents: room, extentCount } = await ill.remote.until(over);
		t.equal(status, StorageStatus.ok);
		return [...(room ?? []).slice(0, 2 * extentCount)];
	};
	t.strictSame(await extents(), [8192, 0], "nothing is told: all is data");
	told = [[100, 3]];
	t.strictSame(await extents(), [8192, 0], "and so is less than a sector");
	told = [
		[100, 3],
		[1500, 3],
		[100, 0],
		[2000, 3],
		[100_000, 0],
	];
	// Zeros of which two pieces meet within a sector are not looked at as one.
	t.strictSame(await extents(), [512, 0, 1024, 1, 512, 0, 1536, 1, 4608, 0]);
	told = [[8192, 3]];
	isTwice = true;
	t.strictSame(await extents(), [8192, 1]);
	t.equal(ill.connections, 2, "extents that come twice make no sense");
	await ill.close();
});
