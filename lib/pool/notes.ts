/**
 * What records say beside pages: volumes that come, change and go, names of positions. One JSON object each, in the tail of a
 * record, after its length. Written by `pool.ts`, carried out by `contents.ts`; what a later version says is refused, not skipped.
 *
 * A volume's pages have its *line*'s number; a rollback gives the volume another line.
 */

import { isMemo } from "../block/memo.js";
import { OperatorError } from "../errors.js";
import {
	arePoolSettings,
	areVolumeSettings,
	type PoolSettings,
	type VolumeSettings,
} from "../spec/policy.js";
import { isName, isPageSize, isVolumeSize } from "./bounds.js";
import { storedJson } from "./stored-json.js";

/** Where a line begins that does not begin empty: as another one was at a position, or as a snapshot of a volume is. */
export interface Origin {
	readonly line: number;
	readonly position: number;
}

export function isSamePlace(one: Origin, other: Origin): boolean {
	return one.line === other.line && one.position === other.position;
}

/** Who has set something of a pool: the configuration goes before whoever made it. */
export type SettingsSource = "create" | "file";

/** The clock was ahead and was set back: what was written between these times has no sure one. */
export interface ClockJump {
	readonly sinceUs: number;
	readonly untilUs: number;
}

export type Note =
	| {
			readonly note: "create";
			readonly line: number;
			readonly name: string;
			readonly sizeBytes: number;
			readonly pageBytes: number;
			readonly serial: string;
			readonly wwn: string;
			/** Of a clone. */
			readonly origin?: Origin;
	  }
	| { readonly note: "resize"; readonly line: number; readonly sizeBytes: number }
	| { readonly note: "rename"; readonly line: number; readonly name: string }
	| { readonly note: "delete"; readonly line: number }
	/** What is kept of it and how much it may hold: all that is not as for other volumes. */
	| { readonly note: "set"; readonly line: number; readonly settings: VolumeSettings }
	/** What holds for all volumes of which nothing else is set: as the pool was made, or as a daemon's configuration says. */
	| { readonly note: "pool"; readonly by: SettingsSource; readonly poolSettings: PoolSettings }
	/** Those that one record has are of one moment: the one before the next record. */
	| { readonly note: "snapshot"; readonly line: number; readonly name: string; readonly from?: string }
	| { readonly note: "forget"; readonly line: number; readonly name: string }
	| { readonly note: "hold" | "release"; readonly line: number; readonly name: string }
	/** A segment of the log is somewhere else now, without what was dead: `space/move-form.ts`. */
	| { readonly note: "move"; readonly move: string }
	| ({ readonly note: "clock" } & ClockJump)
	/** Initiators know the volume by another identity. */
	| { readonly note: "identity"; readonly line: number; readonly serial: string; readonly wwn: string }
	/** What is kept with the volume, of how it is served (`volume-memo.ts`). */
	| { readonly note: "memo"; readonly line: number; readonly memo: string }
	/** The volume goes on by the line of another one, which is no more, and has its snapshots too. */
	| { readonly note: "replace"; readonly line: number; readonly newLine: number }
	/** The volume goes on as a snapshot of its own is, by a line and with an identity that are new. `kept` names how it was. */
	| {
			readonly note: "rollback";
			readonly line: number;
			readonly name: string;
			readonly kept: string;
			readonly newLine: number;
			readonly serial: string;
			readonly wwn: string;
	  };

export type NoteOf<Kind extends Note["note"]> = Extract<Note, { note: Kind }>;

const LENGTH_BYTES = 4;
const NUMBERS: readonly string[] = ["line", "newLine", "sizeBytes", "pageBytes", "sinceUs", "untilUs"];
const NAMED = ["line", "name"];
const FIELDS: Readonly<Record<Note["note"], readonly string[]>> = {
	create: ["line", "name", "sizeBytes", "pageBytes", "serial", "wwn"],
	resize: ["line", "sizeBytes"],
	rename: NAMED,
	delete: ["line"],
	set: ["line", "settings"],
	pool: ["by", "poolSettings"],
	snapshot: NAMED,
	forget: NAMED,
	hold: NAMED,
	release: NAMED,
	replace: ["line", "newLine"],
	move: ["move"],
	clock: ["sinceUs", "untilUs"],
	identity: ["line", "serial", "wwn"],
	memo: ["line", "memo"],
	rollback: ["line", "name", "kept", "newLine", "serial", "wwn"],
};

export function encodeNote(note: Note): Uint8Array {
	const text = new TextEncoder().encode(JSON.stringify(note));
	const bytes = new Uint8Array(LENGTH_BYTES + text.length);
	new DataView(bytes.buffer).setUint32(0, text.length, true);
	bytes.set(text, LENGTH_BYTES);
	return bytes;
}

/** The notes in `bytes[from]` to `bytes[to - 1]`, each with its length; undefined if they don't end where they should. */
export function splitNotes(bytes: Uint8Array, from: number, to: number): Uint8Array[] | undefined {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const notes: Uint8Array[] = [];
	for (let at = from; at < to; ) {
		if (at + LENGTH_BYTES > to) return undefined;
		const end = at + LENGTH_BYTES + view.getUint32(at, true);
		if (end > to) return undefined;
		notes.push(bytes.subarray(at, end));
		at = end;
	}
	return notes;
}

/** What `encodeNote` has made; undefined if this version does not know it. */
export function decodeNote(bytes: Uint8Array): Note | undefined {
	const value = storedJson(bytes.subarray(LENGTH_BYTES));
	if (value === undefined || typeof value.note !== "string" || !Object.hasOwn(FIELDS, value.note))
		return undefined;
	const fields = FIELDS[value.note as Note["note"]];
	const isGood =
		fields.every((field) => isField(field, value[field])) &&
		isOrigin(value.origin) &&
		(value.note !== "replace" || value.line !== value.newLine) &&
		(value.from === undefined || typeof value.from === "string");
	return isGood ? (value as unknown as Note) : undefined;
}

/** The same; throws an OperatorError if this version does not know it. */
export function understood(bytes: Uint8Array): Note {
	const note = decodeNote(bytes);
	if (note === undefined) throw new OperatorError("the log has a note that this version does not know");
	return note;
}

function isField(field: string, value: unknown): boolean {
	if (field === "settings") return areVolumeSettings(value);
	if (field === "poolSettings") return arePoolSettings(value);
	if (field === "by") return value === "create" || value === "file";
	if (field === "name" || field === "kept") return isName(value);
	if (field === "memo") return isMemo(value);
	if (!NUMBERS.includes(field)) return typeof value === "string";
	if (field === "pageBytes") return isPageSize(Number(value));
	return isCount(value) && (field !== "sizeBytes" || isVolumeSize(Number(value)));
}

function isCount(value: unknown): boolean {
	return Number.isSafeInteger(value) && Number(value) > 0;
}

function isOrigin(value: unknown): boolean {
	if (value === undefined) return true;
	if (typeof value !== "object" || value === null) return false;
	const { line, position } = value as Record<string, unknown>;
	return isCount(line) && Number.isSafeInteger(position) && Number(position) >= 0;
}
