/**
 * What the documents tell to type is understood: every command of vblade in their code is one of the table that commands are read by,
 * with options and arguments that it has. Part of `npm run check`; whether files and npm scripts are there is in `links.test.ts`.
 */

import { readFileSync } from "node:fs";
import MarkdownIt from "markdown-it";
import t from "tap";
import { FORMS } from "../../lib/cli/options.js";
import { getopt, type Option } from "../../lib/spec/getopt.js";
import { sourceFile } from "../support/paths.js";

const markdown = new MarkdownIt("commonmark").enable("table");
const DOCUMENTS = ["README.md", "docs/operations.md", "docs/differences.md", "docs/reliability.md"];

interface Form {
	readonly name: string;
	readonly arguments: readonly { readonly name: string; readonly isRepeated?: boolean }[];
	readonly options: readonly Option[];
}

/** Lines of its code, in blocks and between words. */
function codeOf(text: string): string[] {
	const tokens = markdown.parse(text, {}).flatMap((token) => [token, ...(token.children ?? [])]);
	return tokens.flatMap(({ type, info, content }) => {
		if (type === "code_inline") return [content];
		return type === "fence" && /^(sh)?$/.test(info) ? content.split("\n") : [];
	});
}

/** The words after `vblade` of each command in a line. */
function commandsIn(line: string): string[][] {
	const [command = ""] = line.split(/(?:^|\s)# /);
	return command
		.split(/&&|[;&|>]/)
		.map((part) => part.trim().replace(/^sudo (-\S+ )*/, ""))
		.flatMap((part) => {
			const [, words] = /^(?:vblade|build\/bin\/vblade\.js) ([a-z0-9-].*)$/.exec(part) ?? [];
			return words === undefined ? [] : [words.replaceAll("'", "").split(/\s+/)];
		});
}

/** What is wrong with them. */
function wrongIn(words: readonly string[], forms: readonly Form[] = FORMS): string | undefined {
	if (words.includes("...")) return undefined;
	const [first = "", second = ""] = words;
	const isServing = /^(\d|--?[a-z])/.test(first);
	const form = isServing
		? forms.find(({ name }) => name === "")
		: (forms.find(({ name }) => name === `${first} ${second}`) ?? forms.find(({ name }) => name === first));
	if (form === undefined) return "no such command";
	const rest = isServing ? words : words.slice(form.name.split(" ").length);
	const { mistake, positionals } = getopt(rest, form.options);
	if (mistake !== undefined) return mistake;
	const takesMore = isServing || form.arguments.some(({ isRepeated }) => isRepeated);
	return positionals.length > form.arguments.length && !takesMore ? "too many arguments" : undefined;
}

for (const document of DOCUMENTS)
	t.test(`${document}: its commands are understood`, async (t) => {
		const lines = codeOf(readFileSync(sourceFile(document), "utf8"));
		for (const words of lines.flatMap(commandsIn)) t.equal(wrongIn(words), undefined, words.join(" "));
	});

t.test("a command that is not understood would be found", async (t) => {
	const text =
		"`vblade chekc` and\n\n```sh\nsudo vblade check --jsn a && vblade doctor eth0 eth1 # vblade gone\n```\n";
	t.strictSame(codeOf(text).flatMap(commandsIn), [
		["chekc"],
		["check", "--jsn", "a"],
		["doctor", "eth0", "eth1"],
	]);
	t.equal(wrongIn(["chekc"]), "no such command");
	t.match(wrongIn(["check", "--jsn", "a"]), "jsn");
	t.equal(wrongIn(["doctor", "eth0", "eth1"]), "too many arguments");
	t.equal(wrongIn(["9", "0", "eth0", "disk.img", "9", "1", "eth0", "b.img"]), undefined);
});
