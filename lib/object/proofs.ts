/**
 * What stores have proved of themselves, for those who open the same one again and again: a proof writes and deletes, which costs, and a host that waits for a
 * pool opens its store every few seconds. What was proved holds for a while; what was not is tried each time. One for all stores of a process (`S3Options`).
 */

import { type Clock, systemClock } from "../clock.js";

const HOLDS_MS = 3_600_000;

export class Proofs {
	readonly #clock: Pick<Clock, "now">;
	/** When it was proved, by what that is. */
	readonly #proved = new Map<string, number>();

	constructor(clock: Pick<Clock, "now"> = systemClock) {
		this.#clock = clock;
	}

	async of(what: string, prove: () => Promise<boolean>): Promise<boolean> {
		const nowMs = this.#clock.now();
		for (const [each, atMs] of this.#proved) if (nowMs - atMs >= HOLDS_MS) this.#proved.delete(each);
		if (this.#proved.has(what)) return true;
		const isSo = await prove();
		if (isSo) this.#proved.set(what, nowMs);
		return isSo;
	}
}
