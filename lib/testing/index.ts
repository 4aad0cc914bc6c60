/**
 * The package's `vblade/testing`: the suites that every device and every link has to pass, devices that fail, dawdle or lose
 * power, bad networks, a network in memory, and time and chance that tests decide. For our own tests and those of whoever
 * writes another device or link. Exported, not imported here; no addon is loaded.
 *
 * @module vblade/testing
 */

export { MemoryDevice, type MemoryDeviceOptions } from "../block/memory.js";
export { type Clock, systemClock } from "../clock.js";
export type { LinkCounts } from "../link/link.js";
export {
	MemoryLink,
	type MemoryLinkOptions,
	MemorySwitch,
	type MemorySwitchOptions,
	memoryLinkPair,
	type Schedule,
} from "../link/memory.js";
export type { Allocate } from "../link/outbox.js";
export { Pump, type PumpStage } from "../pump.js";
export { Random } from "../random.js";
export {
	type BlockAssertions,
	type BlockReporter,
	type BlockSuiteOptions,
	blockConformance,
	type MakeDevice,
} from "./block-conformance.js";
export { CrashDevice, type Sectors } from "./crash-device.js";
export { DelayLayer, type DelayOptions } from "./delay-layer.js";
export { type Fault, FaultyLayer } from "./faulty-layer.js";
export { type FaultCounts, type Faults, type FrameFate, faultySchedule } from "./faulty-schedule.js";
export {
	type LinkAssertions,
	type LinkPair,
	type LinkReporter,
	linkConformance,
} from "./link-conformance.js";
export { LossyLink } from "./lossy-link.js";
export { StrictLayer, type StrictOptions, strictly } from "./strict-layer.js";
export { TestTarget, type TestTargetOptions } from "./target.js";
export { VirtualClock } from "./virtual-clock.js";
