/**
 * What tests of our initiator talk to: a network in memory with our target on one port and our initiator on another, on a
 * clock of its own (`Lab`), or a server in this process on a real link (`serveMemory`).
 */

import { Blade } from "../../lib/aoe/blade.js";
import { Registry } from "../../lib/aoe/registry.js";
import { TargetStats } from "../../lib/aoe/stats.js";
import { AoeTarget } from "../../lib/aoe/target.js";
import { AtaDisk } from "../../lib/ata/disk.js";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { parseArguments } from "../../lib/cli/arguments.js";
import type { Output } from "../../lib/cli/client.js";
import { type BladeArguments, type ServeOptions, specOf } from "../../lib/cli/specs.js";
import { Initiator, type InitiatorOptions } from "../../lib/client/initiator.js";
import type { Daemon } from "../../lib/daemon/daemon.js";
import { startDaemon } from "../../lib/daemon/start.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import {
	type MemoryLink,
	type MemoryLinkOptions,
	MemorySwitch,
	type Schedule,
} from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import type { NetifSpec } from "../../lib/spec/spec.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

/** Keeps what a command prints. */
export class Collected implements Output {
	stdout = "";
	stderr = "";
	out(text: string): void {
		this.stdout += text;
	}
	err(text: string): void {
		this.stderr += text;
	}
}

/** A server of our own in this process: e9.0 and on, as many as there are `slots`, 1 MiB of memory each. */
export function serveMemory(netif: NetifSpec, slots: number, readOnly = false): Promise<Daemon> {
	const blades = Array.from({ length: slots }, (_, slot): BladeArguments => {
		const storage = { kind: "memory", name: "mem:1M", sizeBytes: 2 ** 20 } as const;
		return { shelf: 9, slot, netifs: [netif], storage };
	});
	const { options } = parseArguments(["9", "0", "lo", "mem:1M"], () => []) as { options: ServeOptions };
	const quiet = () => {};
	const log = { error: quiet, warn: quiet, info: quiet, verbose: quiet };
	return startDaemon(specOf(blades, { ...options, readOnly }), log, "1.0");
}

export interface LabOptions extends InitiatorOptions {
	readonly schedule?: Schedule;
	readonly link?: MemoryLinkOptions;
	readonly bufferCount?: number;
	readonly clock?: VirtualClock;
}

/** A target on a port of its own. */
export class LabTarget {
	readonly registry = new Registry();
	readonly target: AoeTarget;

	constructor(
		readonly link: MemoryLink,
		readonly clock: VirtualClock,
		readonly bufferCount: number,
	) {
		this.target = new AoeTarget({
			link,
			registry: this.registry,
			stats: new TargetStats(),
			firmwareVersion: 0x1234,
			ownMacs: () => new Set([link.mac]),
			onConflict: () => {},
			clock,
		});
		this.target.start();
	}

	/** Serves a device; without one, a memory disk of 1 MiB. */
	serve(shelf: number, slot: number, device: BlockDevice = new MemoryDevice(2 ** 20)): Blade {
		const disk = new Disk(
			`e${shelf}.${slot}`,
			makeIdentity(`lab ${shelf}.${slot}`, "1.0"),
			device,
			this.clock,
		);
		const blade = new Blade(shelf, slot, AtaDisk.of(disk), this.bufferCount);
		this.registry.add(blade);
		this.target.registryChanged();
		return blade;
	}
}

export class Lab {
	readonly clock: VirtualClock;
	readonly pump = new Pump();
	readonly ether: MemorySwitch;
	readonly target: LabTarget;
	readonly initiator: Initiator;
	readonly #options: LabOptions;

	constructor(options: LabOptions = {}) {
		this.#options = options;
		this.clock = options.clock ?? new VirtualClock();
		this.ether = new MemorySwitch(options.schedule ? { schedule: options.schedule } : {});
		this.target = this.addTarget();
		const link = this.ether.link(this.pump, options.link);
		this.initiator = new Initiator(link, { ...options, clock: this.clock });
	}

	/** Another target on the same network. */
	addTarget(): LabTarget {
		const link = this.ether.link(this.pump, this.#options.link);
		return new LabTarget(link, this.clock, this.#options.bufferCount ?? 16);
	}

	/** Lets virtual time pass until `promise` settles. */
	run<T>(promise: Promise<T>): Promise<T> {
		return this.clock.until(promise);
	}
}
