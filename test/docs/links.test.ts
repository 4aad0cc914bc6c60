/**
 * What the documents point to exists: files, headings, commands, tests and scripts. So do the files that scripts and
 * package.json name. Part of `npm run check`; what the documents say of options is in `agreement.test.ts`.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import MarkdownIt, { type Token } from "markdown-it";
import t from "tap";
import { sourceFile } from "../support/paths.js";

const markdown = new MarkdownIt("commonmark").enable("table");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** The Markdown files of the project. */
const DOCUMENTS = [".", ".github", ...foldersBelow("docs")].flatMap((folder) =>
	readdirSync(sourceFile(folder))
		.filter((name) => name.endsWith(".md"))
		.map((name) => path.join(folder, name)),
);
/** Whatever else tells people what to run. */
const PROGRAMS = [
	"vbladed",
	"vbladed-supervisor",
	"package.json",
	".ci/run",
	".github/workflows/ci.yml",
	...filesIn("scripts"),
	...filesIn("man"),
];
/** Folders whose files the documents name by their path. */
const PATH = /(?<![\w/.-])(?:lib|native|test|scripts|docs|man|\.github)\/[\w./-]*\w/g;
/** What building and packing make there, and what a kernel that is unpacked brings. */
const MADE = [
	"native/build",
	"native/prebuilds",
	"native/bench/build",
	"native/bench/prebuilds",
	"lib/modules",
];

function read(file: string): string {
	return readFileSync(sourceFile(file), "utf8");
}

/** Those below it, too. */
function filesIn(folder: string): string[] {
	const entries = readdirSync(sourceFile(folder), { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => path.relative(sourceFile(), path.join(parentPath, name)));
}

function foldersBelow(top: string): string[] {
	const entries = readdirSync(sourceFile(top), { recursive: true, withFileTypes: true });
	const folders = entries.filter((entry) => entry.isDirectory());
	return [
		top,
		...folders.map(({ parentPath, name }) => path.relative(sourceFile(), path.join(parentPath, name))),
	];
}

/** All tokens of a text, those within paragraphs, headings and cells too. */
function tokensOf(text: string): Token[] {
	return markdown.parse(text, {}).flatMap((token) => [token, ...(token.children ?? [])]);
}

/** Where its links lead. */
function linksOf(text: string): string[] {
	return tokensOf(text)
		.map((token) => token.attrGet(token.type === "image" ? "src" : "href"))
		.filter((target) => target !== null);
}

/** The names that a public host gives to its headings. */
function anchorsOf(text: string): Set<string> {
	const anchors = new Set<string>();
	const tokens = tokensOf(text);
	tokens.forEach(({ type }, at) => {
		if (type !== "heading_open") return;
		const heading = tokens[at + 1]?.children ?? [];
		const words = heading.map(({ content }) => content).join("");
		const name = words
			.toLowerCase()
			.replaceAll(/[^\p{L}\p{N} _-]/gu, "")
			.replaceAll(" ", "-");
		// Those of equal headings are counted.
		let anchor = name;
		for (let count = 1; anchors.has(anchor); count++) anchor = `${name}-${count}`;
		anchors.add(anchor);
	});
	return anchors;
}

/** What a text tells to run, or names by its path, that is not there. */
function missing(text: string): string[] {
	const absent = [...text.matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)]
		.filter(([, name = ""]) => scripts[name] === undefined)
		.map(([command]) => command);
	for (const [file, name] of text.matchAll(/build\/((?:test|lib|scripts)\/[\w./-]*)\.js\b/g))
		if (!existsSync(sourceFile(`${name}.ts`))) absent.push(file);
	for (const [name] of text.matchAll(PATH)) {
		const made = MADE.some((folder) => name === folder || name.startsWith(`${folder}/`));
		if (!made && !existsSync(sourceFile(name))) absent.push(name);
	}
	return absent;
}

/** Tests that a text names, as `file`: "test", "another test", that are not in their files. */
function missingTests(text: string): string[] {
	const absent: string[] = [];
	for (const [, file = "", names = ""] of text.matchAll(/`(test\/[\w./-]+\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)) {
		const there = testsIn(file);
		for (const [, name = ""] of names.matchAll(/"([^"]+)"/g))
			if (!there.some((each) => each.test(name))) absent.push(`${file}: ${name}`);
	}
	return absent;
}

/** What tests of a file are called, whatever stands where a name is put together. */
function testsIn(file: string): RegExp[] {
	return [...read(file).matchAll(/\bt\.test\(\s*(["`])(.*?)\1/gs)].map(([, , name = ""]) => {
		const parts = name.split(/\$\{[^}]*\}/);
		return new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}$`);
	});
}

for (const document of DOCUMENTS) {
	t.test(`${document}: what it points to exists`, async (t) => {
		const text = read(document);
		for (const link of linksOf(text).filter((target) => !/^[a-z]+:/.test(target))) {
			const [file = "", anchor] = link.split("#");
			const target = file === "" ? document : path.join(path.dirname(document), file);
			t.ok(existsSync(sourceFile(target)), `a link to ${link}`);
			if (anchor === undefined || !target.endsWith(".md")) continue;
			t.ok(anchorsOf(read(target)).has(anchor), `a heading for ${link}`);
		}
		t.strictSame(missing(text), [], "commands and files");
		t.strictSame(missingTests(text), [], "tests");
	});
}

t.test("what scripts and package.json name exists", async (t) => {
	for (const file of PROGRAMS) t.strictSame(missing(read(file)), [], file);
});

t.test("every decision is in the list of them", async (t) => {
	const listed = new Set(linksOf(read("docs/decisions/README.md")));
	for (const file of filesIn("docs/decisions").map((file) => path.basename(file)))
		if (file !== "README.md") t.ok(listed.has(file), file);
});

t.test("a link or command that leads nowhere would be found", async (t) => {
	const text =
		"# A `b`, c!\n\n[x](gone.md#y) `npm run gone`, build/test/gone.test.js\n\n```sh\nscripts/gone\n```\n# a b c\n";
	t.strictSame(linksOf(text), ["gone.md#y"]);
	t.strictSame([...anchorsOf(text)], ["a-b-c", "a-b-c-1"]);
	t.strictSame(missing(text), ["npm run gone", "build/test/gone.test.js", "scripts/gone"]);
	const here = "test/docs/links.test.ts";
	const named = `\`${here}\`: "every decision is in the list of them", "README.md: what it points to exists"; \`${here}\`: "gone"`;
	t.strictSame(missingTests(named), [`${here}: gone`]);
});
