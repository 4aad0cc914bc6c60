/**
 * One disk: its state in words, curves, heat map, who uses it, its errors by cause, what happened to it, its settings, and what can be
 * done with it. Called by `app.js`; the parts are in `disk-parts.js`, what changes something in `disk-actions.js`.
 */

import { diskPath, get, request } from "./api.js";
import { actions } from "./disk-actions.js";
import { clientsPart } from "./disk-clients.js";
import { mirrorPart } from "./disk-mirror.js";
import { causesPart, factsPart, headPart, initiatorsPart, settingsPart } from "./disk-parts.js";
import { el, fill } from "./dom.js";
import { eventsOf } from "./events.js";
import { pastPart } from "./past.js";

/** @import { Disk } from "../model.js" */
/** @import { Live } from "./live.js" */

const EVERY_MS = 1000;

/**
 * @param {HTMLElement} main
 * @param {Live} live
 * @param {string} name
 */
export function diskView(main, live, name) {
	/** What is shown, and the ETag that a change has to name. @type {{ disk: Disk | undefined, tag: string }} */
	const shown = { disk: undefined, tag: "" };
	const problem = el("p", { class: "error", role: "alert" });
	const body = el("div", {});
	const [head, facts, initiators, causes, settings] = [
		headPart(name),
		factsPart(),
		initiatorsPart(),
		causesPart(),
		settingsPart(),
	];
	const buttons = actions(name, shown, live);
	const mirror = mirrorPart(name, live);
	const clients = clientsPart();
	const ofAoe = section("Initiators", initiators.element);
	const ofStreams = section("Connected", clients.element);
	fill(
		body,
		buttons.element,
		facts.element,
		mirror.element,
		pastPart(name, live),
		ofAoe,
		ofStreams,
		section("Errors by cause", causes.element),
		section("Events", eventsOf(name, live.signal)),
		section("Settings", settings.element),
	);
	body.hidden = true;
	main.append(head.element, problem, body);
	live.every(
		EVERY_MS,
		async (signal) => {
			const [response, list] = await Promise.all([
				request("GET", diskPath(name), { signal }),
				get(`/api/v1/initiators?disk=${encodeURIComponent(name)}&limit=50`, signal),
			]);
			const disk = /** @type {Disk} */ (await response.json());
			Object.assign(shown, { disk, tag: response.headers.get("etag") ?? "" });
			for (const part of [head, facts, clients, causes, settings, buttons]) part.show(disk);
			ofStreams.hidden = disk.nbd === null && disk.iscsi === null;
			ofAoe.hidden = disk.aoe === null && !ofStreams.hidden;
			initiators.show(disk, list);
			await mirror.show(disk, signal);
			problem.textContent = "";
			body.hidden = false;
		},
		({ message, status }) => {
			problem.textContent = status === 404 ? `There is no disk ${name} any more.` : message;
			body.hidden ||= status === 404;
		},
	);
}

/** @param {string} title @param {...Node} nodes */
export function section(title, ...nodes) {
	return el("section", {}, el("h2", {}, title), ...nodes);
}
