/** Bugs, planted to see whether the simulation of a mirror finds them: each looks right as long as nothing goes wrong. */

import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { RangeLock } from "../../lib/compound/mirror/core.js";
import { BITMAPS_AT, reservedAt } from "../../lib/compound/mirror/format.js";
import { Intents } from "../../lib/compound/mirror/intents.js";
import { Ledger } from "../../lib/compound/mirror/ledger.js";
import { PendingList } from "../../lib/compound/mirror/pending.js";
import { StorageStatus } from "../../lib/errors.js";
import type { Plant } from "./sim-plant.js";

abstract class Passing extends DeviceLayer {
	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}

	/** Where the request begins within what the mirror keeps, or -1. */
	protected reserved({ op, offsetBytes }: BlockRequest): number {
		return op === BlockOp.write ? Math.max(-1, offsetBytes - reservedAt(this.info.sizeBytes)) : -1;
	}
}

/** Bitmaps are written, and not synced. */
class UnsyncedBitmaps extends Passing {
	protected override handle(request: BlockRequest): void {
		if (this.reserved(request) >= BITMAPS_AT) request.push(this);
		super.handle(request);
	}

	override below(request: BlockRequest): void {
		request.synced = true;
		request.resume();
	}
}

/** What the first generation of a run says is never changed. */
class OneGeneration extends Passing {
	#superblocks = 0;

	protected override handle(request: BlockRequest): void {
		const at = this.reserved(request);
		if (at >= 0 && at < BITMAPS_AT) this.#superblocks++;
		if (at >= 0 && at < BITMAPS_AT && this.#superblocks > 2) request.complete(StorageStatus.ok);
		else super.handle(request);
	}
}

/** Copies are not in order with what is written. */
class Unlocked extends Passing {
	readonly #core: BlockDevice;

	constructor(core: BlockDevice) {
		super(new OrderingLayer(core));
		this.#core = core;
	}

	protected override handle(request: BlockRequest): void {
		if (request.owner instanceof RangeLock) this.#core.submit(request);
		else super.handle(request);
	}
}

/** Runs `body` with a getter or a method of a class replaced. */
async function replaced(
	prototype: object,
	name: string,
	descriptor: PropertyDescriptor,
	body: () => Promise<void>,
): Promise<void> {
	const before = Object.getOwnPropertyDescriptor(prototype, name);
	if (before === undefined) throw new Error(`there is no ${name}`);
	Object.defineProperty(prototype, name, { configurable: true, ...descriptor });
	try {
		await body();
	} finally {
		Object.defineProperty(prototype, name, before);
	}
}

type With = (body: (plant: Plant) => Promise<void>) => Promise<void>;

/** By name: runs something with the bug in it. */
export const PLANTED: Readonly<Record<string, With>> = {
	"bitmaps are not synced before the writes that they are for": (body) =>
		body({ onMember: (device) => new UnsyncedBitmaps(device), fuse: 250, firstSeed: 444 }),

	"a write is acknowledged before it is recorded who lacks it": (body) =>
		replaced(Ledger.prototype, "holdsBack", { get: () => false }, () => body({})),

	"copies are not ordered with writes": (body) =>
		body({ order: (core) => new Unlocked(core), firstSeed: 32 }),

	"a region is forgotten as soon as it has been written": (body) => {
		const { leave } = Intents.prototype;
		return replaced(
			Intents.prototype,
			"leave",
			{
				value(this: Intents, change: BlockRequest) {
					leave.call(this, change);
					for (let region = this.wanted.next(0); region >= 0; region = this.wanted.next(region + 1))
						this.wanted.delete(region);
				},
			},
			() => body({}),
		);
	},

	"the generation is not raised": (body) => body({ onMember: (device) => new OneGeneration(device) }),

	"what a member lacks is forgotten when it is lost": (body) => {
		const { lose } = Ledger.prototype;
		return replaced(
			Ledger.prototype,
			"lose",
			{
				value(this: Ledger, ...args: Parameters<typeof lose>) {
					const isLost = lose.apply(this, args);
					if (!args[0].inSync) args[0].behind.clear();
					return isLost;
				},
			},
			() => body({}),
		);
	},

	"a member comes back before all is over that it was asked": (body) =>
		replaced(PendingList.prototype, "quiet", { value: async () => {} }, () =>
			body({ hangs: true, firstSeed: 98 }),
		),

	"a write is acknowledged without a member that does not answer, as if that had it": (body) => {
		const { lose } = Ledger.prototype;
		return replaced(
			Ledger.prototype,
			"lose",
			{
				value(this: Ledger, ...args: Parameters<typeof lose>) {
					const isSilent = args[2] === true;
					return isSilent || lose.apply(this, args);
				},
			},
			() => body({ hangs: true }),
		);
	},

	"a read comes from a member that is being copied to": (body) => {
		const { begin } = Ledger.prototype;
		return replaced(
			Ledger.prototype,
			"begin",
			{
				async value(this: Ledger, member: Parameters<typeof begin>[0]) {
					const isBegun = await begin.call(this, member);
					if (isBegun) member.inSync = true;
					return isBegun;
				},
			},
			() => body({}),
		);
	},
};
