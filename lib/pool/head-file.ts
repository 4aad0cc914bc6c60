/** Where a pool's head is: made for a new pool, found again, and told from a copy. Used by `pool.ts`. */

import { OperatorError } from "../errors.js";
import { noPoolText } from "../spec/pool-path.js";
import { HEAD_NAME, type PoolFolder, type PoolWorld } from "./folder.js";
import { HEAD_FILE_BYTES, Head, type HeadState } from "./head.js";
import { FIRST_BYTES, type Preallocation, preallocate } from "./preallocate.js";
import { LEFT_BYTES } from "./segments.js";

export interface CreateOptions {
	/** What is on a device is given up. */
	readonly force?: boolean;
	/** All slots are written now. */
	readonly filling?: Preallocation | undefined;
}

/** Of a pool that is new. Throws an OperatorError if there can't be one. */
export async function makeHead(world: PoolWorld, { force = false, filling }: CreateOptions): Promise<Head> {
	const { folder } = world;
	await folder.prepare(force);
	await refuseFull(folder);
	const device = await folder.create(HEAD_NAME, HEAD_FILE_BYTES);
	try {
		const start = { segment: 0, slot: 0, sequence: 0, crc: 0, timeUs: world.now() };
		const site = await folder.site();
		const state = { pool: world.chance(), incarnation: 0, epoch: 0, start, stable: 0, site };
		const head = await Head.create(device, nameOf(folder), world.allocate(HEAD_FILE_BYTES), state);
		if (filling !== undefined) await head.write({ filled: await preallocate(world, filling) });
		return head;
	} catch (error) {
		await device.close();
		throw error;
	}
}

/** Throws an OperatorError if it can't even begin: nothing is left of it then. */
async function refuseFull(folder: PoolFolder): Promise<void> {
	const freeBytes = folder.fillsAhead ? await folder.free() : undefined;
	if (freeBytes !== undefined && freeBytes < FIRST_BYTES + LEFT_BYTES)
		throw new OperatorError(
			`${folder.path}: there is no space left: a pool takes at least ${FIRST_BYTES + LEFT_BYTES} bytes`,
		);
}

/** Of a pool that there is. Throws an OperatorError if there is none, or a copy that may be none. */
export async function openHead(world: PoolWorld, mayBeCopy: boolean): Promise<Head> {
	const { folder } = world;
	if (!(await folder.list()).includes(HEAD_NAME)) throw new OperatorError(noPoolText(folder.path));
	const device = await folder.open(HEAD_NAME);
	try {
		const head = await Head.read(device, nameOf(folder), world.allocate(HEAD_FILE_BYTES));
		if (!mayBeCopy) await refuseCopy(folder, head);
		return head;
	} catch (error) {
		await device.close();
		throw error;
	}
}

/** Whether the pool that is there was made somewhere else; undefined: there is nothing to tell that by. Throws an OperatorError. */
export async function isCopy(world: PoolWorld): Promise<boolean | undefined> {
	const head = await openHead(world, true);
	try {
		return await isMadeElsewhere(world.folder, head);
	} finally {
		await head.device.close();
	}
}

async function isMadeElsewhere(folder: PoolFolder, { state }: Head): Promise<boolean | undefined> {
	const site = await folder.site();
	return state.site === undefined || site === undefined ? undefined : state.site !== site;
}

/** Throws an OperatorError if the head was made somewhere else. */
async function refuseCopy(folder: PoolFolder, head: Head): Promise<void> {
	if ((await isMadeElsewhere(folder, head)) !== true) return;
	throw new OperatorError(
		`${folder.path}: is a copy of a pool that was made somewhere else; vblade pool create --adopt makes a pool of its own of it`,
	);
}

/** What a copy says from now on, so that it is none any more. */
export async function ownState({ folder, chance }: PoolWorld, { state }: Head): Promise<Partial<HeadState>> {
	const { pool, former = [] } = state;
	return { pool: chance(), former: [...former, pool], site: await folder.site() };
}

function nameOf(folder: PoolFolder): string {
	return `${folder.path}/${HEAD_NAME}`;
}
