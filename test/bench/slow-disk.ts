/**
 * A file system on a disk whose syncs take a millisecond: a loop device over a file in the memory of another program (`test/faults/fault-device.c`,
 * through FUSE), for kernels that have no device which delays. Everybody who is measured on it has the same. Made by `images.ts`.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { atEnd } from "../support/cleanup.js";
import { PROJECT } from "../support/paths.js";
import { Program } from "../support/process.js";

const PROGRAM = path.join(PROJECT, "build/test/faults/fault-device");
const SYNC_MS = 1;
const COMMAND_LIMIT_MS = 60_000;

/** Mounts an ext4 of that size below `folder`; where. Throws if there is no FUSE, or the program was not built. */
export async function mountSlow(folder: string, sizeBytes: number): Promise<string> {
	for (const needed of ["/dev/fuse", PROGRAM])
		if (!existsSync(needed)) throw new Error(`there is no ${needed}`);
	const run = (command: string, ...args: string[]): void => {
		execFileSync(command, args, { stdio: "ignore", timeout: COMMAND_LIMIT_MS });
	};
	const [below, at] = [path.join(folder, "slow-disk"), path.join(folder, "slow")];
	for (const directory of [below, at]) mkdirSync(directory);
	const program = new Program([PROGRAM, below, String(sizeBytes)]);
	atEnd(() => run("umount", "--lazy", below));
	await program.waitFor(/^ready$/m, COMMAND_LIMIT_MS);
	const disk = path.join(below, "disk");
	run("mkfs.ext4", "-F", disk);
	run("mount", "-o", "loop", disk, at);
	atEnd(() => run("umount", at));
	program.write(`sync slow ${SYNC_MS}\n`);
	return at;
}
