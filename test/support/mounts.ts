/**
 * File systems and block devices for tests, made on the spot: tmpfs of a size, ext4 in a file, loop devices of any sector
 * size. They are mounted in a mount namespace of the test's own, so that nobody else sees them and nothing is left of them
 * when the process ends, however it ends. Needs root; a test that can do without asks `canMount`.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { atEnd, scratchDirectory } from "./cleanup.js";
import { rounds } from "./long.js";

/** Tells the process inside that it is. */
const INSIDE = "VBLADE_TEST_MOUNTS";
/** Limit for all tests of the file. */
const FILE_LIMIT_MS = rounds(230_000, 3_500_000);
/** Limit for one mount, mkfs or losetup. */
const COMMAND_LIMIT_MS = 60_000;

/** True if the functions below work. */
export const canMount = process.env[INSIDE] === String(process.ppid);

/** For `t.test(name, { skip: mountsMissing }, ...)`. */
export const mountsMissing: string | false = canMount ? false : "mounting needs root";

/**
 * Runs the test file `url` (`import.meta.url`) again in a mount namespace of its own, as a subtest, and returns false when
 * that is over. True in there; also true where there can be none, and then the file does what it can without.
 */
export async function inMounts(url: string): Promise<boolean> {
	if (canMount) return true;
	const unshare = ["--mount", "--propagation", "private"];
	if (spawnSync("unshare", [...unshare, "true"], { timeout: COMMAND_LIMIT_MS }).status !== 0) return true;
	await t.spawn("unshare", [...unshare, process.execPath, ...process.execArgv, fileURLToPath(url)], {
		env: { ...process.env, [INSIDE]: String(process.pid) },
		timeout: FILE_LIMIT_MS,
	});
	return false;
}

const scratch = scratchDirectory();

/** A new directory on the file system of the machine's temporary directory. */
export function newDirectory(): string {
	return mkdtempSync(path.join(scratch, "d"));
}

/** A new sparse file. */
export function newFile(directory: string, sizeBytes: number): string {
	const file = path.join(mkdtempSync(path.join(directory, "f")), "image");
	writeFileSync(file, "");
	truncateSync(file, sizeBytes);
	return file;
}

function run(command: string, ...args: string[]): string {
	return execFileSync(command, args, { encoding: "utf8", timeout: COMMAND_LIMIT_MS }).trim();
}

/** Mounts what the arguments of mount(8) say on a new directory. */
function mount(...args: string[]): string {
	const directory = newDirectory();
	run("mount", ...args, directory);
	// A directory that something is mounted on can't be removed. It may have been unmounted already.
	atEnd(() => spawnSync("umount", ["--lazy", directory], { timeout: COMMAND_LIMIT_MS }));
	return directory;
}

export function mountTmpfs(sizeBytes: number): string {
	return mount("-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs");
}

/** A file system without direct I/O. */
export function mountRamfs(): string {
	return mount("-t", "ramfs", "ramfs");
}

/** The directory once more, read-only. */
export function mountReadOnly(directory: string): string {
	return mount("--bind", "-o", "ro", directory);
}

export interface LoopDevice {
	readonly path: string;
	/** The name below /sys/block. */
	readonly name: string;
	/** Lets go of it: the kernel takes it away when nobody has it open any more. */
	release(): void;
}

/** A block device over a file. `options` are more of losetup's. */
export function loopDevice(file: string, sectorBytes: number, ...options: string[]): LoopDevice {
	const device = run("losetup", "--find", "--show", "--sector-size", String(sectorBytes), ...options, file);
	// Detached at once but kept open: so it goes when this process does.
	const fd = openSync(device, "r");
	run("losetup", "--detach", device);
	return { path: device, name: path.basename(device), release: () => closeSync(fd) };
}

/** Makes a loop device look at the size of its file again. */
export function remeasureLoop(device: LoopDevice): void {
	run("losetup", "--set-capacity", device.path);
}

/** Sets a loop device read-only, or lets it be written again. */
export function protectLoop(device: LoopDevice, on: boolean): void {
	run("blockdev", on ? "--setro" : "--setrw", device.path);
}

/** An ext4 file system on a new loop device. */
export function mountExt4(sizeBytes: number, sectorBytes: number): { directory: string; device: LoopDevice } {
	const device = loopDevice(newFile(newDirectory(), sizeBytes), sectorBytes);
	run("mkfs.ext4", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", device.path);
	return { directory: mount(device.path), device };
}

/** Has the machine swap to a small file on a file system that can do so, until what is returned is called. */
export function swapOn(file: string): () => void {
	run("dd", "if=/dev/zero", `of=${file}`, "bs=64k", "count=1", "status=none");
	chmodSync(file, 0o600);
	run("mkswap", file);
	run("swapon", "--priority", "0", file);
	return atEnd(() => spawnSync("swapoff", [file], { timeout: COMMAND_LIMIT_MS }));
}

export function unmount(directory: string): void {
	run("umount", directory);
}
