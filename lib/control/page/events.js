/**
 * What has happened, latest first, and what happens while one looks. The view of all events, and the short list in a disk's view.
 */

import { get } from "./api.js";
import { badge, diskLink, el, write } from "./dom.js";
import { feed } from "./events-feed.js";
import { time } from "./format.js";
import { Table } from "./table.js";

/** @import { Event as Happening } from "../model.js" */

const SHOWN = 200;
const SHOWN_OF_DISK = 20;

/** @param {boolean} withDisk @returns {Table<Happening>} */
function eventTable(withDisk) {
	return new Table({
		caption: "Events, latest first",
		keyOf: ({ id }) => String(id),
		empty: "Nothing has happened that is still known.",
		columns: [
			{ title: "Time", text: ({ at }) => time(at) },
			{ title: "Severity", paint: (cell, { severity }) => once(cell, badge(severity)) },
			{ title: "Kind", mid: true, text: ({ kind }) => kind },
			...(withDisk
				? [
						{
							title: "Concerns",
							paint: (
								/** @type {HTMLElement} */ cell,
								/** @type {Happening} */ { disk, volume, link, initiator },
							) => once(cell, disk === undefined ? (volume ?? link ?? initiator ?? "") : diskLink(disk)),
						},
					]
				: []),
			{ title: "Message", isHeader: true, long: true, text: ({ message }) => message },
		],
	});
}

/** An event does not change. @param {HTMLElement} cell @param {Node | string} node */
function once(cell, node) {
	if (cell.firstChild === null) cell.append(node);
}

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 */
export function eventsView(main, live) {
	const table = eventTable(true);
	const severity = el(
		"select",
		{ id: "severity" },
		el("option", { value: "info" }, "all"),
		el("option", { value: "warning" }, "warnings and errors"),
		el("option", { value: "error" }, "errors"),
	);
	const search = el("input", { id: "event-search", type: "search", maxlength: "200" });
	const lost = el("p", { class: "notice", role: "status" });
	const show = () => {
		const wanted = search.value.toLowerCase();
		const least = rank(severity.value);
		const events = feed.events.filter(
			(event) =>
				rank(event.severity) >= least &&
				[event.message, event.kind, event.disk, event.volume, event.link, event.initiator].some((text) =>
					text?.toLowerCase().includes(wanted),
				),
		);
		table.update(events.slice(0, SHOWN));
		write(lost, feed.lost ? "There were more than are kept: some are not shown." : "");
	};
	const { signal } = live;
	feed.addEventListener("event", show, { signal });
	for (const input of [severity, search]) input.addEventListener("input", show, { signal });
	main.append(
		el("h1", {}, "Events"),
		el(
			"div",
			{ class: "toolbar", role: "search" },
			el("div", { class: "field" }, el("label", { for: "event-search" }, "Search"), search),
			el("div", { class: "field" }, el("label", { for: "severity" }, "Severity"), severity),
		),
		lost,
		table.element,
	);
	show();
}

/** @param {string} severity */
function rank(severity) {
	return ["info", "warning", "error"].indexOf(severity);
}

/**
 * Those of one disk, as long as the signal lets.
 * @param {string} disk
 * @param {AbortSignal} signal
 */
export function eventsOf(disk, signal) {
	const table = eventTable(false);
	/** @type {Happening[]} */
	let past = [];
	const show = () => {
		const all = [...feed.events, ...past].filter((event) => event.disk === disk);
		const byId = new Map(all.map((event) => [event.id, event]));
		const latest = [...byId.values()].sort((one, other) => other.id - one.id);
		table.update(latest.slice(0, SHOWN_OF_DISK));
	};
	get(`/api/v1/events?disk=${encodeURIComponent(disk)}&limit=${SHOWN_OF_DISK}`, signal).then(
		({ events }) => {
			past = events;
			show();
		},
		() => {},
	);
	feed.addEventListener("event", show, { signal });
	show();
	return table.element;
}
