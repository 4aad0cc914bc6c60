/**
 * What a volume is like, asked for again and again by its view. It may have thousands of snapshots: those are asked for when an event says that
 * something has become of them, or else of the volume, and not each time for its figures. Used by `volume.js`.
 */

import { get, getTagged } from "./api.js";
import { feed } from "./events-feed.js";
import { volumePath } from "./volume-actions.js";

/** @import { Event as Happening, Volume } from "../model.js" */
/** @import { Seen } from "./volume-actions.js" */

/** What follows from what is written. What snapshots have follows from it, too, and is asked for so often at most. */
const WRITTEN = new Set(["usedBytes", "uniqueBytes", "sharedBytes", "historyBytes", "momentsFrom"]);
const WRITTEN_MS = 30_000;
/** Events may be missed: all is asked for so often at least. */
const ALL_MS = 300_000;

export class VolumeWatch {
	#name;
	/** @type {Seen | undefined} */
	#volume;
	#askedMs = 0;
	#isStale = true;
	#heard = feed.last;

	/** @param {string} name POOL/VOLUME @param {import("./live.js").Live} live */
	constructor(name, live) {
		this.#name = name;
		const hear = () => {
			if (!this.#hears()) return;
			this.#isStale = true;
			live.hurry();
		};
		feed.addEventListener("event", hear, { signal: live.signal });
	}

	/** Something was done with it: all is asked for next. */
	spoil() {
		this.#isStale = true;
	}

	/** @param {AbortSignal} signal @returns {Promise<Seen>} with the same list as before, as long as nothing has become of it */
	async look(signal) {
		const known = this.#volume;
		if (known === undefined || this.#isStale) return this.#all(signal);
		const path = `${volumePath(this.#name)}?snapshots=false`;
		const { snapshots: _, ...summary } = /** @type {Volume} */ (await get(path, signal));
		const ageMs = Date.now() - this.#askedMs;
		const isWritten = differ(known, summary, (key) => WRITTEN.has(key)) && ageMs >= WRITTEN_MS;
		if (isWritten || ageMs >= ALL_MS || differ(known, summary, (key) => !WRITTEN.has(key)))
			return this.#all(signal);
		return { ...known, ...summary };
	}

	/** @param {AbortSignal} signal */
	async #all(signal) {
		this.#isStale = false;
		this.#askedMs = Date.now();
		try {
			this.#volume = /** @type {Seen} */ (await getTagged(volumePath(this.#name), signal));
			return this.#volume;
		} catch (error) {
			this.#isStale = true;
			throw error;
		}
	}

	/** Whether anything that came since the last time is about it. */
	#hears() {
		const [pool] = this.#name.split("/");
		const isAbout = (/** @type {Happening} */ { kind, volume }) =>
			volume === this.#name || (kind.startsWith("volume-") && volume?.startsWith(`${pool}/`));
		const before = this.#heard;
		this.#heard = feed.last;
		return feed.events.some((event) => event.id > before && isAbout(event));
	}
}

/**
 * @param {Readonly<Record<string, unknown>>} one
 * @param {Readonly<Record<string, unknown>>} other
 * @param {(key: string) => boolean} counts
 */
function differ(one, other, counts) {
	return Object.entries(other).some(
		([key, value]) => counts(key) && JSON.stringify(value) !== JSON.stringify(one[key]),
	);
}
