/** Replicas that are made pools of their own, and pools that are made replicas again, by an operator's word. Used by `worker-pools.ts`. */

import { OperatorError } from "../errors.js";
import { type PoolHome, type UsedPool, usePool } from "../pool/openings.js";

/** (Somebody else may be about to open it, in vain.) Throws an OperatorError. */
export async function promoted(home: PoolHome, folder: string): Promise<UsedPool> {
	await home.promote?.(folder, true);
	try {
		return await usePool(home, folder).catch(() => usePool(home, folder));
	} finally {
		await home.promote?.(folder, false);
	}
}

/** It is opened for that, which comes to nothing, whether it is a replica then or not. Throws an OperatorError if it is none. */
export async function demoted(home: PoolHome, folder: string, loseBytes: number): Promise<UsedPool> {
	let why: unknown = new OperatorError("it is a pool of its own still");
	try {
		await home.giveBack?.(folder, loseBytes);
		await (await usePool(home, folder)).release();
	} catch (error) {
		why = error;
	} finally {
		await home.giveBack?.(folder, undefined);
	}
	const used = await usePool(home, folder);
	if (used.pool.space.onlyRead !== undefined) return used;
	await used.release();
	throw why;
}
