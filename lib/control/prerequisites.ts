/**
 * What a disk needs of others before it can be served: its parts, or the disks that its pool is on; they are waited for, and which of them is not there is
 * told. Used by `steward.ts`, for its disk.
 */

import type { Clock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { DiskConfig, PoolConfig } from "../spec/configuration.js";
import { poolOnDisks } from "../spec/pool-path.js";
import type { DiskState } from "./model.js";

/** So long disks that a pool is on are waited for, which may be looked for over a network. */
const POOL_DISKS_MS = 10_000;

/** Another disk, as its steward says. */
export interface Needed {
	readonly disk: DiskConfig;
	readonly state: DiskState;
	readonly reason: string | null;
	/** It has come to something for the first time, or never will. */
	readonly firstTry: Promise<void>;
	/** The last time that it was tried. */
	readonly lastTry: Promise<unknown>;
}

/** Names of the disks that the pool of a volume is on. */
export function disksUnder(
	{ disk: { storage } }: DiskConfig,
	pools: readonly PoolConfig[],
): readonly string[] {
	if (storage.kind !== "volume" || poolOnDisks(storage.pool) === undefined) return [];
	return pools.find(({ path }) => path === storage.pool)?.disks ?? [];
}

/** What a disk is made of is open. Throws an OperatorError if it is not. */
export async function awaitParts({ disk: { storage } }: DiskConfig, parts: readonly Needed[]): Promise<void> {
	// All may have been asked for in one go.
	await Promise.resolve();
	for (const part of parts) await part.lastTry;
	const missing = parts.find(({ state }) => state !== "open");
	// A mirror goes on without those that it can do without, which it knows itself.
	const isMirror = storage.kind === "mirror";
	if (missing === undefined || (isMirror && parts.some(({ state }) => state === "open"))) return;
	throw new OperatorError(howIs(missing));
}

/** All disks that a pool is on have been tried, as far as that does not take long: at a start they begin together. */
export async function awaitPoolDisks(disks: readonly Needed[], clock: Clock): Promise<void> {
	if (disks.length === 0) return;
	let cancel = (): void => {};
	const late = new Promise<void>((resolve) => {
		cancel = clock.after(POOL_DISKS_MS, resolve);
	});
	// (Where a worker was started again they are opened again.)
	const tried = disks.map((disk) => disk.firstTry.then(() => disk.state === "opening" && disk.lastTry));
	await Promise.race([late, Promise.all(tried)]);
	cancel();
}

/** Why a disk could not be served: of one on a pool that is on disks, which pool, and which of its disks is not there. */
export function whyNot(
	{ disk: { storage } }: DiskConfig,
	message: string,
	poolDisks: readonly Needed[],
): string {
	const pool = storage.kind === "volume" ? poolOnDisks(storage.pool) : undefined;
	if (!message.startsWith(`${pool}: `)) return message;
	const missing = poolDisks.find(({ state }) => state !== "open");
	return `pool ${message}${missing === undefined ? "" : `; ${howIs(missing)}`}`;
}

/** Of one that another one lacks. */
function howIs({ disk: { name }, state, reason }: Needed): string {
	return `its disk ${name} is ${state}${reason ? `: ${reason}` : ""}`;
}
