/**
 * What can be done to a pool, one thing by chance at a time, and what it makes of what the pool holds: writes of any part of a page, zeros,
 * trims, flushes, snapshots of one volume and of several, holds, clones, ways back, of moments too, sizes, names, volumes that come, go and are
 * replaced (`whole-volumes.ts`), flattening, checkpoints, time that passes. Called by `whole-run.ts`.
 */

import { BlockOp } from "../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { freeName, momentName } from "../../lib/pool/allowed.js";
import { CrashError } from "./crash-model.js";
import { isoOf, type WholeLife } from "./whole-life.js";
import {
	changed,
	type Stamps,
	type State,
	stampsDiffer,
	UNKNOWN,
	type VolumeNow,
	without,
} from "./whole-model.js";
import { change, make, place } from "./whole-steps.js";
import { create, flatten, remove, rename, replace, resize, VOLUMES_MAX } from "./whole-volumes.js";

const SNAPSHOTS_MAX = 3;
const MOMENTS_MAX = 6;

type Operation = (run: WholeLife, name: string, volume: VolumeNow) => Promise<void>;

/** How often each is done, among each other. */
const OPERATIONS = {
	...{ write: [write, 5], zeros: [zeros, 2], flush: [flush, 2], snapshot: [snapshot, 2], group: [group, 1] },
	...{ forget: [forget, 1], hold: [hold, 1], clone: [clone, 1], cloneMoment: [cloneMoment, 1] },
	...{
		rollback: [rollback, 1],
		rollbackMoment: [rollbackMoment, 1],
		resize: [resize, 1],
		rename: [rename, 1],
	},
	...{ create: [create, 2], remove: [remove, 1], replace: [replace, 1], flatten: [flatten, 1] },
	...{ checkpoint: [checkpoint, 2], time: [time, 1], look: [look, 1], quietly: [quietly, 1] },
} as const satisfies Record<string, readonly [Operation, number]>;

export type OperationName = keyof typeof OPERATIONS;

const BY_CHANCE = Object.entries(OPERATIONS).flatMap(([name, [, count]]) =>
	new Array<OperationName>(count).fill(name as OperationName),
);

/** What is named, or else something by chance. */
export async function operate(run: WholeLife, what?: OperationName): Promise<void> {
	const { random, course } = run;
	const names = [...course.now.keys()];
	if (names.length === 0) return create(run);
	const name = random.pick(names as [string]);
	const [operation] = OPERATIONS[what ?? random.pick(BY_CHANCE as [OperationName])];
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
