/**
 * Arrays of words that are used again. A list of dead pages is written, stored and read thousands of times while a large volume is given back;
 * were each array a new one, the collector of garbage would count its memory, and stop all who are served several times a second. Used by
 * `chain.ts`, and by `../dead-lists.ts` for what it reads.
 */

export class SpareWords {
	readonly #length: number;
	readonly #most: number;
	readonly #spare: Int32Array[] = [];
	/** How many were made. */
	made = 0;

	/** Of so many words each; `most` are kept. */
	constructor(length: number, most: number) {
		this.#length = length;
		this.#most = most;
	}

	/** What is in it is what was there before. */
	take(): Int32Array {
		const words = this.#spare.pop();
		if (words !== undefined) return words;
		this.made++;
		return new Int32Array(this.#length);
	}

	/** Nobody looks at it any more, which may be a part of one; what `take` has not made is left alone. */
	give({ buffer }: Int32Array): void {
		if (this.#spare.length < this.#most && buffer.byteLength === this.#length * Int32Array.BYTES_PER_ELEMENT)
			this.#spare.push(new Int32Array(buffer));
	}
}
