// A file whose size or space changes while it is served: grown, shrunk, cut off under load, full, and given back.

import { execFileSync } from "node:child_process";
import { statSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { native, nativeMemory } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import {
	canMount,
	inMounts,
	type LoopDevice,
	loopDevice,
	mountExt4,
	mountsMissing,
	mountTmpfs,
	newDirectory,
	newFile,
	remeasureLoop,
} from "../support/mounts.js";
import { Program } from "../support/process.js";
import {
	flush,
	isAll,
	makeBench,
	named,
	openFile,
	openStack,
	read,
	trim,
	usedBytes,
	write,
} from "./file-bench.js";

const SECTOR = 512;
const PAGE = 4096;
const MIB = 1024 * 1024;

function growth(t: Test): void {
	t.test("growth is seen and served", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		writeFileSync(file, Buffer.alloc(MIB, 1));
		const device = openStack(file, all);
		t.teardown(() => device.close());
		await read(device, 0, PAGE);
		let changes = 0;
		device.listen({ changed: () => changes++ });
		const { info } = device;
		truncateSync(file, 3 * MIB + 100);
		t.equal(named(await read(device, 2 * MIB, PAGE)), "outOfRange", "not yet");
		await until("the growth", () => changes > 0, LIMIT_MS);
		t.equal(device.info.sizeBytes, 3 * MIB, "whole sectors of it");
		t.not(device.info, info, "a new object");
		t.equal(named(await write(device, 3 * MIB - PAGE, PAGE, 9)), "ok");
		t.ok(isAll((await read(device, 3 * MIB - PAGE, PAGE, true)).bytes, 9));
		t.ok(isAll((await read(device, 0, PAGE, true)).bytes, 1), "and what was there is there");
		t.equal(changes, 1);
	});

	t.test("a block device that has grown", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		const loop = loopDevice(file, 512);
		const device = openStack(loop.path, all);
		t.teardown(async () => {
			await device.close();
			loop.release();
		});
		truncateSync(file, 2 * MIB);
		remeasureLoop(loop);
		await until("the growth", () => device.info.sizeBytes === 2 * MIB, LIMIT_MS);
		t.equal(named(await write(device, 2 * MIB - SECTOR, SECTOR, 1)), "ok");
	});
}

function shrinking(t: Test): void {
	for (const direct of [false, true])
		t.test(
			`a file that has shrunk${direct ? ", direct" : ""}`,
			{ skip: direct && mountsMissing },
			async (t) => {
				const all = makeBench(t);
				const file = newFile(direct ? mountExt4(32 * MIB, 512).directory : newDirectory(), MIB);
				writeFileSync(file, Buffer.alloc(MIB, 5));
				const device = openFile(t, file, all, { direct });
				const shrunk = shrinksOf(device);
				const borrowed = (await read(device, 512 * 1024, PAGE, true)).borrowedAddress;
				t.equal(borrowed === 0, direct);
				const left = 256 * 1024 + SECTOR;
				truncateSync(file, left);
				if (!direct) {
					const { address } = nativeMemory(PAGE);
					t.notOk(native.copy(address, borrowed, PAGE), "bytes that were lent are gone: no more than that");
				}
				// Until it is noticed, an address may still be lent that leads nowhere: the link then drops the frame.
				const outside = async (when: string, mayBorrow: boolean) => {
					for (const at of [left + 7 * SECTOR, 512 * 1024, MIB - PAGE]) {
						t.equal(named(await read(device, at, SECTOR, mayBorrow)), "outOfRange", `${when}, read at ${at}`);
						t.equal(named(await write(device, at, SECTOR, 6)), "outOfRange", `${when}, write at ${at}`);
					}
					const across = await read(device, left - SECTOR, 16 * SECTOR);
					t.equal(named(across), "outOfRange", `${when}, read across the end`);
					t.equal(
						named(await write(device, left - SECTOR, 16 * SECTOR, 6)),
						"outOfRange",
						`${when}, write across it`,
					);
					t.equal(statSync(file).size, left, `${when}, it does not grow again`);
					t.ok(
						isAll((await read(device, left - SECTOR, SECTOR)).bytes, 5),
						`${when}, the last sector is there`,
					);
				};
				await outside("at once", false);
				await until("it is noticed", () => shrunk.length > 0, LIMIT_MS);
				await outside("later", true);
				t.equal(
					named(await read(device, left, SECTOR, true)),
					"outOfRange",
					"the rest of the last page is nobody's",
				);
				t.equal(named(await write(device, left, SECTOR, 6)), "outOfRange");
				t.strictSame(shrunk, [left], "told once");
				t.equal(device.info.sizeBytes, MIB, "it is served at its old size");
				truncateSync(file, MIB);
				t.equal(
					named(await write(device, MIB - PAGE, PAGE, 8)),
					"ok",
					"back to its old size, it is whole again",
				);
				t.ok(isAll((await read(device, MIB - PAGE, PAGE, true)).bytes, 8));
				t.ok(isAll((await read(device, left, SECTOR, true)).bytes, 0), "with zeros where it was cut off");
			},
		);
}

function whole(t: Test): void {
	t.test("a file that is back to its old size is told of", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		const device = openFile(t, file, all);
		const shrunk = shrinksOf(device);
		let changes = 0;
		device.listen({
			changed: () => {
				changes += 1;
			},
		});
		truncateSync(file, MIB / 2);
		await until("it has shrunk", () => shrunk.length > 0, LIMIT_MS);
		truncateSync(file, MIB);
		await until("it is whole", () => changes > 0, LIMIT_MS);
		t.equal(device.info.sizeBytes, MIB);
	});
}

function cutting(t: Test): void {
	t.test("a file that shrinks and grows under load", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), 4 * MIB);
		writeFileSync(file, Buffer.alloc(4 * MIB, 1));
		const device = openStack(file, all, { durability: "none" });
		const script = [
			"import os, random, sys",
			"print('on', flush=True)",
			"while True:",
			"    os.truncate(sys.argv[1], random.choice((0, 1000, 1 << 20, 3 << 20)))",
			"    os.truncate(sys.argv[1], 4 << 20)",
		].join("\n");
		const cutter = new Program(["python3", "-c", script, file]);
		t.teardown(() => cutter.stop("SIGKILL"));
		await cutter.waitFor(/on/, LIMIT_MS);
		const statuses = new Set<string>();
		const worker = async (seed: number) => {
			for (let round = 0; round < 3000; round++) {
				const at = ((round * 7919 + seed * 104729) % 1024) * PAGE;
				const over = round % 3 === 0 ? await write(device, at, PAGE, 2) : await read(device, at, PAGE);
				statuses.add(named(over));
			}
		};
		await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(worker));
		await cutter.stop("SIGKILL");
		for (const status of statuses) t.ok(["ok", "outOfRange"].includes(status), status);
		truncateSync(file, 4 * MIB);
		t.equal(named(await write(device, 0, 4 * PAGE, 3)), "ok", "and it is served as ever");
		await device.close();
	});
}

function noSpace(t: Test): void {
	/** Fills the file system until nothing fits. Returns what gives the space back. */
	function fillUp(directory: string): () => void {
		const filler = path.join(directory, "filler");
		execFileSync("sh", [
			"-c",
			'dd if=/dev/zero of="$1" bs=64k 2>/dev/null; dd if=/dev/zero bs=4k >>"$1" 2>/dev/null; sync -f "$1"',
			"sh",
			filler,
		]);
		return () => unlinkSync(filler);
	}
	for (const kind of ["tmpfs", "ext4"] as const)
		t.test(`no space left on ${kind}`, { skip: mountsMissing }, async (t) => {
			const all = makeBench(t);
			const directory = kind === "tmpfs" ? mountTmpfs(4 * MIB) : mountExt4(8 * MIB, 512).directory;
			const file = newFile(directory, 64 * MIB);
			const device = openStack(file, all);
			t.teardown(() => device.close());
			t.equal(named(await write(device, 0, PAGE, 1)), "ok");
			const makeRoom = fillUp(directory);
			const cold = await write(device, 32 * MIB, PAGE, 2);
			t.equal(named(cold), "noSpace", "a page that was never touched");
			t.equal(cold.failedOffsetBytes, 32 * MIB);
			for (let round = 0; round < 3; round++) {
				t.ok(isAll((await read(device, 40 * MIB, PAGE, true)).bytes, 0), "a hole can be read");
				t.equal(
					named(await write(device, 40 * MIB, PAGE, 2)),
					"noSpace",
					"but not written, though it is in memory",
				);
			}
			t.equal(named(await write(device, 0, PAGE, 3)), "ok", "what has its space can be written");
			t.equal(named(await flush(device)), "ok");
			makeRoom();
			t.equal(named(await write(device, 40 * MIB, PAGE, 4)), "ok", "with space again all is well");
			t.ok(isAll((await read(device, 40 * MIB, PAGE)).bytes, 4));
			t.equal(named(await flush(device)), "ok");
		});
}

function givenBack(t: Test): void {
	t.test("trim gives the space back", async (t) => {
		const all = makeBench(t);
		const media = [{ image: newFile(newDirectory(), 4 * MIB), loop: undefined as LoopDevice | undefined }];
		if (canMount) {
			media.push({ image: newFile(mountTmpfs(8 * MIB), 4 * MIB), loop: undefined });
			for (const sectorBytes of [512, 4096]) {
				const image = newFile(newDirectory(), 4 * MIB);
				media.push({ image, loop: loopDevice(image, sectorBytes) });
			}
		}
		for (const { image, loop } of media) {
			const device = openStack(loop?.path ?? image, all);
			t.ok(device.info.canTrim);
			await write(device, 0, 4 * MIB, 1);
			t.equal(named(await flush(device)), "ok");
			const full = usedBytes(image);
			t.ok(full >= 4 * MIB, `${full} bytes in use`);
			t.equal(named(await trim(device, MIB + SECTOR, 2 * MIB)), "ok");
			t.equal(named(await flush(device)), "ok");
			t.ok(usedBytes(image) <= full - 2 * MIB + 2 * PAGE, `then ${usedBytes(image)}`);
			t.ok(isAll((await read(device, MIB, SECTOR)).bytes, 1));
			t.ok(isAll((await read(device, MIB + SECTOR, 2 * MIB)).bytes, 0));
			t.ok(isAll((await read(device, 3 * MIB + SECTOR, SECTOR)).bytes, 1));
			t.equal(statSync(image).size, 4 * MIB, "the size stays");
			await device.close();
			loop?.release();
		}
	});
}

if (await inMounts(import.meta.url)) {
	growth(t);
	shrinking(t);
	whole(t);
	cutting(t);
	noSpace(t);
	givenBack(t);
}

/** What a device tells of its storage that has shrunk, as it tells it. */
function shrinksOf(device: BlockDevice): number[] {
	const shrunk: number[] = [];
	device.listen({
		degraded: (degradation) => {
			if (degradation.kind === "shrunk") shrunk.push(degradation.storageBytes);
		},
	});
	return shrunk;
}
