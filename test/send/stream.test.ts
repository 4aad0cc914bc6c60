/** Streams between pools: what is sent arrives, as a whole or as a difference, broken off anywhere and gone on with. */

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Random } from "../../lib/random.js";
import { pointOf } from "../../lib/send/receive.js";
import { streamId } from "../../lib/send/stream-begin.js";
import { StreamReader } from "../../lib/send/stream-reader.js";
import { readToken, tokenOf } from "../../lib/send/token.js";
import {
	contentOf,
	copyOf,
	DIFFERENCE,
	FULL,
	inPieces,
	KeptInMemory,
	received,
	SIZE,
	scribble,
	scribbleAll,
	sent,
} from "./streams.js";

const random = new Random();

t.before(() => t.comment(`seed ${random.seed}`));

t.test("a snapshot is the same at the other end, and what is not there is not sent", async (t) => {
	const from = new MemoryDevice(SIZE);
	await scribble(from, random, 6);
	const { bytes } = await sent(from, FULL);
	t.ok(bytes.length < from.allocatedBytes + 8192, "data, and little more");
	const to = new MemoryDevice(SIZE);
	await received(bytes, to, new KeptInMemory());
	t.ok((await contentOf(to)).equals(await contentOf(from)));
	t.ok(to.allocatedBytes <= from.allocatedBytes);
});

t.test("what differs from the base is sent alone: data, and what is zeros now", async (t) => {
	const base = new MemoryDevice(SIZE);
	await scribble(base, random, 20);
	const from = await copyOf(base);
	await scribble(from, random, 3);
	const before = await contentOf(base);
	const { bytes } = await sent(from, DIFFERENCE, before);
	const to = await copyOf(base);
	await received(bytes, to, new KeptInMemory());
	t.ok((await contentOf(to)).equals(await contentOf(from)));
	t.ok(bytes.length < 13 * 64 * 1024);
});

t.test("a stream says what it is", async (t) => {
	const stream = await StreamReader.open(inPieces((await sent(new MemoryDevice(SIZE), DIFFERENCE)).bytes, 1));
	t.strictSame(stream.begin, DIFFERENCE);
	t.strictSame(stream.point, { stream: streamId(DIFFERENCE), offsetBytes: 0, digest: stream.point.digest });
});

t.test("broken off anywhere, it is gone on with by its token, and again", async (t) => {
	const base = new MemoryDevice(SIZE);
	await scribble(base, random, 10);
	const from = await copyOf(base);
	await scribble(from, random, 30);
	const before = await contentOf(base);
	const to = await copyOf(base);
	const kept = new KeptInMemory();
	let token: string | undefined;
	let shorter = 0;
	for (let attempt = 0; attempt < 6; attempt++) {
		const point = token === undefined ? undefined : readToken(token);
		const { bytes } = await sent(from, DIFFERENCE, before, point);
		const cut = bytes.subarray(0, random.below(bytes.length));
		await t.rejects(received(cut, to, kept), { name: "FailedError" });
		const reached = pointOf(kept.value);
		if (reached === undefined) continue;
		if (reached.offsetBytes > (point?.offsetBytes ?? 0)) shorter++;
		token = tokenOf(reached);
	}
	const { bytes } = await sent(from, DIFFERENCE, before, token === undefined ? undefined : readToken(token));
	await received(bytes, to, kept);
	t.ok((await contentOf(to)).equals(await contentOf(from)));
	t.comment(`${shorter} attempts came further`);
});

t.test("a stream that is broken off is not sent again from its beginning", async (t) => {
	const from = new MemoryDevice(SIZE);
	await scribbleAll(from, random, 100);
	const whole = await sent(from, FULL);
	const to = new MemoryDevice(SIZE);
	const kept = new KeptInMemory();
	await t.rejects(received(whole.bytes.subarray(0, whole.bytes.length - 1), to, kept), {
		message: /breaks off/,
	});
	const point = pointOf(kept.value);
	t.ok(point !== undefined && point.offsetBytes > SIZE / 4);
	const rest = await sent(from, FULL, undefined, point);
	t.ok(rest.bytes.length < whole.bytes.length / 2);
	await t.rejects(received(rest.bytes, to, new KeptInMemory()), { message: /goes on from where nothing/ });
	await received(rest.bytes, to, kept);
	t.ok((await contentOf(to)).equals(await contentOf(from)));
	await t.rejects(sent(from, DIFFERENCE, undefined, point), { message: /the token is of another stream/ });
});

t.test("tokens are words, and others are refused", async (t) => {
	const point = { stream: streamId(FULL), offsetBytes: 2 ** 50, digest: Buffer.alloc(32, 7) };
	const token = tokenOf(point);
	t.match(token, /^[\w-]{103}$/);
	t.strictSame(readToken(token), point);
	for (const wrong of [
		"",
		"x",
		`${token}A`,
		token.replace(/^./, "B"),
		token.slice(0, -3),
		`${token.slice(0, 50)}*${token.slice(51)}`,
	])
		t.throws(() => readToken(wrong), { name: "OperatorError", message: /not as vblade volume receive/ });
});

t.test("who sends waits for who takes", async (t) => {
	const from = new MemoryDevice(SIZE);
	await scribble(from, random, 30);
	const { bytes } = await sent(from, FULL);
	let asked = 0;
	const pieces = async function* () {
		for await (const piece of inPieces(bytes, 4096)) {
			asked += piece.length;
			yield piece;
		}
	};
	const stream = await StreamReader.open(pieces());
	const extents = stream.extents(async () => {});
	const { value } = await extents.next();
	t.ok(asked <= (value?.bytes.length ?? 0) + 3 * 4096, "no more than what was wanted has been asked for");
});
