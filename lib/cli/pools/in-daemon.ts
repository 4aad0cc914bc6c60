/**
 * The commands of pools and volumes for those that a running daemon has: `fast`, `fast/web`, as its configuration names them. It is asked
 * by its API. Loaded by `pool.ts` and `volume.ts` when what they are given is no path; each resolves to the exit status. What changes something
 * is in `in-daemon-changes.ts`.
 */

import { Pool, PoolList, Volume, VolumeList, type VolumeSummary } from "../../control/model.js";
import { OperatorError } from "../../errors.js";
import type { CommandLine } from "../../spec/getopt.js";
import { quote, sizeText } from "../../text.js";
import { queryOf, withDaemon } from "../asking/asking.js";
import type { DaemonClient } from "../asking/client.js";
import { type Column, linesText, orNone, sizeOrNone, tableLines } from "../asking/columns.js";
import { type Output, putJson } from "../client.js";
import { maybePath } from "./open-pool.js";
import { poolLines } from "./tell-pool.js";
import { quotaText, tell } from "./tell-volume.js";

export type Line<More extends string = never> = Pick<
	CommandLine<"socket" | "json" | More>,
	"has" | "last" | "positionals"
>;

export function listPools(line: Line, output: Output): Promise<number> {
	return asked(line, output, async (daemon) => {
		putPools(await allPools(daemon), line, output);
	});
}

/** With all that was written by now. */
export function allPools(daemon: DaemonClient): Promise<PoolList> {
	return daemon.get("/api/v1/pools?now=true", PoolList);
}

export function putPools(list: PoolList, line: Pick<Line, "has">, output: Output): void {
	if (line.has("json")) putJson(output, list);
	else output.out(linesText(tableLines(POOL_COLUMNS, list.pools)));
}

export const POOL_COLUMNS: readonly Column<Pool>[] = [
	{ title: "NAME", text: ({ name }) => name },
	{ title: "VOLUMES", isNumber: true, text: ({ volumes }) => orNone(volumes?.toString() ?? null) },
	{ title: "SIZE", isNumber: true, text: ({ sizeBytes }) => sizeOrNone(sizeBytes) },
	{ title: "USED", isNumber: true, text: ({ usedBytes }) => sizeOrNone(usedBytes) },
	{ title: "FREE", isNumber: true, text: ({ freeBytes }) => sizeOrNone(freeBytes) },
	{ title: "FREEING", isNumber: true, text: ({ freeingBytes }) => sizeOrNone(freeingBytes) },
	{ title: "MOMENTS FROM", text: ({ momentsFrom }) => orNone(momentsFrom) },
	{
		title: "PATH",
		text: ({ path, onlyRead, reason }) => [path, ...said(onlyRead), ...said(reason)].join(" "),
	},
];

function said(text: string | null): string[] {
	return text === null ? [] : [`(${text})`];
}

export function showPool(line: Line, output: Output): Promise<number> {
	return asked(line, output, async (daemon) => {
		const pool = await daemon.get(
			`/api/v1/pools/${encodeURIComponent(line.positionals[0] ?? "")}?now=true`,
			Pool,
		);
		putPool(pool, line, output);
	});
}

export function putPool(pool: Pool, line: Pick<Line, "has">, output: Output): void {
	if (line.has("json")) putJson(output, pool);
	else output.out(linesText(poolLines(pool)));
}

/** So many are asked for at once. */
const PAGE = 1000;

export function listVolumes(line: Line, output: Output): Promise<number> {
	return asked(line, output, async (daemon) => {
		putVolumes(await allVolumes(daemon, line.positionals[0]), line, output);
	});
}

/** All pages of a list. */
export async function pagesOf<Page extends { readonly next: string | null }, Item>(
	ask: (offset: string) => Promise<Page>,
	items: (page: Page) => readonly Item[],
): Promise<Item[]> {
	const all: Item[] = [];
	for (let offset: string | null = "0"; offset !== null; ) {
		const page: Page = await ask(offset);
		all.push(...items(page));
		offset = page.next;
	}
	return all;
}

/** The first of all pools' volumes, with all that was written by now. */
export function someVolumes(daemon: DaemonClient, limit: number): Promise<VolumeList> {
	return daemon.get(`/api/v1/volumes?${queryOf({ limit, now: "true" })}`, VolumeList);
}

/** All volumes of a pool, or of all, with all that was written by now. */
export async function allVolumes(daemon: DaemonClient, pool: string | undefined): Promise<VolumeList> {
	let wrong: string[] = [];
	const ask = async (offset: string): Promise<VolumeList> => {
		const now = offset === "0" ? "true" : undefined;
		const query = queryOf({ pool, limit: PAGE, offset, now });
		const page = await daemon.get(`/api/v1/volumes?${query}`, VolumeList);
		wrong = page.wrong;
		return page;
	};
	const volumes = await pagesOf(ask, (page) => page.volumes);
	return { volumes, total: volumes.length, next: null, wrong };
}

export function putVolumes(list: VolumeList, line: Pick<Line, "has">, output: Output): void {
	if (line.has("json")) putJson(output, list);
	else output.out(linesText(tableLines(VOLUME_COLUMNS, list.volumes)));
	for (const wrong of list.wrong) output.err(`vblade: ${wrong}\n`);
}

export const VOLUME_COLUMNS: readonly Column<VolumeSummary>[] = [
	{ title: "NAME", text: ({ pool, name }) => `${pool}/${name}` },
	{ title: "SIZE", isNumber: true, text: ({ sizeBytes }) => sizeText(sizeBytes) },
	{ title: "USED", isNumber: true, text: ({ usedBytes }) => sizeText(usedBytes) },
	{ title: "UNIQUE", isNumber: true, text: ({ uniqueBytes }) => sizeText(uniqueBytes) },
	{ title: "PAST", isNumber: true, text: ({ historyBytes }) => sizeText(historyBytes) },
	{ title: "QUOTA", text: quotaText },
	{ title: "SNAPS", isNumber: true, text: ({ snapshotCount }) => String(snapshotCount) },
	{ title: "MOMENTS FROM", text: ({ momentsFrom }) => momentsFrom },
	{ title: "DISK", text: ({ disk }) => orNone(disk) },
];

export function showVolume(line: Line, output: Output): Promise<number> {
	return told(line, output, volumeOf);
}

/** With all that was written by now. */
export function volumeOf(daemon: DaemonClient, at: string): Promise<Volume> {
	return daemon.get(`${at}?now=true`, Volume);
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
	return askedByName(line, output, async (daemon) => {
		await work(daemon);
		return 0;
	});
}

/** Where nobody is there to ask: its first argument may be meant as a path. */
export function askedByName(
	line: Line,
	output: Output,
	work: (daemon: DaemonClient) => Promise<number>,
): Promise<number> {
	const [name] = line.positionals;
	const hint = name === undefined ? undefined : maybePath(name);
	return withDaemon(line.last("socket") ?? "", output, work, hint);
}
