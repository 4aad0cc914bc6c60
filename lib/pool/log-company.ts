/**
 * Has the log wait for those whom it has answered just now, who are likely to ask for more, turn by turn of the event loop: how long, `commit-delay.ts`
 * says. Kept by `log.ts`, which tells it what it sends and whom it answers.
 */

import { CommitDelay } from "./commit-delay.js";
import type { PoolWorld } from "./folder.js";

export class LogCompany {
	readonly #world: Pick<PoolWorld, "elapsed" | "nextTurn" | "pump">;
	/** How many wait for the record that is gathered. */
	readonly #gathered: () => number;
	readonly #delay = new CommitDelay();
	/** When the last record was sent. */
	#sentUs = 0;
	#isTurning = false;
	readonly #turned = (): void => this.#nextTurn();

	constructor(world: Pick<PoolWorld, "elapsed" | "nextTurn" | "pump">, gathered: () => number) {
		this.#world = world;
		this.#gathered = gathered;
	}

	/** A record is sent: nobody is waited for any more. */
	sent(): void {
		this.#sentUs = this.#world.elapsed();
		this.#delay.isWaiting = false;
	}

	/** The record is stable, and so many who waited for that are told. */
	answered(count: number): void {
		const nowUs = this.#world.elapsed();
		this.#delay.begin(count, this.#gathered(), nowUs - this.#sentUs, nowUs);
		if (this.#delay.isWaiting && !this.#isTurning) this.#turn();
	}

	/** Whether the next record is better not sent yet. When that changes, the pump is woken. */
	get isAwaited(): boolean {
		return this.#delay.isWaiting && this.#delay.goesOn(this.#gathered());
	}

	#turn(): void {
		this.#isTurning = true;
		void this.#world.nextTurn().then(this.#turned);
	}

	#nextTurn(): void {
		this.#isTurning = false;
		if (!this.#delay.isWaiting) return;
		this.#delay.turn(this.#gathered(), this.#world.elapsed());
		if (this.#delay.isWaiting) this.#turn();
		else this.#world.pump.wake();
	}
}
