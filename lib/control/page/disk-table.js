/**
 * All disks in a list: searched, narrowed to a state, sorted, in pages of 50; each with a curve of its last minutes. While somebody is at
 * the list, rows keep their places. Shown by `overview.js`.
 */

import { get } from "./api.js";
import { badge, diskLink, el, fill, write } from "./dom.js";
import { byteRate, bytes, count, latency, rate, worstP99 } from "./format.js";
import { Pager, searchField } from "./pager.js";
import { Sparks } from "./spark.js";
import { Table } from "./table.js";

/** @import { DiskList, DiskSummary } from "../model.js" */
/** @import { Live } from "./live.js" */

const EVERY_MS = 1000;
const PAGE = 50;
/** What fills a bar of latency: a second; what leaves it empty: 10 us. Above 5 ms it is another colour, above 50 ms a third. */
const BAR = { empty: Math.log10(1e-5), full: Math.log10(1) };

const SORTS = {
	latency: "latency",
	operations: "operations",
	bandwidth: "bytes",
	errors: "errors",
	queue: "requests that wait",
	size: "size",
	name: "name",
};
const STATES = ["open", "failed", "waiting", "fenced", "opening", "draining", "abandoned", "removing"];

export class DiskTable {
	#search = searchField("search", "name, storage, address", () => this.#pager.turn(-Infinity));
	#sort = select("sort", Object.entries(SORTS));
	#state = select("state", [["", "any"], ...STATES.map((state) => [state, state])]);
	#pager;
	#sparks;
	#table;

	/** @param {Live} live */
	constructor(live) {
		this.#pager = new Pager(PAGE, () => live.hurry());
		this.#sparks = new Sparks(live.signal);
		this.#table = new Table({
			caption: "Disks",
			columns: columns(this.#sparks),
			keyOf: (/** @type {DiskSummary} */ { name }) => name,
			empty: "No disk matches.",
			onSort: (sort) => {
				this.#sort.value = sort;
				this.#pager.turn(-Infinity);
			},
		});
		/** @type {HTMLElement} */
		this.element = el("div", {}, this.#toolbar(), this.#table.element, this.#pager.element);
		live.every(EVERY_MS, (signal) => this.#ask(signal));
	}

	#toolbar() {
		const again = () => this.#pager.turn(-Infinity);
		for (const input of [this.#sort, this.#state]) input.addEventListener("change", again);
		const field = (/** @type {string} */ text, /** @type {HTMLElement} */ input) =>
			el("div", { class: "field" }, el("label", { for: input.id }, text), input);
		return el(
			"div",
			{ class: "toolbar", role: "search" },
			this.#search.element,
			field("State", this.#state),
			field("Highest first by", this.#sort),
			el("a", { class: "button primary", href: "#/add" }, "Add a disk"),
		);
	}

	/** @param {AbortSignal} signal */
	async #ask(signal) {
		const query = new URLSearchParams({
			sort: this.#sort.value,
			limit: String(PAGE),
			offset: String(this.#pager.offset),
			...(this.#search.input.value && { search: this.#search.input.value }),
			...(this.#state.value && { state: this.#state.value }),
		});
		const list = /** @type {DiskList} */ (await get(`/api/v1/disks?${query}`, signal));
		if (!this.#pager.show(list.disks.length, list.total)) return;
		this.#sparks.add(list.disks);
		this.#table.sortedBy(this.#sort.value);
		this.#table.update(this.#table.isInUse ? inPlace(list.disks, this.#table.keys) : list.disks);
	}
}

/**
 * As they stand, then those that are new.
 * @param {readonly DiskSummary[]} disks
 * @param {readonly string[]} keys
 */
function inPlace(disks, keys) {
	const rest = new Map(disks.map((disk) => [disk.name, disk]));
	const old = keys.flatMap((key) => {
		const disk = rest.get(key);
		rest.delete(key);
		return disk === undefined ? [] : [disk];
	});
	return [...old, ...rest.values()];
}

/** @param {string} id @param {readonly (readonly string[])[]} options */
function select(id, options) {
	return el("select", { id }, ...options.map(([value, text = ""]) => el("option", { value }, text)));
}

/** @param {Sparks} sparks @returns {import("./table.js").Column<DiskSummary>[]} */
function columns(sparks) {
	return [
		{ title: "Disk", isHeader: true, sort: "name", paint: paintName },
		{ title: "State", paint: paintState },
		{ title: "Latency p99", numeric: true, sort: "latency", paint: paintLatency },
		{
			title: "Operations\u200b/s",
			numeric: true,
			sort: "operations",
			text: ({ rates }) => rate(rates.reads + rates.writes),
		},
		{ title: "Last minutes", wide: true, paint: (cell, { name }) => sparks.paint(cell, name) },
		{
			title: "Bytes/s",
			numeric: true,
			mid: true,
			sort: "bandwidth",
			text: ({ rates }) => byteRate(rates.readBytes + rates.writtenBytes),
		},
		{ title: "Waiting", numeric: true, mid: true, sort: "queue", text: ({ underWay }) => count(underWay) },
		{ title: "Errors", numeric: true, sort: "errors", paint: paintErrors },
		{
			title: "Most asked by",
			mid: true,
			paint: (cell, { busiestInitiator }) => write(cell, busiestInitiator ?? "–"),
		},
		{ title: "Address", wide: true, text: ({ addresses }) => addresses.join(", ") || "–" },
		{ title: "Size", numeric: true, wide: true, sort: "size", text: ({ sizeBytes }) => bytes(sizeBytes) },
	];
}

/** @param {HTMLElement} cell @param {DiskSummary} disk */
function paintName(cell, { name }) {
	if (cell.firstChild === null) cell.append(diskLink(name));
}

/** @param {HTMLElement} cell @param {DiskSummary} disk */
function paintState(cell, { state, reason, readOnly }) {
	const shown = `${state} ${readOnly} ${reason ?? ""}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	fill(
		cell,
		badge(state),
		readOnly && el("span", { class: "muted" }, " read-only"),
		reason !== null && el("p", { class: "reason" }, reason),
	);
}

/** @param {HTMLElement} cell @param {DiskSummary} disk */
function paintLatency(cell, { rates }) {
	const worst = worstP99(rates);
	if (cell.firstChild === null)
		cell.append(
			el("span"),
			el("meter", { min: "0", max: "1", low: "0.54", high: "0.74", optimum: "0", "aria-hidden": "true" }),
		);
	const [text, bar] = cell.children;
	if (text) write(text, latency(worst));
	const part = worst ? (Math.log10(worst) - BAR.empty) / (BAR.full - BAR.empty) : 0;
	if (bar instanceof HTMLMeterElement) bar.value = Math.min(1, Math.max(0, part));
}

/** @param {HTMLElement} cell @param {DiskSummary} disk */
function paintErrors(cell, { errors }) {
	write(cell, count(errors));
	cell.classList.toggle("bad", errors > 0);
}
