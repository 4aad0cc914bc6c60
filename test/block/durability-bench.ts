/** A durability layer over a device that a test completes by hand, for the tests of that layer. */

import { DurabilityLayer } from "../../lib/block/durability.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import type { BlockOp, BlockRequest } from "../../lib/block/request.js";
import type { DurabilityMode } from "../../lib/block/write-cache.js";
import { StorageStatus } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { fill, ManualDevice, Noted, SECTOR } from "./devices.js";

/** A layer over a device that the test completes by hand. */
export class Bench {
	readonly pump = new Pump();
	readonly device: ManualDevice;
	readonly layer: DurabilityLayer;
	readonly over: string[] = [];
	readonly requests: Noted[] = [];
	readonly failures: number[] = [];

	constructor(mode: DurabilityMode, writeCache = true) {
		this.device = new ManualDevice({ writeCache });
		this.layer = new DurabilityLayer(this.device, new GroupCommit(this.pump), {
			mode,
		});
		this.layer.listen({
			degraded: (degradation) => {
				if (degradation.kind === "syncFailed") this.failures.push(degradation.errno);
			},
		});
	}

	submit(name: string, op: BlockOp, fua = false, lengthBytes = SECTOR): BlockRequest {
		const noted = fill(new Noted(name, this.over), op, this.requests.length * SECTOR, lengthBytes);
		noted.request.fua = fua;
		this.requests.push(noted);
		this.layer.submit(noted.begin());
		return noted.request;
	}

	/** What the device got so far, in short. */
	get ops(): string {
		return this.device.log.map((entry) => entry.split(" ")[0]).join(" ");
	}

	/** Completes the oldest thing below and lets the pump run. */
	done(status: StorageStatus = StorageStatus.ok): void {
		this.device.done(0, status);
		this.pump.run();
	}
}
