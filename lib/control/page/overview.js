/**
 * The first view: what is slow, who loads it and what is broken, said at the top in words, and below all disks in a list that can be
 * searched and sorted. Whoever sees it for the first time shall know in ten seconds where to look.
 */

import { get } from "./api.js";
import { DiskTable } from "./disk-table.js";
import { el, fill, write } from "./dom.js";
import { byteRate, count, latency, rate, worstP99 } from "./format.js";
import { Glance } from "./glance.js";

/** @import { Status } from "../model.js" */
/** @import { Live } from "./live.js" */

const EVERY_MS = 1000;

/**
 * @param {HTMLElement} main
 * @param {Live} live
 */
export function overview(main, live) {
	const glance = new Glance();
	const sums = el("p", { class: "sums" });
	const problem = el("p", { class: "error", role: "alert", hidden: true });
	const table = new DiskTable(live);
	main.append(
		el("h1", { class: "hidden" }, "Disks"),
		problem,
		sums,
		glance.element,
		el("h2", {}, "All disks"),
		table.element,
	);
	live.every(
		EVERY_MS,
		async (signal) => {
			const [status, slowest, busiest, initiators] = await Promise.all([
				get("/api/v1/status", signal),
				get("/api/v1/disks?sort=latency&limit=1", signal),
				get("/api/v1/disks?sort=operations&limit=1", signal),
				get("/api/v1/initiators?limit=1", signal),
			]);
			problem.hidden = true;
			showSums(sums, status);
			glance.show({ status, slowest, busiest, initiators });
		},
		({ message }) => {
			problem.hidden = false;
			write(problem, message);
		},
	);
}

/**
 * @param {HTMLElement} place
 * @param {Status} status
 */
function showSums(place, { counts, iscsi, rates, health, version }) {
	const states = [
		`${count(counts.open)} of ${count(counts.disks)} disks open`,
		counts.failed > 0 && `${count(counts.failed)} failed`,
		counts.fenced > 0 && `${count(counts.fenced)} fenced`,
		`${count(counts.initiators)} initiators`,
		counts.nbdClients > 0 && `${count(counts.nbdClients)} of them clients of NBD`,
		iscsi.sessions > 0 && `${count(iscsi.sessions)} sessions of iSCSI`,
		`${rate(rates.reads)} reads/s`,
		`${rate(rates.writes)} writes/s`,
		byteRate(rates.readBytes + rates.writtenBytes),
		`p99 ${latency(worstP99(rates))}`,
		`vblade ${version}`,
	].filter((part) => part !== false);
	const text = states.join(" · ");
	if (place.dataset.health === health && place.lastChild?.textContent === text) return;
	place.dataset.health = health;
	fill(place, el("span", { class: `badge ${health}` }, health), " ", el("span", {}, text));
}
