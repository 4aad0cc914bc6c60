/**
 * Hosts in a simulation of a pool's owners: each has a clock that goes a little faster or slower than the true time, may be stopped at any place where
 * something is waited for, and may be cut off from the head that all of them share. For `owner-sim.ts`.
 */

import type { Clock } from "../../../lib/clock.js";
import type { HeadBackend, HeadValue } from "../../../lib/object/head-backend.js";
import type { Random } from "../../../lib/random.js";
import type { VirtualClock } from "../../../lib/testing/virtual-clock.js";

/** Clocks differ by so much at most, each way. */
const RATE_OFF = 0.04;
const STOPS = 0.02;

/** A process of a host as the true time sees it: it runs, stands still, or is no more. */
export class Life {
	isKilled = false;
	#stoppedUntilMs = 0;
	#held: (() => void)[] = [];

	constructor(readonly truth: VirtualClock) {}

	get isStopped(): boolean {
		return this.truth.now() < this.#stoppedUntilMs;
	}

	stop(ms: number): void {
		const untilMs = this.truth.now() + ms;
		if (untilMs <= this.#stoppedUntilMs) return;
		this.#stoppedUntilMs = untilMs;
		this.truth.after(ms, () => {
			if (!this.isStopped) this.#wake();
		});
	}

	/** All that has come meanwhile, each in a turn of its own. */
	#wake(): void {
		for (const go of this.#held.splice(0)) this.truth.after(0, go);
	}

	/** Now, or when it runs again, or never. */
	run(act: () => void): void {
		if (this.isKilled) return;
		if (this.isStopped) this.#held.push(() => this.run(act));
		else act();
	}

	/** Resolves when it runs. */
	runs(): Promise<void> {
		return new Promise((resolve) => this.run(resolve));
	}
}

/** The clock of a process: timers that are due while it is stopped are late. */
export class HostClock implements Clock {
	readonly #life: Life;
	readonly #rate: number;
	readonly #beganMs: number;

	constructor(life: Life, random: Random, rateOff = RATE_OFF) {
		this.#life = life;
		this.#rate = 1 + rateOff * random.pick([-1, 1, 2 * random.next() - 1]);
		this.#beganMs = 1e6 * random.next();
	}

	now(): number {
		return this.#beganMs + this.#life.truth.now() * this.#rate;
	}

	after(delayMs: number, callback: () => void): () => void {
		let isOff = false;
		const fire = (): void => {
			if (!isOff) callback();
		};
		const cancel = this.#life.truth.after(delayMs / this.#rate, () => this.#life.run(fire));
		return () => {
			isOff = true;
			cancel();
		};
	}
}

/** The way of a process to the head: what is asked while it is cut goes nowhere, and what is answered comes never. */
export class HostLine implements HeadBackend {
	readonly name = "head";
	readonly #life: Life;
	readonly #backend: HeadBackend;
	readonly #random: Random;
	readonly #stops: number;
	#cutUntilMs = 0;

	/** @param stops how likely it is that the process is stopped before it asks, and before it hears */
	constructor(life: Life, backend: HeadBackend, random: Random, stops = STOPS) {
		this.#stops = stops;
		this.#life = life;
		this.#backend = backend;
		this.#random = random;
	}

	get counts(): HeadBackend["counts"] {
		return this.#backend.counts;
	}

	get #isCut(): boolean {
		return this.#life.truth.now() < this.#cutUntilMs;
	}

	cut(ms: number): void {
		this.#cutUntilMs = Math.max(this.#cutUntilMs, this.#life.truth.now() + ms);
	}

	open(signal: AbortSignal): Promise<void> {
		return this.#pass(() => this.#backend.open(signal));
	}

	read(signal: AbortSignal): Promise<HeadValue | null> {
		return this.#pass(() => this.#backend.read(signal));
	}

	swap(id: string | null, value: Buffer, signal: AbortSignal): Promise<string | null> {
		return this.#pass(() => this.#backend.swap(id, value, signal));
	}

	async #pass<T>(ask: () => Promise<T>): Promise<T> {
		await this.#mayStop();
		if (this.#isCut) return new Promise(() => {});
		try {
			return await ask();
		} finally {
			if (this.#isCut) await new Promise(() => {});
			await this.#mayStop();
		}
	}

	async #mayStop(): Promise<void> {
		if (this.#random.chance(this.#stops)) this.#life.stop(this.#random.below(15_000));
		await this.#life.runs();
	}

	async close(): Promise<void> {}
}
