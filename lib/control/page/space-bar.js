/** How much of a pool is taken, and by what: a bar with a word for each of its parts. Used by `pools.js`. */

import { el, fill } from "./dom.js";
import { bytes } from "./format.js";

/** @import { Pool } from "../model.js" */

/** Parts of it, from the left: class, figure, and what it is called. What is used is told without the other two. */
const PARTS = /** @type {const} */ ([
	["used", "kept"],
	["past", "past"],
	["freeing", "being freed"],
	["waiting", "waiting to come back"],
]);

/** @param {HTMLElement} cell @param {Pool} pool */
export function paintSpace(cell, pool) {
	const { sizeBytes, usedBytes, historyBytes, freeingBytes, waitingBytes, freeBytes } = pool;
	const shown = [sizeBytes, usedBytes, historyBytes, freeingBytes, waitingBytes].join();
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	if (sizeBytes === null || usedBytes === null) {
		fill(cell, "–");
		return;
	}
	const past = historyBytes ?? 0;
	const freeing = freeingBytes ?? 0;
	const figures = {
		used: Math.max(0, usedBytes - past - freeing),
		past,
		freeing,
		waiting: waitingBytes ?? 0,
	};
	const words = PARTS.flatMap(([part, name]) =>
		figures[part] > 0 ? [`${bytes(figures[part])} ${name}`] : [],
	);
	const bar = el("div", { class: "space-bar", role: "img", "aria-label": words.join(", ") });
	for (const [part] of PARTS) {
		const each = el("span", { class: part });
		each.style.width = `${(100 * figures[part]) / Math.max(1, sizeBytes)}%`;
		bar.append(each);
	}
	fill(
		cell,
		el("div", {}, `${bytes(usedBytes)} of ${bytes(sizeBytes)} used, ${bytes(freeBytes)} free`),
		bar,
		el("div", { class: "muted" }, words.join(", ")),
	);
}
