/**
 * A Linux kernel with a file system on a volume of a pool, whose server is killed with -9 again and again while fio writes and verifies.
 * Nothing may be lost, and the kernel may see no error. (This driver knows no TRIM; what that gives back is seen in `test/faults/`.)
 * Played in short by `pools.test.ts`, at length by `pools.long.ts`.
 */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Test } from "tap";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { pause } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { type LoopDevice, loopDevice, newDirectory, newFile } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { makePool } from "../support/pools.js";
import { type Program, run } from "../support/process.js";
import { type Filesystem, Stage } from "./stage.js";

export interface PoolCase {
	readonly filesystem: Filesystem;
	readonly mtu: number;
	readonly jobs: readonly string[];
	/** Of each job's file. */
	readonly megabytes: number;
	/** Of a file with a checksum. */
	readonly random: number;
	/** fio's operations a second. */
	readonly rate: number;
	/** Of the volume, as `volume create` takes it. */
	readonly size: string;
	/** The pool is on a block device of so many megabytes, keeps no history, and is written over; if not given, in a directory that has room. */
	readonly cramped?: number;
	/** How often the server is killed, and for how long it serves before. */
	readonly kills: number;
	readonly lifeMs: number;
	readonly limitMs: number;
}

export async function pool(t: Test, options: PoolCase): Promise<void> {
	const { filesystem, mtu, jobs, megabytes, random, rate, limitMs } = options;
	const stage = new Stage(t, { mtu, megabytes: 0, blades: 0 });
	const enough = path.join(stage.scratch, "enough");
	const device = options.cramped === undefined ? undefined : loopOf(options.cramped);
	const folder = device?.path ?? path.join(stage.scratch, "pool");
	const server = new Mortal(stage, await makePool(folder, options.size, device && "--history=0"));
	await server.start();
	let dying: Promise<void> | undefined;
	const console = await stage.run({
		script: "pool.sh",
		variables: {
			disk: "e9.0",
			filesystem,
			jobs: jobs.join(","),
			size: `${megabytes}m`,
			rate,
			random,
			enough,
		},
		limitMs,
		onLine: (line) => {
			if (line.endsWith("writing"))
				dying = server.dies(options.kills, options.lifeMs).finally(() => writeFileSync(enough, ""));
		},
	});
	await dying;
	t.match(console, /verified$/m, "without an error, and all is there");
	t.equal((await server.program.stop()).code, 0, "the server ends well");
	if (device !== undefined) t.ok(writtenBytes(device) > device.sizeBytes * 1.5, "the pool was written over");
	const image = path.join(stage.scratch, "image.raw");
	const { code, output } = await run(
		[...vbladeCommand(), "volume", "export", `${folder}/web`, image],
		LIMIT_MS,
	);
	t.equal(code, 0, output);
	stage.files.push(image);
	await stage.check(t, filesystem);
}

function loopOf(megabytes: number): LoopDevice & { readonly sizeBytes: number } {
	const sizeBytes = megabytes * 2 ** 20;
	return { ...loopDevice(newFile(newDirectory(), sizeBytes), SECTOR_BYTES), sizeBytes };
}

/** To the device, since it is there. */
function writtenBytes({ name }: LoopDevice): number {
	const fields = readFileSync(`/sys/block/${name}/stat`, "latin1").trim().split(/\s+/);
	return Number(fields[6]) * SECTOR_BYTES;
}

/** A server that is killed, and started again. */
class Mortal {
	#program: Program | null = null;

	constructor(
		readonly stage: Stage,
		readonly storage: string,
	) {}

	get program(): Program {
		if (this.#program === null) throw new Error("it was never started");
		return this.#program;
	}

	async start(): Promise<void> {
		this.#program = this.stage.lan.server.start([...vbladeCommand(), "9", "0", "lan0", this.storage]);
		await this.#program.waitFor(/^pid \d+: e9\.0, \d+ sectors/m, LIMIT_MS);
	}

	async dies(times: number, lifeMs: number): Promise<void> {
		for (let n = 0; n < times; n++) {
			await pause(lifeMs);
			await this.program.stop("SIGKILL");
			await this.start();
		}
		await pause(lifeMs);
	}
}
