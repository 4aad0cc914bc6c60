/**
 * The pump moves what a turn of the event loop has queued: first operations to the storage, then frames to the wire, and
 * round again until nothing is queued. So each turn costs one native call per kind of work, however many frames came in.
 *
 * One pump per thread. Storage engines and links join it; whoever queues work in one of them calls `wake()`, and a link
 * that has received a batch calls `run()` before it gives the batch's memory back.
 * The order matters: a read may have been answered with an address inside a file's mapping ("borrowed"), which holds
 * only until the next operation on the storage, so frames always leave before the storage is asked again.
 */

/** A queue that empties itself into the world below. */
export interface PumpStage {
	/** True while `drain` has something to do. */
	readonly hasWork: boolean;
	/**
	 * Of storage: something that was handed on is still to come back, so that its thread should get the processor. Of a link: somebody
	 * may send, for there are peers; links that don't say are always such.
	 */
	readonly expects?: boolean;
	/** Hands everything queued on, in one call if it can. Must not throw for anything that the outside world does. */
	drain(): void;
}

export class Pump {
	#storage: PumpStage[] = [];
	#links: PumpStage[] = [];
	#last: PumpStage[] = [];
	#running = false;
	#scheduled = false;
	#held = false;
	#runs = 0;
	readonly #runScheduled = (): void => {
		this.#scheduled = false;
		this.run();
	};

	addStorage(stage: PumpStage): void {
		this.#storage.push(stage);
	}

	addLink(stage: PumpStage): void {
		this.#links.push(stage);
	}

	/** Drained when the links have been: what it does makes no work for those before it. */
	addLast(stage: PumpStage): void {
		this.#last.push(stage);
	}

	remove(stage: PumpStage): void {
		this.#storage = this.#storage.filter((other) => other !== stage);
		this.#links = this.#links.filter((other) => other !== stage);
		this.#last = this.#last.filter((other) => other !== stage);
	}

	/** Another number after each run: then bytes that held "until the pump has run" no longer do. */
	get runs(): number {
		return this.#runs;
	}

	/**
	 * True if nothing can happen but something coming in on one link: then it may wait for that without sleeping. (A link that nobody
	 * uses keeps none from it: each daemon has a server of each protocol.)
	 */
	get waitsForOneLink(): boolean {
		let used = 0;
		for (let i = 0; i < this.#links.length; i++) if (this.#links[i]!.expects !== false) used += 1;
		if (used !== 1) return false;
		for (let i = 0; i < this.#storage.length; i++) if (this.#storage[i]!.expects === true) return false;
		return true;
	}

	/** The caller is going to call `run` itself, before it returns to the event loop. */
	hold(): void {
		this.#held = true;
	}

	/** Work was queued: `run` will be called before the event loop waits again. Cheap to call often. */
	wake(): void {
		if (this.#running || this.#held || this.#scheduled) return;
		this.#scheduled = true;
		queueMicrotask(this.#runScheduled);
	}

	/** Drains every queue until all are empty. Re-entrant calls return at once: the outer call sees their work. */
	run(): void {
		if (this.#running) return;
		this.#running = true;
		this.#held = false;
		try {
			let again = true;
			while (again) {
				const stored = drainAll(this.#storage);
				again = drainAll(this.#links) || stored;
				drainAll(this.#last);
			}
		} finally {
			this.#running = false;
			// Wraps, so that it stays an integer.
			this.#runs = (this.#runs + 1) | 0;
		}
	}
}

/** True if any of them had work. (An index, because iterators are objects and this runs for every batch.) */
function drainAll(stages: readonly PumpStage[]): boolean {
	let worked = false;
	for (let i = 0; i < stages.length; i++) {
		const stage = stages[i]!;
		if (!stage.hasWork) continue;
		stage.drain();
		worked = true;
	}
	return worked;
}
