// Whether what is said of a file's bytes is true: lent and not copied, holes, on stable storage or not.

import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";
import {
	inMounts,
	type LoopDevice,
	loopDevice,
	mountExt4,
	mountsMissing,
	mountTmpfs,
	newDirectory,
	newFile,
	unmount,
} from "../support/mounts.js";
import { flush, isAll, makeBench, named, openFile, openStack, read, usedBytes, write } from "./file-bench.js";

const SECTOR = 512;
const PAGE = 4096;
const MIB = 1024 * 1024;

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

function synced(t: Test): void {
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
			// (How many are written while one flush is under way is up to the scheduler: on a busy machine four, and 17 flushes were seen.)
			t.ok(cost >= 1 && cost <= 32, `ack: 64 writes at once cost ${cost} flushes`);
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
}

function failedSync(t: Test): void {
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
	synced(t);
	failedSync(t);
}
