/**
 * The files beside what is running, what a reload would do, and the button that does it. Called by `app.js`.
 */

import { demandToken, get, request } from "./api.js";
import { confirmChange, followJob, stepElement } from "./change.js";
import { el, fill, write } from "./dom.js";
import { time } from "./format.js";

/** @import { Configuration, Job, Status } from "../model.js" */

const EVERY_MS = 5000;

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 */
export function configurationView(main, live) {
	/** @type {Configuration | undefined} */
	let seen;
	const verdict = el("div", { "aria-live": "polite" });
	const last = el("p", { class: "muted" });
	const files = el("div", { class: "files" });
	const running = el("pre", { tabindex: "0", "aria-label": "What is running" });
	const button = el("button", { type: "button", class: "primary", disabled: true }, "Reload");
	button.addEventListener("click", () => seen && reload(seen, () => live.hurry()));
	const problem = el("p", { class: "error", role: "alert" });
	main.append(
		el("h1", {}, "Configuration"),
		problem,
		last,
		verdict,
		el("div", { class: "buttons" }, button),
		el(
			"div",
			{ class: "beside" },
			el("section", {}, el("h2", {}, "In the files"), files),
			el("section", {}, el("h2", {}, "Running"), running),
		),
	);
	live.every(
		EVERY_MS,
		async (signal) => {
			const [configuration, status] = await Promise.all([
				/** @type {Promise<Configuration>} */ (get("/api/v1/config", signal)),
				/** @type {Promise<Status>} */ (get("/api/v1/status", signal)),
			]);
			button.disabled = false;
			write(problem, "");
			write(last, lastReloadText(status));
			if (JSON.stringify(configuration) === JSON.stringify(seen)) return;
			seen = configuration;
			write(running, configuration.running);
			showFiles(files, configuration, () => live.hurry());
			showVerdict(verdict, configuration);
		},
		({ message }) => write(problem, message),
	);
}

/** @param {Status} status */
function lastReloadText({ configuration: { lastReload } }) {
	if (lastReload === null) return "It has not been reloaded since the start.";
	const how = lastReload.ok ? "was good" : `changed nothing: ${lastReload.errors[0] ?? ""}`;
	return `The last reload, ${time(lastReload.at)}, ${how}.`;
}

/** @param {HTMLElement} place @param {Configuration} configuration */
function showVerdict(place, { differences, errors, warnings }) {
	const list = (/** @type {readonly (Node | string)[]} */ items, kind = "steps") =>
		el("ul", { class: kind }, ...items.map((item) => el("li", {}, item)));
	if (errors.length > 0)
		fill(
			place,
			el("p", { class: "error" }, "The files have errors; a reload would change nothing:"),
			list(errors, "steps bad"),
		);
	else if (differences.length === 0) fill(place, el("p", {}, "What is running is what the files say."));
	else
		fill(
			place,
			el("p", {}, "What is running differs from the files. A reload would do this:"),
			list(differences.map(stepElement)),
		);
	if (warnings.length > 0) place.append(el("p", {}, "To be looked at:"), list(warnings));
}

/** @param {HTMLElement} place @param {Configuration} configuration @param {() => void} again */
function showFiles(place, { files }, again) {
	const hidden = files.some(({ text }) => text === null);
	fill(
		place,
		files.length === 0 && el("p", { class: "muted" }, "There are none."),
		hidden &&
			el(
				"p",
				{},
				"What is in the files is shown to whoever has the token. ",
				el(
					"button",
					{ type: "button", on: { click: async () => (await demandToken(false)) && again() } },
					"Enter it",
				),
			),
		...files.map(({ path, text }) =>
			el(
				"details",
				{ open: true },
				el("summary", {}, path),
				text !== null && el("pre", { tabindex: "0", "aria-label": path }, text),
			),
		),
	);
}

/** @param {Configuration} configuration @param {() => void} again */
function reload({ differences, errors }, again) {
	const nothing = errors.length > 0 ? `Nothing: the files have errors. ${errors[0]}` : "Nothing changes.";
	confirmChange({
		title: "Reload the configuration",
		sentences: differences.length > 0 ? differences.map(stepElement) : [nothing],
		notices: [
			"What was changed by command, API or page, of disks that a file names, is as the file says again.",
		],
		confirm: "Reload",
		danger: differences.some(({ live }) => !live),
		async act(progress) {
			const { id } = /** @type {Job} */ (await (await request("POST", "/api/v1/reload")).json());
			await followJob(id, progress);
			again();
		},
	});
}
