/**
 * Who may change a name now, and when the names of a folder are on stable storage. Used by `shelf.ts`, which so has conditions that hold
 * whoever asks at once, and nobody who reads what a loss of power could take back.
 */

import { InTurn } from "../in-turn.js";

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

/** Syncs the names in a folder. */
export type SyncFolder = (folder: string) => Promise<void>;

/** Of one folder: those who want its names synced while that is being done share the next time. */
export class NamesSync {
	readonly #folders: readonly string[];
	readonly #syncFolder: SyncFolder;
	#running: Promise<void> | undefined;
	#next: Promise<void> | undefined;
	/** A name may be seen that will not last: the last time failed; or a process before this one was killed between giving it and that, so at first nobody knows. */
	#isOwed = true;

	/** @param folders the folder, and those that its own name is in */
	constructor(folders: readonly string[], syncFolder: SyncFolder) {
		this.#folders = folders;
		this.#syncFolder = syncFolder;
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
		const wanted = this.#isOwed ? this.#folders : this.#folders.slice(0, 1);
		this.#running = Promise.all(wanted.map((folder) => this.#syncFolder(folder))).then(
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
