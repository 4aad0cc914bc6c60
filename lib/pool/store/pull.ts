/**
 * Whether a pool that two hosts serve goes to the other one: ownership follows the load, counted in requests. It goes as soon as the others have asked for much
 * more than who owns it, several looks in a row; and not soon again, the less so the more often it has gone of late, so that one which both use stays.
 * Asked by `lib/daemon/seat.ts`, on the owner's side.
 */

/** Between two looks. */
export const LOOK_MS = 100;
/** So many in a row: with the handover it is less than a second. */
const LOOKS = 3;
/** Requests between two looks: a host that only looks (a partition table, a ping) pulls at nothing. */
const LEAST = 8;
/** Of the owner's own. */
const TIMES = 3;
const STAY_MS = 1_000;
const STAY_MOST_MS = 60_000;
/** For so long a move, or a try, counts as one of late. */
const LATE_MS = 600_000;

export class Pull {
	#streak = 0;
	#cameMs = Number.NEGATIVE_INFINITY;
	/** When it came here, of late. */
	#moves: number[] = [];
	#here = 0;
	#there = 0;

	/** A request of this host's own clients. */
	asked(): void {
		this.#here++;
	}

	/** Of clients of others, which they have handed on. */
	askedFor(): void {
		this.#there++;
	}

	/** It is owned here from now on. */
	came(nowMs: number): void {
		this.#cameMs = nowMs;
		this.#moves = [...this.#moves.filter((each) => nowMs - each < LATE_MS), nowMs];
		this.#streak = 0;
		this.#here = 0;
		this.#there = 0;
	}

	/** How long it stays at least, from when it came. */
	get stayMs(): number {
		return Math.min(STAY_MOST_MS, STAY_MS * 2 ** Math.max(0, this.#moves.length - 2));
	}

	/** True: it is to go, by what was asked since the last look. */
	look(nowMs: number): boolean {
		const isTheirs = this.#there >= LEAST && this.#there >= TIMES * this.#here;
		this.#streak = isTheirs ? this.#streak + 1 : 0;
		this.#here = 0;
		this.#there = 0;
		return this.#streak >= LOOKS && nowMs - this.#cameMs >= this.stayMs;
	}

	/** It did not come to it: not at once again. */
	stays(nowMs: number): void {
		this.came(nowMs);
	}
}
