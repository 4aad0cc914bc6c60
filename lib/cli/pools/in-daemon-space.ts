/**
 * What `volume du` and `history` tell of pools that a running daemon has, asked for by its API, a page after the other. Loaded by `space.ts`; each
 * resolves to the exit status.
 */

import { type NamedSnapshot, Pool, SnapshotList, Volume } from "../../control/model.js";
import { queryOf } from "../asking/asking.js";
import type { DaemonClient } from "../asking/client.js";
import type { Output } from "../client.js";
import { addressOf, allPools, allVolumes, asked, type Line, pagesOf, readName } from "./in-daemon.js";
import { type Space, tellHistory, tellSpace } from "./tell-space.js";

/** Snapshots that are asked for at once. */
const PAGE = 1000;

export function showSpace(line: Line, output: Output): Promise<number> {
	return asked(line, output, async (daemon) => {
		const [name] = line.positionals;
		const isVolume = name?.includes("/") ?? false;
		const found = isVolume ? await spaceOfVolume(daemon, name!) : await spaceOfPools(daemon, name);
		tellSpace(found, line.has("json"), output);
	});
}

async function spaceOfVolume(daemon: DaemonClient, name: string): Promise<Space> {
	const { pool } = readName(name);
	const { snapshots, ...volume } = await daemon.get(`${addressOf(name)}?now=true`, Volume);
	const named = snapshots.map((each) => ({ ...each, pool, volume: volume.name }));
	return { pools: [], volumes: [volume], snapshots: named, wrong: [] };
}

async function spaceOfPools(daemon: DaemonClient, pool: string | undefined): Promise<Space> {
	const pools =
		pool === undefined
			? (await allPools(daemon)).pools
			: [await daemon.get(`/api/v1/pools/${encodeURIComponent(pool)}?now=true`, Pool)];
	const { volumes, wrong } = await allVolumes(daemon, pool);
	const snapshots = await pagesOf(
		(offset) => daemon.get(`/api/v1/snapshots?${queryOf({ pool, limit: PAGE, offset })}`, SnapshotList),
		(page): NamedSnapshot[] => page.snapshots,
	);
	return { pools, volumes, snapshots, wrong };
}

export function showHistory(line: Line, output: Output): Promise<number> {
	const [name = ""] = line.positionals;
	const at = addressOf(name);
	return asked(line, output, async (daemon) => {
		const volume = await daemon.get(`${at}?now=true`, Volume);
		const pool = await daemon.get(`/api/v1/pools/${encodeURIComponent(volume.pool)}`, Pool);
		tellHistory(volume, pool, line.has("json"), output);
	});
}
