/**
 * How much of a volume differs from what it was: told from where its pages are, without reading any. Used by `volume.js`.
 */

import { get } from "./api.js";
import { wordsOf } from "./change.js";
import { el, fill } from "./dom.js";
import { bytes, count } from "./format.js";
import { volumePath } from "./volume-actions.js";

/** @import { VolumeAbout, VolumeChanges } from "../model.js" */

/** Places that are listed; and answers that are waited for: who wants more asks `vblade volume diff`. */
const LISTED = 10;
const ANSWERS = 20;

/**
 * @param {string} name POOL/VOLUME
 * @param {string} before POOL/VOLUME@ and what it was
 * @param {HTMLElement} place where it is said
 */
export async function compare(name, before, place) {
	fill(place, el("p", { class: "muted" }, "Comparing ..."));
	try {
		const now = /** @type {VolumeAbout} */ (await get(`${volumePath(name)}/about`));
		const { ranges, isAll } = await changesOf(now.name, before);
		const sum = ranges.reduce((all, { lengthBytes }) => all + lengthBytes, 0);
		const more = isAll ? "" : "more than ";
		fill(
			place,
			el(
				"p",
				{},
				ranges.length === 0
					? "Nothing was written since then."
					: `${more}${bytes(sum)} in ${count(ranges.length)} places ${ranges.length === 1 ? "was" : "were"} written since then:`,
			),
			el(
				"ul",
				{ class: "steps" },
				...ranges
					.slice(0, LISTED)
					.map(({ offsetBytes, lengthBytes }) =>
						el("li", {}, `${bytes(lengthBytes)} at byte ${count(offsetBytes)}`),
					),
			),
		);
	} catch (error) {
		fill(place, el("p", { class: "error", role: "alert" }, wordsOf(error)));
	}
}

/** @param {string} after @param {string} before */
async function changesOf(after, before) {
	/** @type {VolumeChanges["ranges"]} */
	const ranges = [];
	const was = encodeURIComponent(before.slice(before.indexOf("/") + 1));
	for (let answers = 0, offset = 0; answers < ANSWERS; answers++) {
		const path = `${volumePath(after)}/changes?before=${was}&offset=${offset}`;
		const found = /** @type {VolumeChanges} */ (await get(path));
		const last = found.ranges.at(-1);
		if (last === undefined) return { ranges, isAll: true };
		ranges.push(...found.ranges);
		offset = last.offsetBytes + last.lengthBytes;
	}
	return { ranges, isAll: false };
}
