/** What commands say of the space that volumes take up, and of their past, whoever has the pool. Used by `space.ts` and `in-daemon-space.ts`. */

import type { NamedSnapshot, Pool, Volume, VolumeSummary } from "../../control/model.js";
import { sizeText } from "../../text.js";
import {
	type Column,
	linesText,
	NONE,
	orNone,
	pairLines,
	sizeOrNone,
	tableLines,
} from "../asking/columns.js";
import { type Output, putJson } from "../client.js";

/** What is told of space: pools, volumes, and all their snapshots. */
export interface Space {
	readonly pools: readonly Pool[];
	readonly volumes: readonly VolumeSummary[];
	readonly snapshots: readonly NamedSnapshot[];
	/** Pools that can't be looked into, a line each. */
	readonly wrong: readonly string[];
}

/** A volume, or a snapshot of one. */
interface Row {
	readonly name: string;
	readonly sizeBytes: number;
	readonly usedBytes: number;
	readonly uniqueBytes: number;
	readonly historyBytes: number | null;
}

const COLUMNS: readonly Column<Row>[] = [
	{ title: "SIZE", isNumber: true, text: ({ sizeBytes }) => sizeText(sizeBytes) },
	{ title: "USED", isNumber: true, text: ({ usedBytes }) => sizeText(usedBytes) },
	{ title: "UNIQUE", isNumber: true, text: ({ uniqueBytes }) => sizeText(uniqueBytes) },
	{ title: "PAST", isNumber: true, text: ({ historyBytes }) => sizeOrNone(historyBytes) },
	{ title: "NAME", text: ({ name }) => name },
];

export function tellSpace(space: Space, asJson: boolean, output: Output): void {
	if (asJson) putJson(output, space);
	else {
		const byVolume = new Map<string, NamedSnapshot[]>();
		for (const { pool, name } of space.volumes) byVolume.set(`${pool}/${name}`, []);
		for (const each of space.snapshots) byVolume.get(`${each.pool}/${each.volume}`)?.push(each);
		const rows = space.volumes.flatMap((volume): Row[] => {
			const name = `${volume.pool}/${volume.name}`;
			const snapshots = byVolume.get(name) ?? [];
			return [
				{ ...volume, name },
				...snapshots.map((each) => ({ ...each, name: `${name}@${each.name}`, historyBytes: null })),
			];
		});
		output.out(linesText([...tableLines(COLUMNS, rows), ...space.pools.map(poolLine)]));
	}
	for (const wrong of space.wrong) output.err(`vblade: ${wrong}\n`);
}

function poolLine({ name, usedBytes, sizeBytes, freeingBytes, freeBytes }: Pool): string {
	if (usedBytes === null) return `pool ${name}: ${NONE}`;
	const freeing = (freeingBytes ?? 0) > 0 ? `, ${sizeOrNone(freeingBytes)} of it being freed` : "";
	return `pool ${name}: ${sizeOrNone(usedBytes)} used of ${sizeOrNone(sizeBytes)}${freeing}, ${sizeOrNone(freeBytes)} free`;
}

type Snapshot = Volume["snapshots"][number];

const SNAPSHOT_COLUMNS: readonly Column<Snapshot>[] = [
	{ title: "TAKEN", text: ({ created }) => created },
	{ title: "SIZE", isNumber: true, text: ({ sizeBytes }) => sizeText(sizeBytes) },
	{ title: "FREES", isNumber: true, text: ({ uniqueBytes }) => sizeText(uniqueBytes) },
	{ title: "HELD", text: ({ held }) => (held ? "held" : NONE) },
	{ title: "SNAPSHOT", text: ({ name }) => name },
	{ title: "CLONES", text: ({ clones }) => orNone(clones.length === 0 ? null : clones.join(", ")) },
];

/** When the clock was set back, as far as there are moments of that. */
function unsureOf({ momentsFrom }: Volume, unsure: Pool["unsure"]): (readonly [string, string])[] {
	return (unsure ?? [])
		.filter(({ to }) => to > momentsFrom)
		.map(({ from, to }) => ["but", `none from ${from} to ${to}: the clock was set back then`]);
}

/** The oldest first. */
export function tellHistory(
	volume: Volume,
	{ settings, unsure }: Pool,
	asJson: boolean,
	output: Output,
): void {
	if (asJson) {
		putJson(output, { ...volume, unsure });
		return;
	}
	const { pool, name, history, keep, momentsFrom, historyBytes } = volume;
	const snapshots = volume.snapshots.toSorted((one, other) => (one.created < other.created ? -1 : 1));
	const kept = Object.entries({ ...settings?.keep, ...keep }).map(([period, time]) => `${period} ${time}`);
	const lines = [
		...pairLines([
			["volume", `${pool}/${name}`],
			["moments", `each one from ${momentsFrom} on, which takes ${sizeText(historyBytes)}`],
			...unsureOf(volume, unsure),
			["history", orNone(history ?? settings?.history ?? null)],
			["keep", kept.join(", ") || NONE],
		]),
		...(snapshots.length === 0 ? [] : ["", ...tableLines(SNAPSHOT_COLUMNS, snapshots)]),
	];
	output.out(linesText(lines));
}
