/**
 * One volume: its space, the disk that is on it, and its past, to look at, compare, clone from and go back to. Called by `app.js`; what can be
 * done is in `volume-actions.js`.
 */

import { get } from "./api.js";
import { compare } from "./compare.js";
import { section } from "./disk.js";
import { diskLink, el, fill, write } from "./dom.js";
import { ago, bytes, time } from "./format.js";
import { Pager } from "./pager.js";
import { jobButton, PoolJobs, paintJob } from "./pool-jobs.js";
import { Table } from "./table.js";
import { atMsOf, Timeline } from "./timeline.js";
import {
	cloneVolume,
	holdSnapshot,
	removeSnapshot,
	removeVolume,
	renameVolume,
	resizeVolume,
	rollBack,
	setVolume,
	takeSnapshot,
	volumePath,
} from "./volume-actions.js";
import { VolumeWatch } from "./volume-watch.js";

/** @import { Chosen, Snapshot } from "./timeline.js" */
/** @import { Pool } from "../model.js" */
/** @import { Past, Seen } from "./volume-actions.js" */

const EVERY_MS = 2000;
/** Of snapshots. */
const PAGE = 50;

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 * @param {string} name POOL/VOLUME
 */
export function volumeView(main, live, name) {
	/** @type {Seen | undefined} */
	let volume;
	const watch = new VolumeWatch(name, live);
	const changed = () => {
		watch.spoil();
		live.hurry();
	};
	const act = (/** @type {(volume: Seen) => unknown} */ what) => () => volume && void what(volume);
	const button = (/** @type {string} */ text, /** @type {(volume: Seen) => unknown} */ what, kind = "") =>
		el("button", { type: "button", class: kind, on: { click: act(what) } }, text);
	const problem = el("p", { class: "error", role: "alert" });
	const facts = el("dl", { class: "facts" });
	const past = pastPart(name, act, changed);
	const jobs = new PoolJobs();
	const flatten = el("div");
	const body = el(
		"div",
		{ hidden: true },
		el(
			"div",
			{ class: "buttons", role: "group", "aria-label": `What can be done with volume ${name}` },
			button("Take a snapshot", (each) => takeSnapshot(each, changed), "primary"),
			button("Resize", (each) => resizeVolume(each, changed)),
			button("What is kept", (each) => setVolume(each, changed)),
			button("Rename", renameVolume),
			flatten,
			button("Remove", removeVolume, "danger"),
		),
		facts,
		section("Past", past.element),
	);
	main.append(el("p", {}, el("a", { href: "#/pools" }, "All pools")), el("h1", {}, name), problem, body);
	live.every(
		EVERY_MS,
		async (signal) => {
			volume = await watch.look(signal);
			await jobs.look(signal);
			paintJob(flatten, jobs.of(name), () => [
				jobButton("Flatten", name, `${volumePath(name)}/flatten`, changed),
			]);
			const { reason } = /** @type {Pool} */ (
				await get(`/api/v1/pools/${encodeURIComponent(volume.pool)}`, signal)
			);
			body.hidden = false;
			showFacts(facts, volume);
			past.show(volume);
			write(problem, reason === null ? "" : `Pool ${volume.pool}: ${reason}`);
		},
		({ message, status }) => {
			write(problem, status === 404 ? `There is no volume ${name} any more.` : message);
			body.hidden ||= status === 404;
		},
	);
}

/** @param {HTMLElement} place @param {Seen} volume */
function showFacts(place, volume) {
	const shown = JSON.stringify({ ...volume, snapshots: [] });
	if (place.dataset.shown === shown) return;
	place.dataset.shown = shown;
	const fact = (/** @type {string} */ title, /** @type {Node | string} */ value) =>
		el("div", {}, el("dt", {}, title), el("dd", {}, value));
	const { sizeBytes, usedBytes, quotaBytes, pageBytes, created, serial, wwn, disk, momentsFrom } = volume;
	const { uniqueBytes, sharedBytes, historyBytes, history, keep } = volume;
	const kept = Object.entries(keep ?? {}).map(([period, time]) => `${period} ${time}`);
	fill(
		place,
		fact("Size", bytes(sizeBytes)),
		fact("Used", usedOf(usedBytes, quotaBytes)),
		fact("Only it has", bytes(uniqueBytes)),
		fact("Shared with snapshots or clones", bytes(sharedBytes)),
		fact("Only moments have", bytes(historyBytes)),
		fact("Disk", disk === null ? "none" : diskLink(disk)),
		fact("Made", time(created)),
		fact("Moments reach back to", time(momentsFrom)),
		fact("Each moment is kept for", history ?? "as in its pool"),
		fact("Snapshots by themselves", kept.join(", ") || "as in its pool"),
		fact("Page", bytes(pageBytes)),
		fact("Serial number", serial),
		fact("WWN", wwn),
	);
}

/** @param {number} usedBytes @param {number | null} quotaBytes */
function usedOf(usedBytes, quotaBytes) {
	if (quotaBytes === null) return bytes(usedBytes);
	const text = `${bytes(usedBytes)} of ${bytes(quotaBytes)}`;
	if (usedBytes < quotaBytes) return text;
	return el("span", { class: "error" }, `${text}: the quota is used up, what is new is refused`);
}

/** @param {string} text @param {() => void} click @param {string} kind */
function buttonOf(text, click, kind = "") {
	return el("button", { type: "button", class: kind, on: { click } }, text);
}

/**
 * @param {string} name
 * @param {(what: (volume: Seen) => unknown) => () => void} act
 * @param {() => void} changed
 */
function pastPart(name, act, changed) {
	const words = el("p", { class: "chosen", role: "status" });
	const look = el("a", { class: "button" }, "Serve it as a disk");
	const found = el("div", { role: "status" });
	const timeline = new Timeline(showChosen);
	const difference = buttonOf(
		"Compare with now",
		() => void compare(name, nameOf(name, timeline.chosen), found),
	);
	const ofSnapshots = snapshotButtons(() => timeline.chosen, act, changed);
	const table = snapshotTable((each) => timeline.choose({ snapshot: each }));
	const pager = new Pager(PAGE, showPage);
	/** @type {readonly Snapshot[]} */
	let snapshots = [];

	/** The latest first. */
	function showPage() {
		const from = snapshots.length - pager.offset;
		const page = snapshots.slice(Math.max(0, from - PAGE), Math.max(0, from)).reverse();
		if (pager.show(page.length, snapshots.length)) table.update(page);
	}

	/** @param {Chosen} chosen */
	function showChosen(chosen) {
		write(words, wordsFor(chosen));
		ofSnapshots.show(chosen);
		difference.disabled = chosen === undefined;
		look.hidden = chosen === undefined;
		look.setAttribute("href", `#/add/${encodeURIComponent(nameOf(name, chosen))}`);
		fill(found);
	}

	showChosen(undefined);
	const label = "What can be done with it";
	return {
		element: el(
			"div",
			{},
			timeline.element,
			words,
			el(
				"div",
				{ class: "buttons", role: "group", "aria-label": label },
				look,
				difference,
				...ofSnapshots.elements,
			),
			found,
			table.element,
			pager.element,
		),
		/** @param {Seen} volume */
		show(volume) {
			timeline.show(volume);
			snapshots = volume.snapshots;
			showPage();
		},
	};
}

/**
 * What can be done with the snapshot or moment that is chosen: it is cloned and gone back to; a snapshot is held and removed, too.
 * @param {() => Chosen} chosenNow
 * @param {(what: (volume: Seen) => unknown) => () => void} act
 * @param {() => void} changed
 */
function snapshotButtons(chosenNow, act, changed) {
	const ofSnapshot = (/** @type {(volume: Seen, each: Snapshot, changed: () => void) => unknown} */ what) =>
		act((volume) => {
			const chosen = chosenNow();
			if (chosen !== undefined && "snapshot" in chosen) what(volume, chosen.snapshot, changed);
		});
	const ofBoth = (/** @type {(volume: Seen, each: Past, changed: () => void) => unknown} */ what) =>
		act((volume) => {
			const chosen = chosenNow();
			if (chosen !== undefined) what(volume, pastOf(chosen), changed);
		});
	const clone = buttonOf("Clone", ofBoth(cloneVolume));
	const back = buttonOf("Roll back", ofBoth(rollBack), "danger");
	const hold = buttonOf("Hold", ofSnapshot(holdSnapshot));
	const remove = buttonOf("Remove the snapshot", ofSnapshot(removeSnapshot), "danger");
	return {
		elements: [clone, back, hold, remove],
		/** @param {Chosen} chosen */
		show(chosen) {
			const isSnapshot = chosen !== undefined && "snapshot" in chosen;
			write(hold, isSnapshot && chosen.snapshot.held ? "Release" : "Hold");
			for (const each of [clone, back]) each.disabled = chosen === undefined;
			for (const each of [hold, remove]) each.disabled = !isSnapshot;
		},
	};
}

/** As the API and the configuration name it. @param {string} name @param {Chosen} chosen */
function nameOf(name, chosen) {
	if (chosen === undefined) return name;
	return `${name}@${pastOf(chosen).name}`;
}

/** @param {Exclude<Chosen, undefined>} chosen @returns {Past} */
function pastOf(chosen) {
	if ("snapshot" in chosen) return chosen.snapshot;
	const at = new Date(chosen.atMs).toISOString();
	return { name: at, created: at };
}

/** @param {Chosen} chosen */
function wordsFor(chosen) {
	if (chosen === undefined) return "Choose a snapshot, or a moment on the line.";
	const at = new Date(atMsOf(chosen)).toISOString();
	const when = `${time(at)}, ${ago(at)}`;
	if ("atMs" in chosen) return `The moment ${when}.`;
	const { name, sizeBytes, held } = chosen.snapshot;
	return `Snapshot ${name}: ${when}, ${bytes(sizeBytes)}${held ? ", held" : ""}.`;
}

/** @param {(snapshot: Snapshot) => void} choose @returns {Table<Snapshot>} */
function snapshotTable(choose) {
	return new Table({
		caption: "Snapshots, the latest first",
		cards: true,
		keyOf: ({ name }) => name,
		empty: "There is no snapshot.",
		columns: [
			{
				title: "Snapshot",
				isHeader: true,
				paint(cell, snapshot) {
					const shown = JSON.stringify(snapshot);
					if (cell.dataset.shown === shown) return;
					cell.dataset.shown = shown;
					const click = () => choose(snapshot);
					fill(cell, el("button", { type: "button", class: "plain", on: { click } }, snapshot.name));
				},
			},
			{ title: "Taken", text: ({ created }) => time(created) },
			{ title: "Ago", mid: true, text: ({ created }) => ago(created) },
			{ title: "Size", numeric: true, mid: true, text: ({ sizeBytes }) => bytes(sizeBytes) },
			{ title: "Removing frees", numeric: true, text: ({ uniqueBytes }) => bytes(uniqueBytes) },
			{ title: "Clones", text: ({ clones }) => clones.join(", ") },
			{ title: "Held", text: ({ held }) => (held ? "held" : "") },
		],
	});
}
