/** What commands say of a volume, and sizes that they are given. Used by the commands of this folder. */

import type { NamedSnapshot, SnapshotList, Volume } from "../../control/model.js";
import { shownVolume } from "../../control/shown-volumes.js";
import { OperatorError } from "../../errors.js";
import { lookAtPool, lookNow, TOLD_MAX } from "../../pool/looks.js";
import type { Pool } from "../../pool/pool.js";
import { SIZES_BELOW } from "../../spec/ranges.js";
import { sizeBytes } from "../../spec/values.js";
import { oneLine, quote, sizeText } from "../../text.js";
import { NONE } from "../asking/columns.js";
import { type Output, putJson } from "../client.js";
import { putRows } from "./open-pool.js";

/** Throws an OperatorError. */
export function readSize(what: string, text: string): number {
	const bytes = sizeBytes(text);
	if (bytes !== undefined) return bytes;
	throw new OperatorError(
		`${what} ${quote(text)}: a number is allowed, with K, M, G or T if it is more than bytes, less than ${SIZES_BELOW}`,
	);
}

/** What there is to say of a volume of a pool that this process has opened, with all that was written by now. */
export async function volumeNow(folder: string, pool: Pool, name: string): Promise<Volume> {
	const { volumes } = await lookNow(pool, { of: "volume", name: pool.administration.volume(name).name });
	return shownVolume(folder, volumes[0]!);
}

/** The same of snapshots, as `web@monday`. */
export async function snapshotsNow(
	folder: string,
	pool: Pool,
	names: readonly string[],
): Promise<NamedSnapshot[]> {
	const found: NamedSnapshot[] = [];
	for (let at = 0; at < names.length; at += TOLD_MAX) {
		const part = names.slice(at, at + TOLD_MAX);
		const { volumes } = await lookAtPool(pool, { of: "snapshots", names: part });
		for (const { name: volume, snapshots } of volumes)
			for (const each of snapshots) found.push({ ...each, pool: folder, volume });
	}
	return found;
}

/** What is to be known of a change beside what came of it. */
export function tellNotice({ notice }: { readonly notice?: string | undefined }, output: Output): void {
	if (notice !== undefined) output.err(`vblade: note: ${oneLine(notice)}\n`);
}

/** Says which snapshots were taken. */
export function tellTaken(list: SnapshotList, asJson: boolean, output: Output): void {
	tellNotice(list, output);
	if (asJson) putJson(output, list);
	else
		for (const { pool, volume, name, created } of list.snapshots)
			output.out(`${pool}/${volume}@${name}  ${created}\n`);
}

/** How much it may hold, and whether more is refused. */
export function quotaText({
	quotaBytes,
	usedBytes,
	pageBytes,
}: Pick<Volume, "quotaBytes" | "usedBytes" | "pageBytes">): string {
	if (quotaBytes === null) return NONE;
	return `${sizeText(quotaBytes)}${usedBytes + pageBytes > quotaBytes ? " (used up)" : ""}`;
}

/** Says what there is to say of a volume. */
export function tell(look: Volume, asJson: boolean, output: Output): void {
	tellNotice(look, output);
	if (asJson) {
		putJson(output, look);
		return;
	}
	const rows = [
		["volume", `${look.pool}/${look.name}`],
		["size", sizeText(look.sizeBytes)],
		["used", sizeText(look.usedBytes)],
		["unique", sizeText(look.uniqueBytes)],
		["shared", sizeText(look.sharedBytes)],
		["past", sizeText(look.historyBytes)],
		["page", sizeText(look.pageBytes)],
		...(look.quotaBytes === null ? [] : [["quota", quotaText(look)]]),
		...(look.history === null ? [] : [["history", look.history]]),
		...Object.entries(look.keep ?? {}).map(([period, time]) => ["keep", `${period} ${time}`]),
		["created", look.created],
		["moments", `from ${look.momentsFrom}`],
		["serial", look.serial],
		["wwn", look.wwn],
	];
	for (const { name, created, held, uniqueBytes, clones } of look.snapshots) {
		const cloned = clones.length === 0 ? "" : `  clones ${clones.join(", ")}`;
		const frees = `  frees ${sizeText(uniqueBytes)}`;
		rows.push(["snapshot", `${name}  ${created}${frees}${held ? "  held" : ""}${cloned}`]);
	}
	putRows(output, rows);
}
