/** Reading raw images: sparse files, odd sizes, and what is no file. */

import { execFileSync } from "node:child_process";
import { mkdirSync, openSync, truncateSync, writeSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { Image } from "../../lib/image/image.js";
import { directory, file, pattern, read } from "./images.js";

const MIB = 1024 * 1024;

t.test("what was never written is a hole, and data is told where it is", async (t) => {
	const sparse = file("sparse.img", Buffer.alloc(0));
	truncateSync(sparse, 10 * MIB);
	const descriptor = openSync(sparse, "r+");
	const data = pattern(3 * MIB);
	writeSync(descriptor, data, 0, data.length, 4 * MIB);
	const { bytes, map } = await read(sparse);
	t.strictSame(map, [`hole ${4 * MIB}`, `data ${3 * MIB}`, `hole ${3 * MIB}`]);
	t.ok(bytes.subarray(4 * MIB, 7 * MIB).equals(data));
	t.ok(bytes.subarray(0, 4 * MIB).every((byte) => byte === 0));
});

t.test("the last sector is filled up with zeros", async (t) => {
	const { bytes } = await read(file("odd.img", pattern(1300)));
	t.ok(bytes.equals(Buffer.concat([pattern(1300), Buffer.alloc(236)])));
	t.strictSame(await read(file("none.img", Buffer.alloc(0))), { bytes: Buffer.alloc(0), map: [] });
});

t.test("no extent of data goes across a multiple of 1 MiB", async (t) => {
	const image = await Image.open(file("long.img", pattern(3 * MIB)));
	const pieces: number[][] = [];
	for await (const { offsetBytes, lengthBytes } of image.extents(512))
		pieces.push([offsetBytes, lengthBytes]);
	t.strictSame(pieces, [
		[512, MIB - 512],
		[MIB, MIB],
		[2 * MIB, MIB],
	]);
	await image.close();
});

t.test("an image of another kind, or a packed one, is no raw disk unless somebody says so", async (t) => {
	const vdi = Buffer.alloc(512);
	vdi.writeUInt32LE(0xbeda107f, 64);
	for (const [called, begin] of [
		["a VMDK image", "KDMV"],
		["a VHDX image", "vhdxfile"],
		["a VDI image", vdi],
		["a file packed by gzip", Buffer.from("1f8b0800", "hex")],
	] as const) {
		const bytes = Buffer.concat([Buffer.from(begin), Buffer.alloc(512)]);
		await t.rejects(read(file("other.img", bytes)), {
			message: new RegExp(`begins as ${called}, .*--format=raw$`),
		});
		await (await Image.open(file("other.img", bytes), "raw")).close();
		await (await Image.open(file("other.raw", bytes))).close();
	}
	await read(file("short.bin", Buffer.from("KD")));
});

t.test("what is no file is refused at once", async (t) => {
	const folder = path.join(directory, "folder");
	mkdirSync(folder);
	const pipe = path.join(directory, "pipe");
	execFileSync("mkfifo", [pipe]);
	await t.rejects(read(folder), { message: /folder": is neither a file nor a block device/ });
	await t.rejects(read(pipe), { message: /pipe": is neither a file nor a block device/ });
	await t.rejects(read("/dev/null"), { message: /"\/dev\/null": is neither/ });
	await t.rejects(read("/nowhere/at/all"), { message: /"\/nowhere\/at\/all": there is no such file/ });
});

t.test("a file that becomes shorter while it is read is an error with its place", async (t) => {
	const short = file("short.img", pattern(2 * MIB));
	const image = await Image.open(short);
	truncateSync(short, MIB + 100);
	const extents = image.extents();
	t.equal((await extents.next()).value?.lengthBytes, MIB);
	await t.rejects(extents.next(), {
		name: "FailedError",
		message: /short.img": at byte 1048676: the file ends/,
	});
	await image.close();
});
