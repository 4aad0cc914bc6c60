/**
 * A mirror in its view: comparing its disks, as a job with how far it is, and making those that differ like the others. Used by `disk.js`.
 */

import { diskPath, request } from "./api.js";
import { confirmChange } from "./change.js";
import { el } from "./dom.js";
import { jobButton, PoolJobs, paintJob } from "./pool-jobs.js";

/** @import { Disk } from "../model.js" */
/** @import { Live } from "./live.js" */

/** @param {string} name @param {Live} live */
export function mirrorPart(name, live) {
	const jobs = new PoolJobs(({ kind, disk }) => (kind === "verify" ? disk : null));
	const place = el("div", {});
	const element = el(
		"section",
		{ hidden: true },
		el("h2", {}, "Mirror"),
		el(
			"p",
			{ class: "muted" },
			"Disks in sync are compared at the rate of copies. What differs is among the events, and in the job.",
		),
		place,
	);
	const path = `${diskPath(name)}/verify`;
	return {
		element,
		/** @param {Disk} disk @param {AbortSignal} signal */
		async show({ parts }, signal) {
			const mirrored = (parts ?? []).filter((part) => part.mirrored !== null);
			element.hidden = mirrored.length === 0;
			if (mirrored.length === 0) return;
			await jobs.look(signal);
			paintJob(place, jobs.of(name), () => [
				jobButton("Compare", name, path, () => live.hurry()),
				...(mirrored.length > 2 ? [mendButton("most of them", "repair=true")] : []),
				...mirrored.map(({ disk }) => mendButton(`disk ${disk}`, `from=${encodeURIComponent(disk)}`)),
			]);
		},
	};

	/** @param {string} whom @param {string} query */
	function mendButton(whom, query) {
		const title = `Make like ${whom}`;
		return el("button", { type: "button", "aria-label": `${title}: ${name}`, on: { click: ask } }, title);

		function ask() {
			confirmChange({
				title: `${title}: disk ${name}`,
				sentences: [
					"The disks in sync are compared.",
					`Where they differ, the others are overwritten with what ${whom} has; what they had there is lost.`,
				],
				notices: [],
				confirm: "Compare and overwrite",
				danger: true,
				async act() {
					await request("POST", `${path}?${query}`, { body: {} });
					live.hurry();
				},
			});
		}
	}
}
