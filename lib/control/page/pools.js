/**
 * Pools with their space, and the volumes in them. Called by `app.js`; one volume is in `volume.js`.
 */

import { get } from "./api.js";
import { badge, diskLink, el, fill, write } from "./dom.js";
import { ago, bytes, count } from "./format.js";
import { Table } from "./table.js";
import { makeVolume } from "./volume-actions.js";

/** @import { Pool, PoolList, VolumeList, VolumeSummary } from "../model.js" */

const EVERY_MS = 2000;
const VOLUMES = 1000;

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 */
export function poolsView(main, live) {
	const pools = poolTable();
	const volumes = volumeTable();
	const total = el("p", { class: "muted" });
	const problem = el("p", { class: "error", role: "alert" });
	/** @type {readonly Pool[]} */
	let known = [];
	const make = el(
		"button",
		{ type: "button", disabled: true, on: { click: () => makeVolume(known, () => live.hurry()) } },
		"Make a volume",
	);
	main.append(
		el("h1", {}, "Pools"),
		problem,
		pools.element,
		el("div", { class: "toolbar" }, el("h2", {}, "Volumes"), make),
		total,
		volumes.element,
	);
	live.every(
		EVERY_MS,
		async (signal) => {
			const [list, found] = await Promise.all([
				/** @type {Promise<PoolList>} */ (get("/api/v1/pools", signal)),
				/** @type {Promise<VolumeList>} */ (get(`/api/v1/volumes?limit=${VOLUMES}`, signal)),
			]);
			known = list.pools.filter(({ reason }) => reason === null);
			make.disabled = known.length === 0;
			pools.update(list.pools);
			volumes.update(found.volumes);
			write(total, found.total > VOLUMES ? `The first ${VOLUMES} of ${count(found.total)}.` : "");
			write(problem, "");
		},
		({ message }) => write(problem, message),
	);
}

/** @returns {Table<Pool>} */
function poolTable() {
	return new Table({
		caption: "Pools",
		keyOf: ({ name }) => name,
		empty: "No pool is configured: [pool.NAME] in the configuration names one.",
		columns: [
			{ title: "Pool", isHeader: true, text: ({ name }) => name },
			{ title: "State", paint: paintState },
			{ title: "Used", numeric: true, text: ({ usedBytes }) => bytes(usedBytes) },
			{ title: "Volumes", numeric: true, text: ({ volumes }) => (volumes === null ? "–" : count(volumes)) },
			{ title: "Directory", wide: true, text: ({ path }) => path },
		],
	});
}

/** @param {HTMLElement} cell @param {Pool} pool */
function paintState(cell, { reason }) {
	const shown = reason ?? "open";
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	if (reason === null) fill(cell, badge("open"));
	else fill(cell, badge("failed"), el("p", { class: "reason" }, reason));
}

/** @returns {Table<VolumeSummary>} */
function volumeTable() {
	return new Table({
		caption: "Volumes",
		keyOf: fullName,
		empty: "There is no volume.",
		columns: [
			{ title: "Volume", isHeader: true, paint: paintName },
			{ title: "Size", numeric: true, text: ({ sizeBytes }) => bytes(sizeBytes) },
			{ title: "Used", numeric: true, paint: paintUsed },
			{ title: "Snapshots", numeric: true, text: ({ snapshotCount }) => count(snapshotCount) },
			{ title: "Disk", paint: paintDisk },
			{ title: "Made", mid: true, text: ({ created }) => ago(created) },
		],
	});
}

/** @param {VolumeSummary} volume */
function fullName({ pool, name }) {
	return `${pool}/${name}`;
}

/** @param {HTMLElement} cell @param {VolumeSummary} volume */
function paintName(cell, volume) {
	const name = fullName(volume);
	if (cell.textContent !== name) fill(cell, el("a", { href: `#/volume/${encodeURIComponent(name)}` }, name));
}

/** @param {HTMLElement} cell @param {VolumeSummary} volume */
function paintUsed(cell, { usedBytes, sizeBytes }) {
	const shown = `${usedBytes}/${sizeBytes}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	const used = bytes(usedBytes);
	fill(
		cell,
		used,
		el("meter", {
			min: "0",
			max: String(sizeBytes),
			value: String(usedBytes),
			"aria-label": `${used} of its size`,
		}),
	);
}

/** @param {HTMLElement} cell @param {VolumeSummary} volume */
function paintDisk(cell, { disk }) {
	if (cell.dataset.shown === String(disk)) return;
	cell.dataset.shown = String(disk);
	fill(cell, disk === null ? "–" : diskLink(disk));
}
