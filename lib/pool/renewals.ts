/**
 * Pools of this process that are to be closed while somebody has them open: another host has them, or they are opened anew. Said by whoever finds that out; `openings.ts`
 * lets nobody come to use them then.
 */

import path from "node:path";
import type { PoolHome } from "./openings.js";
import { sharedPoolsOf } from "./shared-pools.js";

/** Another host has the pool: whoever has it open is to let go of it, and it is opened anew then. */
export function poolLost({ engine }: Pick<PoolHome, "engine">, folder: string, why: string): void {
	const shared = sharedPoolsOf(engine).find(path.resolve(folder));
	if (shared !== undefined) shared.lost = why;
}

/** The same, as it is opened anew at once: whoever wants it waits until it is closed. True if it was open. `isUsed`: also if something of it is; else once nothing is, however long that takes. */
export async function renewPool(
	{ engine }: Pick<PoolHome, "engine">,
	folder: string,
	why: string,
	isUsed: boolean,
): Promise<boolean> {
	const shared = sharedPoolsOf(engine).find(path.resolve(folder));
	const pool = await shared?.opening.catch(() => undefined);
	if (shared === undefined || pool === undefined) return false;
	while (!isUsed && !pool.space.opened.isNone) {
		shared.isOld = true;
		await pool.space.opened.untilNone();
	}
	if (!isUsed && shared.lost !== undefined) return false;
	shared.lost = why;
	shared.isRenewed = true;
	return true;
}

/** It is to be opened anew as soon as nothing of it is open. */
export function isOldPool({ engine }: Pick<PoolHome, "engine">, folder: string): boolean {
	return sharedPoolsOf(engine).find(path.resolve(folder))?.isOld === true;
}
