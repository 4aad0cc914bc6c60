/**
 * What initiators did on disks that a worker has closed since, or on exports that it has taken away: it counts from nothing when the disk
 * is there again, and whoever asks who has used a disk wants to know all of it. As many as fit, those that were seen last. Used by
 * `onlooker.ts`.
 */

import { joined } from "./look-parts.js";
import type { InitiatorCounts } from "./seams.js";

const MOST = 1024;

/** An initiator of a disk on a link, by their names. */
export interface PastAsker {
	readonly mac: string;
	readonly link: string;
	readonly disk: string;
	readonly counts: InitiatorCounts;
}

export class PastAskers {
	/** The latest is last. */
	readonly #askers = new Map<string, PastAsker>();

	constructor(readonly most = MOST) {}

	/** It is no more, having done that. */
	add(asker: PastAsker): void {
		const { mac, link, disk, counts } = asker;
		if (counts.lastSeenMs === null) return;
		const key = `${mac} ${link} ${disk}`;
		const before = this.#askers.get(key);
		this.#askers.delete(key);
		this.#askers.set(key, { ...asker, counts: before ? joined([before.counts, counts]) : counts });
		for (const oldest of this.#askers.keys()) {
			if (this.#askers.size <= this.most) return;
			this.#askers.delete(oldest);
		}
	}

	/** The disk is gone for good. */
	forget(disk: string): void {
		for (const [key, asker] of this.#askers) if (asker.disk === disk) this.#askers.delete(key);
	}

	all(): Iterable<PastAsker> {
		return this.#askers.values();
	}
}
