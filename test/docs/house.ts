/**
 * The rules of the house, as functions of the text of its sources: which room may import from which, and how long a file and a
 * function may be. `house.test.ts` holds the project to them. Each returns a line for whatever breaks a rule.
 */

import path from "node:path";
import ts from "typescript";

/** Paths from the top directory, with what is in the files. */
export type Sources = ReadonlyMap<string, string>;

/** A folder (its name ends with a slash) or a file of `lib/` or `native/`, as the table of rooms has it. */
interface Room {
	readonly name: string;
	/** What the table calls it: a number, or `beside`. */
	readonly floor: string;
	/** How far down the table's row it stands. */
	readonly place: number;
}

export const LIMITS = { fileLines: 300, functionLines: 60 };

const BESIDE = "beside";

/** The rooms that rows of the table name: floor, names, what they own. */
export function roomsOf(table: readonly (readonly string[])[]): Room[] {
	return table.flatMap(([floor = "", names = ""]) =>
		names.split(" ").map((name, place) => ({ name, floor, place })),
	);
}

/** What breaks the table: files in no room, rooms without files, and imports that go up, to the side, or out of the house. */
export function breachesOfRooms(sources: Sources, rooms: readonly Room[]): string[] {
	const roomOf = (file: string): Room | undefined =>
		rooms.find(({ name }) => (name.endsWith("/") ? file.startsWith(name) : file === name));
	const housed = [...sources.keys()].filter((file) => /^(?:lib|native)\//.test(file));
	const homeless = housed.filter((file) => roomOf(file) === undefined).map((file) => `${file} is in no room`);
	const empty = rooms
		.filter((room) => !housed.some((file) => roomOf(file) === room))
		.map(({ name }) => `${name} is a room without files`);
	const forbidden = housed.flatMap((file) =>
		importsOf(file, sources).flatMap((imported) => {
			const from = roomOf(file);
			const to = roomOf(imported);
			const reason = from && reasonAgainst(file, from, imported, to);
			return reason === undefined ? [] : [`${file} imports ${imported}: ${reason}`];
		}),
	);
	return [...homeless, ...empty, ...forbidden];
}

function reasonAgainst(file: string, from: Room, imported: string, to: Room | undefined): string | undefined {
	if (to === undefined) return "that is in no room";
	if (isIndex(imported)) return "that is for others to import";
	if (to === from || from.floor === BESIDE) return undefined;
	if (to.floor === BESIDE) return isIndex(file) ? undefined : "that is for tests";
	if (to.floor === from.floor)
		return to.place < from.place ? undefined : `${to.name} does not stand before ${from.name} in its row`;
	return Number(to.floor) < Number(from.floor) ? undefined : `${to.name} is above ${from.name}`;
}

function isIndex(file: string): boolean {
	return path.basename(file) === "index.ts";
}

/** The files that one file imports, types included, as paths from the top directory. */
function importsOf(file: string, sources: Sources): string[] {
	if (!file.endsWith(".ts")) return [];
	const { importedFiles } = ts.preProcessFile(sources.get(file) ?? "", true, true);
	return importedFiles
		.filter(({ fileName }) => fileName.startsWith("."))
		.map(({ fileName }) => path.join(path.dirname(file), fileName).replace(/\.js$/, ".ts"));
}

/** Files that import each other in a circle. */
export function circles(sources: Sources): string[] {
	const found: string[] = [];
	const done = new Set<string>();
	const way: string[] = [];
	const follow = (file: string): void => {
		if (way.includes(file)) found.push([...way.slice(way.indexOf(file)), file].join(" > "));
		else if (!done.has(file)) {
			way.push(file);
			importsOf(file, sources).forEach(follow);
			way.pop();
			done.add(file);
		}
	};
	[...sources.keys()].forEach(follow);
	return found;
}

/** Files and functions that are longer than they may be. */
export function tooLong(sources: Sources): string[] {
	return [...sources].flatMap(([file, text]) => {
		const { fileLines, functionLines } = LIMITS;
		const lines = text.split("\n").length - 1;
		const functions = functionsOf(file, text).filter((each) => each.lines > functionLines);
		return [
			...(lines > fileLines ? [`${file} has ${lines} lines`] : []),
			...functions.map((each) => `${file}:${each.startLine} is a function of ${each.lines} lines`),
		];
	});
}

interface Extent {
	/** From 1. */
	readonly startLine: number;
	readonly lines: number;
}

function functionsOf(file: string, text: string): Extent[] {
	switch (path.extname(file)) {
		case ".ts":
		case ".js":
			return functionsOfTypeScript(file, text);
		case ".c":
		case ".h":
			return extentsBetween(text, /^\{/, /^\}/);
		case ".sh":
		case "":
			return extentsBetween(text, /^\w+\(\) \{$/, /^\}/);
		default:
			return [];
	}
}

function functionsOfTypeScript(file: string, text: string): Extent[] {
	const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
	const found: Extent[] = [];
	const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1;
	const visit = (node: ts.Node): void => {
		if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
			const startLine = lineAt(node.getStart(source));
			found.push({ startLine, lines: lineAt(node.end) - startLine + 1 });
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
	return found;
}

/** From each line that is a start to the next that is an end, both counted. */
function extentsBetween(text: string, start: RegExp, end: RegExp): Extent[] {
	const found: Extent[] = [];
	let startLine = 0;
	for (const [index, line] of text.split("\n").entries()) {
		if (start.test(line)) startLine = index + 1;
		if (startLine === 0 || !end.test(line)) continue;
		found.push({ startLine, lines: index + 2 - startLine });
		startLine = 0;
	}
	return found;
}
