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
import { DurabilityLayer, type GroupCommit } from "./durability.js";
import { OrderingLayer } from "./ordering.js";
import { SliceLayer } from "./slice.js";

/** Of a disk's spec, what its layers have to know. */
export type LayerOptions = Pick<DiskSpec, "offsetSectors" | "lengthSectors" | "durability">;

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
	const ordered = new OrderingLayer(bottom, { alignBytes: Math.max(SECTOR_BYTES, alignBytes) });
	try {
		return new DurabilityLayer(slice(ordered, name, options), commits, { mode: options.durability });
	} catch (error) {
		// It holds a lock, which the next try would find.
		void ordered.close();
		throw error;
	}
}

function slice(device: BlockDevice, name: string, options: LayerOptions): BlockDevice {
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
