/**
 * Whether a pool that two hosts serve goes to the other one: ownership follows the load, counted in requests. It goes as soon as the others have asked for much
 * more than who owns it, several looks in a row; and not soon again, the less so the more often it has gone of late, so that one which both use stays.
 * Of several others it goes to the one that asks for most. Asked by `lib/daemon/seat.ts`, on the owner's side.
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
/** Who says that he has to have it gets it so often of late before it stays longer for him, too: what clusters do when they begin. */
const WANTED_MOVES = 32;
/** For so long a move, or a try, counts as one of late. */
const LATE_MS = 600_000;

export class Pull {
	#streak = 0;
	#cameMs = Number.NEGATIVE_INFINITY;
	/** When it came here, of late. */
	#moves: number[] = [];
	#here = 0;
	/** Which of the others have asked for how much. */
	readonly #there = new Map<string, number>();
	/** Who has asked for most, look after look. */
	#heir = "";

	/** A request of this host's own clients. */
	asked(): void {
		this.#here++;
	}

	/** Of clients of another host, which that has handed on. */
	askedFor(host: string): void {
		this.#there.set(host, (this.#there.get(host) ?? 0) + 1);
	}

	/** It is owned here from now on, or stays after all: it is not asked to go at once again. */
	came(nowMs: number): void {
		this.#cameMs = nowMs;
		this.#moves = [...this.#moves.filter((each) => nowMs - each < LATE_MS), nowMs];
		this.#streak = 0;
		this.#forget();
	}

	#forget(): void {
		this.#here = 0;
		this.#there.clear();
	}

	/** How long it stays at least, from when it came. */
	get stayMs(): number {
		return this.#stayMs(2);
	}

	#stayMs(moves: number): number {
		return Math.min(STAY_MOST_MS, STAY_MS * 2 ** Math.max(0, this.#moves.length - moves));
	}

	/** How long it stays yet when another host says that it has to have it, for what nobody can do for it. */
	wantedInMs(nowMs: number): number {
		return Math.max(0, this.#cameMs + this.#stayMs(WANTED_MOVES) - nowMs);
	}

	/** To which host it is to go, by what was asked since the last look; undefined: it stays. */
	look(nowMs: number): string | undefined {
		const [heir, most] = this.#most();
		const isTheirs = most >= LEAST && most >= TIMES * this.#here;
		const goesOn = isTheirs && heir === this.#heir;
		this.#streak = goesOn ? this.#streak + 1 : Number(isTheirs);
		this.#heir = heir;
		this.#forget();
		return this.#streak >= LOOKS && nowMs - this.#cameMs >= this.stayMs ? heir : undefined;
	}

	#most(): readonly [host: string, asked: number] {
		let most: readonly [string, number] = ["", 0];
		for (const each of this.#there) if (each[1] > most[1]) most = each;
		return most;
	}
}
