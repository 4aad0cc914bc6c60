// A pool that is new, on a file system that somebody else fills: right after it was made, with its first volume, with its first writes. What frees and what
// only is said goes on, also after a kill; writes are refused as "no space", never as a fault, until there is room; nothing acknowledged is lost.

import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeRmCommand } from "../../lib/cli/pools/remove.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { codeOf } from "../../lib/errors.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { variants } from "../support/long.js";
import { mountExt4 } from "../support/mounts.js";
import { told } from "../support/pools.js";
import { FaultStage, FULL, failure, filled, MIB, PAGE_SECTORS, withFaults, within } from "./stage.js";

const FILE_SYSTEM_BYTES = 176 * MIB;
const WRITE_SECTORS = 16 * PAGE_SECTORS;
const BALLAST_PIECES = [MIB, 4096];
/** What is acknowledged before the file system is full, where something is. */
const WRITES_BEFORE = 20;
const WRITES_MAX = 3000;

/** Somebody else takes all that is left, to the last block; returns the file that has it. */
function fill(directory: string): string {
	const ballast = path.join(directory, "ballast");
	const file = openSync(ballast, "w");
	for (const bytes of BALLAST_PIECES) {
		const piece = Buffer.alloc(bytes, 1);
		try {
			while (writeSync(file, piece) === bytes);
		} catch (error) {
			if (codeOf(error) !== "ENOSPC") throw error;
		}
	}
	closeSync(file);
	return ballast;
}

/** When the file system becomes full. */
const MOMENTS = ["made", "volume", "written"] as const;
type Moment = (typeof MOMENTS)[number];

/** Page by page a byte each, in writes of 16 pages. */
class Writes {
	count = 0;
	readonly #stage: FaultStage;

	constructor(stage: FaultStage) {
		this.#stage = stage;
	}

	async one(): Promise<Awaited<ReturnType<typeof failure>>> {
		const bytes = filled(WRITE_SECTORS, 1 + (this.count % 250));
		const end = await failure(this.#stage.faulty.write(this.count * WRITE_SECTORS, bytes));
		if (end === undefined) this.count++;
		return end;
	}
}

async function holds(t: Test, { faulty }: FaultStage, from: number, to: number): Promise<void> {
	for (let number = from; number < to; number++) {
		const bytes = await within(faulty.read(number * WRITE_SECTORS, PAGE_SECTORS), "a read");
		if (!bytes.every((each) => each === 1 + (number % 250))) t.fail(`write ${number} is lost`);
	}
}

/** What only is said, with commands, each of which opens the pool: all of it is done. */
async function sayMuch(t: Test, folder: string): Promise<void> {
	for (const name of ["a", "b"])
		t.match(await told(volumeSnapshotCommand, `${folder}/web@${name}`), `web@${name}`);
	t.match(await told(volumeCreateCommand, `${folder}/other`, "1M"), "other");
	t.equal(await volumeRmCommand([`${folder}/web@a`, "--force"], { out: () => {}, err: () => {} }), 0);
	t.equal(await volumeRmCommand([`${folder}/other`, "--force"], { out: () => {}, err: () => {} }), 0);
}

async function isFilled(
	t: Test,
	directory: string,
	moment: Moment,
	option: readonly string[],
): Promise<void> {
	const folder = path.join(directory, "pool");
	let ballast = "";
	const fillAt = (now: Moment): void => {
		if (now === moment) ballast = fill(directory);
	};
	await told(poolCreateCommand, folder, "--history", "0", ...option);
	fillAt("made");
	await told(volumeCreateCommand, `${folder}/web`, "512M");
	fillAt("volume");
	const storage = `pool:${folder}/web`;
	const stage = await FaultStage.open(t, storage);
	const writes = new Writes(stage);
	if (moment === "written") for (let i = 0; i < WRITES_BEFORE; i++) t.equal(await writes.one(), undefined);
	fillAt("written");
	let end: Awaited<ReturnType<typeof failure>>;
	while (end === undefined && writes.count < WRITES_MAX) end = await writes.one();
	t.match(end, FULL, `after ${writes.count} writes`);
	t.equal(await failure(stage.faulty.trim(0, WRITE_SECTORS)), undefined, "a trim is done");
	await stage.server.stop("SIGKILL");
	stage.initiator.close();
	await sayMuch(t, folder);
	const again = await FaultStage.open(t, storage);
	await holds(t, again, 1, writes.count);
	t.equal(await failure(again.faulty.trim(0, WRITE_SECTORS)), undefined, "so it is when it was opened again");
	t.strictSame(await again.logged(/failed/), []);
	await again.server.stop();
	again.initiator.close();
	rmSync(ballast);
	const last = await FaultStage.open(t, storage);
	const more = new Writes(last);
	more.count = writes.count;
	await until("it goes on", async () => (await more.one()) === undefined, LIMIT_MS);
	while (more.count < writes.count + WRITES_BEFORE) t.equal(await more.one(), undefined);
	await last.server.stop("SIGKILL");
	last.initiator.close();
	const end2 = await FaultStage.open(t, storage);
	await holds(t, end2, 1, more.count);
	await end2.server.stop();
	end2.initiator.close();
}

await withFaults(import.meta.url, 1, () => {
	// (Full when it is made is also the last one, which usual runs have.)
	for (const moment of variants(MOMENTS, 2))
		t.test(`ext4 is full when the pool is ${moment}`, (t) =>
			isFilled(t, mountExt4(FILE_SYSTEM_BYTES, 512).directory, moment, []),
		);
	t.test("a pool that is written as a whole when it is made has all of it", (t) =>
		isFilled(t, mountExt4(FILE_SYSTEM_BYTES, 512).directory, "made", ["--preallocate", "--size", "64M"]),
	);
});
