/** Frames, however the stream is cut, and what is none. Mirrors lib/channel/frames.ts. */

import fc from "fast-check";
import t from "tap";
import {
	type Body,
	FrameError,
	FrameReader,
	HEAD_BYTES,
	NOTHING_PASSED,
	Passed,
	startFrame,
} from "../../lib/channel/frames.js";
import { descriptor, openDescriptors } from "./ends.js";

const LIMITS = { longestBytes: 1000, mostFiles: 3 };

function frameOf(body: object, fileCount = 0): Buffer {
	if (body instanceof Uint8Array) return Buffer.concat([startFrame("bytes", body.length, fileCount), body]);
	const text = Buffer.from(JSON.stringify(body));
	return Buffer.concat([startFrame("json", text.length, fileCount), text]);
}

interface Delivered {
	readonly body: Body;
	readonly files: readonly number[];
}

function reader(): { reader: FrameReader; delivered: Delivered[] } {
	const delivered: Delivered[] = [];
	return {
		delivered,
		reader: new FrameReader(LIMITS, (body, files) => delivered.push({ body, files: files.take() })),
	};
}

const bodies = fc.oneof(
	fc.uint8Array({ maxLength: 300 }),
	fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), {
		maxKeys: 3,
		noNullPrototype: true,
	}),
);

t.test("whatever is sent arrives, wherever the stream is cut", async (t) => {
	const messages = fc.array(fc.record({ body: bodies, fileCount: fc.nat(3) }), { maxLength: 8 });
	fc.assert(
		fc.property(messages, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sent, cuts) => {
			const { reader: taking, delivered } = reader();
			// As the kernel does it: descriptors come with the first byte of their frame, or with what is read together with that.
			let next = 1_000_000;
			const expected = sent.map(({ body, fileCount }) => {
				const files = Array.from({ length: fileCount }, () => next++);
				return { body, files };
			});
			for (const [index, { body, files }] of expected.entries()) {
				const frame = frameOf(body, files.length);
				let passed = files.length > 0 ? new Passed(files) : NOTHING_PASSED;
				for (let at = 0, i = index; at < frame.length; i++) {
					const cut = cuts[i % cuts.length] ?? 1;
					taking.take(frame.subarray(at, at + cut), passed);
					passed = NOTHING_PASSED;
					at += cut;
				}
			}
			t.strictSame(
				delivered.map(({ body, files }) => [Buffer.isBuffer(body) ? new Uint8Array(body) : body, files]),
				JSON.parse("[]").concat(expected.map(({ body, files }) => [clean(body), files])),
			);
			return !taking.isWithin;
		}),
	);
});

/** As JSON brings it over: -0 is 0. */
function clean(body: object): unknown {
	return body instanceof Uint8Array ? body : JSON.parse(JSON.stringify(body));
}

t.test("anything at all is frames or an error, and leaves no descriptor open", async (t) => {
	const before = openDescriptors();
	const heads = fc.tuple(fc.nat(2000), fc.nat(2), fc.nat(5)).map(([length, kind, files]) => {
		const head = Buffer.alloc(HEAD_BYTES);
		head.writeUInt32LE(length, 0);
		head.writeUInt16LE(kind, 4);
		head.writeUInt16LE(files, 6);
		return head;
	});
	const pieces = fc.array(
		fc.tuple(
			fc.oneof(
				heads,
				fc.uint8Array({ maxLength: 100 }),
				bodies.map((body) => frameOf(body)),
			),
			fc.nat(4),
		),
		{ maxLength: 12 },
	);
	fc.assert(
		fc.property(pieces, (stream) => {
			const taking = new FrameReader(LIMITS, () => {});
			try {
				for (const [bytes, fileCount] of stream) {
					const files = Array.from({ length: fileCount }, descriptor);
					taking.take(bytes, new Passed(files));
				}
			} catch (error) {
				if (!(error instanceof FrameError)) throw error;
			}
			taking.close();
			return openDescriptors() === before;
		}),
	);
	t.equal(openDescriptors(), before);
});

t.test("what is no frame is named", async (t) => {
	const json = (text: string | Buffer) =>
		Buffer.concat([startFrame("json", Buffer.byteLength(text), 0), Buffer.from(text)]);
	const kind = frameOf({});
	kind.writeUInt16LE(2, 4);
	const cases: [Buffer, number, string][] = [
		[kind, 0, "a frame of an unknown kind (2)"],
		[startFrame("bytes", 1001, 0), 0, "a frame of 1001 bytes (at most 1000)"],
		[startFrame("bytes", 10, 4), 0, "4 descriptors at once (at most 3)"],
		[frameOf({}, 2), 0, "0 descriptors instead of 2"],
		[frameOf({}, 2), 1, "1 descriptor instead of 2"],
		[frameOf({}), 1, "descriptors that belong to nothing"],
		[json("{"), 0, "text that is not JSON"],
		[json("[]"), 0, "JSON that is not an object"],
		[json("null"), 0, "JSON that is not an object"],
		[json(Buffer.from([0x22, 0xff, 0x22])), 0, "text that is not UTF-8"],
	];
	const before = openDescriptors();
	for (const [bytes, fileCount, message] of cases) {
		const { reader: taking } = reader();
		const files = new Passed(Array.from({ length: fileCount }, descriptor));
		t.throws(() => taking.take(bytes, files), new FrameError(message));
		taking.close();
	}
	t.equal(openDescriptors(), before);
});

t.test("descriptors that were lost are told, and end nothing", async (t) => {
	const before = openDescriptors();
	const told: [number, boolean][] = [];
	const taking = new FrameReader(LIMITS, (_, files) => told.push([files.count, files.isLost]));
	taking.take(frameOf({}, 3), new Passed([descriptor()], true));
	taking.take(frameOf({}, 1), new Passed([descriptor()]));
	t.strictSame(told, [
		[0, true],
		[1, false],
	]);
	t.equal(openDescriptors(), before, "those that came, and were not taken, are closed");
});
