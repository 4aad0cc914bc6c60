/**
 * Puts the layers on a device that make it a disk one can trust:
 *
 *   durability ── when a write counts as done
 *   slice ─────── `-o` and `-l`
 *   ordering ──── overlapping requests in order of arrival
 *   file ──────── a file, a block device, or memory
 *
 * Called by `lib/daemon/openers.ts`; hands on the top of the stack.
 */

import { OperatorError } from "../errors.js";
import type { DiskSpec } from "../spec/spec.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { BlockDevice } from "./device.js";
import { DurabilityLayer } from "./durability.js";
import type { GroupCommit } from "./group-commit.js";
import { OrderingLayer } from "./ordering.js";
import { SliceLayer } from "./slice.js";

/** Of a disk's spec, what its layers have to know. */
export interface LayerOptions extends Pick<DiskSpec, "offsetSectors" | "lengthSectors" | "durability"> {
	/** For tests: what is to be put between every two layers, on the device that it is given. */
	readonly between?: (device: BlockDevice) => BlockDevice;
}

/**
 * Closes the device if that can't be done.
 * @param name what the operator calls it
 * @param alignBytes the block that it reads and writes as a whole; a power of two
 */
export function layersOn(
	bottom: BlockDevice,
	name: string,
	options: LayerOptions,
	commits: GroupCommit,
	alignBytes = SECTOR_BYTES,
): BlockDevice {
	const { durability: mode, between = (device) => device } = options;
	const ordered = between(
		new OrderingLayer(between(bottom), { alignBytes: Math.max(SECTOR_BYTES, alignBytes) }),
	);
	try {
		const sliced = slice(ordered, name, options);
		return new DurabilityLayer(sliced === ordered ? ordered : between(sliced), commits, { mode });
	} catch (error) {
		// It holds a lock, which the next try would find.
		void ordered.close();
		throw error;
	}
}

/** The part of a device that `-o` and `-l` say. Throws an OperatorError if there is none. */
export function slice(device: BlockDevice, name: string, options: LayerOptions): BlockDevice {
	const { offsetSectors, lengthSectors } = options;
	if (offsetSectors === 0 && lengthSectors === undefined) return device;
	const sectors = device.info.sizeBytes / SECTOR_BYTES;
	if (offsetSectors >= sectors)
		throw new OperatorError(
			`offset ${offsetSectors}: ${name} has ${sectors} sectors, so it may be at most ${sectors - 1}`,
		);
	const rest = sectors - offsetSectors;
	if (lengthSectors !== undefined && lengthSectors > rest)
		throw new OperatorError(
			`length ${lengthSectors}: ${name} has ${rest} sectors from offset ${offsetSectors}, so it may be at most ${rest}`,
		);
	return new SliceLayer(
		device,
		offsetSectors * SECTOR_BYTES,
		lengthSectors === undefined ? undefined : lengthSectors * SECTOR_BYTES,
	);
}
