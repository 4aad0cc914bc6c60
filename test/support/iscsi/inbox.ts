/** What has come for somebody, and waits for him, or he for it. For `initiator.ts`. */

import { LIMIT_MS } from "../limit.js";
import type { Pdu } from "./pdus.js";

export class Inbox {
	readonly #pdus: Pdu[] = [];
	#isOver = false;
	#wake: () => void = () => {};

	put(pdu: Pdu): void {
		this.#pdus.push(pdu);
		this.#wake();
	}

	/** Nothing comes any more. */
	end(): void {
		this.#isOver = true;
		this.#wake();
	}

	get waiting(): number {
		return this.#pdus.length;
	}

	/** Null: the connection is over. */
	async next(): Promise<Pdu | null> {
		while (this.#pdus.length === 0 && !this.#isOver)
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		return this.#pdus.shift() ?? null;
	}
}

/** What must come. */
export async function limited<Value>(coming: Promise<Value>, what: string): Promise<Value> {
	let timer: NodeJS.Timeout | undefined;
	const limit = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what}: nothing has come`)), LIMIT_MS);
	});
	try {
		return await Promise.race([coming, limit]);
	} finally {
		clearTimeout(timer);
	}
}
