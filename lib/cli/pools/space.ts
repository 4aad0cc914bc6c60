/**
 * `vblade volume du` and `history`: what volumes and their snapshots take up, and what there is of a volume's past. Called by `commands.ts`;
 * of pools that a running daemon has, `in-daemon-space.ts` asks.
 */

import { existsSync } from "node:fs";
import type { NamedSnapshot } from "../../control/model.js";
import { shownPool, shownVolume, shownVolumes } from "../../control/shown-volumes.js";
import { OperatorError } from "../../errors.js";
import { lookAtPool, lookNow, wholeLook } from "../../pool/looks.js";
import type { Pool } from "../../pool/pool.js";
import { quote } from "../../text.js";
import { type Output, processOutput, understand } from "../client.js";
import { isPath, readPoolPath, readVolumePath, withPool } from "./open-pool.js";
import { VOLUME_DU, VOLUME_HISTORY } from "./options.js";
import { type Space, tellHistory, tellSpace } from "./tell-space.js";

/** Resolves to the exit status. */
export async function volumeDuCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_DU, argv, output);
	if (line === undefined) return 0;
	const [path] = line.positionals;
	if (path === undefined || !isPath(path))
		return (await import("./in-daemon-space.js")).showSpace(line, output);
	const isPool = existsSync(readPoolPath(path));
	const { folder, name } = isPool ? { folder: path, name: undefined } : readVolumePath(path);
	tellSpace(await withPool(folder, (pool) => spaceOf(folder, pool, name)), line.has("json"), output);
	return 0;
}

async function spaceOf(folder: string, pool: Pool, name: string | undefined): Promise<Space> {
	const look = await lookNow(pool, { of: "volumes" });
	const volumes = look.volumes.filter((each) => name === undefined || each.name === name);
	if (name !== undefined && volumes.length === 0)
		throw new OperatorError(`${folder}: there is no volume ${quote(name)}`);
	const snapshots: NamedSnapshot[] = [];
	for (const { name: volume } of volumes) {
		const one = await wholeLook((part) => lookAtPool(pool, part), { of: "volume", name: volume });
		for (const each of one.volumes[0]?.snapshots ?? []) snapshots.push({ ...each, pool: folder, volume });
	}
	const pools = name === undefined ? [shownPool(folder, folder, look)] : [];
	return { pools, volumes: shownVolumes(folder, volumes), snapshots, wrong: [] };
}

/** Resolves to the exit status. */
export async function volumeHistoryCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_HISTORY, argv, output);
	if (line === undefined) return 0;
	const [path = ""] = line.positionals;
	if (!isPath(path)) return (await import("./in-daemon-space.js")).showHistory(line, output);
	const { folder, name } = readVolumePath(path);
	const look = await withPool(folder, (pool) =>
		lookNow(pool, { of: "volume", name: pool.administration.volume(name).name }),
	);
	const volume = shownVolume(folder, look.volumes[0]!);
	tellHistory(volume, shownPool(folder, folder, look), line.has("json"), output);
	return 0;
}
