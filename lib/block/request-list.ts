/** Requests in the order in which they came, linked through `next`. Kept by `engine.ts` and `durability.ts`. */

import type { StorageStatus } from "../errors.js";
import type { BlockRequest } from "./request.js";

export class RequestList {
	#first: BlockRequest | null = null;
	#last: BlockRequest | null = null;
	#length = 0;

	get length(): number {
		return this.#length;
	}

	get first(): BlockRequest | null {
		return this.#first;
	}

	get isEmpty(): boolean {
		return this.#first === null;
	}

	add(request: BlockRequest): void {
		request.next = null;
		if (this.#last === null) this.#first = request;
		else this.#last.next = request;
		this.#last = request;
		this.#length++;
	}

	/** Takes the first one out. */
	shift(): void {
		const first = this.#first;
		if (first === null) return;
		this.#first = first.next;
		if (this.#first === null) this.#last = null;
		first.next = null;
		this.#length--;
	}

	/** Takes one out, wherever it is; false if it is not there. */
	remove(request: BlockRequest): boolean {
		let before: BlockRequest | null = null;
		let at = this.#first;
		while (at !== null && at !== request) {
			before = at;
			at = at.next;
		}
		if (at === null) return false;
		if (before === null) this.#first = request.next;
		else before.next = request.next;
		if (this.#last === request) this.#last = before;
		request.next = null;
		this.#length--;
		return true;
	}

	/** The first of all of them; the list is empty afterwards. */
	takeAll(): BlockRequest | null {
		const first = this.#first;
		this.#first = null;
		this.#last = null;
		this.#length = 0;
		return first;
	}
}

/** Ends all of them alike; the list is empty before the first one hears of it. */
export function completeAll(list: RequestList, status: StorageStatus, errno: number): void {
	for (let request = list.takeAll(); request !== null; ) {
		// Its owner may use the request again at once.
		const next = request.next;
		request.next = null;
		request.complete(status, errno);
		request = next;
	}
}
