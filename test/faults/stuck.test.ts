// Disks that hang under the real program: what is asked of them is a delay and no error, no other blade notices, and stopping has
// a limit.

import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { loopDevice, newDirectory, newFile } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { FaultDevice, type FaultyOperation } from "./fault-device.js";
import {
	type Engine,
	FaultStage,
	filled,
	MIB,
	onFaultDevice,
	PAGE_SECTORS,
	type StageChoices,
	withFaults,
	within,
} from "./stage.js";

/** Longer than an answer of the kernel is as good as new, and a tick of its coarse clock. */
const BELIEVED_MS = 8 + 12;

/** Asks for something that needs `operation`, on pages that have not been read before. */
function ask(stage: FaultStage, operation: FaultyOperation, page: number): Promise<unknown> {
	const lba = page * PAGE_SECTORS;
	if (operation === "read") return stage.faulty.read(512 * PAGE_SECTORS + lba, PAGE_SECTORS);
	return stage.faulty.write(lba, filled(PAGE_SECTORS, page + 1));
}

function stuck(t: Test, engine: Engine): void {
	t.test(`a disk that is stuck, engine ${engine}`, async (t) => {
		const { device, stage } = await onFaultDevice(t, { engine });
		for (const operation of ["read", "write", "sync", "stat"] as const) {
			await stage.othersAreServed(2);
			await device.stick(operation);
			let answered = 0;
			const pages = Array.from({ length: 32 }, (_, page) => page);
			const asked = pages.map((page) => ask(stage, operation, page).then(() => answered++));
			await until(`stuck: ${operation}`, async () => (await device.counts()).held > 0, LIMIT_MS);
			await stage.othersAreServed();
			t.ok((await device.counts()).held > 0, `${operation}: the others were served while it was stuck`);
			if (operation !== "stat") t.equal(answered, 0, `${operation}: nothing was answered before it was done`);
			await device.mend(operation);
			await Promise.all(asked);
			t.equal(answered, pages.length, `${operation}: all of it has been done in the end`);
			const bytes = await stage.faulty.read(0, 32 * PAGE_SECTORS);
			if (operation === "write")
				t.ok(
					pages.every((page) => bytes[page * PAGE_SECTORS * 512] === page + 1),
					"what was written is read",
				);
		}
		t.strictSame(await stage.logged(/failed/), [], "a delay is no error");
	});
}

function manyRequests(t: Test): void {
	t.test("more requests than there are reply slots, to a disk that is stuck", async (t) => {
		const { device, stage } = await onFaultDevice(t);
		const clients = await Promise.all(Array.from({ length: 40 }, () => stage.initiator.open(9, 0)));
		await device.stick("read");
		let page = 0;
		const reads = clients.flatMap((client) =>
			Array.from({ length: 16 }, () => client.read(page++ * PAGE_SECTORS, PAGE_SECTORS)),
		);
		await until("backlog", async () => /taken its share/.test(await stage.counters("near1")), LIMIT_MS);
		await stage.othersAreServed();
		await device.mend("read");
		const bytes = await Promise.all(reads);
		t.equal(bytes.length, 640, "all are answered in the end");
	});
}

/** A file on an ext4 on a disk that does as it is told, and a server that serves it as e9.0. */
async function onExt4(t: Test, choices: StageChoices = {}, blockBytes = 4096) {
	const device = await FaultDevice.open(64 * MIB);
	const loop = loopDevice(device.path, 512);
	execFileSync("mkfs.ext4", ["-q", "-b", `${blockBytes}`, "-E", "lazy_itable_init=0", loop.path], {
		timeout: LIMIT_MS,
	});
	const directory = newDirectory();
	execFileSync("mount", ["-o", "commit=1", loop.path, directory], { timeout: LIMIT_MS });
	const file = newFile(directory, 16 * MIB);
	chmodSync(file, 0o600);
	const stage = await FaultStage.open(t, file, choices);
	t.teardown(async () => {
		await device.mend("read", "write", "sync");
		await stage.server.stop();
		execFileSync("umount", [directory], { timeout: LIMIT_MS });
		loop.release();
		await device.close();
	});
	return { device, stage, file };
}

/**
 * Has a page of a file leave memory. Dropping caches does not do for this: a page that is mapped stays. One that somebody else
 * writes past the cache goes, as those do that the kernel needs for something else. The server believes for 8 ms what it has
 * been told of pages (native/storage/resident.h); a machine that has nothing else to do is back here before.
 */
async function evict(file: string, page: number): Promise<void> {
	const past = ["if=/dev/zero", `of=${file}`, "bs=4096", "count=1", `seek=${page}`, "oflag=direct"];
	execFileSync("dd", [...past, "conv=notrunc,fdatasync", "status=none"], { timeout: LIMIT_MS });
	await sleep(BELIEVED_MS);
}

function evicted(t: Test, who: string, choices: StageChoices): void {
	t.test(`a page that has left memory since ${who} read it a moment ago, on a disk that hangs`, async (t) => {
		const { device, stage, file } = await onExt4(t, choices);
		for (let page = 0; page < 64; page++) await stage.faulty.write(page * 8, filled(8, 1));
		for (let round = 0; round < 2; round++) await stage.faulty.read(0, 64 * 8);
		await evict(file, 5);
		// Nor is it in memory as a part of the disk.
		execFileSync("dd", [`if=${device.path}`, "iflag=nocache", "count=0", "status=none"], {
			timeout: LIMIT_MS,
		});
		await device.stick("read", "write", "sync");
		let answered = false;
		const read = stage.faulty.read(5 * 8, 8).finally(() => {
			answered = true;
		});
		// The place that its bytes are to come to is in memory now.
		const again = stage.faulty.read(5 * 8 + 1, 1);
		await stage.othersAreServed();
		t.notOk(answered, "the others were served while it waited for its disk");
		const near = await within(stage.faulty.read(6 * 8, 8), "the page behind it");
		t.ok(
			near.every((byte) => byte === 1),
			"and so was what is in memory of the same file",
		);
		await device.mend("read", "write", "sync");
		for (const bytes of [await read, await again])
			t.ok(
				bytes.every((byte) => byte === 0),
				"it is read in the end",
			);
		t.strictSame(await stage.logged(/failed/), [], "a delay is no error");
	});
}

/** Where blocks are smaller than pages, one that is written brings a page into memory of which the rest is not there. */
function partial(t: Test, who: string, choices: StageChoices): void {
	t.test(`a page that is in memory in part, for ${who}, on a disk that hangs`, async (t) => {
		const { device, stage, file } = await onExt4(t, choices, 1024);
		await stage.faulty.write(5 * 8, filled(8, 1));
		for (let round = 0; round < 2; round++) await stage.faulty.read(5 * 8, 8);
		await evict(file, 5);
		await device.stick("read");
		await within(stage.faulty.write(5 * 8, filled(2, 2)), "a block");
		let answered = false;
		const read = stage.faulty.read(5 * 8, 8).finally(() => {
			answered = true;
		});
		await stage.othersAreServed();
		t.notOk(answered, "the others were served while the rest was waited for");
		await device.mend("read");
		const bytes = await read;
		t.ok(
			bytes.every((byte, at) => byte === (at < 1024 ? 2 : 0)),
			"it is read in the end",
		);
	});
}

function journal(t: Test): void {
	t.test("a file on ext4 whose disk hangs during a commit", async (t) => {
		const { device, stage } = await onExt4(t);
		for (let page = 0; page < 64; page++) await stage.faulty.write(page * 8, filled(8, 1));
		await device.stick("read", "write", "sync");
		const writes: Promise<void>[] = [];
		const stalled = () => stage.read(/has waited/).length > 0;
		await until(
			"the stall is told of",
			async () => {
				for (let i = 0; i < 4; i++) writes.push(stage.faulty.write((writes.length * 8) % 8192, filled(8, 7)));
				await stage.othersAreServed(1);
				return stalled();
			},
			2 * LIMIT_MS,
		);
		t.match(
			await stage.logged(/has waited/),
			[/e9\.0: \w+( at LBA \d+)? has waited for its disk for 5 s$/],
			"told once",
		);
		t.ok((await device.counts()).held > 0, "the others were served while it hung");
		await device.mend("read", "write", "sync");
		await Promise.all(writes);
		await until("its end is told of", () => stage.read(/answers again/).length > 0, LIMIT_MS);
		t.match(await stage.counters("e9.0"), /e9\.0: \d+ requests? had to wait long/, "counted");
		t.strictSame(await stage.logged(/failed/), [], "a delay is no error");
	});
}

/** Sends SIGTERM while a read is stuck. What is returned waits for the end and looks at it. */
async function beginStop(t: Test): Promise<(t: Test) => Promise<void>> {
	const { device, stage } = await onFaultDevice(t, { cable: 2 });
	await stage.othersAreServed(2);
	await device.stick("read");
	void stage.faulty.read(0, 8).catch(() => {});
	await until("stuck", async () => (await device.counts()).held > 0, LIMIT_MS);
	const { server, goodFile } = stage;
	server.signal("SIGTERM");
	return async (t) => {
		await server.waitFor(/did not finish within 10 s/, 2 * LIMIT_MS);
		const other = new Program([...vbladeCommand(), "9", "1", "near2", goodFile]);
		await other.waitFor(/e9\.1, \d+ sectors/, LIMIT_MS);
		t.pass("the files of the others can be served by another vblade, though the disk is still stuck");
		await other.stop();
		t.ok((await device.counts()).held > 0);
		await device.mend("read");
		t.same(
			await server.finished(LIMIT_MS),
			{ code: 1, signal: null },
			"it ends as soon as the kernel lets it",
		);
		stage.initiator.close();
	};
}

await withFaults(import.meta.url, 2, async () => {
	const endStop = await beginStop(t);
	for (const engine of ["auto", "threads"] as const) stuck(t, engine);
	manyRequests(t);
	const asUser = ["--user", "nobody"];
	evicted(t, "root", {});
	evicted(t, "another user", { options: asUser });
	evicted(t, "another user, by threads,", { options: asUser, engine: "threads" });
	partial(t, "root", {});
	partial(t, "another user", { options: asUser });
	journal(t);
	t.test("stopping while a disk is stuck has a limit", endStop);
});
