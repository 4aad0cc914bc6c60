// Disks that fail under the real program: each fault reaches the initiator as the ATA error that it is, or as a delay, is
// logged once with blade, LBA and errno, counted, and noticed by no other blade. Disks that hang are in `stuck.test.ts`, memory
// that can't be had in `memory.test.ts`.

import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import path from "node:path";
import t, { type Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { loopDevice, mountExt4, mountTmpfs, newDirectory, newFile, protectLoop } from "../support/mounts.js";
import {
	FAULT,
	type FaultBench,
	FaultStage,
	FULL,
	failure,
	filled,
	MIB,
	onFaultDevice,
	UNREADABLE,
	withFaults,
} from "./stage.js";

const { EIO, ENOSPC } = constants.errno;

/** Each fault has one line with its place and reason, however often it comes; and all that failed is counted. */
function lines(stage: FaultStage): Promise<string[]> {
	return stage.logged(/error: .*failed/);
}

/** What an initiator has asked for again, because a busy machine kept it waiting, fails and is counted again. */
async function told(t: Test, stage: FaultStage, what: string, cause: RegExp, times: number): Promise<void> {
	const counters = await stage.counters("e9.0");
	const [, count] = new RegExp(`e9.0: (\\d+) ${what} failed: ${cause.source}`).exec(counters) ?? [];
	const again = Number(count) - times;
	t.ok(
		again >= 0 && again <= stage.initiator.stats.retransmissions,
		`${what}: ${count} counted, ${times} asked for`,
	);
}

/** Sectors that can't be read, and are then mended. */
async function unreadable(t: Test, { device, stage }: FaultBench): Promise<void> {
	const { faulty } = stage;
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
		await lines(stage),
		["vblade: error: e9.0: read at LBA 1032 failed: mediumError (EIO)"],
		"logged once",
	);
	await told(t, stage, "reads", /mediumError \(EIO\)/, 11);
	await device.mend("read");
	t.equal(await failure(faulty.read(1024, 16)), undefined, "mended");
}

/** Sectors that can't be written. */
async function unwritable(t: Test, { device, stage }: FaultBench): Promise<void> {
	const { faulty } = stage;
	await device.fail("write", EIO, 2048, 8);
	for (let round = 0; round < 10; round++)
		t.same(await failure(faulty.write(2048, filled(8, 1))), { ...FAULT, lba: 2048 }, "EIO on write: a fault");
	t.equal(await failure(faulty.write(2056, filled(8, 1))), undefined, "next to it all is well");
	t.strictSame((await lines(stage)).slice(1), [
		"vblade: error: e9.0: write at LBA 2048 failed: mediumError (EIO)",
	]);
	await told(t, stage, "writes", /mediumError \(EIO\)/, 10);
}

/** A disk that has no room for what is written. */
async function noSpace(t: Test, { device, stage }: FaultBench): Promise<void> {
	const { faulty } = stage;
	await device.fail("write", ENOSPC, 4096, 8);
	for (let round = 0; round < 5; round++)
		t.same(await failure(faulty.write(4096, filled(8, 1))), { ...FULL, lba: 4096 }, "ENOSPC: aborted");
	t.strictSame((await lines(stage)).slice(2), [
		"vblade: error: e9.0: write at LBA 4096 failed: noSpace (ENOSPC)",
	]);
	await told(t, stage, "writes", /noSpace \(ENOSPC\)/, 5);
	await device.mend("write");
}

/** A disk that takes its time, which is no error. */
async function slowness(t: Test, { device, stage }: FaultBench): Promise<void> {
	const { faulty } = stage;
	await device.slow("read", 300);
	const slow = faulty.read(6144, 8);
	await stage.othersAreServed(5);
	t.ok(
		(await slow).every((byte) => byte === 0),
		"slow: a delay",
	);
	t.equal((await lines(stage)).length, 3, "slow: no error");
}

/** A sync that fails: that write and all later ones have failed. */
async function failedSync(t: Test, { device, stage }: FaultBench): Promise<void> {
	const { faulty } = stage;
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
	t.strictSame((await lines(stage)).slice(3), [
		`vblade: error: e9.0: write at LBA 8 failed: syncFailed (EIO)${advice}`,
	]);
	t.equal(await failure(faulty.read(1024, 16)), undefined, "reads go on");
	await told(t, stage, "requests", /syncFailed \(EIO\)/, 7);
}

function errors(t: Test): void {
	t.test("errors", async (t) => {
		const bench = await onFaultDevice(t);
		await unreadable(t, bench);
		await unwritable(t, bench);
		await noSpace(t, bench);
		await slowness(t, bench);
		await failedSync(t, bench);
		await bench.stage.othersAreServed();
		t.strictSame(await bench.stage.logged(/e9\.[12]/), [], "the others have no faults");
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
				await told(t, stage, "writes", /writeProtected/, 5);
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

await withFaults(import.meta.url, 1, () => {
	errors(t);
	full(t);
	protectedDisks(t);
});
