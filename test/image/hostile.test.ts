/**
 * Images in which something is wrong: whatever it is, reading ends, with what the image says or with one line that names the file. It
 * takes no more memory and time than the file and the disk are large.
 */

import { truncateSync, writeFileSync } from "node:fs";
import t from "tap";
import { FailedError, OperatorError } from "../../lib/errors.js";
import { Image } from "../../lib/image/image.js";
import { Random } from "../../lib/random.js";
import { file, pattern, qcow2, read } from "./images.js";

const CLUSTER = 512;
const SPEC = {
	sizeBytes: 140 * CLUSTER,
	clusters: {
		0: pattern(CLUSTER),
		1: "zero",
		3: { deflated: pattern(CLUSTER, 2) },
		130: pattern(CLUSTER, 3),
	},
} as const;
/** Header, L1 table, and two L2 tables with a cluster or two in between. */
const METADATA_BYTES = 6 * CLUSTER;
/** Of data and holes together, in one image. */
const EXTENTS_MAX = 10_000;

/** Reads all, whatever comes of it. What has been read of it, or why it can't be. */
async function attempt(image: string): Promise<string> {
	try {
		const opened = await Image.open(image, "qcow2");
		try {
			let count = 0;
			for await (const { lengthBytes } of opened.extents())
				if (lengthBytes <= 0 || ++count > EXTENTS_MAX) return "no end";
			return "read";
		} finally {
			await opened.close();
		}
	} catch (error) {
		const isOurs = error instanceof FailedError || error instanceof OperatorError;
		const hasPlace = error instanceof Error && error.message.startsWith(`"${image}": at byte `);
		return isOurs && hasPlace && !error.message.includes("\n") ? "refused" : `threw ${String(error)}`;
	}
}

t.test("any byte changed", async (t) => {
	const good = qcow2(SPEC);
	const counts: Record<string, number> = {};
	for (let at = 0; at < good.length; at++) {
		// What is in clusters can be anything, and there are many zeros.
		if (good[at] === 0 ? at % 32 > 0 : at > METADATA_BYTES && at < good.length - 64) continue;
		for (const change of [0x01, 0x80, 0xff]) {
			const bytes = Buffer.from(good);
			bytes[at]! ^= change;
			const end = await attempt(file("changed.qcow2", bytes));
			counts[end] = (counts[end] ?? 0) + 1;
		}
	}
	const { read: whole = 0, refused = 0, ...others } = counts;
	t.strictSame(others, {});
	t.ok(whole > 0 && refused > 100, `${refused} were refused`);
});

t.test("many bytes changed, and cut anywhere", async (t) => {
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	const good = qcow2(SPEC);
	for (let i = 0; i < 300; i++) {
		const bytes = Buffer.from(good);
		for (let n = random.below(8); n >= 0; n--) bytes[random.below(bytes.length)] = random.below(256);
		const image = file("random.qcow2", bytes);
		if (random.chance(0.3)) truncateSync(image, random.below(bytes.length));
		const end = await attempt(image);
		if (end !== "read" && end !== "refused") t.fail(`${i}: ${end}`);
	}
});

/** What is said of an image after a number of 64 bits in it has been changed. */
async function said(at: number, value: bigint): Promise<string> {
	const bytes = qcow2(SPEC);
	bytes.writeBigUInt64BE(value, at);
	return read(file("said.qcow2", bytes)).then(
		() => "nothing",
		({ message }: Error) => message.replace(/^"[^"]*": /, ""),
	);
}

t.test("what is wrong, and where, is told", async (t) => {
	const l1 = CLUSTER;
	const l2 = 2 * CLUSTER;
	t.equal(
		await said(l1, 2n ** 40n),
		"at byte 512: an L2 table is at 1099511627776, behind the end of the file",
	);
	t.equal(await said(l1, 1024n + 8n), "at byte 512: an entry of the L1 table that can't be");
	t.equal(
		await said(l2, 2n ** 40n),
		"at byte 1024: a cluster is at 1099511627776, behind the end of the file",
	);
	t.equal(await said(l2, 1n << 60n), "at byte 1024: an entry of an L2 table that can't be");
	t.equal(await said(24, 2n ** 60n), "at byte 24: 0x1000000000000000 is more than can be");
	t.equal(await said(24, 2n ** 40n), "at byte 36: an L1 table of 3 entries for 1099511627776 bytes");
	t.equal(await said(l2 + 24, (1n << 62n) | 20n), "at byte 20: what is compressed here is damaged");
});

t.test("a small file whose map names the same places again and again is no work without end", async (t) => {
	const bytes = Buffer.alloc(4 * CLUSTER);
	qcow2({ sizeBytes: 64 * CLUSTER, clusters: { 0: pattern(CLUSTER) } }).copy(bytes);
	for (let entry = 0; entry < 64; entry++)
		bytes.copy(bytes, 2 * CLUSTER + 8 * entry, 2 * CLUSTER, 2 * CLUSTER + 8);
	await t.rejects(read(file("same.qcow2", bytes)), {
		message: /at byte 1048: up to here more is mapped than the file holds/,
	});
});

t.test("nor is one whose map names two compressed clusters by turns", async (t) => {
	const clusterBits = 16;
	const cluster = 2 ** clusterBits;
	const entries = cluster / 8;
	const deflated = { deflated: Buffer.alloc(cluster) };
	const bytes = qcow2({ clusterBits, sizeBytes: entries * cluster, clusters: { 0: deflated, 1: deflated } });
	const [l2, two] = [2 * cluster, 2 * 8];
	for (let at = two; at < cluster; at += two) bytes.copy(bytes, l2 + at, l2, l2 + two);
	const opened = await Image.open(file("bomb.qcow2", bytes));
	t.teardown(() => opened.close());
	await t.rejects(
		async () => {
			for await (const _ of opened.extents());
		},
		{ message: /up to here more is mapped than the file holds/ },
	);
});

t.test("a disk of petabytes without anything in it is read at once", async (t) => {
	const image = file("wide.qcow2", Buffer.alloc(0));
	const clusterBits = 21;
	const bytes = qcow2({ clusterBits, sizeBytes: 2 ** 21 });
	// The L1 table is as long as it may be; the file behind it is a hole.
	bytes.writeUInt32BE(4 * 1024 * 1024, 36);
	bytes.writeBigUInt64BE(2n ** 52n, 24);
	writeFileSync(image, bytes);
	truncateSync(image, 2 ** 21 + 32 * 1024 * 1024);
	const opened = await Image.open(image);
	let holes = 0;
	for await (const { kind } of opened.extents()) holes += kind === "hole" ? 1 : Number.NaN;
	t.equal(holes, 2 ** 52 / 2 ** 39);
	await opened.close();
});
