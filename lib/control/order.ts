/**
 * In which order disks of disks are taken away and given: what is made of others is closed before these are, and opened when they are open.
 * Others wait for nobody. And whether another one comes in the place of one that goes. Used by `desired.ts`.
 */

import { heightOf } from "../spec/assembly.js";
import type { DiskConfig } from "../spec/configuration.js";
import { iscsiExportOf } from "../spec/exports.js";

interface OfDisk {
	readonly disk: Pick<DiskConfig, "name" | "disk">;
}

/** Acts on each when that is done with the disk that it is a part of, by `wholeOf`, if that is one of them. */
export async function wholesFirst<T extends OfDisk>(
	all: readonly T[],
	wholeOf: (name: string) => string | undefined,
	act: (each: T) => Promise<void>,
): Promise<void> {
	const depthOf = (name: string | undefined): number => (name === undefined ? 0 : 1 + depthOf(wholeOf(name)));
	const done = new Map<string, Promise<void>>();
	const inOrder = all
		.map((each) => ({ each, depth: depthOf(wholeOf(each.disk.name)) }))
		.sort((one, other) => one.depth - other.depth);
	for (const { each } of inOrder) {
		const whole = done.get(wholeOf(each.disk.name) ?? "");
		done.set(each.disk.name, whole === undefined ? act(each) : whole.then(() => act(each)));
	}
	await Promise.all(done.values());
}

/** The same ones, parts before what is made of them. */
export function partsFirst<T extends OfDisk>(all: readonly T[]): T[] {
	return [...all].sort((one, other) => heightOf(one.disk.disk) - heightOf(other.disk.disk));
}

/** Whether initiators find one of these where that one was: it may be the same, by another name. */
export function hasHeir({ exports }: DiskConfig, disks: readonly DiskConfig[]): boolean {
	const unit = iscsiExportOf(exports);
	if (unit === undefined) return false;
	return disks.some((each) => {
		const exported = iscsiExportOf(each.exports);
		return exported?.target === unit.target && exported.lun === unit.lun;
	});
}
