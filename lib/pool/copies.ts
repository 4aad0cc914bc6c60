/**
 * The newest of what the copies of a device have at a place that is written as a whole, each with a number that grows: a label, a head. What is older or
 * wrong in another copy, or can't be read there, is written again; only where no copy can be read that is an error. Used by `head.ts`, and in `chunks/`.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { copiesOf } from "./mend.js";
import { run } from "./run.js";

/** What one copy has. */
export interface FoundCopy<T> {
	readonly value: T;
	/** The newest has the highest. */
	readonly rank: number;
	/** As it is stored, no longer than that. */
	readonly memory: Memory;
}

export interface NewestCopy<T> {
	readonly value: T;
	readonly memory: Memory;
	/** Not all copies had it: they have it now, if that could be. */
	readonly wasMended: boolean;
}

/** `read`: undefined: a copy has none that is whole. Undefined: none has. Throws an OperatorError, also if `read` does for each. */
export async function newestCopy<T>(
	device: BlockDevice,
	offsetBytes: number,
	name: string,
	read: (copy: number) => Promise<FoundCopy<T> | undefined>,
): Promise<NewestCopy<T> | undefined> {
	const found: (FoundCopy<T> | undefined)[] = [];
	const failures: OperatorError[] = [];
	const copies = copiesOf(device);
	for (const copy of copies)
		try {
			found.push(await read(copy));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			found.push(undefined);
			failures.push(error);
		}
	if (failures.length === copies.length) throw failures[0];
	const newest = found.reduce(
		(best, each) => (each && each.rank > (best?.rank ?? -1) ? each : best),
		undefined,
	);
	if (newest === undefined) return undefined;
	const { value, memory } = newest;
	const wasMended = !found.every((each) => each && Buffer.compare(each.memory.bytes, memory.bytes) === 0);
	if (wasMended)
		await run(device, BlockOp.write, offsetBytes, memory.bytes.length, memory, name).catch(unlessBug);
	return { value, memory, wasMended };
}

/** (It is found wrong another time.) */
function unlessBug(error: unknown): void {
	if (!(error instanceof OperatorError)) throw error;
}
