/**
 * Reads an object that is known to have been stored: a copy that is behind says that there is none, and what comes may be damaged on the way, so the newest is
 * asked for, more than once, before that is believed.
 */

import { isFault, ObjectFault } from "../../object/errors.js";
import type { ByteRange, ObjectStore } from "../../object/store.js";

const TIMES = 3;

/** Rejects with an ObjectError. */
export async function readObject(
	store: ObjectStore,
	name: string,
	range?: ByteRange,
	newest = false,
): Promise<Buffer> {
	for (let time = 1; ; time++) {
		try {
			return await store.get(name, range, { newest: newest || time > 1 });
		} catch (error) {
			const mayBeElse = isFault(error, ObjectFault.absent) || isFault(error, ObjectFault.damaged);
			if (!mayBeElse || time === TIMES) throw error;
		}
	}
}
