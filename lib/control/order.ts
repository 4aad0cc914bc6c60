/**
 * In which order disks of disks are taken away and given: what is made of others is closed before these are, and opened when they are open.
 * Others wait for nobody. Used by `desired.ts`.
 */

import { heightOf } from "../spec/assembly.js";
import type { DiskConfig } from "../spec/configuration.js";

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
