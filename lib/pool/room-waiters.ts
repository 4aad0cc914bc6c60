/** Those who have found no room in a record, in order of arrival. Kept by `log.ts`, which lets them in when there may be room again. */

/** Whoever has found no room in a record. */
export interface RoomWaiter {
	/** There is room, or never will be again. True if nothing waits any more. */
	roomAgain(): boolean;
}

export class RoomWaiters {
	readonly #waiting: RoomWaiter[] = [];

	get isEmpty(): boolean {
		return this.#waiting.length === 0;
	}

	add(waiter: RoomWaiter): void {
		if (!this.#waiting.includes(waiter)) this.#waiting.push(waiter);
	}

	/** True if nobody waits any more. */
	letIn(): boolean {
		const waiting = this.#waiting;
		for (let first = waiting[0]; first?.roomAgain(); first = waiting[0])
			// (One that is let in may find that nothing is taken any more: then all others are gone already.)
			if (waiting[0] === first) waiting.shift();
		return this.isEmpty;
	}
}
