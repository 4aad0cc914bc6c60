/**
 * The past of a volume on one line: its snapshots as marks, and, as far back as there are moments, a slider. By mouse or keyboard one of
 * them is chosen. Used by `volume.js`.
 */

import { el, fill, write } from "./dom.js";
import { time } from "./format.js";

/** @import { Volume } from "../model.js" */

/** @typedef {Volume["snapshots"][number]} Snapshot */
/** @typedef {{ snapshot: Snapshot } | { atMs: number } | undefined} Chosen undefined: what it is now */

/** Room for a mark that can be told from the next one; the list beside has all. */
const MARK_PX = 14;
const MARKS_MIN = 10;

export class Timeline {
	/** @type {Chosen} */
	#chosen;
	#marks = el("div", { class: "marks" });
	#window = el("div", { class: "window", "aria-hidden": "true" });
	#track = el("div", { class: "track" }, this.#window, this.#marks);
	#slider = el("input", { type: "range", step: "1000", "aria-label": "A moment of the past" });
	#by = el("input", { type: "datetime-local", step: "1", id: "moment" });
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
		this.#by.addEventListener("change", () => {
			const atMs = Date.parse(this.#by.value);
			if (atMs >= this.#windowMs && atMs <= Date.now()) this.choose({ atMs });
		});
		this.#marks.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#step(event));
		/** @type {HTMLElement} */
		this.element = el(
			"div",
			{ class: "timeline", role: "group", "aria-label": "Snapshots and moments" },
			this.#track,
			this.#slider,
			el("p", { class: "scale muted" }, this.#from, el("span", {}, "now")),
			el("p", { class: "by" }, el("label", { for: "moment" }, "Or by its time"), this.#by),
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
		// (Who is typing goes on.)
		if (this.#by !== document.activeElement)
			this.#by.value = chosen === undefined ? "" : localText(atMsOf(chosen));
		this.#stop();
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
		const places = Math.max(MARKS_MIN, Math.floor(this.#track.clientWidth / MARK_PX));
		this.#showMarks(apart(snapshots, fromMs, nowMs, places));
		if (snapshots !== this.#snapshots) this.#again(snapshots);
		this.#snapshots = snapshots;
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
		this.#stop();
		if (at !== undefined) marks.find((mark) => mark.dataset.name === at)?.focus();
	}

	/** The tabulator stops at one of the marks: the chosen one, or the last. */
	#stop() {
		const marks = /** @type {HTMLElement[]} */ ([...this.#marks.children]);
		const at = marks.find((mark) => isNamed(this.#chosen, mark.dataset.name ?? "")) ?? marks.at(-1);
		for (const mark of marks) mark.tabIndex = mark === at ? 0 : -1;
	}

	/** Arrows go from one to the next. @param {KeyboardEvent} event */
	#step(event) {
		const marks = /** @type {HTMLElement[]} */ ([...this.#marks.children]);
		const at = marks.indexOf(/** @type {HTMLElement} */ (document.activeElement));
		const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: marks.length - 1 }[event.key];
		if (to === undefined) return;
		event.preventDefault();
		marks[to]?.focus();
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
 * Of those that would be one mark, the latest that is held, or else the latest.
 * @param {readonly Snapshot[]} snapshots
 * @param {number} fromMs
 * @param {number} nowMs
 * @param {number} places
 */
function apart(snapshots, fromMs, nowMs, places) {
	/** @type {Map<number, Snapshot>} */
	const marks = new Map();
	for (const each of snapshots) {
		const place = Math.floor((places * (Date.parse(each.created) - fromMs)) / Math.max(1, nowMs - fromMs));
		if (each.held || !marks.get(place)?.held) marks.set(place, each);
	}
	return [...marks.values()];
}

/** As the field has it, by the clock of who looks. @param {number} ms */
function localText(ms) {
	return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** @param {Chosen} chosen @param {string} name */
function isNamed(chosen, name) {
	return chosen !== undefined && "snapshot" in chosen && chosen.snapshot.name === name;
}

/** @param {Exclude<Chosen, undefined>} chosen */
export function atMsOf(chosen) {
	return "atMs" in chosen ? chosen.atMs : Date.parse(chosen.snapshot.created);
}
