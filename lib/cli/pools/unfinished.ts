/**
 * A volume that is being filled: it is called NAME.part, so nobody takes it for the whole, and beside it NAME.part.state, a volume too,
 * keeps how far it is. A pool writes all of its volumes in one order, so what is kept there was never reached by less. The next attempt at the
 * same goes on; one at something else begins anew. Used by the commands that import and receive.
 */

import type { BlockDevice } from "../../block/device.js";
import { OperatorError } from "../../errors.js";
import { partName } from "../../pool/unfinished.js";
import { type Kept, KeptOnDevice } from "../../send/kept.js";
import { KEPT_BYTES } from "../../send/kept-bytes.js";
import { quote } from "../../text.js";
import type { Place } from "./place.js";

/** What is being done, and how the volume for it is made. */
export interface Filling {
	/** Whether what an earlier attempt has kept is of this. */
	isMine(kept: unknown): boolean;
	/** What to keep at first. */
	readonly first: object;
	/** Makes the volume of this name, to be filled. */
	make(place: Place, name: string): Promise<unknown>;
	/** It is whole. */
	finish(place: Place, name: string): Promise<unknown>;
	/** Whether what should come of it is there already. */
	isDone(place: Place): Promise<boolean>;
	/** What is said then, of the volume; without, that it is there. */
	readonly doneText?: string;
}

export async function hasVolume(place: Place, name: string): Promise<boolean> {
	return (await place.find(name)) !== undefined;
}

/** What the volume is called that keeps how far `name` is. */
export function stateName(name: string): string {
	return `${partName(name)}.state`;
}

/**
 * Has `fill` fill what is to become the volume `name`, unless an earlier attempt had done all but to say so. Throws an OperatorError if it is
 * there already.
 */
export async function fillVolume(
	place: Place,
	name: string,
	filling: Filling,
	fill: (device: BlockDevice, kept: Kept) => Promise<void>,
): Promise<void> {
	const [part, state] = [partName(name), stateName(name)];
	if (!(await hasVolume(place, state))) await begin(place, name, filling);
	if ((await place.find(state))?.sizeBytes !== KEPT_BYTES) throw isThere(state);
	const isMine = filling.isMine(await keeping(place, state, (kept) => kept.read()));
	const isDone = await filling.isDone(place);
	const hasPart = await hasVolume(place, part);
	if (isDone && (!isMine || hasPart)) throw isThere(name, filling.doneText);
	if (!isDone) {
		const isNew = !isMine || !hasPart;
		// (What is kept may be of a volume that is gone: nothing goes on from there.)
		if (isNew) filling.isMine(undefined);
		// What is kept of it goes with it.
		if (isNew && hasPart) await place.remove(part);
		if (!(await hasVolume(place, state))) await place.create(state, KEPT_BYTES, KEPT_BYTES);
		let isMade = !isNew;
		const filled = keeping(place, state, async (kept) => {
			if (isNew) await kept.write(filling.first);
			if (isNew) await filling.make(place, part);
			isMade = true;
			const device = await place.open(part);
			await fill(device, kept).finally(() => device.close());
			await filling.finish(place, part);
		});
		await filled.catch(async (error: unknown) => {
			if (!isMade) await forgetUnmade(place, part, state).catch(() => {});
			throw error;
		});
	}
	await place.remove(state);
}

/** What is kept of a volume that was never made, and is closed by now. (If that can't be asked, it stays, and the next attempt begins anew.) */
async function forgetUnmade(place: Place, part: string, state: string): Promise<void> {
	if (!(await hasVolume(place, part))) await place.remove(state);
}

async function keeping<T>(place: Place, state: string, work: (kept: Kept) => Promise<T>): Promise<T> {
	const device = await place.open(state);
	try {
		return await work(new KeptOnDevice(device));
	} finally {
		await device.close();
	}
}

/** The volume that keeps how far it is. Refuses what can't be begun, before anything is made for it. */
async function begin(place: Place, name: string, filling: Filling): Promise<void> {
	// First: an attempt may have been killed when all was done but to say so, and what is there goes on from nowhere.
	if (await filling.isDone(place)) throw isThere(name, filling.doneText);
	filling.isMine(undefined);
	if (await hasVolume(place, partName(name))) throw isThere(partName(name));
	await place.create(stateName(name), KEPT_BYTES, KEPT_BYTES);
}

function isThere(name: string, what = "is there already"): OperatorError {
	return new OperatorError(`volume ${quote(name)}: ${what}`);
}
