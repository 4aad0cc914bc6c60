/**
 * The house is built as `docs/architecture.md` says: imports follow its table of rooms, nothing goes in a circle, and no file
 * and no function is too long. Part of `npm run check`. The rules themselves are shown to catch what breaks them.
 */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { sourceFile } from "../support/paths.js";
import { breachesOfRooms, circles, LIMITS, roomsOf, tooLong } from "./house.js";
import { table } from "./tables.js";

/** What is ours, and what of that building makes. */
const FOLDERS = ["lib", "native", "scripts", "test"];
const MADE = /^native\/(?:bench\/)?(?:build|prebuilds)\//;

function read(file: string): string {
	return readFileSync(sourceFile(file), "utf8");
}

function filesBelow(folder: string): string[] {
	return readdirSync(sourceFile(folder), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => path.relative(sourceFile(), path.join(parentPath, name)))
		.filter((file) => !MADE.test(file));
}

const files = ["vbladed", "vbladed-supervisor", ...FOLDERS.flatMap(filesBelow)];
const sources = new Map(files.map((file) => [file, read(file)]));

t.test("every room exists, every file is in one, and imports go down or to what stands before", async (t) => {
	const rooms = roomsOf(table(read("docs/architecture.md"), "Rooms"));
	t.ok(rooms.length > 10, "there is a table of rooms");
	t.strictSame(breachesOfRooms(sources, rooms), []);
});

t.test("no file imports itself through others", async (t) => {
	t.strictSame(circles(sources), []);
});

t.test(
	`no file has more than ${LIMITS.fileLines} lines, no function more than ${LIMITS.functionLines}`,
	async (t) => {
		t.strictSame(tooLong(sources), []);
	},
);

/** A small house, with one file more. */
function breachesWith(file: string, text: string): string[] {
	const rooms = roomsOf([
		["2", "lib/left/ lib/right.ts"],
		["1", "lib/low/"],
		["beside", "lib/testing/"],
	]);
	const sound = new Map([
		["lib/left/a.ts", 'import { low } from "../low/low.js";'],
		["lib/right.ts", 'import { a } from "./left/a.js";'],
		["lib/low/low.ts", 'import path from "node:path";'],
		["lib/testing/tool.ts", 'import { right } from "../right.js";'],
		["test/tool.test.ts", 'import { tool } from "../lib/testing/tool.js";'],
	]);
	return breachesOfRooms(new Map([...sound, [file, text]]), rooms);
}

t.test("the rules for rooms let through what is allowed", async (t) => {
	t.strictSame(breachesWith("lib/low/more.ts", 'import { low } from "./low.js";'), [], "within a room");
	t.strictSame(
		breachesWith("lib/left/index.ts", 'export { tool } from "../testing/tool.js";'),
		[],
		"exports",
	);
	t.strictSame(breachesWith("lib/testing/b.ts", 'import { low } from "../low/low.js";'), [], "beside");
});

t.test("the rules for rooms catch what is not", async (t) => {
	const cases: [file: string, text: string, breach: string][] = [
		[
			"lib/low/b.ts",
			'import { a } from "../left/a.js";',
			"imports lib/left/a.ts: lib/left/ is above lib/low/",
		],
		[
			"lib/low/b.ts",
			'import type { A } from "../right.js";',
			"imports lib/right.ts: lib/right.ts is above lib/low/",
		],
		[
			"lib/low/b.ts",
			'type A = import("../left/a.js").A;',
			"imports lib/left/a.ts: lib/left/ is above lib/low/",
		],
		["lib/low/b.ts", 'export * from "../left/a.js";', "imports lib/left/a.ts: lib/left/ is above lib/low/"],
		["lib/low/b.ts", 'await import("../left/a.js");', "imports lib/left/a.ts: lib/left/ is above lib/low/"],
		[
			"lib/left/b.ts",
			'import { right } from "../right.js";',
			"imports lib/right.ts: lib/right.ts does not stand before lib/left/ in its row",
		],
		[
			"lib/left/b.ts",
			'import { tool } from "../testing/tool.js";',
			"imports lib/testing/tool.ts: that is for tests",
		],
		["lib/left/b.ts", 'import "./index.js";', "imports lib/left/index.ts: that is for others to import"],
		["lib/left/b.ts", 'import { t } from "../../test/t.js";', "imports test/t.ts: that is in no room"],
		["lib/new.ts", "", "is in no room"],
	];
	for (const [file, text, breach] of cases)
		t.strictSame(breachesWith(file, text), [`${file} ${breach}`], text);
	const rooms = roomsOf([["1", "lib/low/ lib/gone.ts"]]);
	t.strictSame(breachesOfRooms(new Map([["lib/low/a.ts", ""]]), rooms), [
		"lib/gone.ts is a room without files",
	]);
});

t.test("a circle is found, of types too", async (t) => {
	const circle = new Map([
		["lib/a.ts", 'import { b } from "./b.js";'],
		["lib/b.ts", 'import { c } from "./c.js";'],
		["lib/c.ts", 'import type { B } from "./b.js";'],
	]);
	t.strictSame(circles(circle), ["lib/b.ts > lib/c.ts > lib/b.ts"]);
});

t.test("what is a line too long is found", async (t) => {
	const lines = (count: number): string => "\n".repeat(count);
	const inner = LIMITS.functionLines - 2;
	const file = (name: string, text: string): string[] => tooLong(new Map([[name, text]]));
	t.strictSame(file("lib/a.ts", lines(LIMITS.fileLines)), []);
	t.strictSame(file("lib/a.ts", lines(LIMITS.fileLines + 1)), ["lib/a.ts has 301 lines"]);
	t.strictSame(file("native/a.h", lines(LIMITS.fileLines + 1)), ["native/a.h has 301 lines"]);
	const bodies: [name: string, before: string, after: string][] = [
		["lib/a.ts", "function f() {\n", "}\n"],
		["lib/a.ts", "const f = () => {\n", "};\n"],
		["lib/a.ts", "class A { constructor() {\n", "} }\n"],
		["lib/a.ts", "class A { get f() {\n", "} }\n"],
		["lib/a.ts", "class A { f() {\n", "} }\n"],
		["native/a.c", "{\n", "}\n"],
		["vbladed", "f() {\n", "}\n"],
		["test/a.sh", "f() {\n", "}\n"],
	];
	for (const [name, before, after] of bodies) {
		t.strictSame(file(name, before + lines(inner) + after), [], `${name}: ${before}`);
		const found = [`${name}:1 is a function of 61 lines`];
		t.strictSame(file(name, before + lines(inner + 1) + after), found, `${name}: ${before}`);
	}
});
