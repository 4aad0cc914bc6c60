/** Those who have found no room in a record, in order of arrival. Kept by `log.ts`, which lets them in when there may be room again. */

/** Whoever has found no room in a record. */
export interface RoomWaiter {
	/** There is room, or never will be again. True if nothing waits any more. */
	roomAgain(): boolean;
}

export class RoomWaiters {
	/** They wait for the map, or for space: a segment more would not help. */
	areForMap = false;
	readonly #waiting: RoomWaiter[] = [];

	/** Whether there is somebody for whom there may be room. */
	get mayGoOn(): boolean {
		return this.#waiting.length > 0 && !this.areForMap;
	}

	get isEmpty(): boolean {
		return this.#waiting.length === 0;
	}

	/** `isUrgent`: before those who wait already. */
	add(waiter: RoomWaiter, isUrgent: boolean): void {
		this.areForMap = false;
		if (isUrgent) this.#waiting.unshift(waiter);
		else if (!this.#waiting.includes(waiter)) this.#waiting.push(waiter);
	}

	/** True if nobody waits any more. `isForMap`: whether who waits then waits for that. */
	letIn(isForMap: () => boolean): boolean {
		const waiting = this.#waiting;
		for (let first = waiting[0]; first?.roomAgain(); first = waiting[0])
			// (One that is let in may find that nothing is taken any more: then all others are gone already.)
			if (waiting[0] === first) waiting.shift();
		this.areForMap = waiting.length > 0 && isForMap();
		return this.isEmpty;
	}
}
