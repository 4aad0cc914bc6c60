/**
 * What people read is true: the manual pages, `--help` and the README agree about every option and argument, and the manual
 * pages are clean mdoc. Part of `npm run check`; links and commands are in `links.test.ts`, the architecture in
 * `house.test.ts`.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import t, { type Test } from "tap";
import type { Form } from "../../lib/cli/forms.js";
import { COMMANDS, DAEMON, GROUPS, SERVE } from "../../lib/cli/options.js";
import { helpText } from "../../lib/cli/usage.js";
import type { Option } from "../../lib/spec/getopt.js";
import { LIMIT_MS } from "../support/limit.js";
import { builtVblade, PROJECT, sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";
import { manual } from "./manual.js";
import { table } from "./tables.js";

const VBLADE = builtVblade(PROJECT);
const OPTIONS: readonly Option[] = SERVE.options;
/** `unix:` and its like, as the help for the arguments has them. */
const PREFIXES = SERVE.arguments.flatMap(({ help }) =>
	[...help.matchAll(/\b[a-z]+:(?=[A-Z])/g)].map(([prefix]) => prefix),
);
function read(file: string): string {
	return readFileSync(sourceFile(file), "utf8");
}

/** `-b bufcnt, --buffer-count=bufcnt`: how the manual and the README write an option. */
function heading({ name, short, value }: Option): string {
	const long = value === undefined ? `--${name}` : `--${name}=${value}`;
	if (short === undefined) return long;
	return value === undefined ? `-${short}, ${long}` : `-${short} ${value}, ${long}`;
}

/** `netif`, or `[netif]` for one that may be left out. */
function wordOf({ name, isOptional, isRepeated }: Form["arguments"][number]): string {
	const word = isRepeated ? `${name} ...` : name;
	return isOptional ? `[${word}]` : word;
}

/** How the manual writes a command. */
function callOf(command: Form): string {
	return [command.name, "[option ...]", ...command.arguments.map(wordOf)].join(" ");
}

/** From `usage: vblade` or the like to the end of the last argument, in one line. */
function synopsis(text: string): string {
	const words = text.replaceAll(/\s+/g, " ");
	return /vblade \[-b.*?filename \[shelf slot netif filename \.\.\.\]/.exec(words)?.[0] ?? "none";
}

t.test("the manual pages are clean", async (t) => {
	for (const page of readdirSync(sourceFile("man"))) {
		const { code, output } = await run(["mandoc", "-Tlint", "-Wwarning", sourceFile("man", page)], LIMIT_MS);
		t.equal(code, 0, `${page} ${output}`);
		t.equal(output, "");
	}
});

t.test("the manual has the options of --help, and no others", async (t) => {
	const page = await manual("vblade.8");
	const paragraphs = page.split("\n").map((line) => line.trim());
	const description = page.slice(page.indexOf("\nDESCRIPTION"), page.indexOf("\nCOMMANDS"));
	const headings = [...description.matchAll(/^ {5}(-\S.*?)(?: {2,}.*)?$/gm)].map((match) => match[1]);
	t.strictSame(headings, OPTIONS.map(heading), "the same, in the same order");
	for (const option of OPTIONS) {
		const at = paragraphs.findIndex(
			(line) => line === heading(option) || line.startsWith(`${heading(option)}  `),
		);
		const text = `${paragraphs[at]} ${paragraphs[at + 1]}`;
		const [, standard] = /default (\w+)/.exec(text) ?? [];
		t.equal(standard, option.default, `${heading(option)}: the default`);
	}
	t.equal(synopsis(page), synopsis(await helpText(SERVE)), "the synopsis");
	for (const { name, help } of SERVE.arguments) {
		t.match(page, new RegExp(`^ {5}${name}\\b`, "m"));
		const [range] = /^\d+ to \d+$/.exec(help) ?? [];
		if (range !== undefined) t.match(page, `a number from ${range}.`, `${name}: the range`);
	}
	for (const prefix of PREFIXES) t.match(page, prefix, "a form of netif or filename");
	for (const command of COMMANDS)
		if (groupOf(command) === undefined) t.match(page, `vblade ${callOf(command)}\n`);
	for (const { name } of GROUPS) t.match(page, `vblade ${name} command [option ...] [argument ...]\n`);
});

function groupOf({ name }: Form): string | undefined {
	return GROUPS.find((group) => name.startsWith(`${group.name} `))?.name;
}

t.test("the manual has the options of the commands, and no others", async (t) => {
	for (const command of COMMANDS) {
		const described = namesIn(await optionsOf(t, command)).filter((name) => name !== "--help");
		const offered = [...(await helpText(command)).matchAll(/^ {2,6}(?:-\w, )?(--[\w-]+)/gm)].map(
			(match) => match[1],
		);
		t.strictSame(["--help", ...described], offered, command.name);
	}
});

function namesIn(text: string): (string | undefined)[] {
	return [...text.matchAll(/^ *(?:-\w(?: \S+)?, )?(--[\w-]+)/gm)].map((match) => match[1]);
}

t.test("a command prints its help", async (t) => {
	const { code, stdout } = await run([process.execPath, VBLADE, "disk", "ls", "--help"], LIMIT_MS);
	t.equal(code, 0);
	t.match(stdout, /^vblade disk ls\n\nLists the disks\.\n\nOptions:\n +--help .*\n +--socket=path /);
});

t.test("a group's commands are shown by --help, which is named where there is none of them", async (t) => {
	for (const { name } of GROUPS) {
		const own = COMMANDS.filter((command) => groupOf(command) === name);
		const asked = await run([process.execPath, VBLADE, name, "--help"], LIMIT_MS);
		t.match(asked, { code: 0, stderr: "" });
		for (const command of own) t.match(asked.stdout, `vblade ${command.name}`);
		const bare = await run([process.execPath, VBLADE, name], LIMIT_MS);
		const stderr = `vblade: missing argument: command; see vblade ${name} --help\n`;
		t.strictSame(bare, { ...bare, code: 2, stdout: "", stderr });
	}
});

/** Pages that tell of several commands: after what all take, each has a heading and its own options. */
const PAGES: Readonly<Record<string, string>> = {
	reload: "reload",
	diff: "reload",
	dump: "reload",
	disk: "disk",
	machine: "machine",
	pool: "pool",
	volume: "volume",
};

/** What the manual says of a command's options: in a page of its own or of several, or in that of vblade. */
async function optionsOf(t: Test, command: Form): Promise<string> {
	const [first = ""] = command.name.split(" ");
	const shared = PAGES[first];
	if (shared !== undefined) return optionsOfShared(t, await manual(`vblade-${shared}.8`), command);
	const name = `vblade-${command.name}.8`;
	if (existsSync(sourceFile("man", name))) {
		const page = await manual(name);
		t.match(page, `vblade ${callOf(command)}\n`, `the synopsis of ${name}`);
		return page.slice(page.indexOf("The options are:"), page.indexOf("\nEXIT STATUS"));
	}
	return ownPart(await manual("vblade.8"), command, "SIGNALS");
}

function optionsOfShared(t: Test, page: string, command: Form): string {
	t.match(page, `vblade ${callOf(command)}\n`, "the synopsis");
	const common = page.slice(page.indexOf("All of them take:"), page.indexOf("\nCOMMANDS"));
	return `${common}\n${ownPart(page, command, "EXIT STATUS")}`;
}

/** Of the section with the commands: up to the next one. */
function ownPart(page: string, command: Form, next: string): string {
	const section = page.slice(page.indexOf("\nCOMMANDS"), page.indexOf(`\n${next}`));
	const [, text] = section.split(`     ${callOf(command)}\n`);
	if (text === undefined) throw new Error(`${callOf(command)}: not in the section COMMANDS`);
	const [own = ""] = text.split(/^ {5}\S/m);
	return own;
}

t.test("the README has the options of --help, and no others", async (t) => {
	const readme = read("README.md");
	t.equal(synopsis(readme), synopsis(await helpText(SERVE)), "the synopsis");
	const rows = table(readme, "Options");
	t.strictSame(
		rows.map(([name]) => name),
		OPTIONS.map(heading),
		"the same, in the same order",
	);
	t.strictSame(
		rows.map(([, standard]) => standard),
		OPTIONS.map((option) => option.default ?? ""),
		"the defaults",
	);
	const durabilities = OPTIONS.find(({ name }) => name === "durability")?.value?.split("|");
	t.strictSame(
		table(readme, "Durability").map(([name]) => name?.replace(/ .*/, "")),
		durabilities,
	);
	for (const prefix of PREFIXES) t.match(readme, prefix, "a form of netif or filename");
	for (const command of COMMANDS) t.match(readme, `vblade ${command.name} `);
});

t.test("vbladed does what its manual says", async (t) => {
	const script = read("vbladed");
	const options: readonly Option<string>[] = [...OPTIONS, ...DAEMON.options];
	const valued = options.filter((option) => option.value !== undefined);
	const known = /^\t(--.*)\) return 0/m.exec(script)?.[1]?.split(" | ");
	t.strictSame(
		known,
		valued.map(({ name }) => `--${name}`),
		"long options that take a value",
	);
	const letters = valued.map(({ short }) => short ?? "").join("");
	t.match(script, `[${letters}]*) return 1`, "short options that take a value");
	const page = await manual("vbladed.8");
	const names = new Set(script.match(/VBLADED_[A-Z]+/g));
	const section = page.slice(page.indexOf("\nENVIRONMENT"), page.indexOf("\nFILES"));
	t.strictSame(new Set(section.match(/VBLADED_[A-Z]+/g)), names, "environment variables");
	const limit = /VBLADED_TIMEOUT:-(\d+)/.exec(script)?.[1];
	t.match(section, `instead of ${limit}.`);
	t.match(page, `no start-up line within ${limit} seconds`);
	for (const [, pidFile = "none"] of script.matchAll(/pid_file=(\/run\/.*\.pid)/g))
		t.match(page, pidFile.replace("$shelf", "SHELF").replace("$slot", "SLOT"), "a pid file");
});

t.test("the changelog's newest version is that of the package", async (t) => {
	const { version } = JSON.parse(read("package.json")) as { version: string };
	const [, newest] = /^## \[?(\d[\w.-]*)/m.exec(read("CHANGELOG.md")) ?? [];
	t.equal(newest, version);
});
