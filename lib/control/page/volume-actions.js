/**
 * What can be done with volumes and their snapshots. Whatever takes something away says first what will happen. Used by `pools.js` and
 * `volume.js`.
 */

import { getTagged, Refused, request } from "./api.js";
import { askFor, sizeOf, sizeTextOf } from "./ask-for.js";
import { confirmChange, followJob, wordsOf } from "./change.js";
import { say } from "./dialog.js";
import { ago, bytes, count, time } from "./format.js";

/** @import { Job, Pool, Volume } from "../model.js" */

/** @typedef {Volume & { tag: string }} Seen As it was when it was last looked at: a change is of no other. */
/** @typedef {Volume["snapshots"][number]} Snapshot */
/** @typedef {{ name: string, created: string, sizeBytes?: number }} Past A snapshot, or a moment by its time: how large it was then is not known here. */

const VOLUMES = "/api/v1/volumes";
const NAME_HINT = "letters, digits, . - and _";

/** The address of a volume in the API. @param {string} name */
export function volumePath(name) {
	return `${VOLUMES}/${encodeURIComponent(name)}`;
}

/** @param {string} name */
function snapshotPath(name) {
	return `/api/v1/snapshots/${encodeURIComponent(name)}`;
}

/** @param {Volume} volume */
const called = ({ pool, name }) => `${pool}/${name}`;

/** @param {readonly Pool[]} pools @param {() => void} changed */
export function makeVolume(pools, changed) {
	askFor({
		title: "Make a volume",
		sentences: ["A thin disk, all zeros: it takes up what is written. A disk can be put on it then."],
		fields: [
			{ key: "pool", label: "Pool", choices: pools.map(({ name }) => name) },
			{ key: "name", label: "Name", hint: NAME_HINT },
			{ key: "size", label: "Size", hint: "such as 10G" },
		],
		submit: "Make it",
		async act({ pool, name, size = "" }) {
			await request("POST", VOLUMES, { body: { pool, name, sizeBytes: sizeOf(size) } });
			changed();
		},
	});
}

/** @param {NonNullable<Pool["clockDoubt"]>} doubt */
export function doubtWords({ shows, expected }) {
	return `The clock shows ${time(shows)}, and by what has passed it is ${time(expected)}: it is not believed.`;
}

/** @param {string} pool @param {NonNullable<Pool["clockDoubt"]>} doubt @param {() => void} changed */
export function trustClock(pool, doubt, changed) {
	confirmChange({
		title: `Trust the clock of ${pool}`,
		sentences: [
			`${time(doubt.shows)} is taken for the time it is.`,
			"Snapshots that are kept for a time by themselves, and are older than that by then, are removed.",
		],
		notices: ["If that is not the time, set the clock first."],
		confirm: "It is right",
		danger: true,
		async act() {
			await request("PATCH", `/api/v1/pools/${encodeURIComponent(pool)}`, { body: { clock: "trusted" } });
			changed();
		},
	});
}

/** @param {Seen} volume @param {() => void} changed */
export function takeSnapshot(volume, changed) {
	askFor({
		title: `Snapshot of ${called(volume)}`,
		sentences: [
			"What the volume is now gets a name. Nobody notices, and it costs nothing until something is overwritten.",
		],
		fields: [{ key: "name", label: "Name", hint: NAME_HINT }],
		submit: "Take it",
		async act({ name }) {
			await request("POST", "/api/v1/snapshots", { body: { names: [`${called(volume)}@${name}`] } });
			changed();
		},
	});
}

/** @param {Seen} volume @param {() => void} changed */
export function resizeVolume(volume, changed) {
	askFor({
		title: `Resize ${called(volume)}`,
		sentences: [
			`It has ${bytes(volume.sizeBytes)}. It can become larger at any time, also while it is in use; its initiators see that.`,
		],
		fields: [{ key: "size", label: "Size", hint: "such as 20G" }],
		submit: "Resize it",
		async act({ size = "" }) {
			await request("PATCH", volumePath(called(volume)), {
				body: { sizeBytes: sizeOf(size) },
				ifMatch: volume.tag,
			});
			changed();
		},
	});
}

/** What is kept of it, and how much it may hold. @param {Seen} volume @param {() => void} changed */
export function setVolume(volume, changed) {
	const { quotaBytes, history, keep } = volume;
	const period = (/** @type {string} */ name) => ({
		key: name,
		label: `Keep ${name} snapshots for`,
		value: keep?.[name] ?? "",
	});
	askFor({
		title: `What is kept of ${called(volume)}`,
		sentences: ["What is left empty is as in its pool; without a quota there is no limit but the size."],
		fields: [
			{
				key: "quota",
				label: "Quota",
				hint: "such as 10G",
				value: quotaBytes === null ? "" : sizeTextOf(quotaBytes),
			},
			{ key: "history", label: "Keep each moment for", hint: "such as 30m, 1h, 7d", value: history ?? "" },
			...["hourly", "daily", "weekly"].map(period),
		],
		submit: "Set it",
		async act({ quota = "", history: time = "", ...periods }) {
			const kept = Object.entries(periods).map(([name, value]) => [name, value || null]);
			const body = { quota: quota || null, history: time || null, keep: Object.fromEntries(kept) };
			await request("PATCH", volumePath(called(volume)), { body, ifMatch: volume.tag });
			changed();
		},
	});
}

/** @param {Seen} volume */
export function renameVolume(volume) {
	askFor({
		title: `Rename ${called(volume)}`,
		sentences: ["Disks are on a volume by its name: it can have another one while no disk is on it."],
		fields: [{ key: "name", label: "New name", hint: NAME_HINT, value: volume.name }],
		submit: "Rename it",
		async act({ name = "" }) {
			await request("PATCH", volumePath(called(volume)), { body: { name }, ifMatch: volume.tag });
			location.hash = `#/volume/${encodeURIComponent(`${volume.pool}/${name}`)}`;
		},
	});
}

/** @param {Seen} volume */
export function removeVolume(volume) {
	const { snapshots, disk } = volume;
	confirmChange({
		title: `Remove ${called(volume)}`,
		sentences: [
			`The volume is gone, with ${bytes(volume.usedBytes)} that it holds and ${count(snapshots.length)} snapshots.`,
			"Clones of it stay as they are.",
		],
		notices: disk === null ? [] : [`Disk ${disk} is on it: it has to be removed first.`],
		confirm: "Remove it",
		danger: true,
		async act() {
			await request("DELETE", volumePath(called(volume)), { ifMatch: volume.tag });
			location.hash = "#/pools";
		},
	});
}

/** @param {Seen} volume @param {Past} past */
export function cloneVolume(volume, { name: at }) {
	askFor({
		title: `Clone of ${called(volume)}@${at}`,
		sentences: ["A new volume begins as this one was then. It takes up what is written to it from then on."],
		fields: [{ key: "name", label: "Name of the new volume", hint: NAME_HINT }],
		submit: "Make it",
		async act({ name = "" }) {
			const { pool } = volume;
			await request("POST", VOLUMES, { body: { pool, name, of: `${volume.name}@${at}` } });
			location.hash = `#/volume/${encodeURIComponent(`${pool}/${name}`)}`;
		},
	});
}

/** @param {Seen} volume @param {Past} past @param {() => void} changed */
export function rollBack(volume, { name: at, created, sizeBytes = volume.sizeBytes }, changed) {
	const { disk } = volume;
	const isOtherSize = sizeBytes !== volume.sizeBytes;
	confirmChange({
		title: `Roll ${called(volume)} back to ${at}`,
		sentences: [
			...(disk === null ? [] : [`Disk ${disk} is closed: its initiators are cut off.`]),
			`The volume goes on as it was at ${time(created)}, ${ago(created)}${isOtherSize ? `, with ${bytes(sizeBytes)}` : ""}.`,
			`How it is now is kept as another snapshot, before-${momentName(at)}.`,
			...(disk === null
				? []
				: [
						`Disk ${disk} is opened again: initiators find another disk, with another serial number and WWN.`,
					]),
		],
		notices: [],
		confirm: "Roll back",
		danger: true,
		async act(progress) {
			const body = { to: at, force: disk !== null };
			const answer = await request("POST", `${volumePath(called(volume))}/rollback`, {
				body,
				ifMatch: volume.tag,
			});
			const job = /** @type {Job} */ (await answer.json());
			await followJob(job.id, progress);
			changed();
		},
	});
}

/** As the pool calls a moment that it goes back to; of a snapshot, its name. @param {string} at */
function momentName(at) {
	return at.replace(/^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2}).*$/, "moment-$1$2$3T$4$5$6Z");
}

/**
 * Where it is in the API, and what a change of it has to name; throws a Refused if it is another one than was looked at.
 * @param {Volume} volume
 * @param {Snapshot} snapshot
 */
async function seenSnapshot(volume, { name, created, held }) {
	const path = snapshotPath(`${called(volume)}@${name}`);
	const now = await getTagged(path);
	if (now.created === created && now.held === held) return { path, ifMatch: now.tag };
	throw new Refused({
		type: "about:blank",
		title: "changed",
		status: 412,
		detail: "it has been changed meanwhile",
	});
}

/** @param {Seen} volume @param {Snapshot} snapshot @param {() => void} changed */
export async function holdSnapshot(volume, snapshot, changed) {
	const { name, held } = snapshot;
	try {
		const { path, ifMatch } = await seenSnapshot(volume, snapshot);
		await request("PATCH", path, { body: { held: !held }, ifMatch });
		say(held ? `${name} can be removed again.` : `${name} can't be removed until it is released.`);
		changed();
	} catch (error) {
		say(wordsOf(error), "error");
	}
}

/** @param {Seen} volume @param {Snapshot} snapshot @param {() => void} changed */
export function removeSnapshot(volume, snapshot, changed) {
	const { name, created, uniqueBytes } = snapshot;
	confirmChange({
		title: `Remove ${called(volume)}@${name}`,
		sentences: [
			`What the volume was at ${time(created)} has no name any more; that frees ${bytes(uniqueBytes)}.`,
			"The volume, its other snapshots and clones stay as they are.",
		],
		notices: [],
		confirm: "Remove it",
		danger: true,
		async act() {
			const { path, ifMatch } = await seenSnapshot(volume, snapshot);
			await request("DELETE", path, { ifMatch });
			changed();
		},
	});
}
