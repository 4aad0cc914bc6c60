/** What a pool was asked for, and what of that may be there when its power was cut: for `crash.ts`. */

export class CrashError extends Error {
	override name = "CrashError";
}

/** So many sectors of the volumes, one behind the other, from one on, are filled with the number of the operation; 0 for zeros. */
interface Change {
	readonly at: number;
	readonly sectors: number;
	readonly stamp: number;
}

/** What was asked for since the pool was opened, on top of what was there then. */
export class Model {
	readonly changes: Change[] = [];
	/** So many of the changes must survive. */
	safe = 0;

	readonly #done = new Set<number>();

	constructor(readonly base: readonly number[]) {}

	/** So many changes, the first ones, are over. */
	get acknowledged(): number {
		let count = 0;
		while (this.#done.has(count)) count++;
		return count;
	}

	/** The change after so many is. */
	acknowledge(count: number): void {
		this.#done.add(count);
	}

	/** Whether so many sectors were so, from `at` on, at some time since `from` changes were asked for. */
	wereSo(found: readonly number[], at: number, from: number): boolean {
		const state = [...this.base];
		for (let count = 0; count <= this.changes.length; count++) {
			const change = this.changes[count - 1];
			if (change !== undefined) state.fill(change.stamp, change.at, change.at + change.sectors);
			if (count >= from && found.every((stamp, i) => stamp === state[at + i])) return true;
		}
		return false;
	}

	/** Finds a prefix that has led to this; throws if there is none. */
	match(found: readonly number[]): void {
		const state = [...this.base];
		const tried: number[] = [];
		for (let count = 0; count <= this.changes.length; count++) {
			const change = this.changes[count - 1];
			if (change !== undefined) state.fill(change.stamp, change.at, change.at + change.sectors);
			if (count < this.safe) continue;
			const differs = state.findIndex((stamp, i) => stamp !== found[i]);
			if (differs < 0) return;
			tried.push(differs);
		}
		throw new CrashError(
			`no prefix of ${this.safe} or more of ${this.changes.length} changes: differs at ${tried}`,
		);
	}
}
