/**
 * A volume that is being filled: it is called NAME.part, so nobody takes it for the whole, and beside it NAME.part.state, a volume too,
 * keeps how far it is. A pool writes all of its volumes in one order, so what is kept there was never reached by less. The next attempt at the
 * same goes on; one at something else begins anew. Used by the commands that import and receive.
 */

import type { BlockDevice } from "../../block/device.js";
import { OperatorError } from "../../errors.js";
import type { Pool } from "../../pool/pool.js";
import { openVolumeStack } from "../../pool/volume-stack.js";
import { KEPT_BYTES, type Kept, KeptOnDevice } from "../../send/kept.js";
import { quote } from "../../text.js";

/** What is being done, and how the volume for it is made. */
export interface Filling {
	/** Whether what an earlier attempt has kept is of this. */
	isMine(kept: unknown): boolean;
	/** What to keep at first. */
	readonly first: object;
	/** Makes the volume of this name, to be filled. */
	make(pool: Pool, name: string): Promise<unknown>;
	/** It is whole. */
	finish(pool: Pool, name: string): Promise<unknown>;
	/** Whether what should come of it is there already. */
	isDone(pool: Pool): boolean;
}

export function hasVolume(pool: Pool, name: string): boolean {
	return pool.volumes.some((volume) => volume.name === name);
}

function partName(name: string): string {
	return `${name}.part`;
}

/** What the volume is called that keeps how far `name` is. */
export function stateName(name: string): string {
	return `${partName(name)}.state`;
}

/** A volume with the layers that make it one to write to: what has been written is safe when it is flushed. */
export async function openToCopy(pool: Pool, name: string, readOnly: boolean): Promise<BlockDevice> {
	const whole = { offsetSectors: 0, lengthSectors: undefined };
	return (await openVolumeStack(pool, name, { ...whole, durability: "flush", readOnly })).device;
}

/**
 * Has `fill` fill what is to become the volume `name`, unless an earlier attempt had done all but to say so. Throws an OperatorError if it is
 * there already.
 */
export async function fillVolume(
	pool: Pool,
	name: string,
	filling: Filling,
	fill: (device: BlockDevice, kept: Kept) => Promise<void>,
): Promise<void> {
	const [part, state] = [partName(name), stateName(name)];
	if (!hasVolume(pool, state)) await begin(pool, name, filling);
	if (pool.administration.volume(state).sizeBytes !== KEPT_BYTES) throw isThere(state);
	const stateDevice = await openToCopy(pool, state, false);
	try {
		const kept = new KeptOnDevice(stateDevice);
		const isMine = filling.isMine(await kept.read());
		const isDone = filling.isDone(pool);
		if (isDone && (!isMine || hasVolume(pool, part))) throw isThere(name);
		if (!isDone) {
			if (!isMine && hasVolume(pool, part)) await pool.administration.delete(part);
			if (!isMine) await kept.write(filling.first);
			if (!hasVolume(pool, part)) await filling.make(pool, part);
			const device = await openToCopy(pool, part, false);
			await fill(device, kept).finally(() => device.close());
			await filling.finish(pool, part);
		}
	} finally {
		await stateDevice.close();
	}
	await pool.administration.delete(state);
}

/** The volume that keeps how far it is. Refuses what can't be begun, before anything is made for it. */
async function begin(pool: Pool, name: string, filling: Filling): Promise<void> {
	// First: an attempt may have been killed when all was done but to say so, and what is there goes on from nowhere.
	if (filling.isDone(pool)) throw isThere(name);
	filling.isMine(undefined);
	if (hasVolume(pool, partName(name))) throw isThere(partName(name));
	await pool.administration.create(stateName(name), KEPT_BYTES, KEPT_BYTES);
}

function isThere(name: string): OperatorError {
	return new OperatorError(`volume ${quote(name)}: is there already`);
}
