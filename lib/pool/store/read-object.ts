/** Reads an object that is known to have been stored: a copy that is behind says that there is none, so the newest is asked for before that is believed. */

import { isFault, ObjectFault } from "../../object/errors.js";
import type { ByteRange, ObjectStore } from "../../object/store.js";

/** Rejects with an ObjectError. */
export async function readObject(
	store: ObjectStore,
	name: string,
	range?: ByteRange,
	newest = false,
): Promise<Buffer> {
	try {
		return await store.get(name, range, { newest });
	} catch (error) {
		if (newest || !isFault(error, ObjectFault.absent)) throw error;
		return store.get(name, range, { newest: true });
	}
}
