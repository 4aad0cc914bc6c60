/**
 * Puts the layers on a volume that make it a disk one can trust, as `lib/block/stack.ts` does for other storage:
 *
 *   lease ──── of pools in object stores: nothing is answered while another host may have the pool
 *   commit ─── when a change counts as done
 *   trace ──── what is read when a clone boots, where that has to be fetched
 *   slice ──── `-o` and `-l`
 *   ordering ─ overlapping requests in order of arrival; a change has taken effect when it has a place in a record
 *   volume
 *
 * Called by whoever opens volumes; hands on the top of the stack.
 */

import type { BlockDevice } from "../block/device.js";
import { OrderingLayer } from "../block/ordering.js";
import { type LayerOptions, slice } from "../block/stack.js";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { BootTrace } from "./boot-trace.js";
import type { Volume } from "./catalog.js";
import { CommitLayer } from "./commit-layer.js";
import { isOfPast } from "./past.js";
import type { Pool } from "./pool.js";
import { LeaseLayer } from "./store/lease-layer.js";

/** `name` may be of the past: `web@snapshot`. `whenClosed` is waited for by whoever closes it. Throws an OperatorError. */
export async function openVolumeStack(
	pool: Pool,
	name: string,
	options: LayerOptions & { readonly readOnly: boolean },
	whenClosed: () => Promise<void> = async () => {},
): Promise<{ device: BlockDevice; volume: Volume }> {
	const { durability, readOnly, between = (device) => device } = options;
	const { onlyRead, opened } = pool.space;
	if (onlyRead !== undefined && !readOnly && !isOfPast(name))
		throw new OperatorError(`${quote(name)} ${onlyRead}`);
	const closed = opened.more();
	const opening = pool.openVolume(name, readOnly, async () => {
		closed();
		await whenClosed();
	});
	opening.catch(closed);
	const { device, log, volume, trace, lease } = await opening;
	const ordered = between(new OrderingLayer(between(device), { alignBytes: volume.pageBytes }));
	device.entry = ordered;
	try {
		const sliced = slice(ordered, name, options);
		const under = sliced === ordered ? ordered : between(sliced);
		const top = trace === undefined || readOnly ? under : between(new BootTrace(under, trace));
		const committed = new CommitLayer(top, log, durability);
		return { device: lease === undefined ? committed : new LeaseLayer(committed, lease), volume };
	} catch (error) {
		void ordered.close();
		throw error;
	}
}
