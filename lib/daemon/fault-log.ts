/**
 * What storage does wrong, told to the operator once: the first time with blade, LBA and errno; what follows of the same
 * kind is counted, and told in one line a minute. A disk that fails every request for hours must not fill the log, for that
 * is on a disk too. Asked by `disks.ts`, which hands it what commands and stalls come to.
 */

import { getSystemErrorName } from "node:util";
import { errnoText } from "../block/failure-text.js";
import type { LackListener } from "../block/lack.js";
import { BlockOp } from "../block/request.js";
import type { StallListener } from "../block/stalls.js";
import { type Clock, systemClock } from "../clock.js";
import { StorageStatus, storageStatusName, unreachable } from "../errors.js";
import type { Log } from "../log.js";
import { counted, secondsText } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";

/** How long further faults of a kind are only counted. */
const QUIET_MS = 60_000;

/** Faults that have the same line in the log. */
interface Kind {
	readonly blade: string;
	/** `reads`, for a line about several. */
	readonly what: string;
	/** `mediumError (EIO)` */
	readonly cause: string;
	total: number;
	/** Since the last line. */
	untold: number;
	/** Where those were; Infinity and 0 if they were flushes, which have no place. */
	lowestLba: number;
	highestLba: number;
	/** While they are only counted: stops that. */
	stopWaiting: (() => void) | null;
}

/** The last thing that a disk's storage did wrong, for whoever looks at the disk. */
export interface LastFault {
	/** `read` */
	readonly what: string;
	/** null: it has no place. */
	readonly lba: number | null;
	readonly cause: string;
	/** In milliseconds since 1970. */
	readonly at: number;
}

export class FaultLog {
	readonly #log: Log;
	readonly #clock: Clock;
	readonly #kinds = new Map<string, Kind>();
	/** By blade: requests that its disk has done in the end, long after. */
	readonly #stalls = new Map<string, number>();

	/** How often anything was said of a disk here. */
	changes = 0;
	readonly #last = new Map<string, LastFault>();
	/** By blade: since when its disk has not answered. */
	readonly #stalledMs = new Map<string, number>();
	/** By blade: how long a file is that is shorter than what is served of it. */
	readonly #shrunkBytes = new Map<string, number>();

	constructor(log: Log, clock: Clock = systemClock) {
		this.#log = log;
		this.#clock = clock;
	}

	/** A command failed because its blade's storage did. `errno` is 0 if there is none; `lba` means nothing for a flush. */
	failed(blade: string, op: BlockOp, status: StorageStatus, errno: number, lba: number): void {
		const kind = this.#kindOf(blade, op, status, errno);
		kind.total += 1;
		this.changes += 1;
		const place = op === BlockOp.flush ? null : lba;
		this.#last.set(blade, { what: opName(op), lba: place, cause: kind.cause, at: Date.now() });
		if (kind.stopWaiting !== null) {
			kind.untold += 1;
			if (op === BlockOp.flush) return;
			kind.lowestLba = Math.min(kind.lowestLba, lba);
			kind.highestLba = Math.max(kind.highestLba, lba);
			return;
		}
		const where = op === BlockOp.flush ? "" : ` at LBA ${lba}`;
		const advice = status === StorageStatus.syncFailed ? "; every write fails until vblade is restarted" : "";
		this.#log.error(`${blade}: ${opName(op)}${where} failed: ${kind.cause}${advice}`, {
			kind: "fault",
			disk: blade,
		});
		this.#wait(kind);
	}

	/** For a blade's device to tell when it hangs. */
	stallsOf(blade: string): StallListener {
		return {
			stalled: ({ op, offsetBytes, waitedMs }) => {
				this.changes += 1;
				this.#stalledMs.set(blade, Date.now() - waitedMs);
				const where = op === BlockOp.flush ? "" : ` at LBA ${offsetBytes / SECTOR_BYTES}`;
				this.#log.error(
					`${blade}: ${opName(op)}${where} has waited for its disk for ${secondsText(waitedMs)}`,
					{
						kind: "disk-stalled",
						disk: blade,
					},
				);
			},
			resumed: (waitedMs, requests) => {
				this.changes += 1;
				this.#stalledMs.delete(blade);
				this.#stalls.set(blade, (this.#stalls.get(blade) ?? 0) + requests);
				this.#log.warn(
					`${blade}: its disk answers again after ${secondsText(waitedMs)}; ${counted(requests, "request")} waited`,
					{ kind: "disk-resumed", disk: blade },
				);
			},
		};
	}

	/** For the storage engine to tell when it can't begin what it is asked for. */
	readonly lack: LackListener = {
		lacking: (errno) =>
			this.#log.error(
				`no thread can be had for the storage (${getSystemErrorName(-errno)}); requests wait and are tried again`,
			),
		supplied: (putOff) =>
			this.#log.warn(`threads for the storage can be had again; ${counted(putOff, "request")} waited`),
	};

	lastOf(blade: string): LastFault | undefined {
		return this.#last.get(blade);
	}

	/** Since when a blade's disk has not answered, in milliseconds since 1970; undefined if it does. */
	stalledSince(blade: string): number | undefined {
		return this.#stalledMs.get(blade);
	}

	/** A blade's file is shorter than what is served of it. */
	shrunk(blade: string, file: string, bytes: number): void {
		this.changes += 1;
		this.#shrunkBytes.set(blade, bytes);
		this.#log.error(
			`${blade}: ${file} has shrunk to ${bytes / SECTOR_BYTES} sectors; requests behind its end fail`,
			{ kind: "fault", disk: blade },
		);
	}

	/** It is long enough again. */
	regrown(blade: string): void {
		this.#shrunkBytes.delete(blade);
	}

	/** How long a blade's file is; undefined if it has all that is served of it. */
	shrunkBytes(blade: string): number | undefined {
		return this.#shrunkBytes.get(blade);
	}

	/** There is no such blade any more, or another one. */
	forget(blade: string): void {
		this.#last.delete(blade);
		this.#stalledMs.delete(blade);
		this.#shrunkBytes.delete(blade);
	}

	/** All that has been counted, a line for each kind. */
	report(): string[] {
		return [
			...[...this.#kinds.values()].map(
				({ blade, what, cause, total }) => `${blade}: ${total} ${what} failed: ${cause}`,
			),
			...[...this.#stalls].map(([blade, count]) => `${blade}: ${counted(count, "request")} had to wait long`),
		];
	}

	/** Tells what is untold. Nothing is told any more afterwards. */
	close(): void {
		for (const kind of this.#kinds.values()) {
			kind.stopWaiting?.();
			if (kind.untold > 0) this.#tellUntold(kind);
		}
	}

	#kindOf(blade: string, op: BlockOp, status: StorageStatus, errno: number): Kind {
		// After a sync has failed everything fails, for the same reason.
		const what = status === StorageStatus.syncFailed ? "requests" : `${opName(op)}s`;
		const cause = `${storageStatusName(status)}${errno === 0 ? "" : ` (${errnoText(errno)})`}`;
		const key = `${blade} ${what} ${cause}`;
		let kind = this.#kinds.get(key);
		if (kind === undefined) {
			kind = {
				blade,
				what,
				cause,
				total: 0,
				untold: 0,
				lowestLba: Infinity,
				highestLba: 0,
				stopWaiting: null,
			};
			this.#kinds.set(key, kind);
		}
		return kind;
	}

	#wait(kind: Kind): void {
		kind.stopWaiting = this.#clock.after(QUIET_MS, () => {
			kind.stopWaiting = null;
			if (kind.untold === 0) return;
			this.#tellUntold(kind);
			this.#wait(kind);
		});
	}

	#tellUntold(kind: Kind): void {
		const { blade, untold, what, cause, lowestLba, highestLba } = kind;
		const where = lowestLba <= highestLba ? `, LBA ${lowestLba} to ${highestLba}` : "";
		this.#log.error(`${blade}: ${untold} more ${what} failed: ${cause}${where}`, {
			kind: "fault",
			disk: blade,
		});
		kind.untold = 0;
		kind.lowestLba = Infinity;
		kind.highestLba = 0;
	}
}

function opName(op: BlockOp): string {
	switch (op) {
		case BlockOp.read:
			return "read";
		case BlockOp.write:
			return "write";
		case BlockOp.flush:
			return "flush";
		case BlockOp.trim:
			return "trim";
		case BlockOp.writeZeroes:
			return "zero write";
		case BlockOp.extents:
			return "extent look-up";
		default:
			return unreachable(op);
	}
}
