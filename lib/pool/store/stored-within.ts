/** Bringing all to a store that may be away, or slow, while somebody waits for the end: not for ever. Used by `stored-files.ts`. */

import type { Clock } from "../../clock.js";
import type { Publisher } from "./publisher.js";

/** A store that is away is waited for no longer. */
const AWAY_LIMIT_MS = 5000;
const LOOK_MS = 500;

/** Whether the store has all that is written by now: within `limitMs`, and while it does not say that it can't. */
export async function storedWithin(
	publisher: Pick<Publisher, "request" | "trouble">,
	clock: Clock,
	limitMs: number,
): Promise<boolean> {
	const endMs = clock.now() + limitMs;
	let awayMs: number | null = null;
	let cancel = (): void => {};
	const late = new Promise<boolean>((resolve) => {
		const look = (): void => {
			const nowMs = clock.now();
			awayMs = publisher.trouble === null ? null : (awayMs ?? nowMs);
			if (nowMs >= endMs || nowMs - (awayMs ?? nowMs) >= AWAY_LIMIT_MS) resolve(false);
			else cancel = clock.after(LOOK_MS, look);
		};
		look();
	});
	const stored = publisher.request().then(
		() => true,
		() => false,
	);
	const isStored = await Promise.race([stored, late]);
	cancel();
	return isStored;
}
