/**
 * What can be done to a pool, one thing by chance at a time, and what it makes of what the pool holds: writes of any part of a page, zeros,
 * trims, flushes, snapshots of one volume and of several, holds, clones, ways back, of moments too, sizes, names, volumes that come, go and are
 * replaced, flattening, checkpoints, time that passes. Called by `whole-run.ts`.
 */

import { BlockOp } from "../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { freeName, momentName } from "../../lib/pool/allowed.js";
import { CrashError } from "./crash-model.js";
import { isoOf, type WholeLife } from "./whole-life.js";
import {
	changed,
	resized,
	type Stamps,
	type State,
	stampsDiffer,
	UNKNOWN,
	type VolumeNow,
	without,
} from "./whole-model.js";
import { change, make, place } from "./whole-steps.js";

const SECTOR = 512;
const VOLUMES_MAX = 4;
const SNAPSHOTS_MAX = 3;
const MOMENTS_MAX = 6;
const PAGES = [512, 4096, 4096, 65_536, 262_144] as const;

type Operation = (run: WholeLife, name: string, volume: VolumeNow) => Promise<void>;

/** More often what is before others twice. */
const OPERATIONS: readonly Operation[] = [
	...[write, write, write, write, write, zeros, zeros, flush, flush, snapshot, snapshot, group, forget],
	...[hold, clone, cloneMoment, rollback, rollbackMoment, resize, rename, create, create, remove, replace],
	...[flatten, checkpoint, checkpoint, time, look, quietly],
];

export async function operate(run: WholeLife): Promise<void> {
	const { random, course } = run;
	const names = [...course.now.keys()];
	if (names.length === 0) return create(run);
	const name = random.pick(names as [string]);
	const operation = random.pick(OPERATIONS as [Operation]);
	await operation(run, name, course.now.get(name)!);
	if (course.isSafe && random.chance(0.3))
		run.moments = [{ timeUs: run.now, state: course.now }, ...run.moments].slice(0, MOMENTS_MAX);
}

async function write(run: WholeLife, name: string, volume: VolumeNow): Promise<void> {
	await change(run, name, BlockOp.write, ...place(run, volume));
}

async function zeros(run: WholeLife, name: string, volume: VolumeNow): Promise<void> {
	const op = run.random.pick([BlockOp.trim, BlockOp.writeZeroes]);
	const isAll = run.random.chance(0.2);
	const [at, sectors] = isAll ? [0, volume.stamps.length] : place(run, volume);
	await change(run, name, op, at, sectors);
}

async function flush(run: WholeLife, name: string): Promise<void> {
	const { request } = await run.run(await run.device(name), BlockOp.flush, 0, 0);
	if (request.status === StorageStatus.ok) run.course.over(true);
}

function withSnapshot(state: State, name: string, snapshot: string, stamps?: Stamps): State {
	const volume = state.get(name)!;
	return changed(state, name, {
		snapshots: new Map(volume.snapshots).set(snapshot, stamps ?? volume.stamps),
	});
}

async function snapshot(run: WholeLife, volume: string, now: VolumeNow): Promise<void> {
	if (now.snapshots.size >= SNAPSHOTS_MAX) return forget(run, volume, now);
	const name = `s${++run.stamp}`;
	await make(run, `snapshot ${volume}@${name}`, [withSnapshot(run.course.now, volume, name)], () =>
		run.pool.administration.takeSnapshots([{ volume, name }]),
	);
}

async function group(run: WholeLife): Promise<void> {
	const name = `g${++run.stamp}`;
	const names = [...run.course.now.keys()];
	if ([...run.course.now.values()].some(({ snapshots }) => snapshots.size > SNAPSHOTS_MAX + 1)) return;
	const after = names.reduce((state, volume) => withSnapshot(state, volume, name), run.course.now);
	await make(run, `group ${name}`, [after], () =>
		run.pool.administration.takeSnapshots(names.map((volume) => ({ volume, name }))),
	);
}

async function forget(run: WholeLife, name: string, { snapshots, held }: VolumeNow): Promise<void> {
	const [oldest] = [...snapshots.keys()].filter((each) => !held.has(each));
	if (oldest === undefined) return;
	const after = changed(run.course.now, name, { snapshots: without(snapshots, oldest) });
	await make(run, `forget ${name}@${oldest}`, [after], () => run.pool.administration.forget(name, oldest));
}

async function hold(run: WholeLife, name: string, { snapshots, held }: VolumeNow): Promise<void> {
	const [oldest] = snapshots.keys();
	if (oldest === undefined) return;
	const isHeld = held.has(oldest);
	const others = [...held].filter((each) => each !== oldest);
	const after = changed(run.course.now, name, { held: new Set(isHeld ? others : [...others, oldest]) });
	await make(run, `hold ${name}@${oldest}`, [after], () =>
		run.pool.administration.hold(name, oldest, !isHeld),
	);
}

async function cloneOf(
	run: WholeLife,
	of: string,
	at: string,
	stamps: Stamps,
	between: State[],
): Promise<void> {
	const { course, pool } = run;
	const { pageSectors } = course.now.get(of)!;
	const name = `${run.random.pick(["a", "b"])}${++run.stamp}`;
	const born = { born: UNKNOWN, pageSectors, stamps, snapshots: new Map(), held: new Set<string>() };
	const after = new Map(course.now).set(name, born);
	await make(run, `clone ${of}@${at} ${name}`, [...between, after], () =>
		pool.administration.clone(of, at, name),
	);
	run.learn(name);
}

async function clone(run: WholeLife, name: string, { snapshots }: VolumeNow): Promise<void> {
	if (snapshots.size === 0 || run.course.now.size >= VOLUMES_MAX) return;
	const [at, stamps] = run.random.pick([...snapshots] as [[string, Stamps]]);
	await cloneOf(run, name, at, stamps, []);
}

/** A moment of the volume that is remembered, as it is named, and what is kept of it for a while. */
function momentOf(run: WholeLife, name: string) {
	const volume = run.pool.administration.volume(name);
	const known = run.moments.filter(({ state }) => run.wasThen(state, volume) !== undefined);
	if (known.length === 0) return undefined;
	const { timeUs, state } = run.random.pick(known as [(typeof known)[0]]);
	const { stamps } = run.wasThen(state, volume)!;
	const snapshot = freeName(volume, momentName(timeUs));
	const between = withSnapshot(run.course.now, name, snapshot, stamps);
	return { at: isoOf(timeUs), stamps, snapshot, between };
}

async function cloneMoment(run: WholeLife, name: string): Promise<void> {
	const moment = momentOf(run, name);
	if (moment === undefined || run.course.now.size >= VOLUMES_MAX) return;
	await cloneOf(run, name, moment.at, moment.stamps, [moment.between]);
}

async function backTo(
	run: WholeLife,
	name: string,
	at: string,
	stamps: Stamps,
	kept: string,
	between: State[],
): Promise<void> {
	await run.put(name);
	const after = changed(withSnapshot(run.course.now, name, kept), name, { stamps });
	await make(run, `rollback ${name}@${at}`, [...between, after], () =>
		run.pool.administration.rollback(name, at),
	);
}

async function rollback(run: WholeLife, name: string, { snapshots }: VolumeNow): Promise<void> {
	if (snapshots.size === 0) return;
	const [at, stamps] = run.random.pick([...snapshots] as [[string, Stamps]]);
	const kept = freeName(run.pool.administration.volume(name), `before-${at}`);
	await backTo(run, name, at, stamps, kept, []);
}

async function rollbackMoment(run: WholeLife, name: string): Promise<void> {
	const moment = momentOf(run, name);
	if (moment === undefined) return;
	const kept = freeName(run.pool.administration.volume(name), `before-${moment.snapshot}`);
	await backTo(run, name, moment.at, moment.stamps, kept, [moment.between]);
}

async function resize(run: WholeLife, name: string, { stamps, pageSectors }: VolumeNow): Promise<void> {
	const pages = stamps.length / pageSectors;
	const sectors = pageSectors * Math.max(1, Math.floor(pages * run.random.pick([0.5, 0.9, 1.3])));
	if (sectors > 2048) return;
	if (sectors < stamps.length) await run.put(name);
	const after = changed(run.course.now, name, { stamps: resized(stamps, sectors) });
	await make(run, `resize ${name} ${sectors}`, [after], () =>
		run.pool.administration.resize(name, sectors * SECTOR, true),
	);
}

async function rename(run: WholeLife, name: string, volume: VolumeNow): Promise<void> {
	const to = `${run.random.pick(["a", "b"])}${++run.stamp}`;
	await run.put(name);
	const after = new Map(without(run.course.now, name)).set(to, volume);
	await make(run, `rename ${name} ${to}`, [after], () => run.pool.administration.rename(name, to));
}

async function create(run: WholeLife): Promise<void> {
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

async function remove(run: WholeLife, name: string, { held }: VolumeNow): Promise<void> {
	if (held.size > 0) return;
	await run.put(name);
	await make(run, `delete ${name}`, [without(run.course.now, name)], () =>
		run.pool.administration.delete(name),
	);
}

/** As an import ends. */
async function replace(run: WholeLife, name: string, volume: VolumeNow): Promise<void> {
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
async function flatten(run: WholeLife, name: string, { stamps }: VolumeNow): Promise<void> {
	for (let at = 0; at < stamps.length; ) {
		const end = stamps.findIndex((stamp, i) => i > at && stamp !== stamps[at]);
		const sectors = (end < 0 ? stamps.length : end) - at;
		run.course.add(`flatten ${name}`, run.course.now);
		const { request } = await run.run(await run.device(name), BlockOp.write, at, sectors, stamps[at]);
		if (request.status !== StorageStatus.ok && request.status !== StorageStatus.noSpace)
			throw new CrashError(`flattening ended with ${request.status}`);
		run.course.over(false);
		at += sectors;
	}
}

/** A pool that is full can't make one. */
async function checkpoint(run: WholeLife): Promise<void> {
	await run.pool.checkpoint().catch((error: unknown) => {
		if (!(error instanceof OperatorError)) throw error;
		run.refused++;
	});
}

/** One that goes on while other things happen. */
async function quietly(run: WholeLife): Promise<void> {
	void checkpoint(run).catch(() => {});
}

async function time(run: WholeLife): Promise<void> {
	run.pass(run.random.pick([30, 700, 2400]));
}

/** A snapshot or moment is held open while the window passes it and its name goes. */
async function look(run: WholeLife, name: string, { snapshots }: VolumeNow): Promise<void> {
	const moment = momentOf(run, name);
	const [at, stamps] = [...snapshots].at(-1) ?? [moment?.at, moment?.stamps];
	if (at === undefined || stamps === undefined) return;
	let opened: Awaited<ReturnType<WholeLife["pool"]["openVolume"]>>;
	try {
		opened = await run.pool.openVolume(`${name}@${at}`, true, async () => {});
	} catch (error) {
		if (error instanceof OperatorError) return;
		throw error;
	}
	run.pass(4000);
	if (snapshots.has(at)) await forget(run, name, run.course.now.get(name)!);
	await checkpoint(run);
	for (let i = 0; i < 3; i++) await operate(run);
	await checkpoint(run);
	const how = stampsDiffer(await run.readAll(opened.device), stamps);
	if (how !== undefined) throw new CrashError(`${name}@${at} while it is looked at: ${how}`);
	await opened.device.close();
}
