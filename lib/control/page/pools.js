/**
 * Pools with their space, and what can be done with them; and the volumes in them, in pages. Called by `app.js`; one volume is in `volume.js`.
 */

import { get } from "./api.js";
import { badge, diskLink, el, fill, write } from "./dom.js";
import { ago, bytes, count, time } from "./format.js";
import { Pager, searchField } from "./pager.js";
import { jobButton, PoolJobs, paintJob } from "./pool-jobs.js";
import { paintSpace } from "./space-bar.js";
import { Table } from "./table.js";
import { doubtWords, makeVolume, trustClock } from "./volume-actions.js";

/** @import { Pool, PoolList, VolumeList, VolumeSummary } from "../model.js" */

const EVERY_MS = 2000;
const PAGE = 50;

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 */
export function poolsView(main, live) {
	const changed = () => live.hurry();
	const jobs = new PoolJobs();
	const pools = poolTable(jobs, changed);
	const volumes = volumeTable();
	const pager = new Pager(PAGE, changed);
	const search = searchField("volume-search", "pool, name, disk", () => pager.turn(-Infinity));
	const problem = el("p", { class: "error", role: "alert" });
	/** @type {readonly Pool[]} */
	let known = [];
	const make = el(
		"button",
		{ type: "button", disabled: true, class: "primary", on: { click: () => makeVolume(known, changed) } },
		"Make a volume",
	);
	main.append(
		el("h1", {}, "Pools"),
		problem,
		pools.element,
		el("h2", {}, "Volumes"),
		el("div", { class: "toolbar", role: "search" }, search.element, make),
		volumes.element,
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
			const [list, found] = await Promise.all([
				/** @type {Promise<PoolList>} */ (get("/api/v1/pools", signal)),
				/** @type {Promise<VolumeList>} */ (get(`/api/v1/volumes?${query}`, signal)),
				jobs.look(signal),
			]);
			known = list.pools.filter(isOpen);
			make.disabled = known.length === 0;
			pools.update(list.pools);
			if (pager.show(found.volumes.length, found.total)) volumes.update(found.volumes);
			write(problem, "");
		},
		({ message }) => write(problem, message),
	);
}

/** @param {PoolJobs} jobs @param {() => void} changed @returns {Table<Pool>} */
function poolTable(jobs, changed) {
	const path = (/** @type {string} */ name) => `/api/v1/pools/${encodeURIComponent(name)}`;
	return new Table({
		caption: "Pools",
		cards: true,
		keyOf: ({ name }) => name,
		empty: "No pool is configured: [pool.NAME] in the configuration names one.",
		columns: [
			{ title: "Pool", isHeader: true, text: ({ name }) => name },
			{ title: "State", paint: (cell, pool) => paintState(cell, pool, changed) },
			{ title: "Space", long: true, paint: paintSpace },
			{ title: "Volumes", numeric: true, text: ({ volumes }) => (volumes === null ? "–" : count(volumes)) },
			{ title: "Moments from", mid: true, text: ({ momentsFrom }) => time(momentsFrom) },
			{ title: "Where", wide: true, paint: paintWhere },
			{
				title: "Look for damage",
				paint: (cell, pool) => {
					if (!isOpen(pool)) return write(cell, "–");
					const { name } = pool;
					paintJob(cell, jobs.of(name), () => [
						jobButton("Check", name, `${path(name)}/check`, changed),
						jobButton("Scrub", name, `${path(name)}/scrub`, changed),
					]);
				},
			},
		],
	});
}

/** It is used, though something of it may not get on. @param {Pool} pool */
function isOpen({ volumes }) {
	return volumes !== null;
}

/** @param {HTMLElement} cell @param {Pool} pool @param {() => void} changed */
function paintState(cell, pool, changed) {
	const { name, reason, clockDoubt } = pool;
	const state = !isOpen(pool) ? "failed" : reason === null ? "open" : "degraded";
	const shown = `${state} ${reason} ${clockDoubt !== null}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	fill(
		cell,
		badge(state),
		reason !== null && el("p", { class: "reason" }, reason),
		clockDoubt !== null && el("p", { class: "reason" }, doubtWords(clockDoubt)),
		clockDoubt !== null &&
			el(
				"button",
				{ type: "button", on: { click: () => trustClock(name, clockDoubt, changed) } },
				"Trust the clock",
			),
	);
}

/** Its directory or device, its object store, or the disks that it is on; and its replicas. @param {HTMLElement} cell @param {Pool} pool */
function paintWhere(cell, { path, disks, stored, replicas }) {
	const shown = JSON.stringify([path, disks, stored, replicas]);
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	const where = stored !== null ? storeLines(stored) : disks !== null ? disks.map(diskLine) : [[path]];
	const lines = [...where, ...(replicas ?? []).map(replicaLine)];
	fill(cell, el("ul", { class: "lines" }, ...lines.map((line) => el("li", {}, ...line))));
}

/** @param {NonNullable<Pool["disks"]>[number]} disk */
function diskLine({ disk, state, sizeBytes, usedBytes, trouble }) {
	return [
		diskLink(disk),
		`: ${bytes(usedBytes)} of ${bytes(sizeBytes)}`,
		state !== "in use" && (state === "leaving" ? ", is being emptied" : ", is missing"),
		trouble !== null && `: ${trouble}`,
	];
}

/** What it lacks is lost with this host. @param {NonNullable<Pool["replicas"]>[number]} replica */
function replicaLine({ name, lagBytes, lagSeconds, trouble, promoted }) {
	if (promoted !== null && trouble !== null) return [`replica ${name}: ${trouble}`];
	const lag = lagBytes === 0 ? "lacks nothing" : `lacks ${bytes(lagBytes)}, for ${Math.round(lagSeconds)} s`;
	return [`replica ${name}: ${lag}${trouble === null ? "" : `: ${trouble}`}`];
}

/** What is only on this host stands first: it is what is lost with it. @param {NonNullable<Pool["stored"]>} stored */
function storeLines({
	store,
	head,
	unshippedBytes,
	unshippedSeconds,
	objects,
	storedBytes,
	requests,
	isReplicaOf,
}) {
	const only =
		unshippedBytes === 0
			? "all is in the store"
			: `${bytes(unshippedBytes)} only on this host, for ${Math.round(unshippedSeconds)} s`;
	const first = isReplicaOf === null ? only : `replica of ${isReplicaOf}, can be read`;
	const asked = requests.map((each) => `${each.op} ${count(each.count)}`).join(", ");
	return [
		[first],
		[`${store}, ${count(objects)} objects of ${bytes(storedBytes)}`],
		[`superblock: ${head}`],
		...(asked === "" ? [] : [[`requests: ${asked}`]]),
	];
}

/** @returns {Table<VolumeSummary>} */
function volumeTable() {
	return new Table({
		caption: "Volumes",
		cards: true,
		keyOf: fullName,
		empty: "There is no volume yet, or none matches.",
		columns: [
			{ title: "Volume", isHeader: true, paint: paintName },
			{ title: "Size", numeric: true, text: ({ sizeBytes }) => bytes(sizeBytes) },
			{ title: "Used", numeric: true, paint: paintUsed },
			{ title: "Removing frees", numeric: true, text: frees },
			{ title: "Moments take", numeric: true, mid: true, text: ({ historyBytes }) => bytes(historyBytes) },
			{ title: "Snapshots", numeric: true, text: ({ snapshotCount }) => count(snapshotCount) },
			{ title: "Disk", paint: paintDisk },
			{ title: "Made", wide: true, text: ({ created }) => ago(created) },
		],
	});
}

/** What its snapshots alone have comes beside. @param {VolumeSummary} volume */
function frees({ uniqueBytes, historyBytes, snapshotCount }) {
	return `${snapshotCount > 0 ? "at least " : ""}${bytes(uniqueBytes + historyBytes)}`;
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
