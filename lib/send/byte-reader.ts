/**
 * Bytes that come in pieces of any length, taken in the lengths that are wanted. No more is asked for than that, so who sends waits for who
 * reads. Used by `stream-reader.ts`.
 */

export class ByteReader {
	readonly #pieces: AsyncIterator<Uint8Array>;
	#piece: Uint8Array = new Uint8Array(0);
	#count = 0;

	constructor(pieces: AsyncIterable<Uint8Array>) {
		this.#pieces = pieces[Symbol.asyncIterator]();
	}

	/** How many have been taken. */
	get count(): number {
		return this.#count;
	}

	/** Fills `into`. False if there are not so many bytes any more. */
	async fill(into: Uint8Array): Promise<boolean> {
		for (let done = 0; done < into.length; ) {
			if (this.#piece.length === 0 && !(await this.#next())) return false;
			const part = this.#piece.subarray(0, into.length - done);
			into.set(part, done);
			this.#piece = this.#piece.subarray(part.length);
			this.#count += part.length;
			done += part.length;
		}
		return true;
	}

	/** True if there is nothing more. */
	async isAtEnd(): Promise<boolean> {
		return this.#piece.length === 0 && !(await this.#next());
	}

	async #next(): Promise<boolean> {
		do {
			const { done, value } = await this.#pieces.next();
			if (done === true) return false;
			this.#piece = value;
		} while (this.#piece.length === 0);
		return true;
	}
}
