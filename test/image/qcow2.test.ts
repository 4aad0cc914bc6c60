/** Reading qcow2 images that were put together by hand from the format's description, with all kinds of clusters and files behind them. */

import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { Image } from "../../lib/image/image.js";
import { directory, file, pattern, qcow2, read } from "./images.js";

const CLUSTER = 512;
const A = pattern(CLUSTER, 1);
const B = pattern(CLUSTER, 2);
const C = pattern(CLUSTER, 3);
const ZEROS = Buffer.alloc(CLUSTER);

for (const version of [2, 3] as const)
	t.test(`version ${version}: data, holes, and what is compressed`, async (t) => {
		const clusters = { 0: A, 2: B, 3: { deflated: C }, 70: { deflated: A } };
		const image = file(`v${version}.qcow2`, qcow2({ version, sizeBytes: 100 * CLUSTER, clusters }));
		const { bytes, map } = await read(image);
		t.strictSame(map, ["data 512", "hole 512", "data 1024", "hole 33792", "data 512", "hole 14848"]);
		t.ok(bytes.subarray(0, 4 * CLUSTER).equals(Buffer.concat([A, ZEROS, B, C])));
		t.ok(bytes.subarray(70 * CLUSTER, 71 * CLUSTER).equals(A));
	});

t.test("version 3: a cluster of zeros hides what is behind it", async (t) => {
	file("base.raw", Buffer.concat([A, B, C]));
	const backing = { name: "base.raw", format: "raw" };
	const clusters = { 1: "zero", 4: A } as const;
	const image = file("zero.qcow2", qcow2({ sizeBytes: 6 * CLUSTER, clusters, backing }));
	const { bytes, map } = await read(image);
	t.strictSame(map, ["data 512", "zero 512", "data 512", "hole 512", "data 512", "hole 512"]);
	t.ok(bytes.equals(Buffer.concat([A, ZEROS, C, ZEROS, A, ZEROS])));
});

t.test("clusters of 2 MiB, and a disk that ends within one", async (t) => {
	const sizeBytes = 2 ** 22 + 512;
	const last = pattern(512, 7);
	const image = file(
		"large.qcow2",
		qcow2({ clusterBits: 21, sizeBytes, clusters: { 1: pattern(2 ** 21), 2: last } }),
	);
	const { bytes, map } = await read(image);
	t.strictSame(map, [`hole ${2 ** 21}`, `data ${2 ** 21 + 512}`]);
	t.ok(bytes.subarray(2 ** 21).equals(Buffer.concat([pattern(2 ** 21), last])));
});

t.test(
	"three files behind each other, one shorter than the next, named from where each one is",
	async (t) => {
		mkdirSync(path.join(directory, "below"), { recursive: true });
		file("below/first.img", Buffer.concat([A, A, A, A]));
		const first = { name: "first.img", format: "raw" };
		file("below/second.img", qcow2({ sizeBytes: 2 * CLUSTER, clusters: { 1: B }, backing: first }));
		const second = { name: "below/second.img", format: "qcow2" };
		const image = file("third.qcow2", qcow2({ sizeBytes: 5 * CLUSTER, clusters: { 4: C }, backing: second }));
		const { bytes } = await read(image);
		t.ok(bytes.equals(Buffer.concat([A, B, ZEROS, ZEROS, C])), "what the second one ends before is not seen");
		const opened = await Image.open(image);
		t.strictSame(
			opened.files.map((name) => path.relative(directory, name)),
			["third.qcow2", "below/second.img", "below/first.img"],
		);
		await opened.close();
	},
);

t.test("an image can be read from anywhere", async (t) => {
	const image = await Image.open(
		file("from.qcow2", qcow2({ sizeBytes: 8 * CLUSTER, clusters: { 0: A, 3: B } })),
	);
	const seen: string[] = [];
	for await (const { kind, offsetBytes, lengthBytes } of image.extents(3.5 * CLUSTER))
		seen.push(`${kind} ${offsetBytes} ${lengthBytes}`);
	t.strictSame(seen, ["data 1792 256", "hole 2048 2048"]);
	await image.close();
});

t.test("what is not supported is refused in one line", async (t) => {
	const plain = { sizeBytes: 4 * CLUSTER, clusters: { 0: A } };
	const encrypted = qcow2(plain);
	encrypted.writeUInt32BE(1, 32);
	const first = qcow2(plain);
	first.writeUInt32BE(1, 4);
	for (const [bytes, why] of [
		[encrypted, "at byte 32: is encrypted"],
		[first, "at byte 4: qcow2 version 1 is not known"],
		[qcow2({ ...plain, incompatible: 2n }), "at byte 72: is marked as damaged"],
		[qcow2({ ...plain, incompatible: 4n }), "at byte 72: keeps its data in another file"],
		[qcow2({ ...plain, incompatible: 8n }), "at byte 72: is compressed with zstd"],
		[qcow2({ ...plain, incompatible: 16n }), "at byte 72: has subclusters"],
		[qcow2({ ...plain, incompatible: 2n ** 40n }), "at byte 72: has features that are not known"],
		[
			qcow2({ ...plain, backing: { name: "a", format: "vmdk" } }),
			'of another format than raw and qcow2 ("vmdk")',
		],
		[qcow2({ ...plain, backing: { name: "nbd://host/a" } }), 'is on "nbd://host/a", and only a file may be'],
		[qcow2({ ...plain, backing: { name: "json:{}" } }), 'is on "json:{}"'],
		[qcow2({ ...plain, backing: { name: "gone", format: "raw" } }), 'gone": there is no such file'],
	] as const) {
		const image = file("refused.qcow2", bytes);
		const message = await read(image).then(
			() => "none",
			(error: Error) => error.message,
		);
		t.match(message, why);
		t.ok(message.startsWith(`"${directory}/`) && !message.includes("\n"));
	}
	const dirty = file("dirty.qcow2", qcow2({ ...plain, incompatible: 1n }));
	t.ok(
		(await read(dirty)).bytes.subarray(0, CLUSTER).equals(A),
		"that its reference counts are old does not matter",
	);
});

t.test("a raw disk whose user has made it begin as qcow2 does is raw", async (t) => {
	file("secret", A);
	const trap = qcow2({ sizeBytes: 4 * CLUSTER, backing: { name: "secret", format: "raw" } });
	const raw = file("disk.raw", trap);
	t.ok((await read(raw)).bytes.equals(trap), "by its name");
	const unnamed = file("disk.img", trap);
	t.ok((await read(unnamed, "raw")).bytes.equals(trap), "by what the operator says");
	await t.rejects(read(unnamed), { message: /begins as a qcow2 image on "secret".*say --format=qcow2/ });
	t.ok((await read(unnamed, "qcow2")).bytes.subarray(0, CLUSTER).equals(A));
	const over = { sizeBytes: trap.length, clusters: {} };
	const image = file("over.qcow2", qcow2({ ...over, backing: { name: "disk.raw", format: "raw" } }));
	t.ok((await read(image)).bytes.equals(trap), "behind an image that says so");
	const unsaid = file("unsaid.qcow2", qcow2({ ...over, backing: { name: "disk.raw" } }));
	await t.rejects(read(unsaid), { message: /doesn't say which format "disk.raw" is in/ });
	file("plain.raw", A);
	const plain = file("plain.qcow2", qcow2({ sizeBytes: CLUSTER, backing: { name: "plain.raw" } }));
	t.ok((await read(plain)).bytes.equals(A), "what begins otherwise is raw without being asked about");
});

t.test("files that are behind themselves are found", async (t) => {
	const backing = (name: string) => ({ sizeBytes: CLUSTER, backing: { name, format: "qcow2" } });
	const self = file("self.qcow2", qcow2(backing("./self.qcow2")));
	await t.rejects(read(self), { message: /this file is behind itself/ });
	file("one.qcow2", qcow2(backing("two.qcow2")));
	symlinkSync("one.qcow2", path.join(directory, "link.qcow2"));
	const two = file("two.qcow2", qcow2(backing("link.qcow2")));
	await t.rejects(read(two), { message: /two.qcow2": this file is behind itself/ });
	for (let i = 0; i < 65; i++) file(`chain${i}.qcow2`, qcow2(backing(`chain${i + 1}.qcow2`)));
	await t.rejects(read(path.join(directory, "chain0.qcow2")), { message: /more than 64 files/ });
});
