/**
 * A ring of rows, one for each step of time: what is left of the past within a fixed room. Values are kept on logarithmic scales of 16
 * or 8 bits, so that a day of a disk by the minute and five minutes by the second fit in 64 KiB. Used by `history.ts`.
 */

/** How a value becomes a code. The highest code stands for what is not known. */
interface Scale {
	readonly bits: 8 | 16;
	/** Values far below are as good as nothing. */
	readonly smallest: number;
	readonly codesPerDoubling: number;
}

/** Rates, and latencies in seconds: to 0.04 %, up to 2^45. */
export const EXACT: Scale = { bits: 16, smallest: 1e-6, codesPerDoubling: 1000 };
/** Counts that are shown as a shade: to 5 %, up to 2^31. */
export const ROUGH: Scale = { bits: 8, smallest: 1, codesPerDoubling: 8 };

type Codes = Uint8Array | Uint16Array;

export class Series {
	readonly #codes: Codes;
	readonly #unknown: number;
	/** The step of the last row; rows before it are in the ring, as far as that reaches. */
	#last: number;

	/** Nothing is known of what was before step `first`. */
	constructor(
		readonly scale: Scale,
		readonly columns: number,
		readonly length: number,
		first: number,
	) {
		const size = columns * length;
		this.#codes = scale.bits === 8 ? new Uint8Array(size) : new Uint16Array(size);
		this.#unknown = 2 ** scale.bits - 1;
		this.#codes.fill(this.#unknown);
		this.#last = first - 1;
	}

	/** Sets the row of a step that is not before the last: `columns` values from `from` on. In the steps between, nothing has happened. */
	set(step: number, values: Float64Array, from: number): void {
		if (step < this.#last) return;
		this.#fillUpTo(step - 1, 0);
		const at = this.#at(step);
		for (let column = 0; column < this.columns; column++)
			this.#codes[at + column] = this.#encode(values[from + column]!);
		this.#last = step;
	}

	/** The clock has gone back to that step: of it and what follows nothing is known, nor of what those have replaced. */
	goBack(step: number): void {
		if (step >= this.#last) return;
		for (let each = Math.max(step, this.#last - this.length + 1); each <= this.#last; each++)
			this.#codes.fill(this.#unknown, this.#at(each), this.#at(each) + this.columns);
		this.#last = step - 1;
	}

	/** One column up to and with step `end`, oldest first; null: unknown. */
	column(column: number, end: number): (number | null)[] {
		return Array.from({ length: this.length }, (_, index) => {
			const step = end - this.length + 1 + index;
			// Since the last row there has been nothing to tell.
			if (step > this.#last) return 0;
			if (step < 0 || step <= this.#last - this.length) return null;
			const code = this.#codes[this.#at(step) + column]!;
			return code === this.#unknown ? null : this.#decode(code);
		});
	}

	/** The codes of the row of a step, to be kept; undefined: there are none. Valid until the next row is set. */
	row(step: number): Codes | undefined {
		if (step > this.#last || step <= this.#last - this.length) return undefined;
		return this.#codes.subarray(this.#at(step), this.#at(step + 1) || undefined);
	}

	/** Puts back a row that was kept. In the steps between it and the last, nothing is known. */
	restore(step: number, codes: Codes): void {
		if (step <= this.#last || codes.length !== this.columns) return;
		this.unknownUntil(step);
		this.#codes.set(codes, this.#at(step));
		this.#last = step;
	}

	/** Nothing is known of the steps between the last and this one. */
	unknownUntil(step: number): void {
		this.#fillUpTo(step - 1, this.#unknown);
	}

	#at(step: number): number {
		return (step % this.length) * this.columns;
	}

	#fillUpTo(step: number, code: number): void {
		for (let each = Math.max(this.#last + 1, step - this.length + 1); each <= step; each++)
			this.#codes.fill(code, this.#at(each), this.#at(each) + this.columns);
		this.#last = Math.max(this.#last, step);
	}

	#encode(value: number): number {
		if (!(value > 0)) return 0;
		const { smallest, codesPerDoubling } = this.scale;
		const code = Math.round(Math.log2(1 + value / smallest) * codesPerDoubling);
		return Math.min(this.#unknown - 1, Math.max(1, code));
	}

	#decode(code: number): number {
		const { smallest, codesPerDoubling } = this.scale;
		return (2 ** (code / codesPerDoubling) - 1) * smallest;
	}
}
