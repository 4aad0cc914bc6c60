/**
 * A disk: what has an identity and is served, by whatever protocols. Who it is (name, serial number, model), what it stores (a
 * `BlockDevice`), how much may be asked of it, what has happened to it (counters, faults) and whether it is still open. It knows no protocol and no file. Made by
 * `lib/daemon/`; command sets such as `lib/ata/` carry out on its device what initiators ask, and count here.
 */

import { createHash } from "node:crypto";
import type { CloseEnd } from "./block/close.js";
import type { BlockDevice } from "./block/device.js";
import { LimitLayer } from "./block/limit.js";
import type { BlockOp } from "./block/request.js";
import { type Clock, systemClock } from "./clock.js";
import { COUNT_START } from "./counters.js";
import type { StorageStatus } from "./errors.js";

/** What a disk says of itself. ASCII, so that every command set can pass it on. */
export interface DiskIdentity {
	/** At most 20 characters, unique per disk and the same at every start and at every address. */
	readonly serial: string;
	/** At most 8 characters. */
	readonly firmware: string;
	/** At most 40 characters. */
	readonly model: string;
	/** World wide name: 64 bits, NAA 3 (locally assigned). */
	readonly wwn: bigint;
}

/** The identity that follows from what the disk is: the same `seed` gives the same disk. */
export function makeIdentity(seed: string, version: string): DiskIdentity {
	const digest = createHash("sha256").update(seed).digest();
	return {
		serial: digest.toString("hex").slice(0, 20),
		firmware: version.slice(0, 8),
		model: "vblade ATA over Ethernet disk",
		wwn: (3n << 60n) | (digest.readBigUInt64BE(16) >> 4n),
	};
}

/** What has happened on a disk since it was made. */
export class DiskStats {
	reads = COUNT_START;
	readBytes = COUNT_START;
	writes = COUNT_START;
	writtenBytes = COUNT_START;
	flushes = COUNT_START;
	trims = COUNT_START;
	/** Commands that ended with an error. */
	errors = COUNT_START;
}

/**
 * Told of each command that failed because the storage did, before it is answered. `errno` is 0 if there is none; `lba` is the
 * first sector that failed, 0 for a flush. What an initiator brings upon itself (a bad address, a write to a read-only disk) is
 * not told.
 */
export type FaultListener = (
	disk: Disk,
	op: BlockOp,
	status: StorageStatus,
	errno: number,
	lba: number,
) => void;

export type DiskPhase =
	| "open"
	/** Takes no more requests; those under way go on. */
	| "draining"
	/**
	 * Its storage hangs: what is under way is not answered any more, and what the device holds is given back only if it ever goes
	 * on.
	 */
	| "abandoned"
	| "closed";

export class Disk {
	readonly stats = new DiskStats();
	/** Commands that have arrived, by whatever protocol, and have not been answered. */
	underWay = 0;
	/** Commands that failed in a way that casts doubt on the storage. Never goes down: only the operator can mend that. */
	faults = 0;
	onFault: FaultListener | null = null;
	/** What is stored, behind the disk's limit. */
	readonly device: LimitLayer;
	#phase: DiskPhase = "open";
	#closing: Promise<CloseEnd> | null = null;

	constructor(
		/** What messages to the operator call it. */
		readonly name: string,
		readonly identity: DiskIdentity,
		storage: BlockDevice,
		clock: Clock = systemClock,
	) {
		this.device = new LimitLayer(storage, clock);
	}

	get phase(): DiskPhase {
		return this.#phase;
	}

	/**
	 * Takes no more requests, waits for those under way, and gives back what the device holds: "closed". If its storage hangs it
	 * is "abandoned" after `limitMs`, until it has gone on after all; then its phase is "closed".
	 */
	close(limitMs?: number): Promise<CloseEnd> {
		this.#closing ??= this.#close(limitMs);
		return this.#closing;
	}

	async #close(limitMs?: number): Promise<CloseEnd> {
		this.#phase = "draining";
		const end = await this.device.close(limitMs);
		this.#phase = end;
		if (end === "abandoned") void this.#closeAfterAll();
		return end;
	}

	async #closeAfterAll(): Promise<void> {
		this.#phase = await this.device.close(Infinity);
	}
}
