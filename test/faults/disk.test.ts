// Disks that fail under the real program: each fault reaches the initiator as the ATA error that it is, or as a delay, is
// logged once with blade, LBA and errno, counted, and noticed by no other blade.
import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import path from "node:path";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { makeMemoryGroup } from "../support/memory-group.js";
import {
	canMount,
	inMounts,
	loopDevice,
	mountExt4,
	mountTmpfs,
	newDirectory,
	newFile,
	protectLoop,
} from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { FaultDevice, type FaultyOperation, faultDeviceMissing } from "./fault-device.js";
import { type Engine, FaultStage, failure, filled, LIMIT_MS, layCable, MIB, PAGE_SECTORS } from "./stage.js";

const { EIO, ENOSPC } = constants.errno;
/** Status and error registers (ACS-3): a medium error of a read, a full disk, a disk that can't. */
const UNREADABLE = { status: 0x41, error: 0x40 };
const FULL = { status: 0x41, error: 0x04 };
const FAULT = { status: 0x61, error: 0x04 };

/** A disk in order, and a server that serves it as e9.0. */
async function onFaultDevice(t: Test, choices: Parameters<typeof FaultStage.open>[2] = {}) {
	const device = await FaultDevice.open(8 * MIB);
	const stage = await FaultStage.open(t, device.path, choices);
	t.teardown(() => device.close());
	return { device, stage };
}

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

function errors(t: Test): void {
	t.test("errors", async (t) => {
		const { device, stage } = await onFaultDevice(t);
		const { faulty } = stage;
		/** One line with the place and the reason, however often it fails; and all that failed is counted. */
		const told = async (what: string, cause: RegExp, times: number) => {
			const counters = await stage.counters("e9.0");
			t.match(counters, new RegExp(`e9.0: ${times} ${what} failed: ${cause.source}`), `${what}: counted`);
		};
		const lines = () => stage.logged(/error: .*failed/);

		await device.fail("read", EIO, 1024 + 8, 8);
		for (let round = 0; round < 10; round++)
			t.same(
				await failure(faulty.read(1024, 16)),
				{ ...UNREADABLE, lba: 1032 },
				"EIO on read: UNC where it is",
			);
		t.match(await failure(faulty.read(1035, 1)), { ...UNREADABLE, lba: 1035 });
		t.equal(await failure(faulty.read(1024, 8)), undefined, "next to it all is well");
		t.strictSame(
			await lines(),
			["vblade: error: e9.0: read at LBA 1032 failed: mediumError (EIO)"],
			"logged once",
		);
		await told("reads", /mediumError \(EIO\)/, 11);
		await device.mend("read");
		t.equal(await failure(faulty.read(1024, 16)), undefined, "mended");

		await device.fail("write", EIO, 2048, 8);
		for (let round = 0; round < 10; round++)
			t.same(
				await failure(faulty.write(2048, filled(8, 1))),
				{ ...FAULT, lba: 2048 },
				"EIO on write: a fault",
			);
		t.equal(await failure(faulty.write(2056, filled(8, 1))), undefined, "next to it all is well");
		t.strictSame((await lines()).slice(1), [
			"vblade: error: e9.0: write at LBA 2048 failed: mediumError (EIO)",
		]);
		await told("writes", /mediumError \(EIO\)/, 10);

		await device.fail("write", ENOSPC, 4096, 8);
		for (let round = 0; round < 5; round++)
			t.same(await failure(faulty.write(4096, filled(8, 1))), { ...FULL, lba: 4096 }, "ENOSPC: aborted");
		t.strictSame((await lines()).slice(2), [
			"vblade: error: e9.0: write at LBA 4096 failed: noSpace (ENOSPC)",
		]);
		await told("writes", /noSpace \(ENOSPC\)/, 5);
		await device.mend("write");

		await device.slow("read", 300);
		const slow = faulty.read(6144, 8);
		await stage.othersAreServed(5);
		t.ok(
			(await slow).every((byte) => byte === 0),
			"slow: a delay",
		);
		t.equal((await lines()).length, 3, "slow: no error");

		await device.fail("sync", EIO);
		t.match(
			await failure(faulty.write(8, filled(8, 1))),
			{ ...FAULT, lba: 8 },
			"EIO on sync: the write has failed",
		);
		await device.mend("sync");
		const { sync } = await device.counts();
		for (let round = 0; round < 5; round++)
			t.match(await failure(faulty.write(16, filled(8, 1))), FAULT, "and so have all after it");
		t.match(await failure(faulty.flush()), FAULT);
		t.equal((await device.counts()).sync, sync, "for a sync that failed is not tried again");
		const advice = "; every write fails until vblade is restarted";
		t.strictSame((await lines()).slice(3), [
			`vblade: error: e9.0: write at LBA 8 failed: syncFailed (EIO)${advice}`,
		]);
		t.equal(await failure(faulty.read(1024, 16)), undefined, "reads go on");
		await told("requests", /syncFailed \(EIO\)/, 7);
		await stage.othersAreServed();
		t.strictSame(await stage.logged(/e9\.[12]/), [], "the others have no faults");
	});
}

function full(t: Test): void {
	for (const kind of ["tmpfs", "ext4"] as const)
		t.test(`a sparse file on a full ${kind}`, async (t) => {
			const directory = kind === "tmpfs" ? mountTmpfs(4 * MIB) : mountExt4(8 * MIB, 512).directory;
			const file = newFile(directory, 64 * MIB);
			const stage = await FaultStage.open(t, file);
			await stage.faulty.write(0, filled(8, 1));
			const fill =
				'dd if=/dev/zero of="$1" bs=64k 2>/dev/null; dd if=/dev/zero bs=4k >>"$1" 2>/dev/null; sync -f "$1"';
			const filler = path.join(directory, "filler");
			execFileSync("sh", ["-c", fill, "sh", filler], { timeout: LIMIT_MS });
			const lba = 65536;
			for (let round = 0; round < 5; round++)
				t.same(
					await failure(stage.faulty.write(lba, filled(8, 2))),
					{ ...FULL, lba },
					"a new block: aborted",
				);
			t.ok(
				(await stage.faulty.read(lba, 8)).every((byte) => byte === 0),
				"and nothing is there",
			);
			t.equal(
				await failure(stage.faulty.write(0, filled(8, 3))),
				undefined,
				"a block that has its space is written",
			);
			t.strictSame(await stage.logged(/failed/), [
				`vblade: error: e9.0: write at LBA ${lba} failed: noSpace (ENOSPC)`,
			]);
			await stage.othersAreServed(5);
			execFileSync("rm", [filler]);
			t.equal(
				await failure(stage.faulty.write(lba, filled(8, 4))),
				undefined,
				"with space again all is well",
			);
			t.equal((await stage.faulty.read(lba, 8))[0], 4);
			await stage.server.stop();
		});
}

/** Storage that takes no writes any more, and then takes them again. */
function protectedDisks(t: Test): void {
	t.test("a disk that becomes read-only while it is served, and writable again", async (t) => {
		const device = loopDevice(newFile(newDirectory(), 8 * MIB), 512);
		const ext4 = mountExt4(32 * MIB, 512);
		const file = newFile(ext4.directory, 8 * MIB);
		const chattr = (how: string) => execFileSync("chattr", [`${how}i`, file], { timeout: LIMIT_MS });
		const cases = [
			{ name: "blockdev --setro", path: device.path, protect: (on: boolean) => protectLoop(device, on) },
			{ name: "chattr +i", path: file, protect: (on: boolean) => chattr(on ? "+" : "-") },
		];
		for (const { name, path, protect } of cases) {
			const stage = await FaultStage.open(t, path);
			await stage.faulty.write(0, filled(8, 1));
			protect(true);
			try {
				for (let round = 0; round < 5; round++)
					t.same(
						await failure(stage.faulty.write(16, filled(8, 2))),
						{ ...FULL, lba: 16 },
						`${name}: aborted`,
					);
				t.ok(
					(await stage.faulty.read(0, 8)).every((byte) => byte === 1),
					"reads go on",
				);
				t.match(
					await stage.logged(/failed/),
					[/^vblade: error: e9\.0: write at LBA 16 failed: writeProtected \(EPERM\)$/],
					"told once",
				);
				t.match(await stage.counters("e9.0"), /e9\.0: 5 writes failed: writeProtected/, "and counted");
			} finally {
				protect(false);
			}
			t.equal(
				await failure(stage.faulty.write(16, filled(8, 3))),
				undefined,
				"writable again, it is served on",
			);
			t.equal((await stage.faulty.read(16, 8))[0], 3);
			await stage.server.stop();
		}
		device.release();
	});
}

/** Memory that can't be had, under a blade that promises more than there is. */
function memoryDisks(t: Test): void {
	const limits = [
		{ name: "a control group", under: [] },
		{ name: "a control group and address space (RLIMIT_AS)", under: ["prlimit", `--as=${64 * 1024 * MIB}`] },
	];
	for (const { name, under } of limits)
		t.test(`a disk in memory that is larger than memory, limited by ${name}`, async (t) => {
			const group = makeMemoryGroup(320 * MIB);
			if (group === undefined) {
				t.pass("a control group", { skip: "none can be made here" });
				return;
			}
			const stage = await FaultStage.open(t, "mem:1T", { under: [...group.under, ...under] });
			// One of the others is in memory too: its pages are taken before.
			await stage.othersAreServed(64);
			const piece = filled(2048, 1);
			let failed: Awaited<ReturnType<typeof failure>>;
			let lba = 0;
			for (; lba < 2 * 320 * 2048 && failed === undefined; lba += 2048)
				failed = await failure(stage.faulty.write(lba, piece));
			t.match(failed, FULL, "a write that finds no memory is aborted");
			t.ok(lba > 32 * 2048, `after ${lba / 2048} MiB`);
			t.match(
				await stage.logged(/failed/),
				[/e9\.0: write at LBA \d+ failed: noSpace \(ENOSPC\)/],
				"told once",
			);
			t.equal(
				await failure(stage.faulty.write(0, filled(8, 2))),
				undefined,
				"what has its memory can be written",
			);
			t.equal(await failure(stage.faulty.write(8, filled(1, 2))), undefined, "in parts too");
			t.equal((await stage.faulty.read(0, 8))[0], 2);
			await stage.othersAreServed(64);
			await stage.faulty.trim(0, 64 * 2048);
			t.equal(await failure(stage.faulty.write(2 ** 30, piece)), undefined, "with memory again all is well");
			t.equal(group.kills(), 0, "the kernel has ended nobody");
			t.equal(stage.server.ended, undefined);
			await stage.server.stop();
		});

	t.test("a disk in memory that is larger than files may be (RLIMIT_FSIZE)", async (t) => {
		const server = await run(
			["prlimit", `--fsize=${MIB}`, ...vbladeCommand(), "9", "0", "near1", "mem:2M"],
			LIMIT_MS,
		);
		t.match(server, {
			code: 2,
			stderr: /^vblade: mem:2M: larger than a file of this process may be \(ulimit -f\)\n$/,
		});
	});

	t.test("a file that reaches past that limit", async (t) => {
		const file = newFile(newDirectory(), 8 * MIB);
		const stage = await FaultStage.open(t, file, {
			under: ["prlimit", `--fsize=${8 * MIB - 4096}`],
			goodFile: newFile(newDirectory(), 4 * MIB),
			memory: "mem:4M",
		});
		const lba = 8 * 2048 - 8;
		t.same(await failure(stage.faulty.write(lba, filled(8, 1))), { ...FULL, lba }, "aborted");
		await stage.server.waitFor(/e9\.0: write at LBA 16376 failed: noSpace \(EFBIG\)\n/, LIMIT_MS);
		t.equal((await stage.logged(/failed/)).length, 1, "told once");
		await stage.othersAreServed();
		await stage.server.stop();
	});
}

/** A file on an ext4 on a disk that does as it is told, and a server that serves it as e9.0. */
async function onExt4(t: Test) {
	const device = await FaultDevice.open(64 * MIB);
	const loop = loopDevice(device.path, 512);
	execFileSync("mkfs.ext4", ["-q", "-b", "4096", "-E", "lazy_itable_init=0", loop.path], {
		timeout: LIMIT_MS,
	});
	const directory = newDirectory();
	execFileSync("mount", ["-o", "commit=1", loop.path, directory], { timeout: LIMIT_MS });
	const file = newFile(directory, 16 * MIB);
	const stage = await FaultStage.open(t, file);
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
 * Dropping caches does not do for this: a page that is mapped stays. One that somebody else writes past the cache goes, as
 * those do that the kernel needs for something else.
 */
function evicted(t: Test): void {
	t.test("a page that has left memory since it was read a moment ago, on a disk that hangs", async (t) => {
		const { device, stage, file } = await onExt4(t);
		for (let page = 0; page < 64; page++) await stage.faulty.write(page * 8, filled(8, 1));
		for (let round = 0; round < 2; round++) await stage.faulty.read(0, 64 * 8);
		const past = ["if=/dev/zero", `of=${file}`, "bs=4096", "count=1", "seek=5", "oflag=direct"];
		execFileSync("dd", [...past, "conv=notrunc,fdatasync", "status=none"], { timeout: LIMIT_MS });
		// Nor is it in memory as a part of the disk.
		execFileSync("dd", [`if=${device.path}`, "iflag=nocache", "count=0", "status=none"], {
			timeout: LIMIT_MS,
		});
		await device.stick("read", "write", "sync");
		let answered = false;
		const read = stage.faulty.read(5 * 8, 8).finally(() => {
			answered = true;
		});
		await stage.othersAreServed();
		t.notOk(answered, "the others were served while it waited for its disk");
		await device.mend("read", "write", "sync");
		t.ok(
			(await read).every((byte) => byte === 0),
			"it is read in the end",
		);
		t.strictSame(await stage.logged(/failed/), [], "a delay is no error");
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

async function main(): Promise<void> {
	t.setTimeout(100_000);
	for (const cable of [1, 2]) await layCable(cable);
	const endStop = await beginStop(t);
	for (const engine of ["auto", "threads"] as const) stuck(t, engine);
	manyRequests(t);
	errors(t);
	full(t);
	protectedDisks(t);
	memoryDisks(t);
	evicted(t);
	journal(t);
	t.test("stopping while a disk is stuck has a limit", endStop);
}

const skip = canMount ? faultDeviceMissing() : false;
if (skip) t.pass("not run", { skip });
else if (canMount || (await inNamespace(import.meta.url))) if (await inMounts(import.meta.url)) await main();
