/**
 * The package's `vblade/link`: what it takes to write a link, and to open one of ours. Exported, not imported here; it
 * loads the addon. Other files of this room are private to the package.
 *
 * @module vblade/link
 */

export { Pump, type PumpStage } from "../pump.js";
export type { NetifSpec } from "../spec/spec.js";
export { heapMemory, type Memory, memoryOf } from "../wire/memory.js";
export {
	ALL_PEERS,
	type BpfInstruction,
	type FrameRoom,
	type FrameSink,
	type Link,
	type LinkLog,
	type LinkOptions,
	type LinkStats,
} from "./link.js";
export { type LinkHelpers, openLink } from "./open.js";
export type { PacketLinkOptions as OpenLinkOptions } from "./packet.js";
