/**
 * The heat map of latency: time from left to right, latency from the quickest at the bottom, the darker the more requests. Read by
 * pointer or by arrow keys; below it stands in words what is under them. Used by `disk.js`.
 */

import { colour, el, write } from "./dom.js";
import { count, latency, time } from "./format.js";

/** @import { History } from "../model.js" */

const ROW_PX = 16;

export class HeatMap {
	#canvas = el("canvas", {
		tabindex: "0",
		role: "img",
		class: "heat",
		"aria-describedby": "heat-words",
	});
	#labels = el("ol", { class: "heat-labels", "aria-hidden": "true" });
	#words = el("p", { id: "heat-words", class: "muted", "aria-live": "polite" });
	/** @type {History | undefined} */
	#history;
	/** The cell that is looked at, from the oldest and the quickest. @type {{ step: number, row: number } | undefined} */
	#at;

	/** @param {AbortSignal} signal */
	constructor(signal) {
		/** @type {HTMLElement} */
		this.element = el(
			"figure",
			{},
			el("figcaption", {}, "Latency heat map: reads and writes; the stronger the colour, the more requests"),
			el("div", { class: "heat-frame" }, this.#labels, this.#canvas),
			this.#words,
		);
		this.#canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.#point(event));
		this.#canvas.addEventListener("pointerleave", () => this.#look(undefined));
		this.#canvas.addEventListener("blur", () => this.#look(undefined));
		this.#canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
		addEventListener("colours", () => this.#draw(), { signal });
	}

	/** @param {History} history */
	show(history) {
		this.#history = history;
		const { boundsSeconds, rows } = history.heat;
		if (this.#labels.childElementCount !== rows.length) {
			this.#labels.replaceChildren(
				...rows.map((_, row) => el("li", {}, rangeText(boundsSeconds, row))).reverse(),
			);
		}
		this.#canvas.setAttribute("aria-label", `Latency heat map. ${summary(history)}`);
		this.#draw();
		this.#tell();
	}

	/** A pixel a cell; the style sheet makes it large. */
	#draw() {
		const { rows = [] } = this.#history?.heat ?? {};
		const columns = rows[0]?.length ?? 0;
		if (columns === 0) return;
		Object.assign(this.#canvas, { width: columns, height: rows.length });
		this.#canvas.style.height = `${rows.length * ROW_PX}px`;
		const context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
		const top = Math.log1p(Math.max(1, ...rows.map((row) => Math.max(...row))));
		context.fillStyle = colour("--heat");
		for (const [row, counts] of rows.entries())
			for (const [step, requests] of counts.entries()) {
				if (requests === 0) continue;
				context.globalAlpha = 0.12 + 0.88 * (Math.log1p(requests) / top);
				context.fillRect(step, rows.length - 1 - row, 1, 1);
			}
		if (this.#at === undefined) return;
		context.globalAlpha = 0.5;
		context.fillStyle = colour("--text");
		context.fillRect(this.#at.step, 0, 1, rows.length);
	}

	/** @param {PointerEvent} event */
	#point(event) {
		const { width, height } = this.#canvas;
		const box = this.#canvas.getBoundingClientRect();
		const step = Math.floor(((event.clientX - box.left) / box.width) * width);
		const row = height - 1 - Math.floor(((event.clientY - box.top) / box.height) * height);
		this.#look({ step: clamp(step, width), row: clamp(row, height) });
	}

	/** @param {KeyboardEvent} event */
	#key(event) {
		const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
		const move = Object.entries(moves).find(([key]) => key === event.key)?.[1];
		if (move === undefined) return;
		event.preventDefault();
		const { width, height } = this.#canvas;
		const { step, row } = this.#at ?? { step: width - 1, row: 0 };
		this.#look({ step: clamp(step + (move[0] ?? 0), width), row: clamp(row + (move[1] ?? 0), height) });
	}

	/** @param {{ step: number, row: number } | undefined} at */
	#look(at) {
		this.#at = at;
		this.#draw();
		this.#tell();
	}

	#tell() {
		const history = this.#history;
		if (history === undefined) return;
		if (this.#at === undefined) return write(this.#words, summary(history));
		const { step, row } = this.#at;
		const { boundsSeconds, rows } = history.heat;
		const moment = Date.parse(history.end) - (history.length - 1 - step) * history.stepSeconds * 1000;
		const requests = count(Math.round(rows[row]?.[step] ?? 0));
		write(this.#words, `${time(moment)}: ${requests} requests, ${rangeText(boundsSeconds, row)}`);
	}
}

/** @param {number} value @param {number} end */
function clamp(value, end) {
	return Math.min(end - 1, Math.max(0, value));
}

/** @param {readonly number[]} bounds @param {number} row */
function rangeText(bounds, row) {
	const upper = bounds[row];
	return upper === undefined ? `over ${latency(bounds.at(-1))}` : `up to ${latency(upper)}`;
}

/** The same in words. @param {History} history */
function summary({ heat: { boundsSeconds, rows } }) {
	const totals = rows.map((row) => row.reduce((sum, requests) => sum + requests, 0));
	const all = totals.reduce((sum, total) => sum + total, 0);
	if (all === 0) return "There were no requests in this time.";
	const most = totals.indexOf(Math.max(...totals));
	const slowest = totals.findLastIndex((total) => total > 0);
	const share = Math.round(((totals[slowest] ?? 0) / all) * 1000) / 10;
	return (
		`About ${count(Math.round(all))} requests; most took ${rangeText(boundsSeconds, most)}; ` +
		`the slowest ${share < 0.1 ? "less than 0.1" : share} % ${rangeText(boundsSeconds, slowest)}.`
	);
}
