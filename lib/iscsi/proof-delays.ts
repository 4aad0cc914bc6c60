/**
 * Wrong proofs, by the address that they come from and the target that they are for: after some in a row the next ones are looked at one after the other, with
 * a delay before each, so that nobody tries secret after secret as fast as he can, over however many connections. Others don't wait, nor does whoever logs in
 * to another target from there; and who has a secret of another one does not end it by that. Kept by `server.ts`, asked by
 * each login (`login.ts`).
 */

import type { Clock } from "../clock.js";
import { clientOf } from "../nbd/places.js";

/** So many in a row cost nothing: somebody has mistyped. */
const FREE = 3;
/** Before the next one; twice as long after each that is wrong, too. */
const FIRST_MS = 1000;
const DELAY_MAX_MS = 8000;
/** Longer than this nobody waits, for a login has a limit: he is refused unheard. */
const WAIT_MAX_MS = 10_000;
/** After so long without another one all is forgotten. */
const FORGET_MS = 10 * 60_000;
/** Of so many addresses and targets they are known: of those that have been wrong last. */
const KNOWN_MAX = 1024;

interface Wrong {
	count: number;
	lastMs: number;
	/** When the next one is looked at. */
	nextMs: number;
}

/** What a login asks before it looks at a proof, and tells afterwards. `target`: its name; empty: for discovery. */
export interface ProofGate {
	/** How long it has to wait; null: it is refused, for too many wait already. */
	begin(target: string): number | null;
	ended(target: string, isRight: boolean): void;
}

export class ProofDelays {
	readonly #clock: Clock;
	/** In the order of their last ones. */
	readonly #wrong = new Map<string, Wrong>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** For who is at the other end of a stream. */
	of(peer: string): ProofGate {
		const client = clientOf(peer);
		return {
			begin: (target) => this.#begin(`${client} ${target}`),
			ended: (target, isRight) => this.#ended(`${client} ${target}`, isRight),
		};
	}

	#begin(which: string): number | null {
		const now = this.#clock.now();
		const wrong = this.#wrong.get(which);
		if (wrong === undefined || wrong.count < FREE || now - wrong.lastMs > FORGET_MS) return 0;
		const waitMs = Math.max(0, wrong.nextMs - now);
		if (waitMs > WAIT_MAX_MS) return null;
		wrong.nextMs = now + waitMs + delayOf(wrong);
		return waitMs;
	}

	#ended(which: string, isRight: boolean): void {
		if (isRight) {
			this.#wrong.delete(which);
			return;
		}
		const now = this.#clock.now();
		const before = this.#wrong.get(which);
		const isForgotten = before === undefined || now - before.lastMs > FORGET_MS;
		const wrong = isForgotten ? { count: 0, lastMs: now, nextMs: now } : before;
		wrong.count += 1;
		wrong.lastMs = now;
		if (wrong.count === FREE) wrong.nextMs = now + delayOf(wrong);
		this.#wrong.delete(which);
		this.#wrong.set(which, wrong);
		if (this.#wrong.size <= KNOWN_MAX) return;
		const [longestAgo] = this.#wrong.keys();
		this.#wrong.delete(longestAgo!);
	}
}

function delayOf({ count }: Wrong): number {
	return Math.min(DELAY_MAX_MS, FIRST_MS * 2 ** (count - FREE));
}
