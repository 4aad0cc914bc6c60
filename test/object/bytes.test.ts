/** Bytes of objects are summed, compared and sent in slices: the results are those of all at once, and others have their turns in between. */

import { createHash } from "node:crypto";
import t from "tap";
import { crc32c } from "../../lib/crc32c.js";
import { crcOf, digestOf, isEqual, lengthOf, slicesOf } from "../../lib/object/bytes.js";
import { Random } from "../../lib/random.js";

const MIB = 1024 * 1024;

/** What comes of `work`, and how many turns others had meanwhile. */
async function turnsOf<T>(work: Promise<T>): Promise<{ readonly result: T; readonly turns: number }> {
	let turns = 0;
	let isOver = false;
	const count = (): void => {
		turns += 1;
		if (!isOver) setImmediate(count);
	};
	setImmediate(count);
	const result = await work;
	isOver = true;
	return { result, turns };
}

/** The same bytes in pieces of chance. */
function piecesOf(bytes: Buffer, random: Random, most: number): Buffer[] {
	const pieces: Buffer[] = [];
	for (let at = 0; at < bytes.length; ) {
		const length = random.below(most);
		pieces.push(bytes.subarray(at, at + length));
		at += length;
	}
	return pieces;
}

t.test("in whatever pieces, the results are the same", async (t) => {
	const random = new Random(1);
	const bytes = Buffer.from(Array.from({ length: 3 * MIB + 5 }, () => random.below(256)));
	for (const most of [1000, 300_000, 2 * MIB]) {
		const pieces = piecesOf(bytes, random, most);
		t.equal(lengthOf(pieces), bytes.length);
		t.equal(await crcOf(pieces), crc32c(bytes), `crc of ${pieces.length}`);
		for (const algorithm of ["sha256", "md5"] as const)
			t.equal(
				await digestOf(algorithm, pieces),
				createHash(algorithm).update(bytes).digest("hex"),
				algorithm,
			);
		t.ok(Buffer.concat([...slicesOf(pieces)]).equals(bytes), "slices");
		t.ok(await isEqual(pieces, bytes), "equal");
		const other = Buffer.from(bytes);
		other[random.below(other.length)]! ^= 1;
		t.notOk(await isEqual(pieces, other), "but for a bit");
		t.notOk(await isEqual(pieces, bytes.subarray(1)), "shorter");
	}
});

t.test("others have their turns in between", async (t) => {
	const large = [Buffer.alloc(8 * MIB, 1)];
	t.ok((await turnsOf(digestOf("sha256", large))).turns >= 60, "sums of 8 MiB");
	t.ok(
		(await turnsOf(digestOf("md5", piecesOf(large[0]!, new Random(2), 5000)))).turns >= 60,
		"in small pieces",
	);
	t.ok((await turnsOf(crcOf(large))).turns >= 6, "checksums");
	t.ok((await turnsOf(isEqual(large, Buffer.alloc(8 * MIB, 1)))).turns >= 6, "comparisons");
});
