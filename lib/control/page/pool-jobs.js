/**
 * What goes through all of a pool, a volume or a mirror: begun by a button, and shown in its place as long as it is under way, with how far it is and a
 * button to leave off. Used by `pools.js`, `volume.js` and
 * `disk-mirror.js`.
 */

import { get, request } from "./api.js";
import { wordsOf } from "./change.js";
import { say } from "./dialog.js";
import { el, fill, write } from "./dom.js";

/** @import { Job, JobList } from "../model.js" */

/** The jobs under way, by what they go through: `fast`, `fast/web`. One that ends is told of. */
export class PoolJobs {
	/** @type {Map<string, Job>} */
	#running = new Map();
	/** What a job goes through; null: nothing that is shown here. */
	#nameOf;

	/** @param {(job: Job) => string | null} nameOf */
	constructor(nameOf = ({ of }) => of) {
		this.#nameOf = nameOf;
	}

	/** @param {AbortSignal} signal */
	async look(signal) {
		const { jobs } = /** @type {JobList} */ (await get("/api/v1/jobs", signal));
		const before = this.#running;
		this.#running = new Map();
		for (const job of jobs) {
			const name = this.#nameOf(job);
			if (name === null) continue;
			if (job.state === "running") this.#running.set(name, job);
			else if (before.get(name)?.id === job.id) tellEnd(job);
		}
	}

	/** @param {string} name */
	of(name) {
		return this.#running.get(name);
	}
}

/** @param {Job} job */
function tellEnd({ state, message, errors }) {
	say(
		[message, ...errors.slice(0, 1)].join("; "),
		state === "failed" || errors.length > 0 ? "error" : "info",
	);
}

/**
 * Puts the job that is under way, or else these buttons, into a place; what is there stays, as long as it is the same.
 * @param {HTMLElement} place
 * @param {Job | undefined} job
 * @param {() => HTMLElement[]} buttons
 */
export function paintJob(place, job, buttons) {
	const shown = job?.id ?? "none";
	place.classList.add("jobs");
	if (place.dataset.shown !== shown) {
		place.dataset.shown = shown;
		if (job === undefined) fill(place, el("div", { class: "buttons" }, ...buttons()));
		else fill(place, jobElement(job));
	}
	if (job === undefined) return;
	const bar = /** @type {HTMLProgressElement} */ (place.querySelector("progress"));
	bar.value = job.progress;
	write(
		/** @type {Element} */ (place.querySelector(".far")),
		`${job.kind} ${Math.floor(job.progress * 100)} %`,
	);
}

/** @param {Job} job */
function jobElement({ id, kind, message, cancellable }) {
	const cancel = el("button", { type: "button", "aria-label": `Cancel: ${message}` }, "Cancel");
	cancel.addEventListener("click", async () => {
		cancel.disabled = true;
		try {
			await request("DELETE", `/api/v1/jobs/${encodeURIComponent(id)}`);
		} catch (error) {
			say(wordsOf(error), "error");
			cancel.disabled = false;
		}
	});
	return el(
		"div",
		{ class: "job" },
		el("progress", { max: "1", value: "0", "aria-label": `${kind}: how much is done` }),
		el("span", { class: "far" }),
		cancellable && cancel,
	);
}

/** A button that begins one. @param {string} text @param {string} of @param {string} path @param {() => void} changed */
export function jobButton(text, of, path, changed) {
	const button = el("button", { type: "button", "aria-label": `${text}: ${of}` }, text);
	button.addEventListener("click", async () => {
		button.disabled = true;
		try {
			await request("POST", path, { body: {} });
			changed();
		} catch (error) {
			say(wordsOf(error), "error");
		} finally {
			button.disabled = false;
		}
	});
	return button;
}
