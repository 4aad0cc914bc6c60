/**
 * What a Linux kernel does with disks of ours: fio on ext4 and xfs, a mirror of two, a disk that grows. Each case boots one
 * kernel. Played by `storage.long.ts`; `kernel.test.ts` has a short fio.
 */

import { statSync, truncateSync } from "node:fs";
import type { Test } from "tap";
import { pause } from "../support/cleanup.js";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { beginning, type Filesystem, Stage } from "./stage.js";

export interface FioCase {
	readonly filesystem: Filesystem;
	readonly mtu: number;
	/** Block size and depth of each job, such as `4k:16`. */
	readonly jobs: readonly string[];
	/** Megabytes that each job writes. */
	readonly megabytes: number;
	/** Whether the driver's queue is kept short, which it needs with small frames; see guest/common.sh. */
	readonly limits?: boolean;
	readonly limitMs?: number;
}

/** fio writes and verifies, twice. */
export async function fio(t: Test, options: FioCase): Promise<void> {
	const { filesystem, mtu, jobs, megabytes, limits = true, limitMs = GUEST_LIMIT_MS } = options;
	const stage = new Stage(t, { mtu, megabytes: jobs.length * megabytes + 400 });
	const vblade = await stage.serve();
	const list = jobs.join(",");
	const console = await stage.run({
		script: "fio.sh",
		variables: { disk: "e9.0", filesystem, jobs: list, size: `${megabytes}m`, limits: limits ? "yes" : "no" },
		limitMs,
	});
	t.match(console, `wrote and verified ${list}`, "what fio wrote came back");
	t.match(console, `verified again ${list}`, "and again after the file system was mounted anew");
	t.equal((await vblade.stop()).code, 0, "the server ends well");
	await stage.check(t, filesystem);
}

export interface RaidCase {
	readonly megabytes: number;
	/** Seconds after which the driver gives up a disk whose server is killed; without it, md is told that the disk failed. */
	readonly deadSeconds?: number;
}

/** Two blades as a mirror, one of which is away for a while. */
export async function raid(t: Test, { megabytes, deadSeconds }: RaidCase): Promise<void> {
	const stage = new Stage(t, { mtu: 9000, megabytes: megabytes + 4, blades: 2 });
	const first = await stage.serve(0);
	let second = Promise.resolve(await stage.serve(1));
	const replace = async () => {
		await (await second).stop("SIGKILL");
		await pause(((deadSeconds ?? 0) + 2) * 1000);
		return stage.serve(1);
	};
	const console = await stage.run({
		script: "raid.sh",
		variables: { disks: "e9.0,e9.1", megabytes, ...(deadSeconds ? { dead: deadSeconds } : {}) },
		onLine: (line) => {
			if (line.endsWith("fail it")) second = replace();
		},
	});
	t.match(console, "degraded", "it went on with one");
	t.match(console, "re-added", "the other one caught up");
	t.match(console, "compared", "all is there");
	for (const vblade of [first, await second]) t.equal((await vblade.stop()).code, 0, "a server ends well");
	t.ok(
		beginning(stage.file(0), megabytes).equals(beginning(stage.file(1), megabytes)),
		"the files of both halves are equal",
	);
}

/** A blade's file grows while its file system is mounted. */
export async function growth(t: Test, filesystem: Filesystem, megabytes: number): Promise<void> {
	const stage = new Stage(t, { mtu: 9000, megabytes });
	const vblade = await stage.serve();
	const sectors = 3 * megabytes * 2048;
	const console = await stage.run({
		script: "growth.sh",
		variables: { disk: "e9.0", filesystem, sectors },
		onLine: (line) => {
			if (line.includes("mounted")) truncateSync(stage.file(), sectors * 512);
		},
	});
	t.match(console, `mounted ${filesystem} on ${megabytes * 2048} sectors`, "mounted at its old size");
	t.match(console, "filled and compared", "the new space is there and used");
	t.equal((await vblade.stop()).code, 0, "the server ends well");
	t.match(vblade.output, `e9.0: now ${sectors} sectors`, "and has said so");
	t.ok(statSync(stage.file()).blocks > megabytes * 2048, "the file has taken more than it had room for");
	await stage.check(t, filesystem);
}
