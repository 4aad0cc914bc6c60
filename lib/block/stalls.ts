/**
 * Notices what a disk has been asked and does not answer. Looked at once a second by the engine (`engine.ts`), which it
 * costs nothing per request but a look at a number when one that had to wait is over. A file's listener is told when the
 * first of its requests has waited too long, and when none of them waits any more.
 */

import type { DeviceListener } from "./listeners.js";
import type { BlockRequest } from "./request.js";

/** How often requests under way are looked at. */
export const LOOK_EVERY_MS = 1000;
/** How many looks a request may be under way before that is remarkable. */
const LOOKS = 5;

/** Offsets are in the file. */
export type StallListener = Pick<Required<DeviceListener>, "stalled" | "resumed">;

/** A file whose listener wants to know. */
interface Watched {
	readonly listener: StallListener;
	/** Requests that have waited too long, and still do. */
	stalled: number;
	/** How many have since the first did. */
	total: number;
	/** Looks since that one began. */
	looks: number;
}

export class StallWatch {
	/** By token: at how many looks the request was under way. */
	readonly #looks: number[] = [];
	readonly #files = new Map<number, Watched>();

	watch(file: number, listener: StallListener): void {
		this.#files.set(file, { listener, stalled: 0, total: 0, looks: 0 });
	}

	forget(file: number): void {
		this.#files.delete(file);
	}

	/** Looks at the requests under way, by token. */
	look(underWay: readonly (BlockRequest | null)[]): void {
		for (const file of this.#files.values()) if (file.stalled > 0) file.looks += 1;
		// By index: what an iterator gives would be garbage, once a second for ever.
		for (let token = 0; token < underWay.length; token++) {
			const request = underWay[token];
			if (request === null || request === undefined) continue;
			const looks = (this.#looks[token] ?? 0) + 1;
			this.#looks[token] = looks;
			if (looks === LOOKS) this.#stalled(request);
		}
	}

	/** The request with this token is over. */
	over(token: number, file: number): void {
		const looks = this.#looks[token];
		if (looks === undefined || looks === 0) return;
		this.#looks[token] = 0;
		const watched = this.#files.get(file);
		if (looks < LOOKS || watched === undefined) return;
		watched.stalled -= 1;
		if (watched.stalled === 0) watched.listener.resumed(watched.looks * LOOK_EVERY_MS, watched.total);
	}

	#stalled(request: BlockRequest): void {
		const watched = this.#files.get(request.storageHandle);
		if (watched === undefined) return;
		watched.stalled += 1;
		if (watched.stalled > 1) {
			watched.total += 1;
			return;
		}
		watched.total = 1;
		watched.looks = LOOKS;
		const { op, offsetBytes } = request;
		watched.listener.stalled({ op, offsetBytes, waitedMs: LOOKS * LOOK_EVERY_MS });
	}
}
