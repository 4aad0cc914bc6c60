/** Pools in directories, made and looked at by this process as the commands do. Used by tests in which the real server serves them. */

import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand, volumeShowCommand } from "../../lib/cli/pools/volume.js";

const SILENT = { out: () => {}, err: () => {} };

/** A pool with a volume `web` in a directory that is empty; returns what the command line calls the volume. */
export async function makePool(folder: string, size: string): Promise<string> {
	await poolCreateCommand([folder], SILENT);
	await volumeCreateCommand([`${folder}/web`, size], SILENT);
	return `pool:${folder}/web`;
}

/** Bytes of the volume that are mapped. Nobody may have the pool open. */
export async function usedBytes(folder: string): Promise<number> {
	let text = "";
	await volumeShowCommand([`${folder}/web`, "--json"], { ...SILENT, out: (more) => (text += more) });
	return JSON.parse(text).usedBytes;
}
