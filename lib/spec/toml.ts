/**
 * A TOML file (toml.io, 1.0) as plain values, with the place of each for messages. The values come from one parser; the places from
 * another, which is asked only when there is something to say. Used by whoever reads a configuration.
 */

import { parse, TomlError } from "smol-toml";
import { type AST, parseTOML } from "toml-eslint-parser";
import { type Place, PlacedError } from "./place.js";

/** Keys of tables and indexes of arrays, from the outside in. */
export type TomlPath = readonly (string | number)[];

export interface TomlFile {
	readonly values: Readonly<Record<string, unknown>>;
	/** Of the key that names the value at `path`; of the nearest thing around it that the file names, if it does not name that. */
	placeOf(path: TomlPath): Place;
}

/** Reads the text of a file. Throws a PlacedError if it is not TOML. */
export function readToml(file: string, text: string): TomlFile {
	let places: ReadonlyMap<string, Place> | undefined;
	return {
		values: parsed(file, text),
		placeOf: (path) => {
			places ??= placesIn(file, text);
			for (let length = path.length; length > 0; length--) {
				const place = places.get(keyOf(path.slice(0, length)));
				if (place !== undefined) return place;
			}
			return { file, line: 1, column: 1 };
		},
	};
}

function parsed(file: string, text: string): Record<string, unknown> {
	try {
		return parse(text);
	} catch (error) {
		if (!(error instanceof TomlError)) throw error;
		// The message goes on with the lines around; the first one says what is wrong.
		const what = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "";
		throw new PlacedError({ file, line: error.line, column: error.column }, `not TOML: ${what}`);
	}
}

const keyOf = (path: TomlPath): string => JSON.stringify(path);

function placesIn(file: string, text: string): ReadonlyMap<string, Place> {
	const places = new Map<string, Place>();
	const [top] = parseTOML(text).body;
	for (const node of top.body) {
		if (node.type === "TOMLKeyValue") addPair(file, places, [], node);
		else {
			addKeys(
				file,
				places,
				node.resolvedKey.slice(0, node.resolvedKey.length - node.key.keys.length - indexes(node)),
				node.key,
				node.resolvedKey,
			);
			for (const pair of node.body) addPair(file, places, node.resolvedKey, pair);
		}
	}
	return places;
}

/** An array of tables has its index behind its name. */
const indexes = (table: AST.TOMLTable): number => (typeof table.resolvedKey.at(-1) === "number" ? 1 : 0);

/** Each part of a dotted key names a table of its own; the first file line that does is the one to show. */
function addKeys(
	file: string,
	places: Map<string, Place>,
	base: TomlPath,
	key: AST.TOMLKey,
	whole: TomlPath,
): void {
	const path = [...base];
	const add = (node: AST.TOMLNode) => {
		const id = keyOf(path);
		if (!places.has(id))
			places.set(id, { file, line: node.loc.start.line, column: node.loc.start.column + 1 });
	};
	for (const [index, part] of key.keys.entries()) {
		path.push(whole[base.length + index] ?? "");
		add(part);
	}
	for (const rest of whole.slice(path.length)) {
		path.push(rest);
		add(key);
	}
}

function addPair(
	file: string,
	places: Map<string, Place>,
	base: TomlPath,
	{ key, value }: AST.TOMLKeyValue,
): void {
	const names = key.keys.map((part) => (part.type === "TOMLBare" ? part.name : part.value));
	const path = [...base, ...names];
	addKeys(file, places, base, key, path);
	addValue(file, places, path, value);
}

function addValue(
	file: string,
	places: Map<string, Place>,
	path: TomlPath,
	value: AST.TOMLContentNode,
): void {
	if (value.type === "TOMLInlineTable") for (const pair of value.body) addPair(file, places, path, pair);
	if (value.type !== "TOMLArray") return;
	for (const [index, element] of value.elements.entries()) {
		const at = [...path, index];
		places.set(keyOf(at), { file, line: element.loc.start.line, column: element.loc.start.column + 1 });
		addValue(file, places, at, element);
	}
}
