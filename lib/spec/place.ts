/**
 * Where in a file something is, and the error that says so: `FILE:LINE:COLUMN: message`, as compilers do, so that editors find it.
 * Used by the readers of files in this room.
 */

import { closest } from "fastest-levenshtein";
import { OperatorError } from "../errors.js";
import { oneLine, quote } from "../text.js";

/** Lines and columns count from 1; a column is a UTF-16 unit. */
export interface Place {
	readonly file: string;
	readonly line: number;
	readonly column: number;
}

/** What is wrong at a place of a file. */
export class PlacedError extends OperatorError {
	constructor(
		readonly place: Place,
		readonly what: string,
		/** All is served as it is meant: nobody need do anything. */
		readonly isNote = false,
	) {
		super(`${shownPlace(place)}: ${oneLine(what)}`);
	}
}

/** Something names a disk or a pool that is not there. Where that is written, but wrong, there is nothing more to be mended. */
export class AbsentNameError extends PlacedError {
	constructor(
		place: Place,
		/** `disk` or `pool`, and the name. */
		readonly named: string,
		what: string,
	) {
		super(place, what);
	}
}

/** `before`: what messages begin with. */
export function absentName(
	place: Place,
	before: string,
	kind: "disk" | "pool" | "store" | "head",
	name: string,
): AbsentNameError {
	const what = `${before}${kind} ${quote(name)}: there is none of this name`;
	return new AbsentNameError(place, `${kind} ${name}`, what);
}

export function shownPlace({ file, line, column }: Place): string {
	return `${oneLine(file)}:${line}:${column}`;
}

/** The place of the character at `index` of `text`. */
export function placeAt(file: string, text: string, index: number): Place {
	const before = text.slice(0, index);
	const lineStart = before.lastIndexOf("\n") + 1;
	return { file, line: before.split("\n").length, column: index - lineStart + 1 };
}

/** What is said of a table or key that is given twice. */
export function alreadyAt(name: string, first: Place): string {
	return `${name} is already at ${shownPlace(first)}`;
}

/**
 * `no such key "durabilty"; did you mean "durability"?`, with the nearest of what is known. A key of an inner table (`limit.iops`)
 * is compared by the last part of its name, unless it is asked for by all of it.
 */
export function unknownName(kind: string, name: string, known: readonly string[]): string {
	const nearest = known.length === 0 ? "" : `; did you mean ${quote(nearestTo(name, known))}?`;
	return `no such ${kind} ${quote(name)}${nearest}`;
}

function nearestTo(name: string, known: readonly string[]): string {
	if (name.includes(".")) return closest(name, known);
	const lastOf = (full: string): string => full.slice(full.lastIndexOf(".") + 1);
	const nearest = closest(name, known.map(lastOf));
	return known.find((full) => lastOf(full) === nearest) ?? nearest;
}
