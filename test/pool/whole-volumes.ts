/** Volumes that come, go, are called otherwise, grow, shrink, are replaced and flattened: part of what `whole-operations.ts` does to a pool. */

import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import type { WholeLife } from "./whole-life.js";
import { changed, resized, UNKNOWN, type VolumeNow, without } from "./whole-model.js";
import { make } from "./whole-steps.js";

const SECTOR = 512;
export const VOLUMES_MAX = 4;
const PAGES = [512, 4096, 4096, 65_536, 262_144] as const;

export async function resize(
	run: WholeLife,
	name: string,
	{ stamps, pageSectors }: VolumeNow,
): Promise<void> {
	const pages = stamps.length / pageSectors;
	const sectors = pageSectors * Math.max(1, Math.floor(pages * run.random.pick([0.5, 0.9, 1.3])));
	if (sectors > 2048) return;
	if (sectors < stamps.length) await run.put(name);
	const after = changed(run.course.now, name, { stamps: resized(stamps, sectors) });
	await make(run, `resize ${name} ${sectors}`, [after], () =>
		run.pool.administration.resize(name, sectors * SECTOR, true),
	);
}

export async function rename(run: WholeLife, name: string, volume: VolumeNow): Promise<void> {
	const to = `${run.random.pick(["a", "b"])}${++run.stamp}`;
	await run.put(name);
	const after = new Map(without(run.course.now, name)).set(to, volume);
	await make(run, `rename ${name} ${to}`, [after], () => run.pool.administration.rename(name, to));
}

export async function create(run: WholeLife): Promise<void> {
	if (run.course.now.size >= VOLUMES_MAX) return;
	// (A name that was another volume's, perhaps.)
	const name = run.random.pick(["a", "b", "c", "d"]);
	if (run.course.now.has(name)) return;
	const pageBytes = run.random.pick(PAGES);
	const sectors = Math.max(64 + run.random.below(200), (2 * pageBytes) / SECTOR);
	const stamps = resized([], sectors);
	const made = {
		born: UNKNOWN,
		pageSectors: pageBytes / SECTOR,
		stamps,
		snapshots: new Map(),
		held: new Set<string>(),
	};
	await make(run, `create ${name}`, [new Map(run.course.now).set(name, made)], () =>
		run.pool.administration.create(name, sectors * SECTOR, pageBytes),
	);
	run.learn(name);
}

export async function remove(run: WholeLife, name: string, { held }: VolumeNow): Promise<void> {
	if (held.size > 0) return;
	await run.put(name);
	await make(run, `delete ${name}`, [without(run.course.now, name)], () =>
		run.pool.administration.delete(name),
	);
}

/** As an import ends. */
export async function replace(run: WholeLife, name: string, volume: VolumeNow): Promise<void> {
	const other = [...run.course.now].find(([each, { pageSectors }]) => {
		return each !== name && pageSectors === volume.pageSectors;
	});
	if (other === undefined) return;
	const [by, { stamps, snapshots, held }] = other;
	if ([...snapshots.keys()].some((each) => volume.snapshots.has(each))) return;
	await Promise.all([run.put(name), run.put(by)]);
	const after = changed(without(run.course.now, by), name, {
		stamps,
		snapshots: new Map([...volume.snapshots, ...snapshots]),
		held: new Set([...volume.held, ...held]),
	});
	await make(run, `replace ${name} ${by}`, [after], () => run.pool.administration.replace(name, by));
}

/** All of it is written once more. */
export async function flatten(run: WholeLife, name: string, { stamps }: VolumeNow): Promise<void> {
	for (let at = 0; at < stamps.length; ) {
		const end = stamps.findIndex((stamp, i) => i > at && stamp !== stamps[at]);
		const sectors = (end < 0 ? stamps.length : end) - at;
		run.course.add(`flatten ${name}`, run.course.now);
		const { request } = await run.run(await run.device(name), BlockOp.write, at, sectors, stamps[at]);
		if (request.status !== StorageStatus.ok) run.trouble.ended(request.status);
		if (!run.trouble.hasStruck) run.course.over(false);
		at += sectors;
	}
}
