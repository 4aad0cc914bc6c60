/**
 * Pools that this process has open: one object for each, however many of its volumes are served. Used by `lib/daemon/openers.ts`;
 * loaded by the classic start only when its disk is on a volume.
 */

import path from "node:path";
import { endWithin } from "../block/close.js";
import type { BlockDevice } from "../block/device.js";
import type { StorageEngine } from "../block/engine.js";
import { OrderingLayer } from "../block/ordering.js";
import type { LayerOptions } from "../block/stack.js";
import { OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import { ObjectError } from "../object/errors.js";
import type { Pump } from "../pump.js";
import { poolInStore, poolOnDisks, shownPoolPath } from "../spec/pool-path.js";
import type { IdentitySpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { Changes } from "./changes.js";
import { type PoolFiles, poolWorld } from "./directory.js";
import type { PoolWorld } from "./folder.js";
import { newIdentity } from "./identity.js";
import { fixedName, isOfPast, snapshotsBut, volumeIn } from "./past.js";
import { PastChanges } from "./past-changes.js";
import { Pool } from "./pool.js";
import { ScratchLayer } from "./scratch.js";
import { type SharedPool, sharedPoolsOf } from "./shared-pools.js";
import type { TellPool } from "./told.js";
import { openVolumeStack } from "./volume-stack.js";

/** What of the pools of an engine is on this host alone is brought where it belongs, while they are used; resolves also if that does not get on. */
export async function settlePools({ engine }: Pick<PoolHome, "engine">): Promise<void> {
	await Promise.all(
		sharedPoolsOf(engine)
			.all()
			.map((shared) => shared.settle()),
	);
}

/** What all pools of a process share. */
export interface PoolHome {
	readonly engine: StorageEngine;
	readonly pump: Pump;
	/** Default: this process opens files itself. */
	readonly files?: PoolFiles;
	/** What pools stand on that are on disks, by their names; `wanted`: on these, all of which have to be there. Default: there are none. */
	readonly onDisks?: ((pool: string, wanted?: readonly string[]) => PoolWorld) | undefined;
	/** What pools stand on that are in object stores, by their paths. Default: there are none. */
	readonly inStore?: ((pool: string, home: PoolHome) => Promise<PoolWorld>) | undefined;
	/** What a pool at this path stands on, with what its replicas have to hear. Default: it has none. */
	readonly withReplicas?: (pool: string, world: PoolWorld, home: PoolHome) => Promise<PoolWorld>;
	/** Which replicas it has, by what is configured now. Default: it has none. */
	readonly replicasNow?: (pool: string) => Promise<string>;
	/** Has all that is open of a pool at this path closed, as it is opened anew; resolves when nobody comes to use what is open. */
	readonly renew?: ((pool: string, why: string, isUsed?: boolean) => Promise<void>) | undefined;
	/** Says that a pool at this path is made one of its own, the next time, if it is a replica of another one. */
	readonly promote?: ((pool: string, isAllowed: boolean) => Promise<void>) | undefined;
	/** Says that a pool at this path is made a replica again, the next time, of the one whose replica it was, although so many bytes are lost that were written since; undefined: it is not any more. */
	readonly giveBack?: ((pool: string, loseBytes: number | undefined) => Promise<void>) | undefined;
	/** Says that a pool at this path may be taken over, the next time, although so much is lost. */
	readonly allowLoss?: ((pool: string, bytes: number) => void) | undefined;
	/** Says whether a pool at this path is opened, the next time, although disks of it are missing. */
	readonly allowPartial?: ((pool: string, isAllowed: boolean) => void) | undefined;
	/** Hears what pools tell of their own accord, if it opens them. */
	readonly tell?: TellPool;
	/** Hears that a pool at this path has been opened. */
	readonly opened?: ((pool: string) => void) | undefined;
}

/** Whoever has it open lets go of it at once. */
const RENEWED_MS = 20_000;

/** For one user of it. */
export interface UsedPool {
	readonly pool: Pool;
	readonly release: () => Promise<void>;
	/** Another host has it, and it is only to be released. */
	readonly isLost: () => boolean;
}

type OpenPool = () => Promise<Pool>;

/** The pool at `folder`, open until all who use it have released it. `open`: how, if it is not. Throws an OperatorError. */
export async function usePool(
	home: PoolHome,
	folder: string,
	open: OpenPool = async () => onWorld(await worldOf(home, folder), Pool.open),
): Promise<UsedPool> {
	const { engine } = home;
	const key = path.resolve(folder);
	const pools = sharedPoolsOf(engine);
	const before = pools.find(key);
	if (before?.isRenewed === true)
		await endWithin(
			before.closed.catch(() => {}),
			RENEWED_MS,
		);
	const lost = pools.find(key)?.lost;
	if (lost !== undefined) throw new OperatorError(lost);
	const shared = pools.take(key, () => openPool(home, folder, open));
	let isReleased = false;
	// Once, whoever comes first: a device that is closed, or an opening that ends badly with one.
	const release = async (): Promise<void> => {
		if (isReleased) return;
		isReleased = true;
		await pools.release(key, shared);
	};
	try {
		const pool = await shared.opening;
		if (shared.lost !== undefined) throw new OperatorError(shared.lost);
		return { pool, release, isLost: () => shared.lost !== undefined };
	} catch (error) {
		await release();
		throw error;
	}
}

/** Throws an OperatorError. */
async function worldOf(home: PoolHome, folder: string, wanted?: readonly string[]): Promise<PoolWorld> {
	const world = await ownWorldOf(home, folder, wanted);
	return home.withReplicas?.(folder, world, home) ?? world;
}

async function ownWorldOf(home: PoolHome, folder: string, wanted?: readonly string[]): Promise<PoolWorld> {
	const { engine, pump, files, onDisks, inStore } = home;
	if (poolInStore(folder) !== undefined) {
		if (inStore !== undefined) return inStore(folder, home);
		throw new OperatorError(`${shownPoolPath(folder)}: only a daemon opens pools in object stores`);
	}
	const name = poolOnDisks(folder);
	if (name === undefined) return poolWorld(folder, engine, pump, files);
	if (onDisks === undefined) throw new OperatorError(`${folder}: only a daemon has disks that pools are on`);
	return onDisks(name, wanted);
}

/** What comes to nothing leaves nothing open. */
async function onWorld(world: PoolWorld, open: (world: PoolWorld) => Promise<Pool>): Promise<Pool> {
	try {
		return await open(world);
	} catch (error) {
		await world.end?.();
		throw error;
	}
}

/** A new one on these disks, or, without any, in its object store. Throws an OperatorError if there is one that is open, or, but by force, something on them. */
export async function makePool(
	home: PoolHome,
	folder: string,
	disks: readonly string[],
	force: boolean,
): Promise<UsedPool> {
	const find = (): SharedPool | undefined => sharedPoolsOf(home.engine).find(path.resolve(folder));
	// (It may be being opened in vain, and again by who came meanwhile: when there is nobody its place is taken in the same turn.)
	for (let before = find(); before !== undefined; before = find())
		if (
			await before.opening.then(
				() => true,
				() => false,
			)
		)
			throw new OperatorError(`${shownPoolPath(folder)}: there is a pool, and it is open`);
	return usePool(home, folder, async () =>
		onWorld(await worldOf(home, folder, disks), (world) => Pool.create(world, { force })),
	);
}

async function openPool(home: PoolHome, folder: string, open: OpenPool): Promise<Pool> {
	const { tell } = home;
	const shared = sharedPoolsOf(home.engine).find(path.resolve(folder));
	const pool = await inWords(open);
	try {
		// (Once another host has it, that its files fail here is no trouble of the pool.)
		if (tell !== undefined)
			pool.tell = (told) => {
				if (shared?.lost === undefined) tell(folder, told);
			};
		pool.time.tell();
		home.opened?.(folder);
		return pool;
	} catch (error) {
		await pool.close();
		throw error;
	}
}

/** What an object store or a head refuses is for operators. */
async function inWords<T>(act: () => Promise<T>): Promise<T> {
	try {
		return await act();
	} catch (error) {
		if (!(error instanceof ObjectError)) throw error;
		throw new OperatorError(error.message);
	}
}

/** The volume `name` of the pool at `folder`, with all of its layers. The pool is closed with the last of its volumes. Throws an OperatorError. */
export type OpenVolume = (
	home: PoolHome,
	folder: string,
	name: string,
	options: VolumeOptions,
) => Promise<{ readonly device: BlockDevice; readonly identity: IdentitySpec }>;

interface VolumeOptions extends LayerOptions {
	readonly readOnly: boolean;
	/** What it was can be written; that is forgotten when it is closed. */
	readonly scratch?: boolean;
}

export const openVolume: OpenVolume = async (home, folder, name, options) => {
	const { pool, release } = await usePool(home, folder);
	const { scratch = false } = options;
	try {
		if (scratch) checkScratch(name);
		const { device, volume } = await openVolumeStack(pool, name, options, release);
		const { serial, wwn } = volume;
		return scratch ? scratchOn(device) : { device, identity: { serial, wwn } };
	} catch (error) {
		await release();
		throw error;
	}
};

/** Throws an OperatorError if what that name stands for changes by itself. */
export function checkScratch(name: string): void {
	if (!isOfPast(name))
		throw new OperatorError(`volume ${quote(name)}: only what one was can be scratch, as web@monday`);
}

/** What can be written on top of what a volume was. Another disk each time: what an initiator knows of the last one is gone. */
export function scratchOn(device: BlockDevice): Awaited<ReturnType<OpenVolume>> {
	return { device: new OrderingLayer(new ScratchLayer(device, nativeMemory)), identity: newIdentity() };
}

/** What a volume was, opened to be read. */
export interface OpenedPast {
	/** By what name it stays the same, if that which was asked for is of a moment that is counted from now. */
	readonly fixed: string;
	readonly device: BlockDevice;
	/** The names of the volume's snapshots, but for what this is itself. */
	readonly snapshots: () => string[];
	/** Where it may be other than in a snapshot of the volume; to be released. Throws an OperatorError if there is none of that name. */
	readonly changesSince: (snapshot: string) => Promise<Changes>;
}

/** Throws an OperatorError. */
export type OpenPast = (
	home: PoolHome,
	folder: string,
	name: string,
	part: Pick<LayerOptions, "offsetSectors" | "lengthSectors">,
) => Promise<OpenedPast>;

export const openPast: OpenPast = async (home, folder, name, { offsetSectors, lengthSectors }) => {
	const used = await usePool(home, folder);
	try {
		const fixed = fixedName(name, used.pool.time.presentUs);
		const options = { offsetSectors, lengthSectors, durability: "flush", readOnly: true } as const;
		const { device } = await openVolumeStack(used.pool, fixed, options, used.release);
		const changes = new PastChanges(() => usePool(home, folder), fixed, offsetSectors * SECTOR_BYTES);
		return {
			fixed,
			device,
			snapshots: () => snapshotsBut(used.pool.administration.volume(volumeIn(fixed)), fixed),
			changesSince: (snapshot) => changes.since(snapshot),
		};
	} catch (error) {
		await used.release();
		throw error;
	}
};
