/**
 * The text of `--help`, laid out by yargs from the table in `options.ts`. Loaded only for that, as yargs costs more to load
 * than all the rest of a server. It parses nothing: what is wrong with a command line is best told by who has taken it apart.
 */

import yargs, { type Argv } from "yargs";
import type { Option } from "../spec/getopt.js";
import type { Form } from "./forms.js";
import { BLADE, COMMANDS, type GROUPS, SERVE } from "./options.js";

const COLUMNS = 80;

/** What `vblade NAME --help` prints, or without a name `vblade --help`. */
export async function helpText(form: Form): Promise<string> {
	const parser = form.name === "" ? ofServing() : ofCommand(form);
	for (const option of form.options)
		parser.option(called(option), {
			...(option.short && { alias: option.short }),
			describe: described(option),
		});
	const text = await parser.getHelp();
	return `${form.name === "" ? `${synopsis()}\n\n${text}` : text}\n`;
}

/** All that we say is in one language. */
function layout(): Argv {
	return yargs()
		.scriptName("vblade")
		.locale("en")
		.updateStrings({ "Positionals:": "Arguments:" })
		.wrap(COLUMNS)
		.help(false)
		.version(false);
}

function ofServing(): Argv {
	const parser = layout()
		.usage(SERVE.help)
		.updateStrings({
			"Positionals:": "Arguments, repeated for each blade:",
			"Options:": "Options, for all blades (a sector is 512 bytes):",
			"Commands:": "Commands, each with a --help of its own:",
		})
		.command(`$0 ${words(SERVE)}`, false);
	for (const form of COMMANDS) parser.command(`${form.name} ${words(form)}`, form.help);
	return withArguments(parser, SERVE);
}

function ofCommand(form: Form): Argv {
	const line = `${form.name} ${words(form)}`;
	return withArguments(
		layout()
			.usage(`$0 ${line}\n\n${form.help}`)
			.command(`$0 ${words(form)}`, false),
		form,
	);
}

/** What `vblade disk` prints, and `vblade disk --help`. */
export async function groupText({ name, help }: (typeof GROUPS)[number]): Promise<string> {
	const parser = layout()
		.usage(`$0 ${name} <command>\n\n${help}`)
		.updateStrings({ "Commands:": "Commands, each with a --help of its own:" });
	for (const form of COMMANDS)
		if (form.name.startsWith(`${name} `)) parser.command(`${form.name} ${words(form)}`, form.help);
	return `${await parser.getHelp()}\n`;
}

function withArguments(parser: Argv, form: Form): Argv {
	for (const { name, help } of form.arguments) parser.positional(name, { describe: help });
	return parser;
}

/** `<netif> <shelf> [slot]` */
function words(form: Form): string {
	return form.arguments
		.map(({ name, isOptional, isRepeated }) => {
			const word = isRepeated ? `${name}..` : name;
			return isOptional ? `[${word}]` : `<${word}>`;
		})
		.join(" ");
}

/** `buffer-count=bufcnt`, `write[=percent]`, `force`: the name of an option and what its value is called. */
function called({ name, value, alone }: Option): string {
	if (value === undefined) return name;
	return alone === undefined ? `${name}=${value}` : `${name}[=${value}]`;
}

function described(option: Option): string {
	return option.default === undefined ? option.help : `${option.help} (default ${option.default})`;
}

/** `usage: vblade [-b bufcnt] [-d] ...`, in lines of which those after the first are indented. */
function synopsis(): string {
	const begin = "usage: vblade";
	const lines = [begin];
	for (const word of [
		...SERVE.options.filter(({ name }) => name !== "help" && name !== "version").map(short),
		BLADE,
		`[${BLADE} ...]`,
	]) {
		const line = `${lines.at(-1)} ${word}`;
		if (line.length > COLUMNS) lines.push(`${" ".repeat(begin.length)} ${word}`);
		else lines[lines.length - 1] = line;
	}
	return [...lines, "       vblade command ..."].join("\n");
}

/** `[-b bufcnt]`, `[--force]`: how the synopsis shows an option. */
function short({ name, short, value }: Option): string {
	const dashed = short === undefined ? `--${name}` : `-${short}`;
	if (value === undefined) return `[${dashed}]`;
	return `[${dashed}${short === undefined ? "=" : " "}${value}]`;
}
