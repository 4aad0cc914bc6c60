/**
 * Notices that files have grown or shrunk: one timer for all files of an engine (`engine.ts`), which measures some of them a
 * turn, so that thousands cost little and never hold the loop. A file's listener is told its new size.
 */

/** How often each file is measured, as long as they are not too many for that. */
const MEASURE_EVERY_MS = 2000;
/** Files measured in one turn: half a millisecond, for the kernel's side of an idle file is in no cache. */
export const FILES_PER_TURN = 512;
/** Turns are not closer to each other: thousands of files are measured every eight seconds. */
const TURN_MIN_MS = 1000;

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
	#timer: NodeJS.Timeout | undefined;
	#periodMs = 0;
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
		this.#keepTime();
	}

	forget(file: number): void {
		this.#listeners.delete(file);
		this.#keepTime();
	}

	close(): void {
		this.#listeners.clear();
		this.#keepTime();
	}

	/** As many turns as it takes to have been through all files in time, if that can be; none if there are no files. */
	#keepTime(): void {
		const turns = Math.ceil(this.#end / FILES_PER_TURN);
		const periodMs = this.#listeners.size === 0 ? 0 : Math.max(TURN_MIN_MS, MEASURE_EVERY_MS / turns);
		if (periodMs === this.#periodMs) return;
		this.#periodMs = periodMs;
		clearInterval(this.#timer);
		if (periodMs === 0) return;
		this.#timer = setInterval(() => this.turn(), periodMs);
		this.#timer.unref();
	}

	/** Measures the next files. Called by the timer. */
	turn(): void {
		this.#measurements += 1;
		const sizes = this.#sizes;
		const changed = this.#measure(this.#next, sizes);
		this.#next = sizes[0]!;
		for (let at = 1; at < 1 + 2 * changed; at += 2) this.#listeners.get(sizes[at]!)?.(sizes[at + 1]!);
	}
}
