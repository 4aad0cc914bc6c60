/**
 * The limit of a disk: so many operations and bytes per second, and what is more than that waits its turn. Every disk has this
 * layer on top of its storage (`lib/disk.ts`), whatever that is and whoever serves it; while there is no limit it hands on, and
 * that is all. `rates.ts` knows when the next request may go.
 *
 * It is here, and not where frames arrive, because to wait is the only way to be slow without an error that every protocol has:
 * dropping a frame makes AoE's initiators wait as well, but by their timers, which are far too coarse. How much of a link may be
 * taken by those that wait is another question, which `lib/aoe/places.ts` answers. It is on top because what waits below the
 * durability layer would hold up the flush of its burst.
 *
 * Reads wait for reads and what changes something for what changes something, in order of arrival, so that a limit of the ones
 * does not slow the others. Of two that may go at a time, the one that came first does. What overlaps keeps its order across:
 * a read goes behind the last write that it overlaps, and the other way round, and those behind it in line wait as well.
 *
 * Flushes do not wait: they promise something of what is complete, and nothing that waits is. Nor do requests that the device
 * would refuse.
 */

import { type Clock, systemClock } from "../clock.js";
import { COUNT_START } from "../counters.js";
import { StorageStatus } from "../errors.js";
import type { LimitSpec } from "../spec/spec.js";
import type { CloseEnd } from "./close.js";
import type { BlockDevice } from "./device.js";
import { DeviceLayer } from "./layer.js";
import { Line, NOBODY, Waiting } from "./lines.js";
import { Direction, Rates } from "./rates.js";
import { BlockOp, type BlockRequest, OP_TRAITS } from "./request.js";

/** Most that are let go in one turn of the loop, so that others have theirs. */
const LET_GO_MAX = 256;
/** Longest sleep, far below what a timer can do: then it is looked once more. */
const SLEEP_MAX_MS = 60_000;
const US_PER_MS = 1000;

export class LimitLayer extends DeviceLayer {
	readonly #clock: Clock;
	#limit: LimitSpec | undefined;
	/** Null while there is no limit and nobody waits. */
	#rates: Rates | null = null;
	readonly #lines: readonly [Line, Line] = [new Line(), new Line()];
	#unused: Waiting | null = null;
	#arrivals = COUNT_START;
	#lettingGo = false;
	#wakeAtMs = Infinity;
	#stopTimer: (() => void) | null = null;
	#delayed = COUNT_START;
	#delayedMs = COUNT_START;

	constructor(device: BlockDevice, clock: Clock = systemClock) {
		super(device);
		this.#clock = clock;
	}

	/** Where requests go in: here, or past this layer as long as there is no limit. To be asked for each. */
	get entry(): BlockDevice {
		return this.#rates === null ? this.device : this;
	}

	/** Undefined: none. */
	get limit(): LimitSpec | undefined {
		return this.#limit;
	}

	/** In force at once, for those that wait as well. */
	set limit(limit: LimitSpec | undefined) {
		this.#limit = limit;
		if (limit === undefined && this.#rates === null) return;
		this.#obey(new Rates(limit ?? {}));
	}

	/** It has a limit, or there are still some that wait for the last one. */
	get isLimited(): boolean {
		return this.#rates !== null;
	}

	/** Requests that wait at present. */
	get waiting(): number {
		return this.underWay;
	}

	/** Requests that have waited since the layer was made. */
	get delayed(): number {
		return this.#delayed + 0;
	}

	/** For how long, in all, in microseconds. */
	get delayedUs(): number {
		return Math.round(this.#delayedMs * US_PER_MS);
	}

	protected handle(request: BlockRequest): void {
		if (this.#rates === null) {
			this.device.submit(request);
			return;
		}
		if (this.dealtWith(request)) return;
		const nowMs = this.#clock.now();
		// Who came first goes first, even if the timer is late.
		if (this.underWay > 0) this.#letGo(nowMs);
		const direction = directionOf(request);
		const behind = this.#lines[other(direction)].lastOverlapping(request);
		// Those that come from a device that is done at once are for the loop that is already running.
		const isFirst = behind === NOBODY && this.#lines[direction].first === null && !this.#lettingGo;
		if (isFirst && this.#isDue(direction, nowMs)) this.#go(request, direction, nowMs);
		else this.#hold(request, direction, behind, nowMs);
	}

	/** Nobody but those before it keeps a request of this direction. */
	#isDue(direction: Direction, nowMs: number): boolean {
		return this.#rates === null || this.#rates.dueMs(direction) <= nowMs;
	}

	#go(request: BlockRequest, direction: Direction, nowMs: number): void {
		this.#rates?.charge(direction, bytesOf(request), nowMs);
		this.device.submit(request);
	}

	/** Never called: a request that has gone down does not come by again. */
	below(request: BlockRequest): void {
		request.resume();
	}

	#hold(request: BlockRequest, direction: Direction, behind: number, nowMs: number): void {
		request.park();
		const waiting = this.#unused ?? new Waiting();
		this.#unused = waiting.next;
		this.#arrivals += 1;
		waiting.request = request;
		waiting.arrival = this.#arrivals;
		waiting.behind = behind;
		waiting.sinceMs = nowMs;
		this.#lines[direction].add(waiting);
		this.started();
		this.#setTimer(nowMs);
	}

	/** Lets those go that may, at most so many that the loop does not notice. */
	#letGo(nowMs: number): void {
		// Whoever is let go may be done, and submitted again, before this has come to its end.
		if (this.#lettingGo) return;
		this.#lettingGo = true;
		for (let left = LET_GO_MAX; left > 0; left--) {
			const direction = this.#next(nowMs);
			if (direction === undefined) break;
			const waiting = this.#lines[direction].shift();
			const { request } = waiting;
			this.#forget(waiting, nowMs);
			this.#go(request, direction, nowMs);
		}
		this.#lettingGo = false;
		if (this.underWay > 0) {
			this.#setTimer(nowMs);
			return;
		}
		this.#clearTimer();
		if (this.#limit === undefined) this.#rates = null;
	}

	/** Whose first one is to go now. */
	#next(nowMs: number): Direction | undefined {
		const mayRead = this.#dueMs(Direction.read) <= nowMs;
		const mayWrite = this.#dueMs(Direction.write) <= nowMs;
		if (!mayRead) return mayWrite ? Direction.write : undefined;
		if (!mayWrite) return Direction.read;
		const [reads, writes] = this.#lines;
		return reads.first!.arrival < writes.first!.arrival ? Direction.read : Direction.write;
	}

	/** When the first one in this line may go; Infinity if there is none, or one in the other line has to go before. */
	#dueMs(direction: Direction): number {
		const { first } = this.#lines[direction];
		if (first === null || this.#rates === null) return Infinity;
		const before = this.#lines[other(direction)].first;
		if (before !== null && before.arrival <= first.behind) return Infinity;
		return this.#rates.dueMs(direction);
	}

	#forget(waiting: Waiting, nowMs: number): void {
		if (nowMs > waiting.sinceMs) {
			this.#delayed += 1;
			this.#delayedMs += nowMs - waiting.sinceMs;
		}
		waiting.next = this.#unused;
		this.#unused = waiting;
		this.ended();
	}

	#setTimer(nowMs: number): void {
		if (this.#lettingGo) return;
		const dueMs = Math.min(this.#dueMs(Direction.read), this.#dueMs(Direction.write));
		if (dueMs >= this.#wakeAtMs) return;
		this.#stopTimer?.();
		this.#wakeAtMs = dueMs;
		// Whole milliseconds: what a timer can do, and never so few that it comes too early again and again.
		const delayMs = Math.min(Math.max(0, Math.ceil(dueMs - nowMs)), SLEEP_MAX_MS);
		this.#stopTimer = this.#clock.after(delayMs, () => this.#woken());
	}

	#clearTimer(): void {
		this.#stopTimer?.();
		this.#stopTimer = null;
		this.#wakeAtMs = Infinity;
	}

	#woken(): void {
		this.#clearTimer();
		this.#letGo(this.#clock.now());
	}

	#obey(rates: Rates): void {
		const nowMs = this.#clock.now();
		if (this.#rates !== null) rates.follow(this.#rates, nowMs);
		this.#rates = rates;
		this.#clearTimer();
		this.#letGo(nowMs);
	}

	override cancel(request: BlockRequest): void {
		const waiting = this.#lines[directionOf(request)].remove(request);
		if (waiting === null) {
			super.cancel(request);
			return;
		}
		const nowMs = this.#clock.now();
		this.#forget(waiting, nowMs);
		request.complete(StorageStatus.cancelled);
		// Others may have been behind it.
		this.#letGo(nowMs);
	}

	/** Those that wait are let go at once. */
	override close(limitMs?: number): Promise<CloseEnd> {
		const closing = super.close(limitMs);
		if (this.underWay > 0) this.limit = undefined;
		return closing;
	}
}

function directionOf({ op }: BlockRequest): Direction {
	return OP_TRAITS[op].changes ? Direction.write : Direction.read;
}

function other(direction: Direction): Direction {
	return direction === Direction.read ? Direction.write : Direction.read;
}

/** What is moved. A trim moves nothing; nor do zeroes, as a rule: they are noted down. */
function bytesOf({ op, lengthBytes }: BlockRequest): number {
	return op === BlockOp.read || op === BlockOp.write ? lengthBytes : 0;
}
