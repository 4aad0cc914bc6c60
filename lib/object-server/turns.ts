/**
 * Who may change a name now, and when the names of a folder are on stable storage. Used by `shelf.ts`, which so has conditions that hold
 * whoever asks at once, and nobody who reads what a loss of power could take back.
 */

import { InTurn } from "../in-turn.js";
import { syncFolder } from "../sync-folder.js";

/** Things of one name one after the other; those of different names do not wait for each other. */
export class Turns {
	readonly #turns = new Map<string, { readonly turn: InTurn; users: number }>();

	async run<T>(name: string, act: () => Promise<T>): Promise<T> {
		const entry = this.#turns.get(name) ?? { turn: new InTurn(), users: 0 };
		this.#turns.set(name, entry);
		entry.users += 1;
		try {
			return await entry.turn.run(act);
		} finally {
			entry.users -= 1;
			if (entry.users === 0) this.#turns.delete(name);
		}
	}
}

/** Of one folder: those who want its names synced while that is being done share the next time. */
export class NamesSync {
	readonly #folder: string;
	#running: Promise<void> | undefined;
	#next: Promise<void> | undefined;
	/** The last time failed: a name may be seen that will not last. */
	#isOwed = false;

	constructor(folder: string) {
		this.#folder = folder;
	}

	/** All names that the folder has now are on stable storage when it resolves. */
	sync(): Promise<void> {
		if (this.#running === undefined) return this.#begin();
		this.#next ??= this.#running
			.catch(() => undefined)
			.then(() => {
				this.#next = undefined;
				return this.#begin();
			});
		return this.#next;
	}

	/** For who is about to tell what he has seen. */
	async settle(): Promise<void> {
		if (this.#isOwed) await this.sync();
	}

	#begin(): Promise<void> {
		this.#running = syncFolder(this.#folder).then(
			() => {
				this.#isOwed = false;
				this.#running = undefined;
			},
			(error: unknown) => {
				this.#isOwed = true;
				this.#running = undefined;
				throw error;
			},
		);
		return this.#running;
	}
}
