// What can become of a file while it is served: grown, shrunk, cut off under load, full, lost; and whether what is said of
// its bytes is true: lent and not copied, on stable storage, given back.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { native, nativeMemory } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
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
	unmount,
} from "../support/mounts.js";
import { Program } from "../support/process.js";
import { flush, isAll, makeBench, named, openFile, openStack, read, trim, write } from "./file-bench.js";

const LIMIT_MS = 10_000;
const SECTOR = 512;
const PAGE = 4096;
const MIB = 1024 * 1024;

function usedBytes(file: string): number {
	return statSync(file).blocks * SECTOR;
}

/** Flushes that a block device has been asked for and has done (the 16th number, Documentation/block/stat.rst). */
function flushes({ name }: LoopDevice): number {
	return Number(readFileSync(`/sys/block/${name}/stat`, "utf8").trim().split(/\s+/)[15]);
}

function memory(t: Test): void {
	t.test(
		"a read from memory is lent; one that has to wait for the disk is not",
		{ skip: mountsMissing },
		async (t) => {
			const all = makeBench(t);
			const { directory, device: disk } = mountExt4(32 * MIB, 512);
			const file = newFile(directory, MIB);
			writeFileSync(file, Buffer.alloc(MIB, 0x61));
			// Of a file system that has just been mounted nothing is in memory.
			unmount(directory);
			execFileSync("mount", [disk.path, directory], { timeout: LIMIT_MS });
			const device = openFile(t, file, all);
			const cold = await read(device, 64 * PAGE, PAGE, true);
			t.equal(cold.borrowedAddress, 0, "cold: copied");
			t.ok(isAll(cold.bytes, 0x61));
			const hot = await read(device, 64 * PAGE, PAGE, true);
			t.not(hot.borrowedAddress, 0, "hot: lent");
			t.ok(isAll(hot.bytes, 0x61));
			t.equal((await read(device, 64 * PAGE, PAGE)).borrowedAddress, 0, "not without leave");
			t.equal(named(await write(device, 64 * PAGE, SECTOR, 0x62)), "ok");
			t.equal(readFileSync(file)[64 * PAGE], 0x62, "a write is seen by others at once");
			t.ok(isAll((await read(device, 64 * PAGE, SECTOR, true)).bytes, 0x62));
			const whole = await read(device, 0, MIB, true);
			t.equal(named(whole), "ok", "a read of many pages");
			t.equal(whole.bytes[64 * PAGE + SECTOR], 0x61);
		},
	);

	t.test("a hole is read as zeros, and written", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), 16 * MIB);
		const device = openFile(t, file, all);
		for (let round = 0; round < 2; round++)
			t.ok(isAll((await read(device, 8 * MIB, 2 * PAGE, true)).bytes, 0));
		t.equal(usedBytes(file), 0, "reading takes no space");
		t.equal(named(await write(device, 8 * MIB + SECTOR, SECTOR, 7)), "ok");
		t.ok(isAll((await read(device, 8 * MIB, SECTOR)).bytes, 0));
		t.ok(isAll((await read(device, 8 * MIB + SECTOR, SECTOR)).bytes, 7));
		t.ok(isAll((await read(device, 8 * MIB + 2 * SECTOR, SECTOR)).bytes, 0));
	});
}

function sizes(t: Test): void {
	t.test("growth is seen and served", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		writeFileSync(file, Buffer.alloc(MIB, 1));
		const device = openStack(file, all);
		t.teardown(() => device.close());
		await read(device, 0, PAGE);
		let changes = 0;
		device.onChange(() => changes++);
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

	for (const direct of [false, true])
		t.test(
			`a file that has shrunk${direct ? ", direct" : ""}`,
			{ skip: direct && mountsMissing },
			async (t) => {
				const all = makeBench(t);
				const file = newFile(direct ? mountExt4(32 * MIB, 512).directory : newDirectory(), MIB);
				writeFileSync(file, Buffer.alloc(MIB, 5));
				const shrunk: number[] = [];
				const device = openFile(t, file, all, { direct, onShrunk: (sizeBytes) => shrunk.push(sizeBytes) });
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

function space(t: Test): void {
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

function stability(t: Test): void {
	t.test("what is said to be on stable storage is", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const loop = loopDevice(newFile(newDirectory(), 4 * MIB), 512);
		t.teardown(() => loop.release());
		const count = async (what: () => Promise<unknown>) => {
			const before = flushes(loop);
			await what();
			return flushes(loop) - before;
		};
		for (const direct of [false, true]) {
			const ack = openStack(loop.path, all, { durability: "ack", direct });
			t.equal(await count(() => write(ack, 0, PAGE, 1)), 1, "ack: a write waits for its flush");
			const burst = () => Promise.all(Array.from({ length: 64 }, (_, i) => write(ack, i * PAGE, PAGE, 2)));
			const cost = await count(burst);
			t.ok(cost >= 1 && cost < 16, `ack: 64 writes at once cost ${cost} flushes`);
			await ack.close();
			const cached = openStack(loop.path, all, { durability: "flush", direct });
			t.equal(await count(() => write(cached, 0, PAGE, 3)), 0, "flush: a write does not wait");
			t.equal(await count(() => flush(cached)), 1, "flush: a flush does");
			t.equal(await count(() => write(cached, 0, PAGE, 4, true)), 1, "flush: so does forced unit access");
			await cached.close();
			const none = openStack(loop.path, all, { durability: "none", direct });
			t.equal(await count(() => flush(none)), 0, "none: nothing does");
			await none.close();
		}
		const bare = openFile(t, loop.path, all);
		t.equal(await count(() => write(bare, 0, PAGE, 5, true)), 1, "the file itself knows forced unit access");
	});

	t.test("so it is with a file on a file system", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const { directory, device: disk } = mountExt4(32 * MIB, 512);
		const device = openStack(newFile(directory, MIB), all, { durability: "ack" });
		const before = flushes(disk);
		await write(device, 0, PAGE, 1);
		t.ok(flushes(disk) > before);
		await device.close();
	});

	t.test(
		"a sync that fails fails what depended on it and all that comes after",
		{ skip: mountsMissing },
		async (t) => {
			const all = makeBench(t);
			const directory = mountTmpfs(4 * MIB);
			const loop = loopDevice(newFile(directory, 16 * MIB), 512);
			const device = openStack(loop.path, all, { durability: "ack" });
			t.teardown(async () => {
				await device.close();
				loop.release();
			});
			t.equal(named(await write(device, 0, PAGE, 1)), "ok");
			execFileSync("sh", ["-c", 'dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null; true', "sh", directory]);
			t.equal(
				named(await write(device, 8 * MIB, MIB, 2)),
				"syncFailed",
				"the page cache took it, the disk did not",
			);
			rmSync(path.join(directory, "filler"));
			t.equal(named(await write(device, 0, PAGE, 3)), "syncFailed", "nothing pretends that it is well again");
			t.equal(named(await flush(device)), "syncFailed");
			t.equal(named(await read(device, 0, PAGE)), "ok", "reads go on");
		},
	);
}

if (await inMounts(import.meta.url)) {
	memory(t);
	sizes(t);
	space(t);
	stability(t);
}
