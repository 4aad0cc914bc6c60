/**
 * One thing after the other, whoever asks for it: each begins when the one before has ended, however that was. Used where two at once would
 * find a state, a file or a disk that is being changed.
 */

export class InTurn {
	#last: Promise<unknown> = Promise.resolve();

	/** What `act` comes to, when it is its turn. */
	run<T>(act: () => Promise<T>): Promise<T> {
		const done = this.#last.then(act);
		this.#last = done.catch(() => {});
		return done;
	}

	/** All that was asked for by now is over when it resolves, which it does in any case. */
	async idle(): Promise<void> {
		await this.#last;
	}
}
