/** Notes on their way into one record, and then until that is stable. Made by `administration.ts`. */

import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { OperatorError, StorageStatus } from "../errors.js";
import type { Log } from "./log.js";
import type { RoomWaiter } from "./room-waiters.js";

export class PendingNote implements RequestOwner, RoomWaiter {
	/** Resolves when they are stable. Rejects with an OperatorError. */
	readonly done: Promise<void>;
	readonly #request = new BlockRequest(this);
	readonly #notes: readonly Uint8Array[];
	readonly #bytes: number;
	readonly #log: Log;
	#resolve: () => void = () => {};
	#reject: (error: Error) => void = () => {};

	/** @param notes as `encodeNote` makes them; all of them have room in one record */
	constructor(log: Log, notes: readonly Uint8Array[]) {
		this.#log = log;
		this.#notes = notes;
		this.#bytes = bytesOf(notes);
		this.#request.op = BlockOp.flush;
		this.done = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
		// Few, and what makes room for others may be among them.
		log.waitForRoom(this, true);
	}

	roomAgain(): boolean {
		const refusal = this.#log.refuses();
		if (refusal !== StorageStatus.ok) {
			this.#request.begin().complete(refusal, this.#log.refusal.errno);
			return true;
		}
		if (!this.#log.fits(0, 0, this.#bytes)) return false;
		for (const note of this.#notes) this.#log.gather.addNote(note);
		this.#log.whenStable(this.#request.begin());
		return true;
	}

	finished({ status }: BlockRequest): void {
		if (status === StorageStatus.ok) this.#resolve();
		else this.#reject(new OperatorError(this.#log.refusal.what(status)));
	}
}

export function bytesOf(notes: readonly Uint8Array[]): number {
	return notes.reduce((sum, { length }) => sum + length, 0);
}
