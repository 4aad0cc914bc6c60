/**
 * What survives is several files. Control is ended between any two of them, and in the middle of each, while a disk is added, set,
 * fenced, changed and removed: whoever comes next finds what was acknowledged, no disk with another identity, and files that agree.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import t, { type Test } from "tap";
import { Stage, settle } from "./stage.js";

const NEVER = new Promise<void>(() => {});
const SET = { mask: 7 };
/** Longer than what follows takes. */
const MOST_KEEPS = 40;

interface Kept {
	readonly serial: string;
	readonly set?: unknown;
	readonly fenced?: boolean;
}

/** Ends with its control at a step: before the file is there, or as soon as it is and before anybody knows. */
function endAt(stage: Stage, step: number, isThere: boolean): () => boolean {
	const { opener } = stage;
	const keep = opener.keep.bind(opener);
	let steps = 0;
	opener.keep = async (name, bytes) => {
		// What has happened is kept beside, whenever there is time.
		if (name === "events.json") return keep(name, bytes);
		const at = steps++;
		if (at < step) return keep(name, bytes);
		if (at === step && isThere) await keep(name, bytes);
		return NEVER;
	};
	return () => steps > step;
}

const disksIn = (stage: Stage): Record<string, Kept> => {
	const bytes = stage.opener.files.get("disks.json");
	return bytes === undefined ? {} : JSON.parse(new TextDecoder().decode(bytes)).disks;
};

/** What was acknowledged, in this order; ends where nothing is answered any more. */
async function live(stage: Stage, isOver: () => boolean): Promise<string[]> {
	const acknowledged: string[] = [];
	const aoe = { address: "9.7", netif: ["eth0"] };
	const { control } = stage;
	const deeds: [string, () => Promise<unknown>][] = [
		["add", () => stage.ask("POST", "/api/v1/disks", { body: { name: "late", memory: "1M", aoe } })],
		["set", async () => stage.workers.listener?.set("web", SET)],
		["fence", async () => control.inside.desired.steward("mail")?.fence(true)],
		["change", () => stage.askTagged("PATCH", "mail", { body: { limit: { iops: 5 } } })],
		["remove", () => stage.askTagged("DELETE", "late", { query: "?force=true" })],
	];
	for (const [name, deed] of deeds) {
		let isDone = false;
		void deed().then(
			() => {
				isDone = true;
			},
			() => {},
		);
		while (!isDone && !isOver()) await nextTurn();
		if (!isDone) return acknowledged;
		acknowledged.push(name);
		await settle();
	}
	return acknowledged;
}

/** False if there was no such step any more. */
async function endedAt(t: Test, step: number, isThere: boolean): Promise<boolean> {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const before = disksIn(stage);
	const isOver = endAt(stage, step, isThere);
	const acknowledged = await live(stage, isOver);
	if (!isOver()) return false;
	const what = `ended at step ${step}${isThere ? ", kept" : ""}, after ${acknowledged.join()}`;
	// The next one has its own way to the same files; workers are another life of theirs, or go on.
	const next = new Stage();
	for (const [name, bytes] of stage.opener.files) next.opener.files.set(name, bytes);
	if (step % 2 === 0) for (const [name, as] of stage.workers.served) next.workers.served.set(name, as);
	await next.start(t);
	await settle();
	const disks = disksIn(next);
	for (const [name, { serial }] of Object.entries(before))
		t.equal(disks[name]?.serial, serial, `${what}: ${name}`);
	if (acknowledged.includes("set")) t.strictSame(disks.web?.set, SET, what);
	if (acknowledged.includes("fence")) t.equal(disks.mail?.fenced, true, what);
	const runtime = new TextDecoder().decode(next.opener.files.get("runtime.toml"));
	const isServed = next.control.inside.desired.steward("late") !== undefined;
	t.equal(isServed, runtime.includes("[disk.late"), `${what}: what is served is what is kept`);
	t.equal(next.control.inside.desired.wish.runtime, runtime, what);
	if (acknowledged.includes("remove")) t.notOk(isServed, what);
	else if (acknowledged.includes("add") && !acknowledged.includes("change")) t.ok(isServed, what);
	await next.close();
	return true;
}

for (const isThere of [false, true])
	t.test(isThere ? "ended when a file is there" : "ended before a file is there", async (t) => {
		let step = 0;
		while (step < MOST_KEEPS && (await endedAt(t, step, isThere))) step++;
		t.ok(step >= 5 && step < MOST_KEEPS, `${step} steps`);
	});
