/**
 * A clock that stands still until it is told to go on, and then goes straight to the next timer. With a seeded network a run
 * that took seconds of timeouts repeats exactly, in no time. For the tests and simulations of everything that is handed its
 * clock.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../clock.js";
import { turn } from "../turn.js";

interface VirtualTimer {
	readonly dueMs: number;
	readonly callback: () => void;
}

export class VirtualClock implements Clock {
	#nowMs = 0;
	/** In the order in which they are due; equal ones in the order in which they were set. */
	readonly #timers: VirtualTimer[] = [];

	now(): number {
		return this.#nowMs;
	}

	after(delayMs: number, callback: () => void): () => void {
		if (delayMs === Number.POSITIVE_INFINITY) return () => {};
		const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
		const later = this.#timers.findIndex((other) => other.dueMs > timer.dueMs);
		this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
		return () => {
			const index = this.#timers.indexOf(timer);
			if (index >= 0) this.#timers.splice(index, 1);
		};
	}

	/** Goes to the next timer and runs it, in a turn of its own. False if none is set. */
	step(): boolean {
		const timer = this.#timers.shift();
		if (timer === undefined) return false;
		this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
		turn.begin();
		timer.callback();
		return true;
	}

	/** Lets `ms` pass, with the timers that are due by then. */
	pass(ms: number): void {
		const endMs = this.#nowMs + ms;
		for (let next = this.#timers[0]; next !== undefined && next.dueMs <= endMs; next = this.#timers[0])
			this.step();
		this.#nowMs = Math.max(this.#nowMs, endMs);
	}

	/** Lets `ms` pass in which no timer fires: those that are due by then are late. */
	stall(ms: number): void {
		this.#nowMs += ms;
	}

	/**
	 * Lets time pass until `promise` settles, and hands on what it settles with. Between two timers everything that can go
	 * on without time does so. Throws if nothing is left to wait for, or when `limitMs` of virtual time have passed.
	 */
	async until<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
		const endMs = this.#nowMs + limitMs;
		let settled = false;
		const settle = (): void => {
			settled = true;
		};
		promise.then(settle, settle);
		for (;;) {
			await nextTurn();
			if (settled) return promise;
			if (this.#nowMs > endMs) throw new Error(`still waiting after ${limitMs} ms of virtual time`);
			if (!this.step()) throw new Error("waiting for something that no timer will bring");
		}
	}
}
