// What is done to bytes in C, as TypeScript asks for it: summed, copied, found to be zero. What C can test alone is in native/test/sums.c.

import fc from "fast-check";
import t from "tap";
import { crc32c } from "../../lib/crc32c.js";
import { native } from "../../lib/native.js";

const PAGE = 4096;

t.test("the vectors of RFC 3720, appendix B.4", async (t) => {
	const up = Uint8Array.from({ length: 32 }, (_, i) => i);
	const pdu = new Uint8Array(48);
	for (const [at, byte] of [
		[0, 0x01],
		[1, 0xc0],
		[16, 0x14],
		[22, 0x04],
		[27, 0x14],
		[31, 0x18],
		[32, 0x28],
		[40, 0x02],
	] as const)
		pdu[at] = byte;
	for (const [bytes, sum] of [
		[new Uint8Array(32), 0x8a9136aa],
		[new Uint8Array(32).fill(0xff), 0x62a8ab43],
		[up, 0x46dd794e],
		[up.toReversed(), 0x113fdb5c],
		[pdu, 0xd9963a56],
		[new Uint8Array(0), 0],
	] as const)
		t.equal(crc32c(bytes), sum);
});

t.test("a sum goes on where another one ended, over any part of the bytes", async () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 6000 }), fc.nat(6000), (bytes, somewhere) => {
			const middle = Math.min(somewhere, bytes.length);
			return crc32c(bytes, middle, bytes.length, crc32c(bytes, 0, middle)) === crc32c(bytes);
		}),
	);
});

t.test("a range that is not in the bytes", async (t) => {
	for (const range of [
		[0, 9],
		[5, 4],
		[-1, 4],
		[0.5, 4],
	] as const)
		t.throws(() => crc32c(new Uint8Array(8), ...range), TypeError);
});

t.test("bytes that are zero, and bytes that are copied", async (t) => {
	const bytes = new Uint8Array(3 * PAGE);
	bytes[PAGE] = 1;
	bytes[2 * PAGE + 1] = 1;
	t.ok(native.isZero(bytes, 0, PAGE));
	t.notOk(native.isZero(bytes, 0, PAGE + 1));
	t.ok(native.isZero(bytes, PAGE + 1, PAGE));
	t.notOk(native.isZero(bytes, PAGE + 1, PAGE + 1));
	t.ok(native.isZero(bytes, 3 * PAGE, 0), "none");
	const to = new Uint8Array(PAGE);
	t.ok(native.copyBytes(to, 16, bytes, PAGE - 1, 3));
	t.strictSame(to.subarray(15, 20), Uint8Array.of(0, 0, 1, 0, 0));
	t.throws(() => native.copyBytes(to, PAGE - 2, bytes, 0, 3), TypeError);
	t.throws(() => native.copyBytes(to, 0, bytes, 3 * PAGE - 2, 3), TypeError);
});
