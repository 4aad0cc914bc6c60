/**
 * Puts the layers on a volume that make it a disk one can trust, as `lib/block/stack.ts` does for other storage:
 *
 *   commit ─── when a change counts as done
 *   slice ──── `-o` and `-l`
 *   ordering ─ overlapping requests in order of arrival; a change has taken effect when it has a place in a record
 *   volume
 *
 * Called by whoever opens volumes; hands on the top of the stack.
 */

import type { BlockDevice } from "../block/device.js";
import { OrderingLayer } from "../block/ordering.js";
import { type LayerOptions, slice } from "../block/stack.js";
import { CommitLayer } from "./commit-layer.js";
import type { Pool } from "./pool.js";

/** `whenClosed` is waited for by whoever closes it. Throws an OperatorError. */
export function openVolumeStack(
	pool: Pool,
	name: string,
	options: LayerOptions & { readonly readOnly: boolean },
	whenClosed: () => Promise<void> = async () => {},
): BlockDevice {
	const { durability, readOnly, between = (device) => device } = options;
	const { device, log } = pool.openVolume(name, readOnly, whenClosed);
	const alignBytes = pool.volume(name).pageBytes;
	const ordered = between(new OrderingLayer(between(device), { alignBytes }));
	try {
		const sliced = slice(ordered, name, options);
		return new CommitLayer(sliced === ordered ? ordered : between(sliced), log, durability);
	} catch (error) {
		void ordered.close();
		throw error;
	}
}
