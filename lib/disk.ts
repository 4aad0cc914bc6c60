/**
 * A disk: what has an identity and is served, by whatever protocols. Who it is (name, serial number, model), what it stores (a
 * `BlockDevice`), how much may be asked of it, what has happened to it (counters, faults) and whether it is still open. It knows no protocol and no file. Made by
 * `lib/daemon/`; command sets such as `lib/ata/` carry out on its device what initiators ask, and count here.
 */

import { createHash } from "node:crypto";
import type { CloseEnd } from "./block/close.js";
import type { BlockDevice } from "./block/device.js";
import { LimitLayer } from "./block/limit.js";
import { BlockOp } from "./block/request.js";
import { type Clock, systemClock } from "./clock.js";
import { countsOf } from "./counters.js";
import type { StorageStatus } from "./errors.js";
import { Latencies } from "./histogram.js";
import { Holds } from "./holds.js";

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
	const wwn = (3n << 60n) | (digest.readBigUInt64BE(16) >> 4n);
	return knownIdentity(digest.toString("hex").slice(0, 20), wwn, version);
}

/** The identity with a serial number and world wide name that were given once. */
export function knownIdentity(serial: string, wwn: bigint, version: string): DiskIdentity {
	return { serial, firmware: version.slice(0, 8), model: "vblade ATA over Ethernet disk", wwn };
}

/** Where each count is. */
const Count = {
	reads: 0,
	readBytes: 1,
	writes: 2,
	writtenBytes: 3,
	flushes: 4,
	trims: 5,
	errors: 6,
	resends: 7,
} as const;
const COUNTS = Object.keys(Count).length;

/**
 * What initiators have had done: those of a disk, of a link, or one of them. Exact to 2^53. The counts lie side by side: as fields
 * of an object each would be an object of its own, and a request would touch memory in three times as many places.
 */
export class IoCounts {
	readonly #counts = new Float64Array(COUNTS);

	get reads(): number {
		return this.#counts[Count.reads]!;
	}
	get readBytes(): number {
		return this.#counts[Count.readBytes]!;
	}
	get writes(): number {
		return this.#counts[Count.writes]!;
	}
	get writtenBytes(): number {
		return this.#counts[Count.writtenBytes]!;
	}
	get flushes(): number {
		return this.#counts[Count.flushes]!;
	}
	get trims(): number {
		return this.#counts[Count.trims]!;
	}
	/** Commands that ended with an error. */
	get errors(): number {
		return this.#counts[Count.errors]!;
	}
	/** Commands that had come before, and were asked for once more. */
	get resends(): number {
		return this.#counts[Count.resends]!;
	}

	/** A command with an operation of this kind has been done; -1: one with none that is counted here. */
	did(kind: number, bytes: number): void {
		const counts = this.#counts;
		switch (kind) {
			case BlockOp.read:
				counts[Count.reads]! += 1;
				counts[Count.readBytes]! += bytes;
				break;
			case BlockOp.write:
				counts[Count.writes]! += 1;
				counts[Count.writtenBytes]! += bytes;
				break;
			case BlockOp.flush:
				counts[Count.flushes]! += 1;
				break;
			case BlockOp.trim:
				counts[Count.trims]! += 1;
				break;
			default:
		}
	}

	failed(): void {
		this.#counts[Count.errors]! += 1;
	}

	askedAgain(): void {
		this.#counts[Count.resends]! += 1;
	}

	/** Adds what `others` have counted since they were as `told` says, which is then as they are. */
	follow(others: IoCounts, told: IoCounts): void {
		for (let index = 0; index < COUNTS; index++) {
			const now = others.#counts[index]!;
			this.#counts[index]! += now - told.#counts[index]!;
			told.#counts[index] = now;
		}
	}

	/** As new. */
	clear(): void {
		this.#counts.fill(0);
	}
}

/** Why a command was not carried out. */
export const ERROR_CAUSES = {
	medium: "the storage could not read or write there",
	space: "the file system under the storage is full",
	protected: "the storage takes no changes",
	sync: "a sync failed, then or earlier",
	range: "not on the disk",
	refused: "not known, or nothing that can be done as it stands",
	access: "from an initiator that a mask or a reservation shuts out",
	closed: "the disk was closed meanwhile",
} as const;
export type ErrorCause = keyof typeof ERROR_CAUSES;

/** What has happened on a disk since it was made. */
export class DiskStats extends IoCounts {
	/** Of the commands in `errors`, and of those that were not let through to the disk (`access`). */
	readonly causes = countsOf(Object.keys(ERROR_CAUSES) as ErrorCause[]);
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
	/** How long what was done has taken, by `BlockOp`. */
	readonly latencies = new Latencies();
	/** Commands that have arrived, by whatever protocol, and have not been answered. */
	underWay = 0;
	/** Commands that failed in a way that casts doubt on the storage. Never goes down: only the operator can mend that. */
	faults = 0;
	onFault: FaultListener | null = null;
	/** What initiators of one protocol have reserved of it, for the others. */
	readonly holds: Holds;
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
		this.holds = storage.holds ?? new Holds();
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
