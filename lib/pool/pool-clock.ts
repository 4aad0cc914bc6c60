/**
 * What time it is for a pool, which forgets what is old: a clock that jumps must not make it forget. Two answers. `now` is the machine's clock, as
 * far as it is believed: one that is more than a day ahead of what has passed is not, until it has stood for an hour, the kernel says that it is
 * kept in step with others, or somebody says that it is right. `aged` only counts what has passed, whatever the clock was set to: windows of history go by it. Between two lives
 * that is known if the machine was not started meanwhile; else it is what the clock says, and a day at most. Made by `pool.ts`.
 */

import { timeText } from "../text.js";
import type { PoolWorld } from "./folder.js";
import type { ClockMark } from "./head.js";
import type { PoolTold } from "./told.js";

const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;
/** Further ahead than this it is doubted. */
const AHEAD_US = DAY_US;
const STANDS_US = HOUR_US;

/** The clock is not believed. */
interface Doubt {
	/** Since when it has stood so. */
	readonly sinceUs: number;
	/** By how much it is ahead. */
	readonly aheadUs: number;
	/** When the kernel was asked last. */
	askedUs: number;
}

/** The clock was ahead, and was set back. */
interface SetBack {
	/** What had passed when it went ahead; undefined: that was in another life. */
	readonly sinceUs: number | undefined;
	/** To when. */
	readonly backUs: number;
	/** From when. */
	readonly untilUs: number;
}

/** It went ahead: from what it should have shown to what it did. */
interface Step {
	readonly fromUs: number;
	readonly toUs: number;
}

/** What is less is steered, not set. */
const STEP_US = SECOND_US;
const STEPS_MAX = 16;

type ClockWorld = Pick<PoolWorld, "now" | "elapsed" | "uptime">;

export class PoolClock {
	readonly #world: ClockWorld;
	/** What the clock showed when it was ahead of all that it had shown, and `elapsed` then. */
	#shownUs = Number.NEGATIVE_INFINITY;
	#atUs = 0;
	/** By how much the machine has run longer than `elapsed` knows, which stops while it sleeps. */
	#sleptUs = 0;
	/** `aged` less what the machine has run. */
	#agedUs = 0;
	#doubt: Doubt | undefined;
	readonly #news: PoolTold[] = [];
	/** The latest that it has answered. */
	#latestUs = 0;
	/** What it answered last; undefined: it is not behind the latest. */
	#behindUs: number | undefined;
	#steps: Step[] = [];
	#setBacks: SetBack[] = [];

	constructor(world: ClockWorld) {
		this.#world = world;
	}

	/** A pool on this world goes by this clock. */
	worldOn(world: PoolWorld): PoolWorld {
		const now = (): number => this.now();
		return world.uptime === undefined ? world : { ...world, now, aged: () => this.aged() };
	}

	/** The pool was opened: what its last record, and the head, say of the time. Until then the clock is believed. */
	begin(lastUs: number, mark: ClockMark | undefined): void {
		const { uptime } = this.#world;
		if (uptime === undefined) return;
		const upUs = uptime.us();
		this.#atUs = this.#world.elapsed();
		this.#sleptUs = upUs - this.#atUs;
		const { shownUs, agedUs, runUs, boot } = mark ?? { shownUs: lastUs, agedUs: lastUs };
		const isSame = uptime.boot !== "" && boot === uptime.boot;
		const passedUs = isSame && runUs !== undefined && runUs <= upUs ? upUs - runUs : undefined;
		this.#latestUs = lastUs;
		this.#shownUs = Math.max(lastUs, shownUs + (passedUs ?? 0));
		const plausibleUs = Math.min(DAY_US, Math.max(0, this.#world.now() - shownUs));
		this.#agedUs = agedUs + (passedUs ?? plausibleUs) - upUs;
	}

	/** Microseconds since 1970. */
	now(): number {
		return this.#read(false);
	}

	/** Somebody who knows says that it is right. */
	trust(): void {
		this.#read(true);
	}

	/** Why it is not believed: what it shows, and what it should by what has passed. */
	get doubt(): { readonly showsUs: number; readonly expectedUs: number } | undefined {
		const expectedUs = this.now();
		return this.#doubt && { showsUs: this.#world.now(), expectedUs };
	}

	#read(isTrusted: boolean): number {
		const nowUs = this.#world.now();
		const atUs = this.#world.elapsed();
		if (this.#shownUs === Number.NEGATIVE_INFINITY) return nowUs;
		if (!isTrusted && this.#isFar(nowUs, atUs) && this.#isDoubted(nowUs, atUs)) return this.#expectedUs(atUs);
		if (this.#doubt !== undefined) this.#believe(nowUs);
		const fromUs = this.#expectedUs(atUs);
		if (nowUs > fromUs) {
			if (nowUs > fromUs + STEP_US) this.#steps = [...this.#steps, { fromUs, toUs: nowUs }].slice(-STEPS_MAX);
			this.#shownUs = nowUs;
			this.#atUs = atUs;
		}
		this.#compare(nowUs);
		return nowUs;
	}

	/** Whether it was set back. */
	#compare(nowUs: number): void {
		const beforeUs = this.#behindUs ?? this.#latestUs;
		if (nowUs < beforeUs - STEP_US) {
			const first = this.#steps.find(({ toUs }) => toUs > nowUs);
			const sinceUs = first === undefined ? undefined : Math.min(first.fromUs, nowUs);
			this.#setBacks.push({ sinceUs, backUs: nowUs, untilUs: this.#latestUs });
			this.#steps = [];
		}
		this.#behindUs = nowUs < this.#latestUs ? nowUs : undefined;
		this.#latestUs = Math.max(this.#latestUs, nowUs);
	}

	/** Those since this was last called. */
	setBacks(): SetBack[] {
		this.now();
		return this.#setBacks.splice(0);
	}

	/** The same, but for jumps of the clock: never goes back. */
	aged(): number {
		const { uptime, now } = this.#world;
		return uptime === undefined ? now() : this.#agedUs + uptime.us();
	}

	/** What the next life goes by. */
	mark(): ClockMark | undefined {
		const { uptime } = this.#world;
		if (uptime === undefined) return undefined;
		return { boot: uptime.boot, runUs: uptime.us(), shownUs: this.now(), agedUs: this.aged() };
	}

	/** What is to be told since this was last called. */
	news(): PoolTold[] {
		this.now();
		return this.#news.splice(0);
	}

	/** What it should show by what has passed, in whole microseconds. */
	#expectedUs(atUs: number): number {
		return Math.floor(this.#shownUs + atUs - this.#atUs);
	}

	#isFar(nowUs: number, atUs: number): boolean {
		return nowUs - this.#expectedUs(atUs) > AHEAD_US;
	}

	/** Of a clock that is far ahead. */
	#isDoubted(nowUs: number, atUs: number): boolean {
		const uptime = this.#world.uptime!;
		const aheadUs = nowUs - this.#expectedUs(atUs);
		let doubt = this.#doubt;
		if (doubt === undefined) {
			// (The machine may have slept.)
			const sleptUs = uptime.us() - atUs;
			this.#shownUs += sleptUs - this.#sleptUs;
			this.#sleptUs = sleptUs;
			if (!this.#isFar(nowUs, atUs)) return false;
		}
		if (doubt === undefined || Math.abs(aheadUs - doubt.aheadUs) > MINUTE_US) {
			const isNew = doubt === undefined;
			doubt = { sinceUs: atUs, aheadUs, askedUs: Number.NEGATIVE_INFINITY };
			this.#doubt = doubt;
			if (isNew && uptime.isSynchronised()) return false;
			this.#tellDoubt(nowUs, this.#expectedUs(atUs));
		}
		if (atUs - doubt.sinceUs >= STANDS_US) return false;
		if (atUs - doubt.askedUs < SECOND_US) return true;
		doubt.askedUs = atUs;
		return !uptime.isSynchronised();
	}

	#tellDoubt(nowUs: number, expectedUs: number): void {
		const message = `the clock shows ${timeText(nowUs)}, and by what has passed it is ${timeText(expectedUs)}: it is not believed until it has stood so for an hour, is kept in step with others, or vblade pool set says clock=trusted`;
		this.#news.push({ kind: "pool-clock", level: "warn", message });
	}

	#believe(nowUs: number): void {
		this.#doubt = undefined;
		const message = `the clock is believed again: it is ${timeText(nowUs)}`;
		if (this.#news.at(-1)?.level !== "warn") this.#news.push({ kind: "pool-clock", level: "info", message });
		else this.#news.pop();
	}
}
