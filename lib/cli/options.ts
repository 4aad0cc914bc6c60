/**
 * The options of the command line, once: `arguments.ts` parses by this table, `--help` prints it, and a test holds the
 * manual page and the README against it. The short forms and their meaning are those of vblade 25.
 */

import { SHELF_MAX, SLOT_MAX } from "../aoe/blade.js";

export type OptionName =
	| "buffer-count"
	| "direct"
	| "sync"
	| "read-only"
	| "mac"
	| "offset"
	| "length"
	| "durability"
	| "poll-us"
	| "no-xdp"
	| "user"
	| "force"
	| "verbose"
	| "help"
	| "version";

export interface Option {
	/** Without the two dashes. */
	readonly name: OptionName;
	/** One letter, without the dash. */
	readonly short?: string;
	/** What the manual calls the option's value; an option without takes none. */
	readonly value?: string;
	/** What holds if the option is not given, where that is a value. */
	readonly default?: string;
	readonly help: string;
}

export const OPTIONS: readonly Option[] = [
	{
		name: "buffer-count",
		short: "b",
		value: "bufcnt",
		default: "16",
		help: "frames that an initiator may have outstanding",
	},
	{ name: "direct", short: "d", help: "direct I/O: bypass the page cache" },
	{ name: "sync", short: "s", help: "the same as --durability=ack" },
	{ name: "read-only", short: "r", help: "refuse every write" },
	{ name: "mac", short: "m", value: "mac[,mac...]", help: "answer only these MAC addresses" },
	{
		name: "offset",
		short: "o",
		value: "offset",
		default: "0",
		help: "sectors to skip at the beginning of filename",
	},
	{ name: "length", short: "l", value: "length", help: "sectors to export; without it, all after offset" },
	{
		name: "durability",
		value: "ack|flush|none",
		default: "ack",
		help: "a write is on stable storage when acknowledged, when flushed, or perhaps never",
	},
	{
		name: "poll-us",
		value: "microseconds",
		default: "50",
		help: "longest wait for a frame without sleeping, if that is fast enough; 0 for never",
	},
	{ name: "no-xdp", help: "send every frame through the interface's queue, where tc and tcpdump see it" },
	{ name: "user", value: "name", help: "once everything is open, go on as this user instead of root" },
	{ name: "force", help: "serve even if another host answers for shelf and slot" },
	{ name: "verbose", help: "log more" },
	{ name: "help", help: "print this and exit" },
	{ name: "version", help: "print the version and exit" },
];

/** The arguments that a blade is made of, in order. */
export const ARGUMENTS = [
	{ name: "shelf", help: `0 to ${SHELF_MAX}` },
	{ name: "slot", help: `0 to ${SLOT_MAX}` },
	{ name: "netif", help: "an interface, a list (eth0,eth1), a glob ('eth*'), pcap:NAME or unix:PATH" },
	{ name: "filename", help: "a regular file, a block device or mem:SIZE (mem:64M)" },
] as const;

/** What vblade does instead of serving if its first argument is one of these words: it is the initiator, then. */
export const COMMANDS = [
	{ name: "discover", arguments: "netif", help: "list the blades that answer" },
	{ name: "bench", arguments: "netif shelf slot", help: "measure how fast a blade is" },
] as const;
export type CommandName = (typeof COMMANDS)[number]["name"];

const BLADE = ARGUMENTS.map(({ name }) => name).join(" ");

/** What a message about missing arguments ends with. */
export const USAGE = `vblade [options] ${BLADE} [${BLADE} ...]`;

/** `[-b bufcnt]`, `[--force]`: how the synopsis shows an option. */
function synopsis(option: Option): string {
	const dashed = option.short === undefined ? `--${option.name}` : `-${option.short}`;
	if (option.value === undefined) return `[${dashed}]`;
	return `[${dashed}${option.short === undefined ? "=" : " "}${option.value}]`;
}

/** Words joined to lines of at most 80 columns, every line after the first indented. */
function wrap(words: readonly string[], indent: number): string {
	const lines = [""];
	for (const word of words) {
		const last = lines.at(-1) ?? "";
		if (last !== "" && indent + last.length + 1 + word.length > 80) lines.push(word);
		else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
	}
	return lines.join(`\n${" ".repeat(indent)}`);
}

/** The two columns of one option or argument. */
function row(left: string, help: string): string {
	return `  ${left.padEnd(31)}  ${wrap(help.split(" "), 35)}\n`;
}

function optionRow(option: Option): string {
	const short = option.short === undefined ? "    " : `-${option.short}, `;
	const value = option.value === undefined ? "" : `=${option.value}`;
	const standard = option.default === undefined ? "" : ` (default ${option.default})`;
	return row(`${short}--${option.name}${value}`, option.help + standard);
}

/** The text of `--help`. */
export function helpText(): string {
	const served = OPTIONS.filter(({ name }) => name !== "help" && name !== "version");
	const usage = wrap([...served.map(synopsis), BLADE, `[${BLADE} ...]`], 14);
	const commands = COMMANDS.map((command) => row(`${command.name} ${command.arguments}`, command.help));
	return (
		`usage: vblade ${usage}\n       vblade command ...\n\n` +
		"Exports files and block devices as ATA-over-Ethernet disks.\n\n" +
		`Arguments, repeated for each blade:\n${ARGUMENTS.map(({ name, help }) => row(name, help)).join("")}\n` +
		`Options, for all blades (a sector is 512 bytes):\n${OPTIONS.map(optionRow).join("")}\n` +
		`Commands, each with a --help of its own:\n${commands.join("")}`
	);
}
