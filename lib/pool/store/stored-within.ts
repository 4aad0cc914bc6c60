/**
 * Bringing all to a store that may be away, or slow, while somebody waits for the end: not for ever, and not once more when it did not get on the last
 * time. Used by `stored-files.ts` and `store-folder.ts`.
 */

import type { Clock } from "../../clock.js";
import type { ImageKeeper } from "./keeper.js";
import type { Publisher } from "./publisher.js";

/** While somebody waits for the answer to what he has changed: in all, and on one that says that it can't. */
const SOON_LIMIT_MS = 4000;
const SOON_AWAY_LIMIT_MS = 1000;
/** A store, or a head, that says that it can't is waited for no longer. */
const AWAY_LIMIT_MS = 5000;
/** One that says nothing at all: for so long nothing more has come there. */
const SILENT_LIMIT_MS = 10_000;
const LOOK_MS = 500;
/** At the end, of which the disks of this pool have a part. */
const CLOSE_LIMIT_MS = 8000;
/** Before the end, while all is served. */
const SETTLE_LIMIT_MS = 30_000;

export class StoredWithin {
	readonly #publisher: Pick<Publisher, "request" | "trouble" | "sentBytes">;
	readonly #keeper: Pick<ImageKeeper, "trouble">;
	readonly #clock: Clock;
	/** Before the end it did not get on. */
	#isAway = false;

	constructor(
		publisher: Pick<Publisher, "request" | "trouble" | "sentBytes">,
		keeper: Pick<ImageKeeper, "trouble">,
		clock: Clock,
	) {
		this.#publisher = publisher;
		this.#keeper = keeper;
		this.#clock = clock;
	}

	/** Before the end, of which there is one: what is here alone is brought there while all goes on. Resolves also if that does not get on. */
	async settle(): Promise<void> {
		this.#isAway = !(await this.#within(SETTLE_LIMIT_MS));
	}

	/** Whether the store has all that is written by now, in some seconds. */
	async ship(): Promise<boolean> {
		return !this.#isAway && (await this.#within(CLOSE_LIMIT_MS));
	}

	/** The same for what somebody has just changed: he is told if it is not there, so it is not waited for as long. */
	soon(): Promise<boolean> {
		return this.#within(SOON_LIMIT_MS, SOON_AWAY_LIMIT_MS);
	}

	/** While it does not say that it can't, or nothing. */
	async #within(limitMs: number, awayLimitMs = AWAY_LIMIT_MS): Promise<boolean> {
		const [publisher, keeper, clock] = [this.#publisher, this.#keeper, this.#clock];
		const endMs = clock.now() + limitMs;
		let awayMs: number | null = null;
		let [sentBytes, sentMs] = [publisher.sentBytes, clock.now()];
		let cancel = (): void => {};
		const late = new Promise<boolean>((resolve) => {
			const look = (): void => {
				const nowMs = clock.now();
				const trouble = publisher.trouble ?? keeper.trouble?.() ?? null;
				awayMs = trouble === null ? null : (awayMs ?? nowMs);
				if (publisher.sentBytes !== sentBytes) [sentBytes, sentMs] = [publisher.sentBytes, nowMs];
				const isAway = nowMs - (awayMs ?? nowMs) >= awayLimitMs || nowMs - sentMs >= SILENT_LIMIT_MS;
				if (isAway || nowMs >= endMs) resolve(false);
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
}
