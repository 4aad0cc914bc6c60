/**
 * The three answers at the top of the first view: the slowest disk now and who asks most of it, the busiest initiator and disk now,
 * what is broken now. Shown by `overview.js`.
 */

import { badge, diskLink, el, fill } from "./dom.js";
import { ago, byteRate, count, latency, rate, worstP99 } from "./format.js";

/** @import { DiskList, DiskSummary, InitiatorList, Status } from "../model.js" */

/** Of what is broken so many are named; the list below has them all. */
const NAMED = 3;

/** @typedef {{ status: Status, slowest: DiskList, busiest: DiskList, initiators: InitiatorList }} Seen */

export class Glance {
	#slow = card("Slowest now");
	#busy = card("Busiest now");
	#broken = card("Broken now");
	/** @type {HTMLElement} */
	element = el("div", { class: "glance" }, this.#slow.element, this.#busy.element, this.#broken.element);

	/** @param {Seen} seen */
	show({ status, slowest, busiest, initiators }) {
		showSlowest(this.#slow, slowest.disks[0]);
		showBusiest(this.#busy, busiest.disks[0], initiators);
		showBroken(this.#broken, status);
	}
}

/** @typedef {{ element: HTMLElement, body: HTMLElement, shown: string }} Card */

/** @param {string} title @returns {Card} */
function card(title) {
	const body = el("div", { class: "card-body" }, el("p", { class: "muted" }, "..."));
	return { element: el("section", { class: "card" }, el("h2", {}, title), body), body, shown: "" };
}

/**
 * Only if it is something else than before: a link that has the keyboard keeps it.
 * @param {Card} card
 * @param {string} kind
 * @param {(Node | null)[]} nodes
 */
function put(card, kind, nodes) {
	const shown = kind + nodes.map((node) => node?.textContent ?? "").join("\n");
	if (shown === card.shown || card.body.matches(":focus-within")) return;
	card.shown = shown;
	card.element.dataset.kind = kind;
	fill(card.body, ...nodes);
}

/** @param {Card} card @param {DiskSummary | undefined} disk */
function showSlowest(card, disk) {
	const worst = disk && worstP99(disk.rates);
	if (disk === undefined || worst === null || worst === undefined)
		return put(card, "quiet", [el("p", { class: "muted" }, "No disk is in use.")]);
	const { rates, busiestInitiator, underWay } = disk;
	const writes = (rates.writeP99 ?? 0) >= (rates.readP99 ?? 0);
	put(card, worst >= 0.05 ? "bad" : "fine", [
		el("p", { class: "big" }, diskLink(disk.name), " ", el("strong", {}, latency(worst))),
		el("p", {}, `99 % of its ${writes ? "writes" : "reads"} took at most that long; ${count(underWay)} wait`),
		el(
			"p",
			{},
			busiestInitiator === null ? "Nobody stands out." : "Most asked by ",
			busiestInitiator !== null && el("strong", { class: "mac" }, busiestInitiator),
			` · ${rate(rates.reads + rates.writes)} operations/s`,
		),
	]);
}

/** @param {Card} card @param {DiskSummary | undefined} disk @param {InitiatorList} list */
function showBusiest(card, disk, { initiators: [initiator], total }) {
	const asked = initiator === undefined ? 0 : initiator.rates.reads + initiator.rates.writes;
	if (initiator === undefined || asked === 0)
		return put(card, "quiet", [el("p", { class: "muted" }, "No initiator asks for anything.")]);
	const { rates, disks } = initiator;
	const [first] = disks;
	const on = disks.length > 3 || first === undefined ? `${count(disks.length)} disks` : disks.join(", ");
	put(card, "fine", [
		el(
			"p",
			{ class: "big" },
			el("span", { class: "mac" }, initiator.mac),
			" ",
			el("strong", {}, `${rate(asked)}/s`),
		),
		el(
			"p",
			{},
			`${byteRate(rates.readBytes + rates.writtenBytes)} on ${on}; 1 of ${count(total)} initiators`,
		),
		disk === undefined
			? null
			: el(
					"p",
					{},
					"Most asked disk: ",
					diskLink(disk.name),
					` ${rate(disk.rates.reads + disk.rates.writes)}/s`,
				),
	]);
}

/** @param {Card} card @param {Status} status */
function showBroken(card, { problems, configuration: { lastReload, restartNeeded } }) {
	const more = problems.length - NAMED;
	const notes = restartNeeded.map((key) => `${key} was changed: it counts when vblade is started again`);
	if (problems.length === 0)
		return put(card, "fine", [
			el("p", { class: "big" }, badge("ok"), " nothing"),
			el(
				"p",
				{},
				lastReload ? `The last reload was ${ago(lastReload.at)}.` : "All that is configured is served.",
			),
			...notes.slice(0, 1).map((note) => el("p", {}, note)),
		]);
	const items = problems.slice(0, NAMED).map((problem) => {
		const [, name, rest] = /^disk ([\w.-]+): (.*)$/s.exec(problem) ?? [];
		return name === undefined ? el("li", {}, problem) : el("li", {}, diskLink(name), `: ${rest}`);
	});
	put(card, "bad", [
		el("ul", {}, ...items),
		more > 0 ? el("p", {}, `and ${more}${problems.length >= 20 ? " or more" : ""} others`) : null,
	]);
}
