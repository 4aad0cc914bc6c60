// A pool on a disk that fails, under the real program: after a sync that failed nothing is called safe again while reads go on, and
// one line says why; a disk that is full refuses; one that hangs holds up its own volumes alone. Whatever happened, all that was
// acknowledged is there when the pool is opened again.

import { execFileSync, spawnSync } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import t, { type Test } from "tap";
import { fileName } from "../../lib/pool/folder.js";
import { FILE_BYTES } from "../../lib/pool/format.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { loopDevice, mountExt4, newDirectory } from "../support/mounts.js";
import { makePool, usedBytes } from "../support/pools.js";
import { FaultDevice, type FaultyOperation } from "./fault-device.js";
import { FAULT, FaultStage, FULL, failure, filled, MIB, PAGE_SECTORS, withFaults, within } from "./stage.js";

const { EIO } = constants.errno;
const DISK_BYTES = 96 * MIB;
/** What `stat` counts in, whatever the file system does. */
const STAT_BLOCK_BYTES = 512;
/** Of one write, here. */
const WRITE_SECTORS = 16 * PAGE_SECTORS;

/** A pool on an ext4 on a disk that does as it is told. `newLife` serves it as e9.0, as it is on the disk. */
class FaultyPool {
	readonly folder: string;

	private constructor(
		readonly device: FaultDevice,
		readonly disk: string,
		readonly mountPoint: string,
	) {
		this.folder = path.join(mountPoint, "pool");
	}

	static async open(t: Test): Promise<FaultyPool> {
		const device = await FaultDevice.open(DISK_BYTES);
		const loop = loopDevice(device.path, 512);
		execFileSync("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0", loop.path], { timeout: LIMIT_MS });
		const pool = new FaultyPool(device, loop.path, newDirectory());
		pool.#mount();
		await makePool(pool.folder, "64M");
		t.teardown(async () => {
			await device.mend("read", "write", "sync");
			spawnSync("umount", ["--lazy", pool.mountPoint], { timeout: LIMIT_MS });
			loop.release();
			await device.close();
		});
		return pool;
	}

	#mount(): void {
		execFileSync("mount", [this.disk, this.mountPoint], { timeout: LIMIT_MS });
	}

	/** All of its first file is written when this is over: from then on nobody asks the disk for anything but what the test does. */
	async serve(t: Test): Promise<FaultStage> {
		const stage = await FaultStage.open(t, `pool:${this.folder}/web`);
		const file = path.join(this.folder, fileName(0));
		await until("the first file", () => statSync(file).blocks * STAT_BLOCK_BYTES >= FILE_BYTES, LIMIT_MS);
		return stage;
	}

	/** Kills the server; what comes then knows nothing but what is on the disk. */
	async newLife(t: Test, before: FaultStage): Promise<FaultStage> {
		await before.server.stop("SIGKILL");
		before.initiator.close();
		const unmount = () => spawnSync("umount", [this.mountPoint], { timeout: LIMIT_MS }).status === 0;
		// The kernel lets go of the files of a process that was killed a little later.
		await until("nobody uses it", unmount, LIMIT_MS);
		this.#mount();
		return this.serve(t);
	}
}

async function holds(t: Test, { faulty }: FaultStage, page: number, byte: number): Promise<void> {
	const bytes = await within(faulty.read(page * PAGE_SECTORS, PAGE_SECTORS), "a read");
	t.ok(
		bytes.every((each) => each === byte),
		`page ${page}`,
	);
}

/** Trap 1. */
function lost(t: Test, operation: FaultyOperation): void {
	t.test(`trap 1: EIO at a ${operation}: nothing is called safe again, reads go on`, async (t) => {
		const pool = await FaultyPool.open(t);
		const { device } = pool;
		const stage = await pool.serve(t);
		const write = (page: number, byte: number) =>
			stage.faulty.write(page * PAGE_SECTORS, filled(PAGE_SECTORS, byte));
		await write(0, 1);
		await device.fail(operation, EIO);
		t.match(await failure(write(1, 2)), FAULT, "it is told who asked");
		await device.mend(operation);
		for (const page of [0, 1, 2])
			t.match(await failure(write(page, 3)), FAULT, "nor is anything taken after that");
		await holds(t, stage, 0, 1);
		await stage.othersAreServed(2);
		t.match(
			await stage.logged(/failed/),
			[
				/^vblade: error: e9\.0: write at LBA 8 failed: syncFailed \(EIO\); every write fails until vblade is restarted$/,
			],
			"one line says why",
		);
		const again = await pool.newLife(t, stage);
		await holds(t, again, 0, 1);
		t.equal(
			await failure(again.faulty.write(8, filled(PAGE_SECTORS, 4))),
			undefined,
			"started again, it writes",
		);
		await holds(t, again, 1, 4);
		await again.server.stop();
		again.initiator.close();
	});
}

function stuck(t: Test): void {
	t.test("a pool whose disk hangs waits, alone", async (t) => {
		const pool = await FaultyPool.open(t);
		const { device } = pool;
		const stage = await pool.serve(t);
		await stage.faulty.write(0, filled(PAGE_SECTORS, 1));
		await device.stick("write", "sync");
		let answered = 0;
		const writes = Array.from({ length: 32 }, (_, page) =>
			stage.faulty.write(page * PAGE_SECTORS, filled(PAGE_SECTORS, page + 2)).then(() => answered++),
		);
		await until("stuck", async () => (await device.counts()).held > 0, LIMIT_MS);
		await stage.othersAreServed();
		t.equal(answered, 0, "nothing is acknowledged before it is safe");
		await device.mend("write", "sync");
		await within(Promise.all(writes), "all of them");
		t.strictSame(await stage.logged(/failed/), [], "a delay is no error");
		const again = await pool.newLife(t, stage);
		for (const page of [0, 7, 31]) await holds(t, again, page, page + 2);
		await again.server.stop();
		again.initiator.close();
	});
}

function full(t: Test): void {
	t.test(
		"trap 11: a pool on a file system that is full refuses writes, reads, loses nothing, and goes on when there is space",
		async (t) => {
			// (Room for six slots, with which writes begin, but not for a whole file of the log; and for another one when the ballast is gone.)
			const { directory } = mountExt4(184 * MIB, 512);
			const ballast = path.join(directory, "ballast");
			writeFileSync(ballast, Buffer.alloc(88 * MIB, 1));
			const folder = path.join(directory, "pool");
			const storage = await makePool(folder, "512M");
			const stage = await FaultStage.open(t, storage);
			const lba = (n: number) => n * WRITE_SECTORS;
			let written = 0;
			let end: Awaited<ReturnType<typeof failure>>;
			for (; end === undefined && written < 2000; written++)
				end = await failure(stage.faulty.write(lba(written), filled(WRITE_SECTORS, 1 + (written % 250))));
			written--;
			t.match(end, FULL, `full after ${written}`);
			await stage.othersAreServed(2);
			rmSync(ballast);
			const goesOn = () =>
				failure(stage.faulty.write(lba(written), filled(WRITE_SECTORS, 1 + (written % 250))));
			await until("it goes on", async () => (await goesOn()) === undefined, LIMIT_MS);
			written++;
			await stage.server.stop("SIGKILL");
			stage.initiator.close();
			const again = await FaultStage.open(t, storage);
			for (let n = 0; n < written; n += 37) await holds(t, again, n * 16, 1 + (n % 250));
			await holds(t, again, (written - 1) * 16, 1 + ((written - 1) % 250));
			await again.server.stop();
			again.initiator.close();
			const before = await usedBytes(folder);
			t.ok(before >= written * WRITE_SECTORS * 512, "what is used is told");
		},
	);
}

function trim(t: Test): void {
	t.test("trap 6: what is trimmed is not used any more, and stays so", async (t) => {
		const pool = await FaultyPool.open(t);
		const stage = await pool.serve(t);
		for (let n = 0; n < 8; n++) await stage.faulty.write(n * WRITE_SECTORS, filled(WRITE_SECTORS, n + 1));
		await stage.faulty.trim(0, 7 * WRITE_SECTORS);
		const again = await pool.newLife(t, stage);
		await holds(t, again, 6 * 16, 0);
		await holds(t, again, 7 * 16, 8);
		await again.server.stop();
		again.initiator.close();
		t.equal(await usedBytes(pool.folder), WRITE_SECTORS * 512);
	});
}

await withFaults(import.meta.url, 1, () => {
	for (const operation of ["write", "sync"] as const) lost(t, operation);
	stuck(t);
	full(t);
	trim(t);
});
