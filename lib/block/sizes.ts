/**
 * Notices that files have grown or shrunk: at the beat of their engine (`engine.ts`), which wakes once a second anyway, some of them are
 * measured, so that thousands cost little and never hold the loop. A file's listener is told its new size.
 */

/** How often those are measured that fit into one turn. */
const BEATS_PER_TURN = 2;
/** Files measured in one turn: half a millisecond, for the kernel's side of an idle file is in no cache. Thousands take eight seconds. */
export const FILES_PER_TURN = 512;
/** Measures up to `FILES_PER_TURN` files from a number on, and returns how many have changed; see `native.fileSizes`. */
export type Measure = (first: number, sizes: Float64Array) => number;

export class SizeWatch {
	readonly #measure: Measure;
	readonly #listeners = new Map<number, (sizeBytes: number) => void>();
	readonly #sizes = new Float64Array(1 + 2 * FILES_PER_TURN);
	/** The number of the file to go on with. */
	#next = 0;
	/** Numbers of files go up to, not including, this. */
	#end = 0;
	#beats = 0;
	#measurements = 0;

	constructor(measure: Measure) {
		this.#measure = measure;
	}

	/** How often a turn has been taken. */
	get measurements(): number {
		return this.#measurements;
	}

	watch(file: number, listener: (sizeBytes: number) => void): void {
		this.#listeners.set(file, listener);
		this.#end = Math.max(this.#end, file + 1);
	}

	forget(file: number): void {
		this.#listeners.delete(file);
	}

	close(): void {
		this.#listeners.clear();
	}

	/** To be called once a second: those that need several turns have one each time. Nothing if there are no files. */
	beat(): void {
		this.#beats += 1;
		if (this.#listeners.size === 0) return;
		if (this.#end > FILES_PER_TURN || this.#beats % BEATS_PER_TURN === 0) this.turn();
	}

	/** Measures the next files. */
	turn(): void {
		this.#measurements += 1;
		const sizes = this.#sizes;
		const changed = this.#measure(this.#next, sizes);
		this.#next = sizes[0]!;
		for (let at = 1; at < 1 + 2 * changed; at += 2) this.#listeners.get(sizes[at]!)?.(sizes[at + 1]!);
	}
}
