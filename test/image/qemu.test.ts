/**
 * Images against QEMU's own tools: what qemu-img and qemu-io have made we read as they do, and what we write they find without fault and
 * read as we do.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { OutputFile } from "../../lib/image/output.js";
import { Random } from "../../lib/random.js";
import { LIMIT_MS } from "../support/limit.js";
import { directory, read } from "./images.js";
import { row, writerOf } from "./writing.js";

const missing = existsSync("/usr/bin/qemu-img") ? false : "qemu-img is missing (package qemu-utils)";

function qemu(program: "qemu-img" | "qemu-io", ...args: string[]): string {
	return execFileSync(program, args, { cwd: directory, encoding: "utf8", timeout: LIMIT_MS, stdio: "pipe" });
}

/** Does what qemu-io calls these to an image. */
function change(image: string, ...commands: string[]): void {
	qemu("qemu-io", "-f", "qcow2", ...commands.flatMap((command) => ["-c", command]), image);
}

/** What QEMU reads of an image. */
function contentOf(image: string): Buffer {
	qemu("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, "content.raw");
	return readFileSync(path.join(directory, "content.raw"));
}

async function isReadAlike(image: string): Promise<boolean> {
	return (await read(path.join(directory, image), "qcow2")).bytes.equals(contentOf(image));
}

/** Writes that leave whole clusters and parts, zeros, and what is no longer needed. */
const CHANGES = [
	"write -P 0x11 0 200k",
	"write -P 0x22 3000k 5000",
	"write -z 64k 64k",
	"write -P 0x33 4090k 6k",
	"discard 0 64k",
	"write -P 0x44 130k 1k",
];

const KINDS: [name: string, options: string][] = [
	["old", "compat=0.10"],
	["plain", "compat=1.1"],
	["small", "cluster_size=512"],
	["large", "cluster_size=2M"],
	["lazy", "lazy_refcounts=on"],
	["allocated", "preallocation=metadata"],
	["wide", "refcount_bits=64,preallocation=falloc"],
];

t.test("images that QEMU has made", { skip: missing }, async (t) => {
	for (const [name, options] of KINDS) {
		const image = `${name}.qcow2`;
		qemu("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, image, "5M");
		change(image, ...CHANGES);
		t.ok(await isReadAlike(image), name);
	}
});

t.test("images that are compressed, and one with a snapshot in it", { skip: missing }, async (t) => {
	for (const cluster of ["512", "64k", "2M"]) {
		const image = cluster === "512" ? "small.qcow2" : "plain.qcow2";
		const options = `cluster_size=${cluster}`;
		qemu("qemu-img", "convert", "-c", "-O", "qcow2", "-o", options, image, "packed.qcow2");
		t.ok(await isReadAlike("packed.qcow2"), `clusters of ${cluster}`);
	}
	qemu("qemu-img", "snapshot", "-c", "before", "plain.qcow2");
	change("plain.qcow2", "write -P 0x55 100k 4M");
	t.ok(await isReadAlike("plain.qcow2"));
});

t.test("images on others", { skip: missing }, async (t) => {
	qemu("qemu-img", "create", "-q", "-f", "raw", "base.raw", "3M");
	qemu("qemu-io", "-f", "raw", "-c", "write -P 0x66 0 3M", "base.raw");
	qemu("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", "middle.qcow2", "4M");
	change("middle.qcow2", "write -P 0x77 1M 100k", "write -z 2M 128k");
	qemu(
		"qemu-img",
		"create",
		"-q",
		"-f",
		"qcow2",
		"-F",
		"qcow2",
		"-b",
		"middle.qcow2",
		"-o",
		"cluster_size=4k",
		"top.qcow2",
	);
	change("top.qcow2", "write -P 0x88 1040k 10k", "write -z 0 8k", "write -P 0x99 3900k 100k");
	t.ok(await isReadAlike("middle.qcow2"));
	t.ok(await isReadAlike("top.qcow2"));
});

t.test("what we write is without fault to QEMU, and reads the same", { skip: missing }, async (t) => {
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	for (let i = 0; i < 4; i++) {
		const { sizeBytes, extents } = row(
			Array.from({ length: 1 + random.below(10) }, () => ({
				kind: random.pick(["data", "zero", "hole"]),
				sectors: random.pick([1 + random.below(400), 1 + random.below(5000), 128, 1024]),
			})),
		);
		const output = await OutputFile.open(path.join(directory, "ours.qcow2"));
		const writer = writerOf("qcow2", output, sizeBytes);
		for (const extent of extents) await writer.put(extent);
		await writer.finish();
		await output.close();
		t.match(qemu("qemu-img", "check", "ours.qcow2"), "No errors were found on the image.");
		t.ok(await isReadAlike("ours.qcow2"));
	}
});

t.test(
	"one of 3 TiB, with more clusters than one block of reference counts has",
	{ skip: missing },
	async (t) => {
		const data = { kind: "data", sectors: 2 } as const;
		const { sizeBytes, extents } = row([data, { kind: "hole", sectors: 6 * 2 ** 30 }, data]);
		const output = await OutputFile.open(path.join(directory, "huge.qcow2"));
		const writer = writerOf("qcow2", output, sizeBytes);
		await writer.put(extents[0]!);
		// Told, not written: 40,000 clusters, which are zeros in the file.
		for (let i = 1; i < 40_000; i++)
			await writer.skip({ kind: "data", offsetBytes: i * 65536, lengthBytes: 65536 });
		await writer.put(extents.at(-1)!);
		await writer.finish();
		await output.close();
		t.match(qemu("qemu-img", "check", "huge.qcow2"), "No errors were found on the image.");
		t.match(qemu("qemu-img", "info", "huge.qcow2"), `virtual size: 3 TiB (${sizeBytes} bytes)`);
	},
);
