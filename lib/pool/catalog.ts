/**
 * Which volumes a pool has, as its notes say. Filled note by note, while a pool is opened and later; asked by `pool.ts`.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { decodeNote, type Note } from "./notes.js";

export interface Volume {
	/** Its number: never another volume's, even after it is deleted. */
	readonly id: number;
	readonly name: string;
	readonly sizeBytes: number;
	readonly pageBytes: number;
	/** What initiators know it by. */
	readonly serial: string;
	readonly wwn: string;
	readonly createdUs: number;
}

/** As in files' names; what a moment or snapshot begins with is none. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/;

/** Throws an OperatorError. */
export function checkVolumeName(name: string): void {
	if (!NAME.test(name))
		throw new OperatorError(
			`volume ${quote(name)}: a name is 1 to 127 letters, digits, dots, dashes and underscores, the first a letter or digit`,
		);
}

export class Catalog {
	readonly #volumes = new Map<string, Volume>();
	#nextId = 1;

	/** By name. */
	get volumes(): readonly Volume[] {
		return [...this.#volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	/** For the next volume. */
	get nextId(): number {
		return this.#nextId;
	}

	find(name: string): Volume | undefined {
		return this.#volumes.get(name);
	}

	byId(id: number): Volume | undefined {
		for (const volume of this.#volumes.values()) if (volume.id === id) return volume;
		return undefined;
	}

	/** Takes in what a record says. Throws an OperatorError if it makes no sense to this version. */
	apply(bytes: Uint8Array, timeUs: number): Note {
		const note = decodeNote(bytes);
		if (note === undefined) throw new OperatorError("the log has a note that this version does not know");
		this.#carryOut(note, timeUs);
		return note;
	}

	#carryOut(note: Note, timeUs: number): void {
		if (note.note === "create") {
			const { note: _, volume: id, ...rest } = note;
			this.#volumes.set(note.name, { ...rest, id, createdUs: timeUs });
			this.#nextId = Math.max(this.#nextId, id + 1);
			return;
		}
		const volume = this.byId(note.volume);
		if (volume === undefined)
			throw new OperatorError(`the log changes a volume that is not there: ${note.volume}`);
		this.#volumes.delete(volume.name);
		if (note.note === "resize") this.#volumes.set(volume.name, { ...volume, sizeBytes: note.sizeBytes });
		if (note.note === "rename") this.#volumes.set(note.name, { ...volume, name: note.name });
	}
}
