/**
 * The machine of a simulated target: all of its layers on a disk that can lose its power, and a clock whose timers end with it.
 * Started by `world.ts`, again after each loss of power.
 */

import { Blade } from "../../lib/aoe/blade.js";
import { Registry } from "../../lib/aoe/registry.js";
import { TargetStats } from "../../lib/aoe/stats.js";
import { AoeTarget } from "../../lib/aoe/target.js";
import { AtaDisk } from "../../lib/ata/disk.js";
import type { BlockDevice } from "../../lib/block/device.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { layersOn } from "../../lib/block/stack.js";
import type { Clock } from "../../lib/clock.js";
import { Disk, type DiskIdentity, makeIdentity } from "../../lib/disk.js";
import type { MemoryLink, MemorySwitch } from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import type { LimitSpec } from "../../lib/spec/spec.js";
import type { CrashDevice } from "../../lib/testing/crash-device.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { strictly } from "../../lib/testing/strict-layer.js";

export const SHELF = 9;
export const TARGET_MAC = 0x0200000000fe;
export const MTU = 2200;
/** Of its port: enough that it is never full. */
const TARGET_ROOMS = 128;
const BUFFER_COUNT = 16;
/** Of a limited disk: enough that copies of all that waits find a place, too. What found none would be lost on the way. */
const LIMITED_BUFFER_COUNT = 120;
/** The blade is a slice of the disk that begins here, as with `-o 8`. */
export const OFFSET_SECTORS = 8;

/** Puts a blade's storage on a disk. */
export type Compose = (disk: BlockDevice, commits: GroupCommit) => BlockDevice;

/** As `layersOn` does it, and each layer held to its word. */
export function soundly(mode: "ack" | "flush"): Compose {
	const where = { offsetSectors: OFFSET_SECTORS, lengthSectors: undefined };
	const options = { durability: mode, ...where, between: strictly };
	return (disk, commits) => layersOn(disk, "disk", options, commits);
}

/** A clock whose timers end with the process that has set them. */
class ProcessClock implements Clock {
	readonly #timers = new Set<() => void>();

	constructor(readonly clock: Clock) {}

	now(): number {
		return this.clock.now();
	}

	after(delayMs: number, callback: () => void): () => void {
		const cancel = this.clock.after(delayMs, () => {
			this.#timers.delete(cancel);
			callback();
		});
		this.#timers.add(cancel);
		return () => {
			this.#timers.delete(cancel);
			cancel();
		};
	}

	end(): void {
		for (const cancel of this.#timers) cancel();
	}
}

let identity: DiskIdentity | undefined;

export interface MachineOptions {
	readonly seed: number;
	readonly mode: "ack" | "flush";
	/** Each request to the disk takes up to so long. */
	readonly diskMs: number;
	/** Default: as `layersOn` does it. */
	readonly compose?: Compose;
	/** Default: none. */
	readonly limit?: LimitSpec | undefined;
}

/** The target's process: from its start until the power is cut. */
export class Machine {
	readonly clock: ProcessClock;
	readonly link: MemoryLink;
	readonly stats = new TargetStats();

	constructor(
		clock: Clock,
		ether: MemorySwitch,
		readonly disk: CrashDevice,
		options: MachineOptions,
	) {
		const { seed, diskMs, limit, compose = soundly(options.mode) } = options;
		this.clock = new ProcessClock(clock);
		const pump = new Pump();
		this.link = ether.link(pump, { name: "target", mac: TARGET_MAC, mtu: MTU, rooms: TARGET_ROOMS });
		const delays = { clock: this.clock, minMs: Math.min(0.05, diskMs), maxMs: diskMs, seed: seed ^ 0x5eed };
		const device = compose(new DelayLayer(disk, delays), new GroupCommit(pump));
		identity ??= makeIdentity("simulation", "1.0");
		const registry = new Registry();
		const target = new AoeTarget({
			link: this.link,
			registry,
			stats: this.stats,
			firmwareVersion: 1,
			ownMacs: () => new Set([TARGET_MAC]),
			onConflict: () => {},
			clock: this.clock,
		});
		const served = new Disk("e9.0", identity, device, this.clock);
		served.device.limit = limit;
		const bufferCount = limit === undefined ? BUFFER_COUNT : LIMITED_BUFFER_COUNT;
		registry.add(new Blade(SHELF, 0, AtaDisk.of(served), bufferCount));
		target.start();
	}
}
