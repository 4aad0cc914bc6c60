/**
 * What records say beside pages: volumes that come, change and go, names of positions. One JSON object each, in the tail of a
 * record, after its length. Written by `pool.ts`, understood again by `catalog.ts`; what a later version says is refused, not skipped.
 */

/** A volume's own page size, identity and number stay as they were made. */
export type Note =
	| {
			readonly note: "create";
			readonly volume: number;
			readonly name: string;
			readonly sizeBytes: number;
			readonly pageBytes: number;
			readonly serial: string;
			readonly wwn: string;
	  }
	| { readonly note: "resize"; readonly volume: number; readonly sizeBytes: number }
	| { readonly note: "rename"; readonly volume: number; readonly name: string }
	| { readonly note: "delete"; readonly volume: number };

const LENGTH_BYTES = 4;
const NUMBERS = ["volume", "sizeBytes", "pageBytes"] as const;
const TEXTS = ["name", "serial", "wwn"] as const;
const FIELDS: Readonly<Record<Note["note"], readonly string[]>> = {
	create: ["volume", "name", "sizeBytes", "pageBytes", "serial", "wwn"],
	resize: ["volume", "sizeBytes"],
	rename: ["volume", "name"],
	delete: ["volume"],
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
export function decodeNote(note: Uint8Array): Note | undefined {
	return noteOf(note.subarray(LENGTH_BYTES));
}

function noteOf(text: Uint8Array): Note | undefined {
	const value = parsed(text);
	if (value === undefined || typeof value.note !== "string" || !Object.hasOwn(FIELDS, value.note))
		return undefined;
	const fields = FIELDS[value.note as Note["note"]];
	const isKnown = fields.every((field) => isGood(field, value[field]));
	return isKnown ? (value as unknown as Note) : undefined;
}

function parsed(text: Uint8Array): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}

function isGood(field: string, value: unknown): boolean {
	if ((NUMBERS as readonly string[]).includes(field)) return Number.isSafeInteger(value) && Number(value) > 0;
	return (TEXTS as readonly string[]).includes(field) && typeof value === "string";
}
