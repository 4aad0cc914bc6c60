/**
 * What has changed since the last look, of all that a worker counts: for each thing the generation of figures in which it was first
 * seen, in which it last changed, and whether it is still there. Used by `figures.ts`.
 */

/** Looks of about a tenth of a microsecond each. */
const LOOKS_PER_TURN = 2048;

/** What a turn of the loop may do. */
export class Budget {
	#looks = 0;

	/** True if the others shall have their turn now. */
	spend(looks: number): boolean {
		this.#looks += looks;
		if (this.#looks < LOOKS_PER_TURN) return false;
		this.#looks = 0;
		return true;
	}
}

/** What has been found of a thing so far. */
export class Track {
	/** The generation in which it last changed, and the one in which it was last there. */
	changed: number;
	there: number;
	/** When a count of it was last seen to have changed; 0: never. */
	lastSeenMs = 0;
	#total = 0;
	#states: readonly number[] = [];

	constructor(
		readonly number: number,
		/** The generation in which it was first there. */
		readonly since: number,
	) {
		this.changed = since;
		this.there = since;
	}

	/** `total` is the sum of all its counts, another one whenever one of them is; `states` are what may also go back. */
	look(generation: number, total: number, ...states: number[]): void {
		this.there = generation;
		this.lookBack(generation, total, ...states);
	}

	/** The same of one that is not there any more. */
	lookBack(generation: number, total: number, ...states: number[]): void {
		if (total !== this.#total) {
			this.#total = total;
			this.lastSeenMs = Date.now();
			this.changed = generation;
		}
		if (states.some((state, index) => state !== this.#states[index])) {
			this.#states = states;
			this.changed = generation;
		}
	}
}

/** Things of a kind that are or were there. `Key` is what stays the same as long as it is the same one. */
export class Tracks<Key> {
	readonly #tracks = new Map<Key, Track>();

	of(key: Key, number: () => number, generation: number): Track {
		let track = this.#tracks.get(key);
		if (track === undefined) {
			track = new Track(number(), generation);
			this.#tracks.set(key, track);
		}
		return track;
	}

	/** Undefined: it is not known, or was there in this generation, too. */
	leaving(key: Key, generation: number): Track | undefined {
		const track = this.#tracks.get(key);
		return track?.there === generation ? undefined : track;
	}

	numberOf(key: Key): number | undefined {
		return this.#tracks.get(key)?.number;
	}

	/** Forgets those that are no longer there, and returns their numbers. */
	takeGone(generation: number): number[] {
		const gone = [...this.#tracks].filter(([, { there }]) => there !== generation);
		for (const [key] of gone) this.#tracks.delete(key);
		return gone.map(([, { number }]) => number);
	}
}
