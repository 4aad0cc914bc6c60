/**
 * The commands of pools and volumes for those that a running daemon has: `fast`, `fast/web`, as its configuration names them. It is asked
 * by its API. Loaded by `pool.ts` and `volume.ts` when what they are given is no path; each resolves to the exit status. What changes something
 * is in `in-daemon-changes.ts`.
 */

import { Pool, PoolList, Volume, VolumeList } from "../../control/model.js";
import { OperatorError } from "../../errors.js";
import type { CommandLine } from "../../spec/getopt.js";
import { quote, sizeText } from "../../text.js";
import { queryOf, withDaemon } from "../asking/asking.js";
import type { DaemonClient } from "../asking/client.js";
import { linesText, orNone, sizeOrNone, tableLines } from "../asking/columns.js";
import { type Output, putJson } from "../client.js";
import { poolLines } from "./tell-pool.js";
import { tell } from "./tell-volume.js";

export type Line<More extends string = never> = Pick<
	CommandLine<"socket" | "json" | More>,
	"has" | "last" | "positionals"
>;

export function listPools(line: Line, output: Output): Promise<number> {
	return asked(line, output, async (daemon) => {
		putPools(await daemon.get("/api/v1/pools", PoolList), line, output);
	});
}

export function putPools(list: PoolList, line: Pick<Line, "has">, output: Output): void {
	if (line.has("json")) putJson(output, list);
	else output.out(linesText(tableLines(POOL_COLUMNS, list.pools)));
}

const POOL_COLUMNS = [
	{ title: "NAME", text: ({ name }: Pool) => name },
	{ title: "VOLUMES", isNumber: true, text: ({ volumes }: Pool) => orNone(volumes?.toString() ?? null) },
	{ title: "SIZE", isNumber: true, text: ({ sizeBytes }: Pool) => sizeOrNone(sizeBytes) },
	{ title: "USED", isNumber: true, text: ({ usedBytes }: Pool) => sizeOrNone(usedBytes) },
	{ title: "FREE", isNumber: true, text: ({ freeBytes }: Pool) => sizeOrNone(freeBytes) },
	{ title: "PATH", text: ({ path, reason }: Pool) => `${path}${reason === null ? "" : ` (${reason})`}` },
];

export function showPool(line: Line, output: Output): Promise<number> {
	return asked(line, output, async (daemon) => {
		const pool = await daemon.get(`/api/v1/pools/${encodeURIComponent(line.positionals[0] ?? "")}`, Pool);
		if (line.has("json")) putJson(output, pool);
		else output.out(linesText(poolLines(pool)));
	});
}

/** Most that are told at once. */
const MOST_VOLUMES = 10_000;

export function listVolumes(line: Line, output: Output): Promise<number> {
	return asked(line, output, async (daemon) => {
		const [pool] = line.positionals;
		const list = await daemon.get(`/api/v1/volumes?${queryOf({ pool, limit: MOST_VOLUMES })}`, VolumeList);
		putVolumes(list, line, output);
	});
}

export function putVolumes(list: VolumeList, line: Pick<Line, "has">, output: Output): void {
	if (line.has("json")) putJson(output, list);
	else output.out(linesText(tableLines(VOLUME_COLUMNS, list.volumes)));
	for (const wrong of list.wrong) output.err(`vblade: ${wrong}\n`);
}

const VOLUME_COLUMNS = [
	{ title: "NAME", text: ({ pool, name }: Volume) => `${pool}/${name}` },
	{ title: "SIZE", isNumber: true, text: ({ sizeBytes }: Volume) => sizeText(sizeBytes) },
	{ title: "USED", isNumber: true, text: ({ usedBytes }: Volume) => sizeText(usedBytes) },
	{ title: "UNIQUE", isNumber: true, text: ({ uniqueBytes }: Volume) => sizeText(uniqueBytes) },
	{ title: "PAST", isNumber: true, text: ({ historyBytes }: Volume) => sizeText(historyBytes) },
	{ title: "DISK", text: ({ disk }: Volume) => orNone(disk) },
];

export function showVolume(line: Line, output: Output): Promise<number> {
	return told(line, output, (daemon, at) => daemon.get(at, Volume));
}

/** `POOL/NAME`. Throws an OperatorError. */
export function readName(text: string): { pool: string; name: string } {
	const [, pool, name] = /^([^/]+)\/([^/@]+)$/.exec(text) ?? [];
	if (pool !== undefined && name !== undefined) return { pool, name };
	throw new OperatorError(`volume ${quote(text)}: POOL/NAME is allowed, as in fast/web`);
}

export function addressOf(text: string): string {
	const { pool, name } = readName(text);
	return `/api/v1/volumes/${encodeURIComponent(`${pool}/${name}`)}`;
}

/** Tells of the volume that comes of `work`, which is given the address of `name`. */
export async function told(
	line: Line,
	output: Output,
	work: (daemon: DaemonClient, at: string) => Promise<Volume>,
	name = line.positionals[0] ?? "",
): Promise<number> {
	const at = addressOf(name);
	return asked(line, output, async (daemon) => {
		tell(await work(daemon, at), line.has("json"), output);
	});
}

export function asked(
	line: Line,
	output: Output,
	work: (daemon: DaemonClient) => Promise<void>,
): Promise<number> {
	return withDaemon(line.last("socket") ?? "", output, async (daemon) => {
		await work(daemon);
		return 0;
	});
}
