/**
 * A volume of a pool that two hosts serve, as this host has it: the volume itself, or the same one as the host serves it that has the pool, by one device
 * that goes from one to the other. Disks of this host stand on it, and, while the pool is here, exports for the other hosts. Made by `seat.ts`.
 */

import type { CloseEnd } from "../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, type Partner, type Tenure } from "../block/device.js";
import { ExchangeDevice } from "../block/exchange.js";
import type { DeviceListener } from "../block/listeners.js";
import type { Memo } from "../block/memo.js";
import { BlockOp, type BlockRequest, OP_TRAITS } from "../block/request.js";
import type { Clock } from "../clock.js";
import { StorageStatus } from "../errors.js";
import { Holds } from "../holds.js";
import type { IdentitySpec } from "../spec/spec.js";
import { KeptHold } from "./kept-hold.js";

/** Here, or as the host serves it that has the pool. */
export interface OpenedVolume {
	readonly device: BlockDevice;
	readonly identity: IdentitySpec;
}

export interface SharedVolume {
	readonly name: string;
	readonly device: ExchangeDevice;
	readonly identity: IdentitySpec;
	/** Who stands on it: at most one disk of this host. */
	readonly uses: Set<VolumeUse>;
	/** What is reserved of it by whoever comes to this host counts for those as well who come from the other one. */
	readonly holds: Holds;
	readonly partner: () => Partner;
	/** Who has it now, as a number of `Seat`. */
	turn: number;
	isMoving: boolean;
}

export function sharedVolume(
	name: string,
	{ device, identity }: OpenedVolume,
	{ isHere, ...now }: Pick<SharedVolume, "turn" | "partner"> & { readonly isHere: boolean },
	clock: Clock,
): SharedVolume {
	const holds = new Holds();
	// (What initiators of SCSI have asked was ended where it is reserved.)
	const refuses = ({ op }: BlockRequest) => forbids(op, (changes) => holds.forbids(changes, "aoe"));
	const exchanged = new ExchangeDevice(device, isHere, { clock, refuses });
	const uses = new Set<VolumeUse>();
	return { ...{ name, device: exchanged, identity, uses, holds }, isMoving: false, ...now };
}

/** What is done already may be flushed by everybody. */
function forbids(op: BlockOp, held: (changes: boolean) => boolean): boolean {
	return op !== BlockOp.flush && held(OP_TRAITS[op].changes);
}

/** For one who stands on it; closes nothing but his own. */
export class VolumeUse implements BlockDevice {
	readonly tenure: Tenure;
	readonly holds: Holds;
	readonly #device: ExchangeDevice;
	readonly #asked: () => void;
	readonly #closed: (use: VolumeUse) => Promise<void>;
	readonly #kept = new KeptHold();
	#closing: Promise<void> | undefined;
	#below: DeviceInfo | undefined;
	#info: DeviceInfo | undefined;

	constructor(
		{ device, holds, partner }: SharedVolume,
		/** It is a disk of this host's. */
		readonly isOwn: boolean,
		asked: () => void,
		closed: (use: VolumeUse) => Promise<void>,
	) {
		this.#device = device;
		this.holds = holds;
		const { tenure } = device;
		this.tenure = {
			get mayAnswer() {
				return tenure.mayAnswer;
			},
			get epoch() {
				return tenure.epoch;
			},
			get isNew() {
				return tenure.isNew;
			},
			get isHandedOver() {
				return tenure.isHandedOver;
			},
			get partner() {
				return partner();
			},
		};
		this.#asked = asked;
		this.#closed = closed;
	}

	/** (The other hosts write it, too: by what both have in common while it is here, and else nobody knows of it here.) */
	get info(): DeviceInfo {
		const below = this.#device.info;
		if (this.#info === undefined || this.#below !== below) {
			this.#below = below;
			this.#info = deviceInfo({ ...below, guarded: "below" });
		}
		return this.#info;
	}

	get memo(): Memo | undefined {
		return this.#device.memo;
	}

	submit(request: BlockRequest): void {
		this.#asked();
		if (!this.isOwn && this.#isKeptFrom(request.op)) request.complete(StorageStatus.writeProtected);
		else this.#device.submit(request);
	}

	/** (Nobody here may know of reservations: it has no exports of SCSI on this host, or not yet. The other host takes it where they are known.) */
	#isKeptFrom(op: BlockOp): boolean {
		return forbids(op, (changes) => this.#kept.forbids(changes, this.memo, this.tenure.isHandedOver));
	}

	setWriteCache(enabled: boolean): boolean {
		return this.#device.setWriteCache(enabled);
	}

	cancel(request: BlockRequest): void {
		this.#device.cancel(request);
	}

	listen(listener: DeviceListener): () => void {
		return this.#device.listen(listener);
	}

	/** (Who stands on it has waited for all that he had asked.) */
	async close(): Promise<CloseEnd> {
		this.#closing ??= this.#closed(this);
		await this.#closing;
		return "closed";
	}
}
