/** A limit on a device that keeps what it is given, and a clock that stands still. */

import { LimitLayer } from "../../lib/block/limit.js";
import { BlockOp } from "../../lib/block/request.js";
import type { LimitSpec } from "../../lib/spec/spec.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { fill, ManualDevice, Noted } from "./devices.js";

export class LimitBench {
	readonly clock = new VirtualClock();
	readonly device = new ManualDevice({ sizeBytes: 2 ** 50 });
	readonly layer = new LimitLayer(this.device, this.clock);
	/** Names of requests that are over. */
	readonly over: string[] = [];

	constructor(limit?: LimitSpec) {
		this.layer.limit = limit;
	}

	/** It has no memory: the device does nothing. */
	ask(name: string, op: BlockOp, offsetBytes = 0, lengthBytes = 512): Noted {
		const noted = fill(new Noted(name, this.over), op, offsetBytes, 0);
		noted.request.lengthBytes = lengthBytes;
		this.layer.submit(noted.begin());
		return noted;
	}

	/** Reads at 0, 4096, 8192 ... */
	reads(count: number, lengthBytes = 512): Noted[] {
		return Array.from({ length: count }, (_, i) =>
			this.ask(`read ${i}`, BlockOp.read, i * 4096, lengthBytes),
		);
	}

	/** How many have reached the device. */
	get gone(): number {
		return this.device.log.length;
	}
}
