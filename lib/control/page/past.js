/**
 * The past of a disk: curves of operations, bytes and latency, and the heat map, of five minutes or a day. Used by `disk.js`.
 */

import { diskPath, get } from "./api.js";
import { Chart } from "./charts.js";
import { el } from "./dom.js";
import { byteRate, latency, rate } from "./format.js";
import { HeatMap } from "./heat.js";

/** @import { History } from "../model.js" */
/** @import { Live } from "./live.js" */

const EVERY_MS = 1000;
/** A history is longer than all else that a view asks for. */
const HISTORY_MS = { "5m": 2000, "1d": 30_000 };

const OPERATIONS = {
	title: "Operations per second",
	format: rate,
	series: [
		{ label: "Reads", colour: "--read" },
		{ label: "Writes", colour: "--write" },
	],
};
const BYTES = {
	title: "Bytes per second",
	format: byteRate,
	binary: true,
	series: [
		{ label: "Read", colour: "--read" },
		{ label: "Written", colour: "--write" },
	],
};
const LATENCY = {
	title: "Latency",
	format: latency,
	log: true,
	series: [
		{ label: "Read p50", colour: "--read", dash: true },
		{ label: "Read p99", colour: "--read" },
		{ label: "Write p50", colour: "--write", dash: true },
		{ label: "Write p99", colour: "--write" },
	],
};

/** Curves and heat map of one window of time. @param {string} name @param {Live} live */
export function pastPart(name, live) {
	const { signal } = live;
	const [operations, bytes, latencies] = [
		new Chart(OPERATIONS, signal),
		new Chart(BYTES, signal),
		new Chart(LATENCY, signal),
	];
	const heat = new HeatMap(signal);
	const span = el(
		"select",
		{ id: "window", on: { change: () => live.hurry() } },
		el("option", { value: "5m" }, "five minutes"),
		el("option", { value: "1d" }, "a day"),
	);
	let askedAt = 0;
	let askedFor = "";
	live.every(EVERY_MS, async () => {
		const window = /** @type {"5m" | "1d"} */ (span.value);
		if (window === askedFor && Date.now() - askedAt < HISTORY_MS[window]) return;
		const history = finished(await get(`${diskPath(name)}/history?window=${window}`, signal));
		askedFor = window;
		askedAt = Date.now();
		const times = timesOf(history);
		operations.show(times, [history.reads, history.writes]);
		bytes.show(times, [history.readBytes, history.writtenBytes]);
		latencies.show(times, [history.readP50, history.readP99, history.writeP50, history.writeP99]);
		heat.show(history);
	});
	return el(
		"section",
		{},
		el(
			"div",
			{ class: "toolbar" },
			el("h2", {}, "The last"),
			el("label", { for: "window", class: "hidden" }, "Time"),
			span,
		),
		el("div", { class: "charts" }, latencies.element, operations.element, bytes.element),
		heat.element,
	);
}

/** Without the last step, which goes on. @param {History} history @returns {History} */
function finished(history) {
	const { length, stepSeconds, end, heat } = history;
	const cut = (/** @type {any[]} */ column) => column.slice(0, -1);
	const columns = Object.entries(history).map(([key, value]) => [
		key,
		Array.isArray(value) ? cut(value) : value,
	]);
	return {
		...Object.fromEntries(columns),
		length: length - 1,
		end: new Date(Date.parse(end) - stepSeconds * 1000).toISOString(),
		heat: { ...heat, rows: heat.rows.map(cut) },
	};
}

/** The end of each step, in seconds since 1970. @param {History} history */
function timesOf({ end, length, stepSeconds }) {
	const last = Date.parse(end) / 1000;
	return Array.from({ length }, (_, index) => last - (length - 1 - index) * stepSeconds);
}
