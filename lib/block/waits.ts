/**
 * Who waits for whom: places that have to stay behind earlier ones, and those that need wait no longer, in order of arrival. Kept
 * by `ordering.ts`, which finds out who has to.
 */

import { type Place, Wait } from "./places.js";

export class Waits {
	#unused: Wait | null = null;
	/** Those that may go now. */
	#first: Place | null = null;
	#last: Place | null = null;
	/** Requests that wait. */
	#count = 0;

	get count(): number {
		return this.#count;
	}

	/** `later` waits for `earlier`. */
	add(later: Place, earlier: Place): void {
		const last = earlier.lastWait;
		if (last?.later === later) return;
		const wait = this.#unused ?? new Wait();
		this.#unused = wait.next;
		wait.later = later;
		wait.next = null;
		if (last === null) earlier.firstWait = wait;
		else last.next = wait;
		earlier.lastWait = wait;
		later.waitsFor++;
	}

	/** A request waits, in the place that it has. */
	hold(place: Place, request: NonNullable<Place["held"]>): void {
		place.held = request;
		this.#count++;
	}

	/** It is no longer there; its place goes on waiting, for those that wait for it. */
	forget(place: Place): void {
		place.held = null;
		if (place.waitsFor > 0) this.#count--;
	}

	/** What has had this place is complete: those held back only by it may go. */
	end(done: Place): void {
		for (let wait = done.firstWait; wait !== null; ) {
			const { later, next } = wait;
			wait.later = null;
			wait.next = this.#unused;
			this.#unused = wait;
			if (later !== null) this.#endOne(later);
			wait = next;
		}
		done.firstWait = null;
		done.lastWait = null;
	}

	#endOne(later: Place): void {
		later.waitsFor--;
		if (later.waitsFor > 0) return;
		if (later.held !== null) this.#count--;
		if (this.#last === null) this.#first = later;
		else this.#last.next = later;
		this.#last = later;
	}

	/** The next one that may go, or null. */
	takeReady(): Place | null {
		const place = this.#first;
		if (place === null) return null;
		this.#first = place.next;
		if (place.next === null) this.#last = null;
		place.next = null;
		return place;
	}
}
