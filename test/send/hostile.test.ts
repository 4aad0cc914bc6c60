/** Streams in which something is wrong: each is refused in one line, before anything of what is wrong is handed on. */

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { FailedError } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { digestWith, encodeHeader, FrameKind, NO_DIGEST, PREAMBLE } from "../../lib/send/frames.js";
import type { StreamBegin } from "../../lib/send/stream-begin.js";
import { extentsOf, FULL, SIZE, scribble, scribbleAll, sent } from "./streams.js";

const random = new Random();

t.before(() => t.comment(`seed ${random.seed}`));

/** What reading it ends with. */
async function end(bytes: Buffer): Promise<string> {
	try {
		await extentsOf(bytes);
		return "whole";
	} catch (error) {
		if (!(error instanceof FailedError) || /\n/.test(error.message)) throw error;
		return error.message.replace(/^the stream: up to byte \d+: /, "");
	}
}

/** A stream of these frames, with digests and sums that are right. */
function framed(
	frames: [kind: number, offset: number, length: number, payload: Uint8Array][],
	begin: unknown,
): Buffer {
	const parts: Buffer[] = [PREAMBLE];
	let digest: Uint8Array = NO_DIGEST;
	const all = [[FrameKind.begin, 0, 0, Buffer.from(JSON.stringify(begin))] as const, ...frames];
	for (const [kind, offset, length, payload] of all) {
		const header = encodeHeader(kind, offset, length, payload);
		digest = digestWith(digest, header, payload);
		parts.push(header, Buffer.from(payload));
	}
	return Buffer.concat([...parts, encodeHeader(FrameKind.end, 0, 0, digest), digest]);
}

const NOTHING = Buffer.alloc(0);
const PAGE = Buffer.alloc(4096, 1);

t.test("any byte changed, or any cut", async (t) => {
	const device = new MemoryDevice(SIZE);
	await scribble(device, random, 4);
	const { bytes, begins } = await sent(device, FULL);
	t.equal(await end(bytes), "whole");
	const places = new Set([
		...begins.flatMap((at) => [at - 1, at, at + 1, at + 5, at + 20, at + 29]),
		bytes.length - 1,
	]);
	for (let i = 0; i < 100; i++) places.add(random.below(bytes.length));
	for (const at of places) {
		if (at < 0 || at >= bytes.length) continue;
		const changed = Buffer.from(bytes);
		changed[at]! ^= 1 << random.below(8);
		t.not(await end(changed), "whole", `byte ${at}`);
		t.match(
			await end(bytes.subarray(0, at)),
			/ends before it has begun|breaks off before its end/,
			`cut at ${at}`,
		);
	}
	t.equal(await end(Buffer.concat([bytes, Buffer.alloc(1)])), "it goes on behind its end");
});

t.test("frames left out, twice, or in another order", async (t) => {
	const device = new MemoryDevice(SIZE);
	await scribbleAll(device, random, 8);
	const { bytes, begins } = await sent(device, FULL);
	const pieces = begins.map((at, i) => bytes.subarray(at, begins[i + 1]));
	// Header and data of a frame in the middle: preamble, header, begin, header, data, header, data ...
	const [at, length] = [5, 2];
	const without = [...pieces.slice(0, at), ...pieces.slice(at + length)];
	t.not(await end(Buffer.concat(without)), "whole");
	const twice = [...pieces.slice(0, at), ...pieces.slice(at - length, at), ...pieces.slice(at)];
	t.not(await end(Buffer.concat(twice)), "whole");
});

t.test("frames that are sound, and can't be", async (t) => {
	const data = (offset: number, payload: Uint8Array = PAGE, length = payload.length) =>
		[FrameKind.data, offset, length, payload] as [number, number, number, Uint8Array];
	t.equal(await end(framed([data(0), data(8192)], FULL)), "whole");
	for (const [frames, why] of [
		[[data(0), data(0)], "a range from 0 to 4096, behind 4096 of 2097152"],
		[[data(SIZE)], "a range from 2097152 to 2101248, behind 0 of 2097152"],
		[[data(100)], "a range from 100 to 4196, behind 0 of 2097152"],
		[[data(0, PAGE, 8192)], "a range of 8192 bytes with 4096"],
		[[data(0, NOTHING)], "a range of 0 bytes with 0"],
		[[[FrameKind.zero, 0, 0, NOTHING]], "a range of 0 bytes with 0"],
		[[[FrameKind.zero, 0, 4096, PAGE]], "a frame that is not known here"],
		[[[FrameKind.begin, 0, 0, NOTHING]], "a frame where it can't be"],
		[[[7, 0, 0, NOTHING]], "a frame that is not known here"],
		[[data(0, Buffer.alloc(1024 * 1024 + 512))], "a frame that is not known here"],
		[[[FrameKind.mark, SIZE + 512, 0, NOTHING]], "a range from 2097664 to 2097664, behind 0 of 2097152"],
		[[data(0), [FrameKind.resume, 0, 0, Buffer.alloc(32)]], "a frame where it can't be"],
	] as [[number, number, number, Uint8Array][], string][])
		t.equal(await end(framed(frames, FULL)), why);
});

t.test("what a stream says of itself is checked", async (t) => {
	const wrong: [unknown, string][] = [
		[{ ...FULL, sizeBytes: 100 }, "sizeBytes"],
		[{ ...FULL, sizeBytes: 2 ** 60 }, "sizeBytes"],
		[{ ...FULL, pool: "" }, "pool"],
		[{ ...FULL, base: { name: "a" } }, "base.id"],
		[{ ...FULL, snapshot: { name: "a/b", id: "1" } }, "snapshot.name"],
		[{ ...FULL, more: 1 }, ""],
		[[], ""],
	];
	for (const [begin, place] of wrong)
		t.equal(await end(framed([], begin)), `what it says of itself can't be: "${place}"`);
	t.equal(await end(framed([], "x".repeat(5000))), "a frame that is not known here");
	const known: StreamBegin = { ...FULL, volume: "a".repeat(255) };
	t.equal(await end(framed([], known)), "whole");
});

t.test("what is no stream, or of a later format", async (t) => {
	t.equal(await end(NOTHING), "the stream ends before it has begun");
	t.equal(await end(Buffer.alloc(1000)), "this is no stream of vblade volume send");
	t.equal(
		await end(Buffer.from("vblade stream 2\n and more")),
		"a stream of format 2 is not known here: 1 is",
	);
});
