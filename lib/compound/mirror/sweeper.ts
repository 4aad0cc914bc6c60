/**
 * Forgets where a mirror was being written, lazily: now and then, when all members have what was written there on stable storage. Made by the
 * mirror; the last time when it is closed.
 */

import { StorageStatus } from "../../errors.js";
import type { Ledger } from "./ledger.js";
import type { Rest } from "./pace.js";

const SWEEP_MS = 5000;

export class Sweeper {
	readonly #ledger: Ledger;
	readonly #rest: Rest;

	constructor(ledger: Ledger, rest: Rest) {
		this.#ledger = ledger;
		this.#rest = rest;
	}

	/** Goes on until `rest` is over. */
	async run(): Promise<void> {
		for (;;) {
			await this.#rest.sleep(SWEEP_MS);
			if (this.#rest.isOver) return;
			await this.sweep(false);
		}
	}

	/** `all`: nobody writes any more. */
	async sweep(all: boolean): Promise<void> {
		if (!this.#ledger.intents.sweep(all)) return;
		const members = this.#ledger.members.filter(({ takesPart }) => takesPart);
		const flushes = await Promise.all(members.map((member) => member.flush()));
		let isStable = true;
		for (const [i, member] of members.entries()) {
			const { status } = flushes[i]!;
			if (status !== StorageStatus.ok && !this.#ledger.flushFailed(member, status)) isStable = false;
		}
		if (isStable) this.#ledger.forget();
		await this.#ledger.settle();
	}
}
