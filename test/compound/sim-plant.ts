/** What can be otherwise in a simulation of a mirror: a bug that is planted, members that don't answer. Used by `sim.ts` and `planted.ts`. */

import type { BlockDevice } from "../../lib/block/device.js";

export interface Plant {
	/** Put on each member. */
	readonly onMember?: (device: BlockDevice) => BlockDevice;
	readonly order?: (core: BlockDevice) => BlockDevice;
	/** Members don't answer, too. */
	readonly hangs?: boolean;
	/** The power is cut after fewer I/Os. */
	readonly fuse?: number;
	/** The seed with which looking for it begins: most runs of some bugs look right. */
	readonly firstSeed?: number;
}
