/**
 * Who has a pool that two hosts serve, as was seen last from a host that has it not: where it is asked, and whether something was given up since that clients
 * here may know. Kept by `seat.ts`.
 */

import { lostTo, type PartnerPlace, type Superblock } from "../pool/store/superblock.js";

export class SeenOwner {
	#superblock: Superblock | undefined;
	/** The latest, also while nothing is known. */
	#epoch = 0;
	#name: string | null = null;

	/** Undefined: not known, or it serves nobody else. */
	get at(): PartnerPlace | undefined {
		return this.#superblock?.at;
	}

	/** What the other host was called when it had the pool last; null: it never had, as far as was seen. */
	get name(): string | null {
		return this.#name;
	}

	/** Whether something was given up. What is older than what was seen says nothing. */
	saw(superblock: Superblock): { readonly isLoss: boolean } {
		const before = this.#superblock;
		if (superblock.epoch < this.#epoch) return { isLoss: false };
		this.is(superblock);
		return { isLoss: before !== undefined && lostTo(superblock) > lostTo(before) };
	}

	/** Null: that is not known. */
	is(superblock: Superblock | null): void {
		this.#superblock = superblock ?? undefined;
		this.#name = superblock?.owner.name ?? this.#name;
		this.#epoch = superblock?.epoch ?? this.#epoch;
	}
}
