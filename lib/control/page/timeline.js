/**
 * The past of a volume on one line: its snapshots as marks, and, as far back as there are moments, a slider. By mouse or keyboard one of
 * them is chosen. Used by `volume.js`.
 */

import { el, fill, write } from "./dom.js";
import { time } from "./format.js";

/** @import { Volume } from "../model.js" */

/** @typedef {Volume["snapshots"][number]} Snapshot */
/** @typedef {{ snapshot: Snapshot } | { atMs: number } | undefined} Chosen undefined: what it is now */

/** Places for marks that can be told from each other; the list beside has all. */
const MARKS = 100;

export class Timeline {
	/** @type {Chosen} */
	#chosen;
	#marks = el("div", { class: "marks" });
	#window = el("div", { class: "window", "aria-hidden": "true" });
	#slider = el("input", { type: "range", step: "1000", "aria-label": "A moment of the past" });
	#from = el("span");
	/** Before it there are snapshots only. */
	#windowMs = 0;
	/** @type {readonly Snapshot[]} */
	#snapshots = [];
	#shown = "";
	#onChoose;

	/** @param {(chosen: Chosen) => void} onChoose */
	constructor(onChoose) {
		this.#onChoose = onChoose;
		this.#slider.addEventListener("input", () =>
			this.choose({ atMs: Math.max(this.#windowMs, Number(this.#slider.value)) }),
		);
		/** @type {HTMLElement} */
		this.element = el(
			"div",
			{ class: "timeline", role: "group", "aria-label": "Snapshots and moments" },
			el("div", { class: "track" }, this.#window, this.#marks),
			this.#slider,
			el("p", { class: "scale muted" }, this.#from, el("span", {}, "now")),
		);
	}

	get chosen() {
		return this.#chosen;
	}

	/** @param {Chosen} chosen */
	choose(chosen) {
		this.#chosen = chosen;
		for (const mark of this.#marks.children)
			mark.setAttribute("aria-pressed", String(isNamed(chosen, mark.dataset.name)));
		const value = chosen === undefined ? this.#slider.max : atMsOf(chosen);
		this.#slider.value = String(value);
		this.#slider.setAttribute("aria-valuetext", chosen === undefined ? "now" : time(atMsOf(chosen)));
		this.#onChoose(chosen);
	}

	/** @param {Volume} volume */
	show({ snapshots, momentsFrom }) {
		const nowMs = Date.now();
		const windowMs = Date.parse(momentsFrom);
		this.#windowMs = windowMs;
		let fromMs = windowMs;
		for (const { created } of snapshots) fromMs = Math.min(fromMs, Date.parse(created));
		const part = (/** @type {number} */ atMs) => `${(100 * (atMs - fromMs)) / Math.max(1, nowMs - fromMs)}%`;
		if (snapshots !== this.#snapshots) {
			this.#snapshots = snapshots;
			this.#showMarks(apart(snapshots, fromMs, nowMs));
			this.#again(snapshots);
		}
		for (const mark of this.#marks.children) mark.style.left = part(Number(mark.dataset.at));
		this.#window.style.left = part(windowMs);
		Object.assign(this.#slider, { min: String(fromMs), max: String(nowMs) });
		if (this.#chosen === undefined) this.#slider.value = String(nowMs);
		write(this.#from, time(fromMs));
	}

	/** Whoever is at one of them stays there. @param {readonly Snapshot[]} snapshots */
	#showMarks(snapshots) {
		const shown = JSON.stringify(snapshots.map(({ name, created, held }) => [name, created, held]));
		if (shown === this.#shown) return;
		this.#shown = shown;
		const marks = snapshots.map((each) => this.#mark(each));
		const focused = this.#marks.querySelector("button:focus");
		const at = focused instanceof HTMLElement ? focused.dataset.name : undefined;
		fill(this.#marks, ...marks);
		if (at !== undefined) marks.find((mark) => mark.dataset.name === at)?.focus();
	}

	/** What was chosen may have changed, or be gone. @param {readonly Snapshot[]} snapshots */
	#again(snapshots) {
		const chosen = this.#chosen;
		if (chosen === undefined || "atMs" in chosen) return;
		const now = snapshots.find(({ name }) => name === chosen.snapshot.name);
		if (JSON.stringify(now) !== JSON.stringify(chosen.snapshot)) this.choose(now && { snapshot: now });
	}

	/** @param {Snapshot} snapshot */
	#mark(snapshot) {
		const { name, created, held } = snapshot;
		return el("button", {
			type: "button",
			class: held ? "mark held" : "mark",
			title: `${name}, ${time(created)}`,
			"aria-label": `Snapshot ${name}, ${time(created)}`,
			"aria-pressed": String(isNamed(this.#chosen, name)),
			"data-name": name,
			"data-at": Date.parse(created),
			on: { click: () => this.choose({ snapshot }) },
		});
	}
}

/**
 * Of those that would be one mark, the latest.
 * @param {readonly Snapshot[]} snapshots
 * @param {number} fromMs
 * @param {number} nowMs
 */
function apart(snapshots, fromMs, nowMs) {
	/** @type {Map<number, Snapshot>} */
	const places = new Map();
	for (const each of snapshots)
		places.set(Math.floor((MARKS * (Date.parse(each.created) - fromMs)) / Math.max(1, nowMs - fromMs)), each);
	return [...places.values()];
}

/** @param {Chosen} chosen @param {string} name */
function isNamed(chosen, name) {
	return chosen !== undefined && "snapshot" in chosen && chosen.snapshot.name === name;
}

/** @param {Exclude<Chosen, undefined>} chosen */
export function atMsOf(chosen) {
	return "atMs" in chosen ? chosen.atMs : Date.parse(chosen.snapshot.created);
}
