/**
 * Rooms of diskless machines: templates with their images, and who has come. Called by `app.js`; what can be done is in
 * `machine-actions.js`.
 */

import { get } from "./api.js";
import { badge, diskLink, el, fill, write } from "./dom.js";
import { ago, count } from "./format.js";
import { actionsOf } from "./machine-actions.js";
import { Pager, searchField } from "./pager.js";
import { Table } from "./table.js";

/** @import { Machine, MachineList, MachineTemplate } from "../model.js" */

const EVERY_MS = 2000;
const PAGE = 50;

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 */
export function machinesView(main, live) {
	const templates = templateTable();
	/** @type {ReadonlySet<string>} */
	let configured = new Set();
	const machines = machineTable(
		({ template }) => configured.has(template),
		() => live.hurry(),
	);
	const pager = new Pager(PAGE, () => live.hurry());
	const search = searchField("machine-search", "name, MAC, address", () => pager.turn(-Infinity));
	const problem = el("p", { class: "error", role: "alert" });
	main.append(
		el("h1", {}, "Machines"),
		problem,
		el("h2", {}, "Templates"),
		templates.element,
		el("h2", {}, "Who has come"),
		el("div", { class: "toolbar", role: "search" }, search.element),
		machines.element,
		pager.element,
	);
	live.every(
		EVERY_MS,
		async (signal) => {
			const query = new URLSearchParams({
				limit: String(PAGE),
				offset: String(pager.offset),
				...(search.input.value && { search: search.input.value }),
			});
			const list = /** @type {MachineList} */ (await get(`/api/v1/machines?${query}`, signal));
			templates.update(list.templates);
			configured = new Set(list.templates.map(({ name }) => name));
			if (pager.show(list.machines.length, list.total)) machines.update(list.machines);
			write(problem, "");
		},
		({ message }) => write(problem, message),
	);
}

/** @returns {Table<MachineTemplate>} */
function templateTable() {
	return new Table({
		caption: "Templates",
		cards: true,
		keyOf: ({ name }) => name,
		empty: "No room of diskless machines is configured: [template.NAME] in the configuration is one.",
		columns: [
			{ title: "Template", isHeader: true, text: ({ name }) => name },
			{ title: "Image", paint: paintImage },
			{ title: "Machines", numeric: true, text: ({ machines }) => count(machines) },
			{ title: "In use", numeric: true, text: ({ active }) => count(active) },
			{ title: "Of another image", numeric: true, mid: true, text: ({ outdated }) => count(outdated) },
			{
				title: "Who may come",
				text: ({ macs }) => (macs === null ? "everyone" : `${count(macs.length)} named`),
			},
			{ title: "At each boot", mid: true, text: ({ keep }) => (keep ? "as they were" : "made anew") },
			{ title: "Shelf", numeric: true, mid: true, text: ({ shelf }) => String(shelf) },
			{ title: "Links", wide: true, text: ({ netif }) => netif.join(", ") },
		],
	});
}

/** @param {HTMLElement} cell @param {MachineTemplate} template */
function paintImage(cell, { image, configured }) {
	const shown = `${image} ${configured}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	const note = `made golden here: it is so until the files name another one than ${configured}`;
	fill(cell, image, image !== configured && el("p", { class: "muted" }, note));
}

/** @param {(machine: Machine) => boolean} hasTemplate @param {() => void} changed @returns {Table<Machine>} */
function machineTable(hasTemplate, changed) {
	return new Table({
		caption: "Machines",
		cards: true,
		keyOf: ({ name }) => name,
		empty: "No machine has come yet, or none matches.",
		columns: [
			{ title: "Machine", isHeader: true, whole: true, paint: paintName },
			{ title: "State", paint: paintState },
			{ title: "Address", numeric: true, text: ({ address }) => address },
			{ title: "At each boot", paint: paintKeep },
			{ title: "Clone of", paint: paintOrigin },
			{ title: "Made", mid: true, text: ({ made }) => (made === null ? "–" : ago(made)) },
			{ title: "Asked", wide: true, text: ({ asked }) => (asked === null ? "–" : ago(asked)) },
			{
				title: "What can be done",
				paint: (cell, machine) => paintActions(cell, machine, hasTemplate(machine), changed),
			},
		],
	});
}

/** @param {HTMLElement} cell @param {Machine} machine */
function paintName(cell, { name, state }) {
	const shown = `${name} ${state === null}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	fill(cell, state === null ? name : diskLink(name));
}

/** @param {HTMLElement} cell @param {Machine} machine */
function paintState(cell, { state, reason, isActive }) {
	const shown = `${state} ${isActive} ${reason}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	const words = isActive ? "in use" : "";
	fill(
		cell,
		state === null ? "–" : badge(state),
		words && ` ${words}`,
		reason !== null && el("p", { class: "reason" }, reason),
	);
}

/** @param {HTMLElement} cell @param {Machine} machine */
function paintKeep(cell, { keep, isKeepOwn }) {
	write(cell, `${keep ? "as it was" : "made anew"}${isKeepOwn ? ", as was said of it" : ""}`);
}

/** @param {HTMLElement} cell @param {Machine} machine */
function paintOrigin(cell, { image, isCurrent }) {
	const shown = `${image} ${isCurrent}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	fill(cell, image, !isCurrent && el("p", { class: "muted" }, "not the image of its template"));
}

/** What has the keyboard stays, as long as nothing about it is another. @param {HTMLElement} cell @param {Machine} machine @param {boolean} hasTemplate @param {() => void} changed */
function paintActions(cell, machine, hasTemplate, changed) {
	const { keep, isKeepOwn, isActive, image } = machine;
	const shown = `${keep} ${isKeepOwn} ${isActive} ${image} ${hasTemplate}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	fill(cell, el("div", { class: "buttons" }, ...actionsOf(machine, hasTemplate, changed)));
}
