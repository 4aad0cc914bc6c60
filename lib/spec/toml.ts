/**
 * A TOML file (toml.io, 1.0) as plain values, with the place of each for messages. The values come from one parser; the places from
 * another, which is asked only when there is something to say. Used by whoever reads a configuration.
 */

import { parse, TomlError } from "smol-toml";
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import { alreadyAt, type Place, PlacedError } from "./place.js";

/** Keys of tables and indexes of arrays, from the outside in. */
export type TomlPath = readonly (string | number)[];

export interface TomlFile {
	readonly values: Readonly<Record<string, unknown>>;
	/** Of the key that names the value at `path`; of the nearest thing around it that the file names, if it does not name that. */
	placeOf(path: TomlPath): Place;
}

/** Reads the text of a file. Throws a PlacedError if it is not TOML. */
export function readToml(file: string, text: string): TomlFile {
	return { values: parsed(file, text), placeOf: placesOf(file, text) };
}

/** Where things stand in a file that is TOML. It is looked at when that is first asked. */
export function placesOf(file: string, text: string): TomlFile["placeOf"] {
	let places: ReadonlyMap<string, Place> | undefined;
	return (path) => {
		places ??= placesIn(file, parseTOML(text));
		for (let length = path.length; length > 0; length--) {
			const place = places.get(keyOf(path.slice(0, length)));
			if (place !== undefined) return place;
		}
		return { file, line: 1, column: 1 };
	};
}

function parsed(file: string, text: string): Record<string, unknown> {
	try {
		return parse(text);
	} catch (error) {
		if (!(error instanceof TomlError)) throw error;
		// The message goes on with the lines around; the first one says what is wrong.
		const what = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "";
		const again = what.startsWith(REPEATED) ? repeated(file, text, error.line) : undefined;
		throw new PlacedError({ file, line: error.line, column: error.column }, again ?? `not TOML: ${what}`);
	}
}

/** How the parser's message begins where a table, or a key, is given twice. */
const REPEATED = "trying to redefine";

/** Where the table or key of a line stood before, or something that it would be part of. Undefined if nobody can tell. */
function repeated(file: string, text: string, line: number): string | undefined {
	const lines = text.split(/\r?\n/);
	try {
		const before = parseTOML(lines.slice(0, line - 1).join("\n"));
		const places = placesIn(file, before);
		const { path, isTable } = namedBy(lines[line - 1] ?? "", before);
		for (let length = path.length; length > 0; length--) {
			const place = places.get(keyOf(path.slice(0, length)));
			const name = path.slice(0, length).join(".");
			if (place !== undefined) return alreadyAt(isTable ? `[${name}]` : name, place);
		}
	} catch (error) {
		// The line is in the middle of something.
		if (!(error instanceof ParseError)) throw error;
	}
	return undefined;
}

/** The whole name of what a line that follows begins with. Throws a ParseError if it is neither a table nor a key. */
function namedBy(line: string, before: AST.TOMLProgram): { path: TomlPath; isTable: boolean } {
	if (line.trimStart().startsWith("[")) {
		const [node] = parseTOML(line).body[0].body;
		const path =
			node?.type === "TOMLTable" ? node.resolvedKey.filter((part) => typeof part === "string") : [];
		return { path, isTable: true };
	}
	const table = before.body[0].body.findLast((node) => node.type === "TOMLTable");
	// A key may have the character in quotes.
	const [key = ""] = /^(?:[^="']|"(?:[^"\\]|\\.)*"|'[^']*')*/.exec(line) ?? [];
	const [pair] = parseTOML(`${key}= 0`).body[0].body;
	const names = pair?.type === "TOMLKeyValue" ? namesOf(pair.key) : [];
	return { path: [...(table?.resolvedKey ?? []), ...names], isTable: false };
}

const namesOf = ({ keys }: AST.TOMLKey): string[] =>
	keys.map((part) => (part.type === "TOMLBare" ? part.name : part.value));

const keyOf = (path: TomlPath): string => JSON.stringify(path);

function placesIn(file: string, { body: [top] }: AST.TOMLProgram): ReadonlyMap<string, Place> {
	const places = new Map<string, Place>();
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
	const path = [...base, ...namesOf(key)];
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
