/**
 * Pools that this process has open: one object for each, however many of its volumes are served. Used by `lib/daemon/openers.ts`;
 * loaded only when a disk is on a volume.
 */

import path from "node:path";
import type { BlockDevice } from "../block/device.js";
import type { StorageEngine } from "../block/engine.js";
import type { LayerOptions } from "../block/stack.js";
import type { Pump } from "../pump.js";
import type { IdentitySpec } from "../spec/spec.js";
import { directoryWorld } from "./directory.js";
import { Pool } from "./pool.js";
import { openVolumeStack } from "./volume-stack.js";

/** What was found right is looked at again after once or twice so long. */
const BELIEVED_MS = 30_000;

class OpenPool {
	users = 0;
	readonly #aging: NodeJS.Timeout;

	constructor(readonly pool: Pool) {
		this.#aging = setInterval(() => pool.age(), BELIEVED_MS);
		this.#aging.unref();
	}

	close(): Promise<void> {
		clearInterval(this.#aging);
		return this.pool.close();
	}
}

/** By engine, then by path. */
const pools = new WeakMap<StorageEngine, Map<string, Promise<OpenPool>>>();

/** The volume `name` of the pool at `folder`, with all of its layers. The pool is closed with the last of its volumes. Throws an OperatorError. */
export async function openVolume(
	engine: StorageEngine,
	pump: Pump,
	folder: string,
	name: string,
	options: LayerOptions & { readonly readOnly: boolean },
): Promise<{ device: BlockDevice; identity: IdentitySpec }> {
	const key = path.resolve(folder);
	const opened = pools.get(engine) ?? new Map<string, Promise<OpenPool>>();
	pools.set(engine, opened);
	const opening = opened.get(key) ?? open(engine, pump, folder);
	opened.set(key, opening);
	const release = async (pool: OpenPool): Promise<void> => {
		if (--pool.users > 0) return;
		opened.delete(key);
		await pool.close();
	};
	let shared: OpenPool;
	try {
		shared = await opening;
	} catch (error) {
		opened.delete(key);
		throw error;
	}
	shared.users++;
	try {
		const { device, volume } = await openVolumeStack(shared.pool, name, options, () => release(shared));
		const { serial, wwn } = volume;
		return { device, identity: { serial, wwn } };
	} catch (error) {
		await release(shared);
		throw error;
	}
}

async function open(engine: StorageEngine, pump: Pump, folder: string): Promise<OpenPool> {
	return new OpenPool(await Pool.open(directoryWorld(folder, engine, pump)));
}
