/** Notes on their way into one record, and then until that is stable. Made by `administration.ts`. */

import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { OperatorError, StorageStatus, storageStatusName } from "../errors.js";
import type { Log, RoomWaiter } from "./log.js";
import { encodeNote, type Note } from "./notes.js";

export class PendingNote implements RequestOwner, RoomWaiter {
	/** Resolves when they are stable. Rejects with an OperatorError. */
	readonly done: Promise<void>;
	readonly #request = new BlockRequest(this);
	readonly #notes: readonly Uint8Array[];
	readonly #bytes: number;
	readonly #log: Log;
	#resolve: () => void = () => {};
	#reject: (error: Error) => void = () => {};

	constructor(log: Log, notes: readonly Note[]) {
		this.#log = log;
		this.#notes = notes.map(encodeNote);
		this.#bytes = this.#notes.reduce((sum, { length }) => sum + length, 0);
		this.#request.op = BlockOp.flush;
		this.done = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
		log.waitForRoom(this);
	}

	roomAgain(): boolean {
		const { refusal, errno } = this.#log;
		if (refusal !== StorageStatus.ok) {
			this.#request.begin().complete(refusal, errno);
			return true;
		}
		if (!this.#log.fits(0, 0, this.#bytes)) return false;
		for (const note of this.#notes) this.#log.gather.addNote(note);
		this.#log.whenStable(this.#request.begin());
		return true;
	}

	finished({ status }: BlockRequest): void {
		if (status === StorageStatus.ok) this.#resolve();
		else this.#reject(new OperatorError(`the pool takes no changes: ${storageStatusName(status)}`));
	}
}
