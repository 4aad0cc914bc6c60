/**
 * Bugs, planted to see whether the simulations find them: each is a way to put storage together that looks right as long as
 * nothing goes wrong. Used by `scenarios.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { DurabilityLayer } from "../../lib/block/durability.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { SliceLayer } from "../../lib/block/slice.js";
import { StorageStatus } from "../../lib/errors.js";
import { type Compose, OFFSET_SECTORS, soundly } from "./machine.js";
import { SECTOR } from "./stamps.js";

abstract class Passing extends DeviceLayer {
	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

/** Syncs are left out. */
class NoSync extends Passing {
	protected override handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) request.complete(StorageStatus.ok);
		else super.handle(request);
	}
}

/** A sync is said to be done when it has begun. */
class HastySync extends Passing {
	protected override handle(request: BlockRequest): void {
		if (request.op !== BlockOp.flush) {
			super.handle(request);
			return;
		}
		const sync = new PromisedRequest();
		sync.request.op = BlockOp.flush;
		void sync.run(this.device);
		request.complete(StorageStatus.ok);
	}
}

/** A sync that failed is tried again, and its success believed. */
class RetriedSync extends Passing {
	protected override handle(request: BlockRequest): void {
		request.push(this);
		super.handle(request);
	}

	override below(request: BlockRequest): void {
		if (request.op !== BlockOp.flush || request.status === StorageStatus.ok) {
			request.resume();
			return;
		}
		// As if it were new: what it came with is not touched, and it has no layer below this one.
		request.status = StorageStatus.ok;
		request.push(this);
		this.device.submit(request);
	}
}

/** Forced unit access is forgotten. */
class Unforced extends Passing {
	protected override handle(request: BlockRequest): void {
		request.fua = false;
		super.handle(request);
	}
}

/** As `layersOn`, with `between` right below what decides when a write is done. */
function withBetween(mode: "ack" | "flush", between: (device: BlockDevice) => BlockDevice): Compose {
	return (disk, commits) => {
		const slice = new SliceLayer(new OrderingLayer(disk), OFFSET_SECTORS * SECTOR);
		return new DurabilityLayer(between(slice), commits, { mode });
	};
}

export const withoutSync = (mode: "ack" | "flush"): Compose =>
	withBetween(mode, (below) => new NoSync(below));

export const withHastySync = (mode: "ack" | "flush"): Compose =>
	withBetween(mode, (below) => new HastySync(below));

export const withRetriedSync = (mode: "ack" | "flush"): Compose =>
	withBetween(mode, (below) => new RetriedSync(below));

/** Writes are answered when the disk has them, before they are synced. */
export const withoutWaiting: Compose = soundly("flush");

export const withoutForce: Compose = (disk, commits) => new Unforced(soundly("flush")(disk, commits));

export const withoutOrder: Compose = (disk, commits) =>
	new DurabilityLayer(new SliceLayer(disk, OFFSET_SECTORS * SECTOR), commits, { mode: "ack" });
