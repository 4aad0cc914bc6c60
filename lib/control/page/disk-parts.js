/**
 * The parts of a disk's view that are words and tables. Each is an element and a function that shows a disk in it. Used by `disk.js`.
 */

import { badge, el, fill, write } from "./dom.js";
import { ago, byteRate, bytes, count, latency, rate, time } from "./format.js";
import { Table } from "./table.js";

/** @import { Disk, Initiator, InitiatorList, Latency } from "../model.js" */

/** Something that shows a disk. @typedef {{ element: HTMLElement, show: (disk: Disk) => void }} Part */

/** What has not changed is not made anew: it may be selected. @param {HTMLElement} place @param {readonly (Node | string)[]} nodes */
function refill(place, nodes) {
	const text = nodes.map((node) => (typeof node === "string" ? node : node.textContent)).join("\n");
	if (place.dataset.text === text) return;
	place.dataset.text = text;
	fill(place, ...nodes);
}

/** @param {string} name @returns {Part} */
export function headPart(name) {
	const state = el("span", { role: "status" });
	const words = el("div", { class: "words" });
	return {
		element: el(
			"div",
			{ class: "head" },
			el("p", {}, el("a", { href: "#/" }, "All disks")),
			el("h1", {}, name, " ", state),
			words,
		),
		show(disk) {
			refill(state, [badge(disk.state)]);
			refill(
				words,
				sentencesOf(disk).map((sentence) => el("p", {}, sentence)),
			);
		},
	};
}

/** What is out of the ordinary. @param {Disk} disk */
function sentencesOf({ state, reason, retryAt, notice, aoe, limit }) {
	return [
		reason !== null && `${state}: ${reason}`,
		retryAt !== null && `It is tried again at ${time(retryAt)}.`,
		notice,
		...(aoe?.silenced.map(
			({ netif, mac, since }) =>
				`Silent on ${netif} since ${time(since)}: ${mac} serves ${aoe.address} there.`,
		) ?? []),
		...(aoe?.rivals.map(
			({ netif, mac }) => `On ${netif} ${mac} answers for ${aoe.address} too, and may have other data.`,
		) ?? []),
		aoe !== null && aoe.reservedBy.length > 0 && `Reserved by ${aoe.reservedBy.join(", ")}.`,
		limit !== null &&
			limit.delayed > 0 &&
			`${count(limit.delayed)} requests have waited for its limit, ${latency(limit.delayedSeconds)} all together.`,
	].filter((sentence) => typeof sentence === "string");
}

/** @returns {Part} */
export function factsPart() {
	const list = el("dl", { class: "facts" });
	return {
		element: list,
		show(disk) {
			const facts = factsOf(disk);
			if (list.childElementCount !== facts.length)
				fill(list, ...facts.map(([name]) => el("div", {}, el("dt", {}, name), el("dd"))));
			for (const [index, [, value]] of facts.entries()) {
				const place = list.children[index]?.lastElementChild;
				if (place) write(place, value);
			}
		},
	};
}

/** @param {Disk["nbd"]} nbd @returns {[string, string][]} */
function nbdFacts(nbd) {
	if (nbd === null) return [];
	const { name, clientCount, refused } = nbd;
	return [
		[
			"By NBD",
			`${name === "" ? "without a name" : `as ${name}`}, ${count(clientCount)} clients, ${count(refused)} refused`,
		],
	];
}

/** @param {Disk["iscsi"]} iscsi @returns {[string, string][]} */
function iscsiFacts(iscsi) {
	if (iscsi === null) return [];
	const { target, lun, removable, sessionCount, refused, unavailable } = iscsi;
	return [
		[
			"By iSCSI",
			`LUN ${lun} of ${target}${removable ? ", removable" : ""}, ${count(sessionCount)} sessions, ${count(refused)} refused${unavailable === null ? "" : `; nobody can log in: ${unavailable}`}`,
		],
	];
}

/** @param {Disk["access"]} access @returns {[string, string][]} */
function accessFacts(access) {
	return access.flatMap(({ protocol, initiators, clients, readers, chapUser, mutualUser }) => {
		const who = [
			initiators !== null && namesText(initiators),
			clients !== null && `from ${namesText(clients)}`,
			readers !== null && `who may only read: ${namesText(readers)}`,
			chapUser !== null && `proved by CHAP as ${chapUser}`,
			mutualUser !== null && `who are shown that this is ${mutualUser}`,
		].filter((part) => part !== false);
		return [[`For, by ${protocol === "nbd" ? "NBD" : "iSCSI"}`, who.join("; ") || "everyone"]];
	});
}

/** @param {readonly string[] | null} names null: any */
function namesText(names) {
	return names === null ? "everyone" : names.join(", ") || "nobody";
}

/** @param {Disk["remote"]} remote @returns {[string, string][]} */
function remoteFacts(remote) {
	if (remote === null) return [];
	const { state, since, why, losses, resends, waiting } = remote;
	return [
		["Server", `${state} since ${ago(since)}${why === null ? "" : `; last trouble: ${why}`}`],
		["Of the server", `${count(waiting)} waiting, ${count(losses)} losses, ${count(resends)} sent again`],
	];
}

/** What it is made of, or a part of. @param {Disk} disk @returns {[string, string][]} */
function partFacts({ parts, partOf }) {
	const told = (parts ?? []).map(
		({ disk, state, reason, offsetBytes, sizeBytes, mirrored }) =>
			/** @type {[string, string]} */ ([
				mirrored === null ? "Made of" : "Mirrored on",
				mirrored !== null
					? `disk ${disk}: ${mirroredText(mirrored)}`
					: `disk ${disk}: ${state}${sizeBytes === null ? "" : `, ${bytes(sizeBytes)} from byte ${count(offsetBytes ?? 0)} on`}${reason === null ? "" : `: ${reason}`}`,
			]),
	);
	return partOf === null ? told : [...told, ["Part of", `disk ${partOf}`]];
}

/** @param {import("../model.js").MirroredPart} mirrored */
function mirroredText({ standing, why, behindBytes, since, errors, repairs }) {
	const lacks = behindBytes > 0 ? `, lacks ${bytes(behindBytes)} at most` : "";
	const from = since === null ? "" : `, not in sync since ${ago(since)}`;
	const what = standing === "inSync" ? "in sync" : standing;
	return `${what}${lacks}${from}, ${count(errors)} errors, ${count(repairs)} repairs${why === null ? "" : `: ${why}`}`;
}

/** @param {Disk} disk @returns {[string, string][]} */
function factsOf(disk) {
	const {
		rates,
		latency: { read, write: written, flush },
		counters,
		aoe,
		identity,
		source,
	} = disk;
	return [
		["Now", `${rate(rates.reads)} reads/s, ${rate(rates.writes)} writes/s`],
		["Bytes now", `${byteRate(rates.readBytes)} read, ${byteRate(rates.writtenBytes)} written`],
		["Waiting", count(disk.underWay)],
		["Reads", latencyText(read)],
		["Writes", latencyText(written)],
		["Flushes", latencyText(flush)],
		["Sent again", count(counters.resends)],
		["Last request", ago(disk.lastSeen)],
		["Size", `${bytes(disk.sizeBytes)}${disk.readOnly ? ", read-only" : ""}`],
		["Storage", disk.storage],
		[
			"Address",
			aoe === null ? disk.addresses.join(", ") || "–" : `${aoe.address} on ${aoe.netif.join(", ")}`,
		],
		.../** @type {[string, string][]} */ (aoe === null ? [] : [["For", namesText(aoe.macs)]]),
		...accessFacts(disk.access),
		...nbdFacts(disk.nbd),
		...iscsiFacts(disk.iscsi),
		...remoteFacts(disk.remote),
		...partFacts(disk),
		["Durability", disk.durability],
		["Serial, WWN", identity === null ? "–" : `${identity.serial}, ${identity.wwn}`],
		["Named by", source.kind === "file" ? `${source.file}:${source.line}` : "command, API or page"],
		["Worker", disk.worker === null ? "–" : String(disk.worker)],
	];
}

/** @param {Latency | null} measured */
function latencyText(measured) {
	if (measured === null) return "none";
	const { count: requests, p50, p99, p999 } = measured;
	return `${count(requests)}: p50 ${latency(p50)}, p99 ${latency(p99)}, p99.9 ${latency(p999)}`;
}

/** Who uses it, the busiest first. */
export function initiatorsPart() {
	/** @type {Table<Initiator & { isBusiest: boolean }>} */
	const table = new Table({
		caption: "Initiators that have used this disk, the busiest first",
		keyOf: ({ mac, link }) => `${link} ${mac}`,
		empty: "No initiator has used it.",
		columns: [
			{ title: "Initiator", isHeader: true, whole: true, text: ({ mac }) => mac },
			{ title: "", text: ({ isBusiest }) => (isBusiest ? "asks most of this disk" : "") },
			{ title: "Link", text: ({ link }) => link },
			{ title: "Operations/s", numeric: true, text: ({ rates }) => rate(rates.reads + rates.writes) },
			{
				title: "Bytes/s",
				numeric: true,
				text: ({ rates }) => byteRate(rates.readBytes + rates.writtenBytes),
			},
			{ title: "Read p99", numeric: true, text: ({ rates }) => latency(rates.readP99) },
			{ title: "Write p99", numeric: true, text: ({ rates }) => latency(rates.writeP99) },
			{ title: "Sent again", numeric: true, text: ({ counters }) => count(counters.resends) },
			{ title: "Disks", numeric: true, text: ({ disks }) => count(disks.length) },
			{ title: "Last seen", text: ({ lastSeen }) => ago(lastSeen) },
		],
	});
	return {
		element: el(
			"div",
			{},
			el("p", { class: "muted" }, "Figures of an initiator are of what it does on this disk."),
			table.element,
		),
		/** @param {Disk} disk @param {InitiatorList} list */
		show({ busiestInitiator }, { initiators }) {
			table.update(
				initiators
					.map((each) => ({ ...each, isBusiest: each.mac === busiestInitiator }))
					.sort((one, other) => Number(other.isBusiest) - Number(one.isBusiest)),
			);
		},
	};
}

/** @returns {Part} */
export function causesPart() {
	/** @type {Table<[string, number]>} */
	const table = new Table({
		caption: "Errors by cause",
		keyOf: ([cause]) => cause,
		empty: "There were none.",
		columns: [
			{ title: "Cause", isHeader: true, text: ([cause]) => cause },
			{ title: "Requests", numeric: true, text: ([, errors]) => count(errors) },
		],
	});
	return {
		element: table.element,
		show: ({ causes }) => table.update(Object.entries(causes).sort(([, one], [, other]) => other - one)),
	};
}

/** @returns {Part} */
export function settingsPart() {
	const code = el("pre", { tabindex: "0" });
	return { element: code, show: ({ settings }) => write(code, JSON.stringify(settings, null, 2)) };
}
