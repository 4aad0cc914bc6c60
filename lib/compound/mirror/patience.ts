/**
 * How long a mirror waits for a member: one that has not answered something for so long, without an error either, falls out like one that fails,
 * and whatever waits for it goes on without it. The last one in sync is waited for as long as it takes. Started by `mirror.ts`; also asked by
 * `open.ts`, where nobody is a member yet.
 */

import type { Clock } from "../../clock.js";
import { StorageStatus } from "../../errors.js";
import type { Ledger } from "./ledger.js";
import type { Rest } from "./pace.js";

const TICK_MS = 1000;

export class Patience {
	readonly #ledger: Ledger;
	readonly #rest: Rest;
	/** Milliseconds; a second more goes by before it is noticed. */
	timeoutMs: number;

	constructor(ledger: Ledger, rest: Rest, timeoutMs: number) {
		this.#ledger = ledger;
		this.#rest = rest;
		this.timeoutMs = timeoutMs;
	}

	/** Goes on until `rest` is over. */
	async run(): Promise<void> {
		for (;;) {
			await this.#rest.sleep(TICK_MS);
			if (this.#rest.isOver) return;
			this.#tick();
		}
	}

	#tick(): void {
		const ticks = Math.ceil(this.timeoutMs / TICK_MS);
		for (const { pending } of this.#ledger.members) pending.tick++;
		for (const member of this.#ledger.members) {
			if (!member.pending.isLate(ticks)) continue;
			if (this.#ledger.lose(member, StorageStatus.unreachable, true)) member.pending.giveUp();
		}
	}
}

/** What `work` comes to, or `late` if that takes longer. */
export async function within<T>(clock: Clock, timeoutMs: number, work: Promise<T>, late: T): Promise<T> {
	let cancel = (): void => {};
	const silence = new Promise<T>((resolve) => {
		cancel = clock.after(timeoutMs, () => resolve(late));
	});
	try {
		return await Promise.race([work, silence]);
	} finally {
		cancel();
	}
}
