/**
 * What the disks of a pool say of it, each of them the same: which disks it is on, and where each file of the log lies. How that is kept as
 * bytes is in `label.ts`; which of several that say something else counts, and whether a disk may be what it says, is found out here. Pure;
 * used by `chunks.ts`.
 */

import { OperatorError } from "../../errors.js";
import { quote } from "../../text.js";
import { FILE_BYTES, SEGMENT_BYTES } from "../format.js";

/** Before the first place: labels and the head. Places begin where large blocks of storage do. */
export const BEGIN_BYTES = SEGMENT_BYTES;

/** Where a file of the log lies. */
export interface FilePlace {
	/** Number of the disk in its pool. */
	readonly chunk: number;
	readonly place: number;
}

export interface ChunkEntry {
	/** Each disk that a pool ever had has another. */
	readonly id: number;
	/** By chance. */
	readonly uuid: string;
	/** The disk's name when it was here last. */
	readonly name: string;
	/** Files that have room on it. */
	readonly places: number;
	/** It is being emptied. */
	readonly leaving: boolean;
	/** It was there when the pool was last opened. */
	readonly present: boolean;
	/** It was given up while it was missing: nobody waits for it, and it is none of them any more, whatever it says. Its files stay lost. */
	readonly lost?: boolean;
	/** What its label said before, or may say: `ChunkTable.session`. */
	readonly sessions: readonly string[];
}

export interface ChunkTable {
	/** By chance; of no other pool. */
	readonly pool: string;
	/** Grows by each change. */
	readonly generation: number;
	/** Another one, by chance, each time that the pool is opened. */
	readonly session: string;
	/** The number of the next disk. */
	readonly nextId: number;
	readonly chunks: readonly ChunkEntry[];
	/** By number of the file. */
	readonly files: readonly FilePlace[];
}

/** What a disk says. */
export interface Label extends ChunkTable {
	/** Which of them it is. */
	readonly uuid: string;
}

/** A disk that may be one of a pool. */
export interface Candidate {
	readonly name: string;
	readonly sizeBytes: number;
	/** Undefined: it has none that is whole. */
	readonly label: Label | undefined;
}

/** What disks come to together. */
export interface Assessed<T extends Candidate> {
	readonly table: ChunkTable;
	/** Which disk is which, by number. */
	readonly found: ReadonlyMap<number, T>;
	readonly missing: readonly ChunkEntry[];
}

/** Files that have room on so many bytes. */
export function placesIn(sizeBytes: number): number {
	return Math.max(0, Math.floor((sizeBytes - BEGIN_BYTES) / FILE_BYTES));
}

export function placeAt(place: number): number {
	return BEGIN_BYTES + place * FILE_BYTES;
}

/**
 * Which of the disks are the pool's, and what it is. Undefined if none is of any pool. Throws an OperatorError if one may not be what it says. One
 * that has nothing of the pool, or nothing any more, is left alone.
 */
export function assess<T extends Candidate>(disks: readonly T[]): Assessed<T> | undefined {
	const labelled = disks.flatMap((disk) => (disk.label === undefined ? [] : [{ disk, label: disk.label }]));
	const newest = labelled.reduce<Label | undefined>(
		(best, { label }) => (best === undefined || label.generation > best.generation ? label : best),
		undefined,
	);
	if (newest === undefined) return undefined;
	const { uuid: _, ...table } = newest;
	const found = new Map<number, T>();
	for (const { disk, label } of labelled) {
		if (label.pool !== table.pool)
			throw new OperatorError(`disk ${quote(disk.name)}: has a part of another pool than its other disks`);
		const entry = table.chunks.find(({ uuid }) => uuid === label.uuid);
		if (entry === undefined || entry.lost === true) continue;
		const other = found.get(entry.id);
		if (other !== undefined)
			throw new OperatorError(
				`disk ${quote(disk.name)}: has the same part of the pool as disk ${quote(other.name)}: one is a copy`,
			);
		refuseOther(table, entry, disk, label);
		found.set(entry.id, disk);
	}
	return { table, found, missing: table.chunks.filter(({ id, lost }) => lost !== true && !found.has(id)) };
}

/** Throws an OperatorError if the disk is not as it was when the pool had it last. */
function refuseOther(
	table: ChunkTable,
	entry: ChunkEntry,
	{ name, sizeBytes }: Candidate,
	label: Label,
): void {
	const { session } = label;
	// (Where opening was interrupted some say what they said before.)
	if (!sessionsOf(table, entry).includes(session))
		throw new OperatorError(
			`disk ${quote(name)}: is an older copy of this part of the pool, or was used without its other disks`,
		);
	if (placesIn(sizeBytes) < entry.places)
		throw new OperatorError(
			`disk ${quote(name)}: has ${sizeBytes} bytes, and had at least ${placeAt(entry.places)} as a part of the pool`,
		);
}

/** What the label of this disk may say. */
function sessionsOf({ session }: ChunkTable, { present, sessions }: ChunkEntry): readonly string[] {
	return present ? [session, ...sessions] : sessions;
}

/** What they say while the pool is open this time. */
export function opened<T extends Candidate>({ table, found }: Assessed<T>, session: string): ChunkTable {
	const chunks = table.chunks.map((entry): ChunkEntry => {
		const disk = found.get(entry.id);
		if (disk?.label === undefined) return { ...entry, present: false, sessions: sessionsOf(table, entry) };
		const places = placesIn(disk.sizeBytes);
		return { ...entry, name: disk.name, places, present: true, sessions: [disk.label.session] };
	});
	return { ...table, generation: table.generation + 1, session, chunks };
}

/** What they say from the end of this time on: of those that can't be told now the others know what they may say else. */
export function renewed(table: ChunkTable, session: string): Pick<ChunkTable, "session" | "chunks"> {
	const chunks = table.chunks.map((entry) =>
		entry.present ? { ...entry, sessions: [...new Set([table.session, ...entry.sessions])] } : entry,
	);
	return { session, chunks };
}

/** When this one is given up, which is remembered as long as it has files. */
export function withoutLost({ chunks, files }: ChunkTable, id: number): ChunkEntry[] {
	const hasFiles = files.some(({ chunk }) => chunk === id);
	if (!hasFiles) return chunks.filter((entry) => entry.id !== id);
	return chunks.map((entry) => (entry.id === id ? { ...entry, leaving: false, lost: true } : entry));
}

/** When all that are there have been told so. */
export function settled({ chunks }: ChunkTable): ChunkEntry[] {
	return chunks.map((entry) => (entry.present ? { ...entry, sessions: [] } : entry));
}
