/**
 * Forgets where a mirror was being written, lazily: now and then, when all members have what was written there on stable storage. Also begins a
 * new generation from time to time, while the mirror is written to: a member that comes back as an older copy of itself is known by that. Made by the
 * mirror; the last time when it is closed.
 */

import type { Clock } from "../../clock.js";
import { StorageStatus } from "../../errors.js";
import type { Ledger } from "./ledger.js";
import { withEach } from "./member.js";
import type { Rest } from "./pace.js";

const SWEEP_MS = 5000;
/** What was written before the last generation is known to be missing on a copy. */
const GENERATION_MS = 3_600_000;

export class Sweeper {
	readonly #ledger: Ledger;
	readonly #rest: Rest;
	readonly #clock: Clock;
	/** When a generation was begun here last, and whether something has been written since. */
	#raisedMs: number;
	#isWritten = false;

	constructor(ledger: Ledger, rest: Rest, clock: Clock) {
		this.#ledger = ledger;
		this.#rest = rest;
		this.#clock = clock;
		this.#raisedMs = clock.now();
	}

	/** Goes on until `rest` is over. */
	async run(): Promise<void> {
		for (;;) {
			await this.#rest.sleep(SWEEP_MS);
			if (this.#rest.isOver) return;
			await this.#renew();
			await this.sweep(false);
		}
	}

	async #renew(): Promise<void> {
		this.#isWritten ||= this.#ledger.intents.wanted.size > 0;
		const nowMs = this.#clock.now();
		if (!this.#isWritten || nowMs - this.#raisedMs < GENERATION_MS) return;
		this.#raisedMs = nowMs;
		this.#isWritten = false;
		await renew(this.#ledger);
	}

	/** `all`: nobody writes any more. */
	async sweep(all: boolean): Promise<void> {
		if (!this.#ledger.intents.sweep(all)) return;
		const members = this.#ledger.members.filter(({ takesPart }) => takesPart);
		const flushes = await withEach(members, (member) => member.flush());
		let isStable = true;
		for (const [i, member] of members.entries()) {
			const { status } = flushes[i]!;
			if (status !== StorageStatus.ok && !this.#ledger.flushFailed(member, status)) isStable = false;
		}
		if (isStable) this.#ledger.forget();
		await this.#ledger.settle();
	}
}

/** A copy of a member from before is known by it to be none of what the others left: the second generation says that all have the first. */
export async function renew(ledger: Ledger): Promise<void> {
	if (await ledger.raise()) await ledger.raise();
}
