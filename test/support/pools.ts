/** Pools in directories, made and looked at by this process as the commands do. Used by tests in which the real server serves them. */

import type { Test } from "tap";
import { StorageEngine } from "../../lib/block/engine.js";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand, volumeShowCommand } from "../../lib/cli/pools/volume.js";
import { WorkerPools } from "../../lib/daemon/worker-pools.js";
import { Pump } from "../../lib/pump.js";
import { newDirectory } from "./mounts.js";

const SILENT = { out: () => {}, err: () => {} };

/** What a command says, on either output. */
export async function told(command: typeof poolCreateCommand, ...argv: string[]): Promise<string> {
	let text = "";
	await command(argv, { out: (more) => (text += more), err: (more) => (text += more) });
	return text;
}

/** The path of an empty pool. */
export async function newPool(): Promise<string> {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	return folder;
}

/** A pool with a volume `web` in a directory that is empty, or on a device; returns what the command line calls the volume. */
export async function makePool(folder: string, size: string, option?: string): Promise<string> {
	await poolCreateCommand([folder, ...(option === undefined ? [] : [option])], SILENT);
	await volumeCreateCommand([`${folder}/web`, size], SILENT);
	return `pool:${folder}/web`;
}

/** Bytes of the volume that are mapped. Nobody may have the pool open. */
export async function usedBytes(folder: string): Promise<number> {
	return JSON.parse(await told(volumeShowCommand, `${folder}/web`, "--json")).usedBytes;
}

/** As a worker has them open; closed when the test has ended. */
export function workerPools(t: Test, idleMs?: number): WorkerPools {
	const pump = new Pump();
	const engine = new StorageEngine(pump);
	const pools = new WorkerPools({ engine, pump }, idleMs);
	t.teardown(async () => {
		await pools.close();
		engine.close();
	});
	return pools;
}
