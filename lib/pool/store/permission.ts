/**
 * Whether a pool's owner may acknowledge a write, which is asked for each: his lease has to run, nothing that is or may be in the superblock may let
 * somebody else have the pool, and so much has to be promised in all that may be there. Told by `head-keeper.ts` what may be there.
 */

import { Lease } from "./lease.js";
import type { Superblock } from "./superblock.js";
import type { KeeperWorld } from "./superblock-swaps.js";

export class Permission {
	readonly #world: KeeperWorld;
	readonly #lease: Lease;
	/** The lease is over (true), or runs again. */
	readonly #tell: (isPaused: boolean) => void;
	#isYielding = false;
	#hasEnded = false;
	#coveredBytes = 0;
	#isPaused = false;
	#waiters: (() => void)[] = [];
	#cancelEnd = (): void => {};

	constructor(leaseMs: number, world: KeeperWorld, tell: (isPaused: boolean) => void) {
		this.#world = world;
		this.#lease = new Lease(leaseMs, () => world.elapsed());
		this.#tell = tell;
	}

	get mayAcknowledge(): boolean {
		return !this.#isYielding && !this.#hasEnded && this.#lease.isValid;
	}

	covers(bytes: number): boolean {
		return bytes <= this.#coveredBytes;
	}

	get isYielding(): boolean {
		return this.#isYielding;
	}

	get remainingMs(): number {
		return this.#hasEnded ? 0 : this.#lease.remainingMs;
	}

	/** What is there is one of these; `wantsYield`: nothing is to be acknowledged, whichever it is. */
	look(possible: readonly Superblock[], wantsYield: boolean): void {
		this.#isYielding = wantsYield || possible.some(isForTheTaking);
		this.#coveredBytes = Math.min(...possible.map(({ promised }) => promised?.bytes ?? 0));
		this.#letGo();
	}

	/** A swap that was sent then is done. */
	renewed(sentUs: number): void {
		this.#lease.renewed(sentUs);
		this.#cancelEnd();
		this.#cancelEnd = this.#world.clock.after(this.#lease.remainingMs, () => this.#over());
		if (this.#isPaused && this.#lease.isValid) {
			this.#isPaused = false;
			this.#tell(false);
		}
		this.#letGo();
	}

	#over(): void {
		const { remainingMs } = this.#lease;
		if (remainingMs > 0) this.#cancelEnd = this.#world.clock.after(remainingMs, () => this.#over());
		else if (!this.#isPaused) {
			this.#isPaused = true;
			this.#tell(true);
		}
	}

	/** Calls back once, maybe at once. */
	whenMay(waiter: () => void): void {
		if (this.#hasEnded || this.mayAcknowledge) waiter();
		else this.#waiters.push(waiter);
	}

	/** Nothing is acknowledged any more. */
	end(): void {
		this.#hasEnded = true;
		this.#cancelEnd();
		this.#letGo();
	}

	#letGo(): void {
		if (this.#waiters.length === 0 || !(this.#hasEnded || this.mayAcknowledge)) return;
		const waiters = this.#waiters;
		this.#waiters = [];
		for (const waiter of waiters) waiter();
	}
}

function isForTheTaking({ heir, isGivenBack }: Superblock): boolean {
	return heir !== undefined || isGivenBack === true;
}
