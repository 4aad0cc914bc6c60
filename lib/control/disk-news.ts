/**
 * Tells what becomes of one disk, as events: a failure once for each reason. One on a pool that is on other disks is not told to have failed as long as
 * these may still come, as they do when all begin at once. Made by `steward.ts` for its disk.
 */

import type { Clock } from "../clock.js";
import type { DiskConfig } from "../spec/configuration.js";
import { poolOnDisks } from "../spec/pool-path.js";
import type { EventLog } from "./event-log.js";

/** So long the other disks may take. */
const HELD_BACK_MS = 10_000;

type Kind = "disk-opened" | "disk-failed" | "disk-changed" | "disk-removed" | "disk-fenced" | "disk-unfenced";

export interface DiskNewsOf {
	readonly events: EventLog;
	readonly clock: Clock;
}

export class DiskNews {
	readonly #of: DiskNewsOf;
	#disk: DiskConfig;
	/** What was last told of why it can't be served; null: it was served since, or shall be another one. */
	#told: string | null = null;
	/** What will be told, as it stands. */
	#held: string | null = null;
	#cancel: () => void = () => {};

	constructor(disk: DiskConfig, of: DiskNewsOf) {
		this.#disk = disk;
		this.#of = of;
	}

	/** It shall be another one. */
	isAnother(disk: DiskConfig): void {
		this.#disk = disk;
		this.#told = null;
	}

	/** What was not told yet is over. */
	forget(): void {
		this.#cancel();
		this.#held = null;
	}

	served(disk: DiskConfig): void {
		this.forget();
		this.#told = null;
		this.tell("disk-opened", "info", servedFor(disk));
	}

	/** `isAbsent`: for want of a worker, whose ways of not being there are one reason. */
	failed(reason: string, isAbsent: boolean): void {
		const isNews = isAbsent ? this.#told === null : this.#told !== reason;
		if (!isNews) return;
		const { storage } = this.#disk.disk;
		const isWaiting = storage.kind === "volume" && poolOnDisks(storage.pool) !== undefined;
		if (!isWaiting || this.#told !== null) {
			this.#tellFailed(reason);
			return;
		}
		const isHeld = this.#held !== null;
		this.#held = reason;
		if (isHeld) return;
		this.#cancel = this.#of.clock.after(HELD_BACK_MS, () => {
			if (this.#held !== null) this.#tellFailed(this.#held);
			this.#held = null;
		});
	}

	#tellFailed(reason: string): void {
		this.tell("disk-failed", "error", reason);
		this.#told = reason;
	}

	tell(kind: Kind, severity: "info" | "warning" | "error", message: string): void {
		this.#of.events.add({ kind, severity, disk: this.#disk.name, message });
	}
}

/** In words. */
function servedFor({ partOf, disk: { chunkOf } }: DiskConfig): string {
	if (chunkOf !== undefined) return `open, for pool ${poolOnDisks(chunkOf)}`;
	return partOf === undefined ? "served" : `open, for disk ${partOf}`;
}
