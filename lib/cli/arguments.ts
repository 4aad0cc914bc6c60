/**
 * The command line of vblade: from `argv` to what is to be done, every value checked. Called by `vblade.ts`; hands on an
 * `Invocation`, or throws an `OperatorError` whose one line names the wrong value and says what is allowed.
 *
 * Options are read as getopt(3) does for vblade 25 (`-rsd`, `-b32`, `-rb 32`, before or after the arguments, `--` ends
 * them), with a long name for each.
 */

import { parseArgs } from "node:util";
import { ACCESS_LIST_MAX, SHELF_MAX, SLOT_MAX } from "../aoe/blade.js";
import { OperatorError } from "../errors.js";
import type { BladeSpec, Durability, ServerOptions, StorageSpec } from "../server-options.js";
import { readMacs, readNumber, sizeBytes } from "../spec/values.js";
import { quote } from "../text.js";
import { parseNetif } from "./netif.js";
import { ARGUMENTS, OPTIONS, type OptionName, USAGE } from "./options.js";

/** What the operator wants. */
export type Invocation =
	| {
			readonly kind: "serve";
			readonly blades: readonly BladeSpec[];
			readonly options: ServerOptions;
			readonly verbose: boolean;
	  }
	| { readonly kind: "help" }
	| { readonly kind: "version" };

const SECTOR_BYTES = 512;
/** So many sectors that their bytes can still be counted exactly. */
const SECTORS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / SECTOR_BYTES);
/** Every number of the command line: its range, and what messages call it. */
const NUMBERS = {
	shelf: { min: 0, max: SHELF_MAX, called: "a shelf" },
	slot: { min: 0, max: SLOT_MAX, called: "a slot" },
	// Linux never uses a target that advertises 0 or 1; the field on the wire has 16 bits.
	"buffer count": { min: 2, max: 0xffff, called: "a buffer count" },
	offset: { min: 0, max: SECTORS_MAX, called: "an offset in sectors" },
	"poll-us": { min: 0, max: 1000, called: "a time in microseconds" },
	length: { min: 1, max: SECTORS_MAX, called: "a length in sectors" },
} as const;
const DURABILITIES: readonly Durability[] = ["ack", "flush", "none"];
const MEMORY_PREFIX = "mem:";

/**
 * Understands the arguments after `vblade`. `present` lists the interfaces of this machine; it is asked only for a glob.
 * Throws an OperatorError with a message of one line, and nothing else, for whatever is not understood.
 */
export function parseArguments(argv: readonly string[], present: () => readonly string[]): Invocation {
	const { given, positionals } = split(argv);
	if (given.has("help")) return { kind: "help" };
	if (given.has("version")) return { kind: "version" };
	const options = readOptions(given);
	return { kind: "serve", blades: readBlades(positionals, present), options, verbose: given.has("verbose") };
}

interface SplitArguments {
	/** Every option given, with its values in order; none for options that take none. */
	readonly given: ReadonlyMap<OptionName, readonly string[]>;
	readonly positionals: readonly string[];
}

/** Tells options from arguments and refuses options that do not exist, lack their value or have one too many. */
function split(argv: readonly string[]): SplitArguments {
	const given = new Map<OptionName, string[]>();
	const positionals: string[] = [];
	const { tokens } = parseArgs({ args: [...argv], options: PARSE_OPTIONS, strict: false, tokens: true });
	for (const token of tokens) {
		if (token.kind === "positional") positionals.push(token.value);
		if (token.kind !== "option") continue;
		const option = OPTIONS.find(({ name }) => name === token.name);
		if (option === undefined)
			throw new OperatorError(
				`option ${quote(token.rawName)}: there is none of this name; see vblade --help`,
			);
		const values = given.get(option.name) ?? [];
		if (option.value !== undefined) {
			if (token.value === undefined)
				throw new OperatorError(`option ${quote(token.rawName)}: needs a value, ${option.value}`);
			values.push(token.value);
		} else if (token.value !== undefined) {
			throw new OperatorError(`option ${quote(token.rawName)}: takes no value`);
		}
		given.set(option.name, values);
	}
	return { given, positionals };
}

const PARSE_OPTIONS = Object.fromEntries(
	OPTIONS.map(({ name, short, value }) => {
		const type: "boolean" | "string" = value === undefined ? "boolean" : "string";
		return [name, short === undefined ? { type } : { type, short }];
	}),
);

function readOptions(given: SplitArguments["given"]): ServerOptions {
	const length = lastValue(given, "length");
	return {
		bufferCount: number("buffer count", lastValue(given, "buffer-count")),
		direct: given.has("direct"),
		readOnly: given.has("read-only"),
		macs: readMacs(given.get("mac") ?? [], ACCESS_LIST_MAX),
		offsetSectors: number("offset", lastValue(given, "offset")),
		lengthSectors: length === undefined ? undefined : number("length", length),
		durability: readDurability(lastValue(given, "durability"), given.has("sync")),
		pollUs: number("poll-us", lastValue(given, "poll-us")),
		xdp: !given.has("no-xdp"),
		user: readUser(lastValue(given, "user")),
		force: given.has("force"),
	};
}

/** What was given for an option, or what holds without it: as with getopt(3) the last of several wins. */
function lastValue(given: SplitArguments["given"], name: OptionName): string | undefined {
	return given.get(name)?.at(-1) ?? OPTIONS.find((option) => option.name === name)?.default;
}

function number(what: keyof typeof NUMBERS, text = ""): number {
	return readNumber(what, text, NUMBERS[what]);
}

function readDurability(text = "", sync: boolean): Durability {
	const durability = DURABILITIES.find((name) => name === text);
	if (durability === undefined)
		throw new OperatorError(`durability ${quote(text)}: ack, flush or none is allowed`);
	if (sync && durability !== "ack")
		throw new OperatorError(`durability "${durability}": contradicts -s, which means --durability=ack`);
	return durability;
}

/** A name; whether there is such a user is looked up when the server starts. */
function readUser(text: string | undefined): string | undefined {
	if (text === "" || text?.includes("\0"))
		throw new OperatorError(`user ${quote(text)}: the name of a user is allowed`);
	return text;
}

function readBlades(positionals: readonly string[], present: () => readonly string[]): BladeSpec[] {
	const missing = ARGUMENTS.slice(positionals.length % ARGUMENTS.length).map(({ name }) => name);
	if (positionals.length === 0 || missing.length < ARGUMENTS.length)
		throw new OperatorError(`missing arguments: ${missing.join(", ")}; usage: ${USAGE}`);
	const blades: BladeSpec[] = [];
	for (let at = 0; at < positionals.length; at += ARGUMENTS.length) {
		const [shelf = "", slot = "", netif = "", filename = ""] = positionals.slice(at);
		blades.push({
			shelf: number("shelf", shelf),
			slot: number("slot", slot),
			netifs: parseNetif(netif, present),
			storage: readStorage(filename),
		});
	}
	return blades;
}

function readStorage(filename: string): StorageSpec {
	if (filename.startsWith(MEMORY_PREFIX))
		return { kind: "memory", name: filename, sizeBytes: readSize(filename) };
	if (filename === "" || filename.includes("\0"))
		throw new OperatorError(`filename ${quote(filename)}: a file, a block device or mem:SIZE is allowed`);
	return { kind: "file", name: filename, path: filename };
}

/** The bytes that `mem:64M` means. */
function readSize(filename: string): number {
	const [, size = ""] = /^mem:([0-9]+[KMGT])$/.exec(filename) ?? [];
	const bytes = sizeBytes(size) ?? 0;
	if (bytes === 0)
		throw new OperatorError(
			`filename ${quote(filename)}: a size is a number above 0 with K, M, G or T, as in mem:64M`,
		);
	return bytes;
}
