/**
 * The package's `vblade/block`: what it takes to write a storage device or a layer, or to use one. Exported, not imported
 * here; no addon is loaded. Other files of this room are private to the package.
 *
 * @module vblade/block
 */

export { StorageStatus } from "../errors.js";
export { Hold, type Holder, Holds } from "../holds.js";
export { heapMemory, type Memory, memoryOf } from "../wire/memory.js";
export type { CloseEnd } from "./close.js";
export {
	type BlockDevice,
	type DeviceInfo,
	deviceInfo,
	type Guarded,
	type Partner,
	PromisedRequest,
	refuse,
	type Tenure,
} from "./device.js";
export { addExtent, ExtentFlag } from "./extents.js";
export { DeviceLayer } from "./layer.js";
export { type Degradation, type DeviceListener, Listeners, type Stall } from "./listeners.js";
export type { Memo } from "./memo.js";
export { MemoryDevice, type MemoryDeviceOptions } from "./memory.js";
export { BlockOp, BlockRequest, type RequestLayer, type RequestOwner, type WriteGuard } from "./request.js";
