/**
 * What a member tells of requests that take remarkably long, told on by its mirror, but only while that waits for it: it is over when the member
 * has fallen out. Made by `mirror.ts` for each member.
 */

import type { DeviceListener, Stall } from "../../block/listeners.js";
import type { Clock } from "../../clock.js";
import type { Member } from "./member.js";

export class MemberStalls {
	readonly #member: Member;
	readonly #listeners: Required<DeviceListener>;
	readonly #clock: Clock;
	/** Since when the mirror is told to be waiting for it; null: it is not. */
	#sinceMs: number | null = null;

	constructor(member: Member, listeners: Required<DeviceListener>, clock: Clock) {
		this.#member = member;
		this.#listeners = listeners;
		this.#clock = clock;
	}

	stalled(stall: Stall): void {
		if (!this.#member.takesPart) return;
		this.#sinceMs = this.#clock.now() - stall.waitedMs;
		this.#listeners.stalled(stall);
	}

	resumed(waitedMs: number, requestCount: number): void {
		if (this.#sinceMs === null) return;
		this.#sinceMs = null;
		this.#listeners.resumed(waitedMs, requestCount);
	}

	/** The mirror goes on without it. */
	lost(): void {
		if (this.#sinceMs !== null) this.resumed(this.#clock.now() - this.#sinceMs, 1);
	}
}
