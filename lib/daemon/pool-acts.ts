/** What control has done with a pool and its volumes, once the pool is open: a table of acts. Used by `worker-pools.ts`. */

import { OperatorError, unreachable } from "../errors.js";
import type { PoolDisks } from "../pool/folder.js";
import type { UsedPool } from "../pool/openings.js";
import type { Pool } from "../pool/pool.js";
import type { PoolAct } from "./worker-messages.js";

/** Throws an OperatorError if it is not on disks. */
export function disksOf({ space: { disks } }: Pool): PoolDisks {
	if (disks === undefined)
		throw new OperatorError("the pool is in a directory, on a device or in an object store, not on disks");
	return disks;
}

type DiskAct = Extract<PoolAct, { act: "addDisk" | "removeDisk" | "keepDisk" }>;

async function changeDisks(pool: Pool, act: DiskAct): Promise<void> {
	const disks = disksOf(pool);
	if (act.act === "keepDisk") return disks.keep(act.disk);
	if (act.act === "removeDisk") return disks.remove(act.disk, act.force);
	await disks.add(act.disk, act.force);
	// (It may have waited for room.)
	pool.age();
}

async function configure(
	pool: Pool,
	{ spared, sizes, settings }: Extract<PoolAct, { act: "configure" }>,
): Promise<void> {
	pool.spared = new Set(spared);
	pool.space.resizeLocal(sizes);
	// (Of a replica it is said when it is promoted.)
	if (pool.space.onlyRead === undefined) await pool.administration.setPool("file", settings);
	void pool.keepSchedules();
}

type Change = Exclude<PoolAct, { act: "look" | "ship" | "handOver" }>;

/** Throws an OperatorError. */
export async function change({ pool }: UsedPool, act: Change): Promise<void> {
	const { administration } = pool;
	switch (act.act) {
		case "make":
		case "takeOver":
		case "promote":
		case "demote":
			break;
		case "forgetLost":
			return pool.space.forgetLost(act.epoch);
		case "addDisk":
		case "removeDisk":
		case "keepDisk":
			return changeDisks(pool, act);
		case "create":
			await administration.create(act.name, act.sizeBytes, act.pageBytes);
			break;
		case "resize":
			await administration.resize(act.name, act.sizeBytes, act.mayShrink, act.isAnother);
			break;
		case "rename":
			await administration.rename(act.name, act.to);
			break;
		case "replace":
			await administration.replace(act.name, act.by, act.isAnother);
			break;
		case "set":
			await administration.set(act.name, act.settings);
			break;
		case "configure":
			return configure(pool, act);
		case "trustClock":
			pool.time.trust();
			// (What the next life goes by, too.)
			await pool.checkpoint();
			break;
		case "remove":
			await administration.delete(act.name);
			break;
		case "snapshot":
			await administration.takeSnapshots(act.wanted);
			break;
		case "clone":
			await administration.clone(act.volume, act.snapshot, act.name);
			break;
		case "rollback":
			await administration.rollback(act.volume, act.snapshot);
			break;
		case "forget":
			await administration.forget(act.volume, act.snapshot);
			break;
		case "hold":
			return administration.hold(act.volume, act.snapshot, act.isHeld);
		default:
			unreachable(act);
	}
}
