/**
 * One volume: its space, the disk that is on it, and its past, to look at, compare, clone from and go back to. Called by `app.js`; what can be
 * done is in `volume-actions.js`.
 */

import { get } from "./api.js";
import { compare } from "./compare.js";
import { section } from "./disk.js";
import { diskLink, el, fill, write } from "./dom.js";
import { ago, bytes, time } from "./format.js";
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
	takeSnapshot,
	volumePath,
} from "./volume-actions.js";

/** @import { Volume } from "../model.js" */
/** @import { Chosen, Snapshot } from "./timeline.js" */
/** @import { Past } from "./volume-actions.js" */

const EVERY_MS = 2000;

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 * @param {string} name POOL/VOLUME
 */
export function volumeView(main, live, name) {
	/** @type {Volume | undefined} */
	let volume;
	const changed = () => live.hurry();
	const act = (/** @type {(volume: Volume) => unknown} */ what) => () => volume && void what(volume);
	const button = (/** @type {string} */ text, /** @type {(volume: Volume) => unknown} */ what, kind = "") =>
		el("button", { type: "button", class: kind, on: { click: act(what) } }, text);
	const problem = el("p", { class: "error", role: "alert" });
	const facts = el("dl", { class: "facts" });
	const past = pastPart(name, act, changed);
	const body = el(
		"div",
		{ hidden: true },
		el(
			"div",
			{ class: "buttons", role: "group", "aria-label": `What can be done with volume ${name}` },
			button("Take a snapshot", (each) => takeSnapshot(each, changed), "primary"),
			button("Resize", (each) => resizeVolume(each, changed)),
			button("Rename", renameVolume),
			button("Remove", removeVolume, "danger"),
		),
		facts,
		section("Past", past.element),
	);
	main.append(el("p", {}, el("a", { href: "#/pools" }, "All pools")), el("h1", {}, name), problem, body);
	live.every(
		EVERY_MS,
		async (signal) => {
			volume = /** @type {Volume} */ (await get(volumePath(name), signal));
			showFacts(facts, volume);
			past.show(volume);
			write(problem, "");
			body.hidden = false;
		},
		({ message, status }) => {
			write(problem, status === 404 ? `There is no volume ${name} any more.` : message);
			body.hidden ||= status === 404;
		},
	);
}

/** @param {HTMLElement} place @param {Volume} volume */
function showFacts(place, volume) {
	const shown = JSON.stringify(volume);
	if (place.dataset.shown === shown) return;
	place.dataset.shown = shown;
	const fact = (/** @type {string} */ title, /** @type {Node | string} */ value) =>
		el("div", {}, el("dt", {}, title), el("dd", {}, value));
	const { sizeBytes, usedBytes, quotaBytes, pageBytes, created, serial, wwn, disk, momentsFrom } = volume;
	fill(
		place,
		fact("Size", bytes(sizeBytes)),
		fact("Used", quotaBytes === null ? bytes(usedBytes) : `${bytes(usedBytes)} of ${bytes(quotaBytes)}`),
		fact("Page", bytes(pageBytes)),
		fact("Disk", disk === null ? "none" : diskLink(disk)),
		fact("Made", time(created)),
		fact("Moments reach back to", time(momentsFrom)),
		fact("Serial number", serial),
		fact("WWN", wwn),
	);
}

/** @param {string} text @param {() => void} click @param {string} kind */
function buttonOf(text, click, kind = "") {
	return el("button", { type: "button", class: kind, on: { click } }, text);
}

/**
 * @param {string} name
 * @param {(what: (volume: Volume) => unknown) => () => void} act
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
		),
		/** @param {Volume} volume */
		show(volume) {
			timeline.show(volume);
			table.update([...volume.snapshots].reverse());
		},
	};
}

/**
 * What can be done with the snapshot or moment that is chosen: it is cloned and gone back to; a snapshot is held and removed, too.
 * @param {() => Chosen} chosenNow
 * @param {(what: (volume: Volume) => unknown) => () => void} act
 * @param {() => void} changed
 */
function snapshotButtons(chosenNow, act, changed) {
	const ofSnapshot = (/** @type {(volume: Volume, each: Snapshot, changed: () => void) => unknown} */ what) =>
		act((volume) => {
			const chosen = chosenNow();
			if (chosen !== undefined && "snapshot" in chosen) what(volume, chosen.snapshot, changed);
		});
	const ofBoth = (/** @type {(volume: Volume, each: Past, changed: () => void) => unknown} */ what) =>
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
			{ title: "Size", numeric: true, text: ({ sizeBytes }) => bytes(sizeBytes) },
			{ title: "Held", text: ({ held }) => (held ? "held" : "") },
		],
	});
}
