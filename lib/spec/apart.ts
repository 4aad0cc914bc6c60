/** The text of one disk, cut out of a file by `tables.ts` and read by itself. Used by `parts.ts`. */

import { PlacedError, placeAt } from "./place.js";
import type { DiskPart, DiskTable } from "./readings.js";
import { type DiskSettings, diskSchema } from "./schema.js";
import type { DiskText } from "./tables.js";
import { placesOf, readToml, type TomlFile } from "./toml.js";

/** Undefined: it is not TOML, which reading the whole file tells, with the place. */
export function tomlIn(text: string): TomlFile["values"] | undefined {
	try {
		return readToml("", text).values;
	} catch (error) {
		if (!(error instanceof PlacedError)) throw error;
		return undefined;
	}
}

/** Looks at no more of the file than the lines of the disk. */
export function placesOfDisk(file: string, at: DiskText): DiskPart["placeOf"] {
	let placeOf: TomlFile["placeOf"] | undefined;
	return (path) => {
		// A copy: a part of a text keeps all of it.
		placeOf ??= placesOf(file, Buffer.from(at.text).toString());
		const { line, column } = placeOf(["disk", at.name, ...path]);
		return { file, line: placeAt(file, at.whole, at.start).line - 1 + line, column };
	};
}

/** Undefined if there is anything wrong with it. */
export function tableIn({ name, text }: DiskText): DiskTable | undefined {
	const { disk, ...others } = tomlIn(text) ?? {};
	if (!isTable(disk) || Object.keys(others).length > 0) return undefined;
	const [[found, settings] = ["", undefined], ...more] = Object.entries(disk);
	if (found !== name || more.length > 0) return undefined;
	const { success, data } = diskSchema.safeParse(settings);
	// What has been understood is of the schema's input type.
	return success ? { settings: settings as DiskSettings, values: data } : undefined;
}

export function isTable(value: unknown): value is object {
	return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
