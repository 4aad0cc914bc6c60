/**
 * Who answers for an address: asked of all, again and again, until somebody has said something that makes sense, or the time is over. The target that
 * served the disk before is taken as soon as it answers; another one only if that one does not, for anybody on a link can answer, and be the first.
 * Used by `far-disk.ts`.
 */

import { AoeFlag, aoeVersionFlags } from "../aoe/header.js";
import { InitiatorError } from "./errors.js";
import { broadcast, type Initiator } from "./initiator.js";
import { configQuery, type FoundBlade } from "./query.js";
import type { AnswerReceiver } from "./request.js";

/** The one that is known has so long, once another one has answered. */
const PREFERENCE_MS = 500;

/** The target that has served the disk, and what that is. */
export interface KnownTarget {
	readonly mac: number;
	readonly sizeBytes: number;
	readonly serial: string | null;
	/** Of those who have had the disk, which one it is; null: it has been this target's alone. */
	readonly epoch: number | null;
}

/** Another target has another disk at the address of the one that is known: the disk itself may still come back as it was. */
export function isImpostor(target: KnownTarget, known: KnownTarget | null): boolean {
	if (known === null || target.mac === known.mac) return false;
	return target.sizeBytes !== known.sizeBytes || target.serial !== known.serial;
}

export interface Wanted {
	readonly shelf: number;
	readonly slot: number;
	/** Of the target that is known; null: of none. */
	readonly mac: number | null;
	readonly limitMs: number;
}

export class Search {
	/** Null: nobody answers. */
	readonly found: Promise<FoundBlade | null>;
	readonly #initiator: Initiator;
	readonly #wanted: Wanted;
	readonly #endMs: number;
	readonly #tags: number[] = [];
	/** What another one than the known has said, the first of them. */
	#other: FoundBlade | null = null;
	#attempts = 0;
	#forgetNext: () => void = () => {};
	#forgetPreference: () => void = () => {};
	#resolve!: (found: FoundBlade | null) => void;

	constructor(initiator: Initiator, wanted: Wanted) {
		this.#initiator = initiator;
		this.#wanted = wanted;
		this.#endMs = initiator.clock.now() + wanted.limitMs;
		this.found = new Promise((resolve) => {
			this.#resolve = resolve;
		});
		this.#ask();
	}

	#ask(): void {
		const { shelf, slot } = this.#wanted;
		const { clock } = this.#initiator;
		const leftMs = this.#endMs - clock.now();
		if (leftMs <= 0) {
			this.end(this.#other);
			return;
		}
		const route = broadcast(shelf, slot);
		this.#tags.push(this.#initiator.send(route, configQuery, this.#heard));
		const waitMs = Math.min(route.roundTrip.timeoutMs(this.#attempts++), leftMs);
		this.#forgetNext = clock.after(waitMs, () => this.#ask());
	}

	readonly #heard: AnswerReceiver = (bytes, at, frameBytes, peer) => {
		if ((aoeVersionFlags.get(bytes, at) & AoeFlag.error) !== 0) return;
		let blade: FoundBlade;
		try {
			blade = configQuery.decode(bytes, at, frameBytes, peer);
		} catch (error) {
			if (!(error instanceof InitiatorError)) throw error;
			return;
		}
		const { mac } = this.#wanted;
		if (mac === null || blade.mac === mac) this.end(blade);
		else if (this.#other === null) {
			this.#other = blade;
			this.#forgetPreference = this.#initiator.clock.after(PREFERENCE_MS, () => this.end(blade));
		}
	};

	/** Nothing is asked or heard any more. May be called again. */
	end(found: FoundBlade | null): void {
		this.#forgetNext();
		this.#forgetPreference();
		for (const tag of this.#tags.splice(0)) this.#initiator.forget(tag);
		this.#resolve(found);
	}
}
