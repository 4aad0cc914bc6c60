/**
 * What can be done with a disk: change, resize, fence, remove. Each says first what will happen. Used by `disk.js`.
 */

import { diskPath, get, request } from "./api.js";
import { confirmChange, propose } from "./change.js";
import { dialog, say } from "./dialog.js";
import { el, write } from "./dom.js";
import { settingsForm } from "./form.js";
import { patchOf } from "./settings.js";

/** @import { Disk, Initiator } from "../model.js" */
/** @import { Live } from "./live.js" */

/** The keys that say how large a disk is, by what it is made of. */
const SIZE_KEYS = { memory: ["memory"], file: ["offset", "length"] };

/**
 * @param {string} name
 * @param {{ disk: Disk | undefined, tag: string }} shown
 * @param {Live} live
 */
export function actions(name, shown, live) {
	const changed = () => live.hurry();
	const button = (/** @type {string} */ text, /** @type {(disk: Disk) => unknown} */ act, kind = "") =>
		el(
			"button",
			{ type: "button", class: kind, on: { click: () => shown.disk && void act(shown.disk) } },
			text,
		);
	const fence = button("Fence", ({ state }) => fenceDisk(name, state !== "fenced", changed));
	return {
		element: el(
			"div",
			{ class: "buttons", role: "group", "aria-label": `What can be done with disk ${name}` },
			button("Change", (disk) => editDisk(disk, shown.tag, undefined, changed)),
			button("Resize", (disk) => editDisk(disk, shown.tag, sizeKeys(disk), changed)),
			fence,
			button("Remove", () => removeDisk(name, shown.tag), "danger"),
		),
		/** @param {Disk} disk */
		show: ({ state }) => write(fence, state === "fenced" ? "Unfence" : "Fence"),
	};
}

/** @param {Disk} disk */
function sizeKeys({ settings }) {
	return "memory" in settings ? SIZE_KEYS.memory : SIZE_KEYS.file;
}

/**
 * @param {Disk} disk
 * @param {string} tag
 * @param {readonly string[] | undefined} keys those that may be changed; undefined: all
 * @param {() => void} changed
 */
async function editDisk({ name, settings }, tag, keys, changed) {
	const open = dialog(keys ? `Resize disk ${name}` : `Change disk ${name}`, { wide: true });
	const note =
		keys &&
		("memory" in settings
			? "Memory that gets another size is made anew: what is in it is lost."
			: "A file that has grown is noticed by itself. Offset and length say which part of it is the disk; 0 or nothing: to its end.");
	if (note) open.body.append(el("p", {}, note));
	let ifMatch = tag;
	/** As it was last looked at. @type {Record<string, unknown>} */
	let known = settings;
	const form = await settingsForm({
		settings,
		keys,
		submit: "What will happen",
		onSubmit: (after) =>
			propose({
				title: `Change disk ${name}`,
				method: "PATCH",
				path: diskPath(name),
				// What was entered here alone: what others have changed stays.
				body: patchOf(settings, after),
				ifMatch,
				async onStale() {
					const fresh = await request("GET", diskPath(name));
					ifMatch = fresh.headers.get("etag") ?? "";
					const before = known;
					known = (await fresh.json()).settings;
					return { before, after: known };
				},
				onDone() {
					open.close();
					changed();
				},
			}),
	});
	open.body.append(form.element);
	form.focus();
}

/**
 * @param {string} name
 * @param {boolean} fences
 * @param {() => void} changed
 */
async function fenceDisk(name, fences, changed) {
	const users = await activeUsers(name);
	const sentences = fences
		? [
				`From now on nobody is answered by disk ${name}, until it is unfenced, also after a restart.`,
				"Its storage stays open; nothing is lost. Requests that are not answered are asked again by initiators.",
				...(users.length > 0 ? [`It is in use by ${users.join(", ")}.`] : []),
			]
		: [`Disk ${name} answers its initiators again.`];
	confirmChange({
		title: `${fences ? "Fence" : "Unfence"} disk ${name}`,
		sentences,
		notices: [],
		confirm: fences ? "Fence it" : "Unfence it",
		danger: fences,
		async act() {
			await request("POST", `${diskPath(name)}/${fences ? "fence" : "unfence"}`);
			say(`Disk ${name} is ${fences ? "fenced" : "answering again"}.`);
			changed();
		},
	});
}

/** Who has asked something of it in the last minute. @param {string} name @returns {Promise<string[]>} */
async function activeUsers(name) {
	try {
		const { initiators } = await get(`/api/v1/initiators?disk=${encodeURIComponent(name)}`);
		return initiators
			.filter(
				(/** @type {Initiator} */ { lastSeen }) => lastSeen && Date.now() - Date.parse(lastSeen) < 60_000,
			)
			.map((/** @type {Initiator} */ { mac }) => mac);
	} catch {
		return [];
	}
}

/** @param {string} name @param {string} ifMatch */
async function removeDisk(name, ifMatch) {
	await propose({
		title: `Remove disk ${name}`,
		method: "DELETE",
		path: diskPath(name),
		ifMatch,
		danger: true,
		onDone() {
			location.hash = "#/";
		},
	});
}
