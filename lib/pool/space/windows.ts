/**
 * How far back each volume can be read, moment by moment. A window begins at a checkpoint, since what is before one can't be had
 * without it: at the newest that is older than the volume's history is long. When history takes more than its share, or the pool is full, it
 * is given up from its oldest end, for all volumes, as far as what each of them must keep. Pure: told of checkpoints and the time,
 * asked where windows begin.
 */

/** In the log, and when that was. */
export interface Mark {
	readonly position: number;
	readonly timeUs: number;
	/** The same by what had passed, if that is known. */
	readonly agedUs?: number;
}

/** What is wanted of a volume. */
export interface HistoryPolicy {
	readonly historyUs: number;
	/** So much is kept even if writes must be refused for it. */
	readonly minUs: number;
}

/** Checkpoints that are no farther apart: between them one is as good as the other. */
const NEAR_SECTORS = 131_072; // 64 MiB
const NEAR_US = 60e6;

/** So many parts are given up one by one, until few checkpoints are left. */
const PARTS = 16;

export class Windows<Kind extends Mark = Mark> {
	/** Checkpoints, the oldest first. */
	#marks: readonly Kind[];
	/** Nothing before this is kept but what must be. */
	#givenUp = -0;
	/** No window passes this: somebody looks at a moment. */
	holdBack = Number.POSITIVE_INFINITY;

	constructor(marks: readonly Kind[]) {
		this.#marks = marks;
	}

	/** One more checkpoint. */
	add(mark: Kind): void {
		this.#marks = [...this.#marks, mark];
	}

	/**
	 * One more, for which the last one is forgotten if those on both sides of it are near each other: then nothing is lost but what it takes
	 * to keep it. Returns that, or undefined: it stays, since a window begins there.
	 */
	addInstead(mark: Kind, policies: Iterable<HistoryPolicy>, nowUs: number): Kind | undefined {
		const [before, last] = this.#marks.slice(-2);
		this.add(mark);
		if (before === undefined || last === undefined || last.position <= this.#givenUp) return undefined;
		const isNear =
			mark.position - before.position <= NEAR_SECTORS && agedUs(mark) - agedUs(before) <= NEAR_US;
		if (!isNear) return undefined;
		const all = this.#marks;
		const asked = [...policies];
		const edges = asked.map((policy) => this.edge(policy, nowUs));
		this.#marks = all.filter((each) => each !== last);
		if (asked.every((policy, i) => this.edge(policy, nowUs) >= edges[i]!)) return last;
		this.#marks = all;
		return undefined;
	}

	/** Where a volume's window begins now: no moment before that is kept. */
	edge(policy: HistoryPolicy, nowUs: number): number {
		const wanted = this.#atOrBefore(nowUs - policy.historyUs);
		const edge = Math.max(wanted, Math.min(this.#givenUp, this.#atOrBefore(nowUs - policy.minUs)));
		return Math.min(edge, this.holdBack);
	}

	/**
	 * Gives up what is between the oldest window's beginning and the next checkpoint; of many checkpoints a part, for each time costs another one. False
	 * if all that is left must be kept.
	 */
	giveUp(policies: Iterable<HistoryPolicy>, nowUs: number): boolean {
		let oldest = Number.POSITIVE_INFINITY;
		for (const policy of policies) {
			const edge = this.edge(policy, nowUs);
			if (edge < this.#atOrBefore(nowUs - policy.minUs)) oldest = Math.min(oldest, edge);
		}
		const later = this.#marks.filter(({ position }) => position > oldest);
		const next = later[Math.floor(later.length / PARTS)];
		if (next === undefined) return false;
		this.#givenUp = next.position;
		return true;
	}

	/** Checkpoints that some window still needs: from the one on where the oldest begins. The others are forgotten. */
	needed(policies: Iterable<HistoryPolicy>, nowUs: number): readonly Kind[] {
		let first = this.#marks.at(-1)?.position ?? 0;
		for (const policy of policies) first = Math.min(first, this.edge(policy, nowUs));
		this.#marks = this.#marks.filter(({ position }) => position >= first);
		return this.#marks;
	}

	/** The newest checkpoint that is not after this time; of the oldest there is if none is. */
	#atOrBefore(timeUs: number): number {
		let position = this.#marks[0]?.position ?? 0;
		for (const mark of this.#marks) {
			if (agedUs(mark) > timeUs) break;
			position = mark.position;
		}
		return position;
	}
}

function agedUs(mark: Mark): number {
	return mark.agedUs ?? mark.timeUs;
}
