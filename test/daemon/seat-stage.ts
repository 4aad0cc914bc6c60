/** A host's seat at a pool that two hosts serve, among stand-ins for the pool and the other host. Used by tests of it. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type BlockDevice, PromisedRequest, type Tenure } from "../../lib/block/device.js";
import type { Memo } from "../../lib/block/memo.js";
import { BlockOp } from "../../lib/block/request.js";
import { Seat } from "../../lib/daemon/seat.js";
import type { OpenedVolume } from "../../lib/daemon/shared-volume.js";
import { OperatorError, type StorageStatus } from "../../lib/errors.js";
import type { Superblock } from "../../lib/pool/store/superblock.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { ManualDevice } from "../block/devices.js";

export const ID = "0123456789abcdef0123456789abcdef";
export const IDENTITY = { serial: "a1", wwn: "3000000000000001" };
/** What is there while the other host has the pool. */
export const owned = (epoch: number, more: Partial<Superblock> = {}): Superblock => ({
	...{ format: 1, pool: ID, epoch, owner: { id: ID, host: ID, name: "beta" }, hostSince: 1, leaseMs: 6_000 },
	...{ beat: 1, writtenUs: 1e15, promised: null, serve: "both", image: {} },
	at: { address: "192.0.2.2:9473", key: "0".repeat(64) },
	...more,
});

export class Stage {
	readonly clock = new VirtualClock();
	/** What was opened, in order. */
	readonly opened: string[] = [];
	readonly devices: ManualDevice[] = [];
	/** Why what is opened can't be. */
	fails: string | Error | undefined;
	handOvers = 0;
	/** To whom, of these. */
	readonly heirs: string[] = [];
	/** How often the owner was asked for it, and why he can't be. */
	asked = 0;
	readonly serves: boolean[] = [];
	readonly replaced: string[] = [];
	readonly cut: string[] = [];
	/** Of what is opened. */
	identity = IDENTITY;
	memo: Memo | undefined;
	tenure: Tenure | undefined;
	readonly seat: Seat = new Seat({
		shown: "store:gold",
		clock: this.clock,
		openHere: async (volume) => {
			const opened = await this.#open(`here ${volume}`);
			// (The pool is opened by it.)
			if (!this.seat.isHere) this.seat.cameHere();
			return opened;
		},
		openThere: (volume) => this.#open(`there ${volume}`),
		askFor: async () => {
			this.asked++;
			throw new OperatorError("store:gold is handed over, if it can be");
		},
		handOver: async (to) => {
			this.handOvers++;
			this.heirs.push(to);
			throw new OperatorError("no other host waits for it");
		},
		cutOff: (volume) => void this.cut.push(volume),
		serveOthers: (mayServe) => void this.serves.push(mayServe),
		replaced: (volume) => void this.replaced.push(volume),
		warn: () => {},
		identifier: () => ID,
	});

	async #open(what: string): Promise<OpenedVolume> {
		this.opened.push(what);
		if (this.fails instanceof Error) throw this.fails;
		if (this.fails !== undefined) throw new OperatorError(this.fails);
		const device = Object.assign(new ManualDevice(), { memo: this.memo, tenure: this.tenure });
		this.devices.push(device);
		return { device, identity: this.identity };
	}

	get last(): ManualDevice {
		return this.devices.at(-1)!;
	}

	async turns(): Promise<void> {
		for (let turn = 0; turn < 10; turn++) await nextTurn();
	}
}

export function write(
	device: BlockDevice,
	op: BlockOp = BlockOp.write,
): Promise<{ readonly status: StorageStatus }> {
	const promised = new PromisedRequest();
	Object.assign(promised.request, { op, lengthBytes: 512, memory: heapMemory(512) });
	return promised.run(device);
}
