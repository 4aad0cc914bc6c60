/**
 * A change in two steps: the server says what it will do (`dry_run`), and does it when that is confirmed; then its job is followed to
 * the end. If somebody else has changed the disk meanwhile, what they changed is shown. Used by forms and buttons.
 */

import { get, Refused, request } from "./api.js";
import { dialog, say } from "./dialog.js";
import { badge, el, fill, write } from "./dom.js";
import { pause } from "./live.js";
import { differencesOf } from "./settings.js";

/** @import { Changed, Job, Plan, Step } from "../model.js" */

const JOB_MS = 300;

/**
 * @typedef {object} Change
 * @property {string} title
 * @property {"POST" | "PATCH" | "DELETE"} method
 * @property {string} path
 * @property {unknown} [body]
 * @property {string} [ifMatch]
 * @property {boolean} [danger]
 * @property {() => Promise<{ before: Record<string, unknown>, after: Record<string, unknown> }>} [onStale]
 * @property {() => void} onDone
 */

/**
 * Throws a Refused if the server won't do that, so that a form can say where.
 * @param {Change} change
 */
export async function propose(change) {
	const { title, method, path, body, ifMatch, danger = false, onStale, onDone } = change;
	/** @type {Plan} */
	let plan;
	try {
		plan = await (await request(method, `${path}?dry_run=true`, { body, ifMatch })).json();
	} catch (error) {
		if (!(error instanceof Refused)) throw error;
		if (error.status === 412 && onStale) return showStale(title, await onStale());
		// A form says it beside the field; without one it is said here.
		if (body !== undefined) throw error;
		return say(error.message, "error");
	}
	if (plan.steps.length === 0) return say("That changes nothing.");
	confirmChange({
		title,
		sentences: plan.steps.map(stepElement),
		notices: plan.notices,
		confirm: method === "DELETE" ? "Remove it" : "Do it",
		danger: danger || plan.steps.some(({ live }) => !live),
		async act(progress) {
			const answer = await request(method, path, { body, ifMatch });
			const { job } = /** @type {Changed} */ (await answer.json());
			if (job !== null) await followJob(job, progress);
			onDone();
		},
	});
}

/** @param {Step} step */
export function stepElement({ effect, text, live }) {
	return el("span", {}, badge(effect), ` ${text}`, !live && el("strong", {}, " (initiators notice)"));
}

/**
 * @typedef {object} Confirmation
 * @property {string} title
 * @property {readonly (string | Node)[]} sentences what will happen
 * @property {readonly string[]} notices
 * @property {string} confirm
 * @property {boolean} danger
 * @property {(progress: (text: string, part: number) => void) => Promise<void>} act
 */

/** Says what will happen, and does it if that is wanted. @param {Confirmation} confirmation */
export function confirmChange({ title, sentences, notices, confirm, danger, act }) {
	const open = dialog(title);
	const said = el("p", { role: "status" });
	const bar = el("progress", { max: "1", value: "0", hidden: true });
	const yes = el("button", { type: "button", class: danger ? "danger" : "primary" }, confirm);
	const no = el("button", { type: "button", on: { click: open.close } }, "Leave it as it is");
	yes.addEventListener("click", async () => {
		yes.disabled = true;
		bar.hidden = false;
		write(no, "Close");
		try {
			await act((text, part) => {
				write(said, text);
				bar.value = part;
			});
			open.close();
		} catch (error) {
			bar.hidden = true;
			fill(said, el("span", { class: "error", role: "alert" }, wordsOf(error)));
		}
	});
	open.body.append(
		el("p", {}, "This will happen:"),
		el("ul", { class: "steps" }, ...sentences.map((sentence) => el("li", {}, sentence))),
		...notices.map((notice) => el("p", { class: "notice" }, notice)),
		said,
		bar,
		el("div", { class: "buttons" }, yes, no),
	);
}

/** @param {unknown} error */
export function wordsOf(error) {
	if (error instanceof Refused)
		return error.status === 412 ? "Somebody has changed it meanwhile: look at it again." : error.message;
	if (error instanceof JobFailed) return error.message;
	return "The server does not answer. Whether that was done is not known: look at it again.";
}

class JobFailed extends Error {}

/**
 * Resolves when it is done.
 * @param {string} id
 * @param {(text: string, part: number) => void} progress
 */
export async function followJob(id, progress) {
	for (;;) {
		const job = /** @type {Job} */ (await get(`/api/v1/jobs/${encodeURIComponent(id)}`));
		progress(job.message, job.progress);
		if (job.state === "done") return say([job.message, ...job.errors.slice(0, 1)].join("; "));
		if (job.state === "failed") throw new JobFailed([job.message, ...job.errors].join("\n"));
		await pause(JOB_MS, new AbortController().signal);
	}
}

/**
 * @param {string} title
 * @param {{ before: Record<string, unknown>, after: Record<string, unknown> }} settings
 */
function showStale(title, { before, after }) {
	const open = dialog(`${title}: it has been changed meanwhile`);
	const differences = differencesOf(before, after);
	open.body.append(
		el("p", {}, "Somebody else has changed this disk since you opened the form:"),
		el(
			"ul",
			{ class: "steps" },
			...(differences.length > 0 ? differences : ["not its settings: whether it is fenced"]).map((text) =>
				el("li", {}, text),
			),
		),
		el("p", {}, "What you entered is still in the form; nothing of it has been done."),
		el(
			"div",
			{ class: "buttons" },
			el("button", { type: "button", on: { click: open.close } }, "Back to the form"),
		),
	);
}
