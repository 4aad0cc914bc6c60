/**
 * What makes a storage the one it is, whatever it is called today and wherever it is served: a text that is the same at the
 * next start, and another for another storage. Asked by `lib/daemon/`, which makes serial number and world wide name of it, once
 * the storage is open. It asks the file system where the path leads, and waits for it, and all else with it: a moment, for the
 * path has just been opened by a thread that may be kept waiting (`file.ts`).
 */

import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import type { StorageSpec } from "../spec/spec.js";

/**
 * Where the kernel tells what a block device is, in the device's folder of sysfs, best first: names of NVMe and SCSI, device
 * mapper, md, virtio and MMC. `/dev/sda` may be another disk after the next boot.
 */
const DEVICE_NAMES = [
	"wwid",
	"device/wwid",
	"dm/uuid",
	"md/uuid",
	"serial",
	"device/serial",
	"device/cid",
	"loop/backing_file",
];

/** Memory is new at every start. Anything else is told apart by what it is, else by where it is, symbolic links followed. */
export function storageIdentity(storage: StorageSpec): string {
	if (storage.kind === "memory") return `memory ${randomUUID()}`;
	// (A volume's pool has given it one by chance, which counts.)
	if (storage.kind !== "file") return storage.name;
	try {
		const real = realpathSync(storage.path);
		const { rdev } = statSync(real);
		// Regular files have none.
		return (rdev === 0 ? undefined : deviceIdentity(rdev)) ?? real;
	} catch {
		// Open it is; somebody has renamed it since.
		return path.resolve(storage.path);
	}
}

/** Of a block device. Undefined if the kernel knows it by its number only. */
export function deviceIdentity(rdev: number): string | undefined {
	const [major, minor] = [(rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)];
	const folder = realpathSync(`/sys/dev/block/${major}:${minor}`);
	const partition = read(path.join(folder, "partition"));
	const disk = partition === "" ? folder : path.dirname(folder);
	for (const name of DEVICE_NAMES) {
		const value = read(path.join(disk, name));
		if (value !== "") return `${name} ${value} ${read(path.join(disk, "loop/offset"))} ${partition}`;
	}
	return undefined;
}

function read(file: string): string {
	return existsSync(file) ? readFileSync(file, "latin1").trim() : "";
}
