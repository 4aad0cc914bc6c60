/**
 * Links, with what was dropped on them and why, and all initiators, the busiest first. Called by `app.js`.
 */

import { get } from "./api.js";
import { badge, el, fill, write } from "./dom.js";
import { ago, byteRate, bytes, count, latency, rate, speed } from "./format.js";
import { Table } from "./table.js";

/** @import { Initiator, InitiatorList, Link, LinkList } from "../model.js" */

const EVERY_MS = 1000;
const INITIATORS = 100;

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 */
export function networkView(main, live) {
	const links = linkTable();
	const drops = dropTable();
	const initiators = initiatorTable();
	const total = el("p", { class: "muted" });
	const problem = el("p", { class: "error", role: "alert" });
	main.append(
		el("h1", {}, "Network"),
		problem,
		el("h2", {}, "Links"),
		links.element,
		el("h2", {}, "Drops by reason"),
		el(
			"p",
			{ class: "muted" },
			"Frames that came and were not carried out, since the worker was started; the most of all first.",
		),
		drops.element,
		el("h2", {}, "Initiators"),
		total,
		initiators.element,
	);
	/** Drops of the last look, to tell which of them go on. @type {Map<string, number>} */
	let before = new Map();
	live.every(
		EVERY_MS,
		async (signal) => {
			const [list, heard] = await Promise.all([
				/** @type {Promise<LinkList>} */ (get("/api/v1/links", signal)),
				/** @type {Promise<InitiatorList>} */ (get(`/api/v1/initiators?limit=${INITIATORS}`, signal)),
			]);
			links.update(list.links);
			const rows = dropsOf(list, before);
			before = new Map(rows.map((row) => [keyOfDrop(row), row.frames]));
			drops.update(rows);
			initiators.update(heard.initiators);
			write(
				total,
				heard.total > INITIATORS
					? `The ${INITIATORS} busiest of ${count(heard.total)}.`
					: "The busiest first.",
			);
			write(problem, "");
		},
		({ message }) => write(problem, message),
	);
}

/** @returns {Table<Link>} */
function linkTable() {
	return new Table({
		caption: "Links",
		keyOf: ({ name, worker }) => `${worker} ${name}`,
		empty: "No link is open.",
		columns: [
			{ title: "Link", isHeader: true, text: ({ name }) => name },
			{ title: "State", paint: paintState },
			{ title: "Frames in/s", numeric: true, text: ({ framesInPerSecond }) => rate(framesInPerSecond) },
			{ title: "Frames out/s", numeric: true, text: ({ framesOutPerSecond }) => rate(framesOutPerSecond) },
			{ title: "Received", numeric: true, text: ({ bytesIn }) => bytes(bytesIn) },
			{ title: "Sent", numeric: true, text: ({ bytesOut }) => bytes(bytesOut) },
			{ title: "Dropped", numeric: true, text: ({ dropped }) => count(sum(dropped)) },
			{ title: "Disks", numeric: true, text: ({ disks }) => count(disks) },
			{ title: "Initiators", numeric: true, text: ({ initiators }) => count(initiators) },
			{ title: "MTU", numeric: true, text: ({ mtu }) => (mtu === null ? "–" : String(mtu)) },
			{
				title: "Speed",
				numeric: true,
				wide: true,
				text: ({ speedBitsPerSecond }) => speed(speedBitsPerSecond),
			},
			{ title: "MAC", wide: true, whole: true, text: ({ mac }) => mac ?? "–" },
			{ title: "Worker", numeric: true, wide: true, text: ({ worker }) => String(worker) },
		],
	});
}

/** @param {HTMLElement} cell @param {Link} link */
function paintState(cell, { state, reason }) {
	const shown = `${state} ${reason ?? ""}`;
	if (cell.dataset.shown === shown) return;
	cell.dataset.shown = shown;
	fill(cell, badge(state), reason !== null && el("p", { class: "reason" }, reason));
}

/** @param {Readonly<Record<string, number>>} dropped */
function sum(dropped) {
	return Object.values(dropped).reduce((all, frames) => all + frames, 0);
}

/** @typedef {{ link: string, worker: number, reason: string, meaning: string, frames: number, more: number }} Drop */

/** @param {Drop} drop */
function keyOfDrop({ worker, link, reason }) {
	return `${worker} ${link} ${reason}`;
}

/** @param {LinkList} list @param {ReadonlyMap<string, number>} before @returns {Drop[]} */
function dropsOf({ links, reasons }, before) {
	const rows = links.flatMap(({ name: link, worker, dropped }) =>
		Object.entries(dropped).map(([reason, frames]) => {
			const row = { link, worker, reason, meaning: reasons[reason] ?? "", frames, more: 0 };
			return { ...row, more: Math.max(0, frames - (before.get(keyOfDrop(row)) ?? frames)) };
		}),
	);
	return rows.sort((one, other) => other.frames - one.frames);
}

/** @returns {Table<Drop>} */
function dropTable() {
	return new Table({
		caption: "Drops by reason",
		keyOf: keyOfDrop,
		empty: "Nothing was dropped.",
		columns: [
			{ title: "Reason", isHeader: true, whole: true, text: ({ reason }) => reason },
			{ title: "Link", text: ({ link }) => link },
			{ title: "Frames", numeric: true, text: ({ frames }) => count(frames) },
			{
				title: "Just now",
				numeric: true,
				mid: true,
				text: ({ more }) => (more > 0 ? `+${count(more)}` : ""),
			},
			{ title: "They were", long: true, text: ({ meaning }) => meaning },
		],
	});
}

/** @returns {Table<Initiator>} */
function initiatorTable() {
	return new Table({
		caption: "Initiators, the busiest first",
		keyOf: ({ mac, link }) => `${link} ${mac}`,
		empty: "No initiator was heard.",
		columns: [
			{ title: "Initiator", isHeader: true, whole: true, text: ({ mac }) => mac },
			{ title: "Link", text: ({ link }) => link },
			{ title: "Operations/s", numeric: true, text: ({ rates }) => rate(rates.reads + rates.writes) },
			{
				title: "Bytes/s",
				numeric: true,
				text: ({ rates }) => byteRate(rates.readBytes + rates.writtenBytes),
			},
			{ title: "Read p99", numeric: true, text: ({ rates }) => latency(rates.readP99) },
			{ title: "Write p99", numeric: true, text: ({ rates }) => latency(rates.writeP99) },
			{ title: "Errors", numeric: true, text: ({ counters }) => count(counters.errors) },
			{ title: "Sent again", numeric: true, text: ({ counters }) => count(counters.resends) },
			{ title: "Disks", text: ({ disks }) => (disks.length > 3 ? count(disks.length) : disks.join(", ")) },
			{ title: "Last seen", text: ({ lastSeen }) => ago(lastSeen) },
		],
	});
}
