/**
 * The command line of serving: from `argv` to what is to be done, every value checked. Called by `serve.ts`; hands on an
 * `Invocation`, or throws an `OperatorError` whose one line names the wrong value and says what is allowed.
 */

import { ACCESS_LIST_MAX, SHELF_MAX, SLOT_MAX } from "../aoe/blade.js";
import { OperatorError } from "../errors.js";
import type { Durability, StorageSpec } from "../spec/spec.js";
import { readMacs, readNumber, sizeBytes } from "../spec/values.js";
import { quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { type CommandLine, getopt } from "./getopt.js";
import { parseNetif } from "./netif.js";
import { BLADE, COMMANDS, type OptionName, SERVE } from "./options.js";
import type { BladeArguments, ServeOptions } from "./specs.js";

/** What the operator wants. */
export type Invocation =
	| {
			readonly kind: "serve";
			readonly blades: readonly BladeArguments[];
			readonly options: ServeOptions;
			readonly verbose: boolean;
	  }
	| { readonly kind: "help" }
	| { readonly kind: "version" };

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
	const line = getopt(argv, SERVE.options);
	if (line.mistake !== undefined) throw new OperatorError(line.mistake);
	if (line.has("help")) return { kind: "help" };
	if (line.has("version")) return { kind: "version" };
	const options = readOptions(line);
	const blades = readBlades(line.positionals, present);
	return { kind: "serve", blades, options, verbose: line.has("verbose") };
}

function readOptions(line: CommandLine<OptionName<typeof SERVE>>): ServeOptions {
	const length = line.last("length");
	return {
		bufferCount: number("buffer count", line.last("buffer-count")),
		direct: line.has("direct"),
		readOnly: line.has("read-only"),
		macs: readMacs(line.all("mac"), ACCESS_LIST_MAX),
		offsetSectors: number("offset", line.last("offset")),
		lengthSectors: length === undefined ? undefined : number("length", length),
		durability: readDurability(line.last("durability"), line.has("sync")),
		pollUs: number("poll-us", line.last("poll-us")),
		xdp: !line.has("no-xdp"),
		user: readUser(line.last("user")),
		force: line.has("force"),
	};
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

function readBlades(positionals: readonly string[], present: () => readonly string[]): BladeArguments[] {
	const [first = "0"] = positionals;
	if (positionals.length % SERVE.arguments.length !== 0 && !/^-?[0-9]/.test(first))
		throw new OperatorError(
			`${quote(first)}: neither a shelf nor a command (${COMMANDS.map(({ name }) => name).join(", ")}); see vblade --help`,
		);
	const missing = SERVE.arguments.slice(positionals.length % SERVE.arguments.length).map(({ name }) => name);
	if (positionals.length === 0 || missing.length < SERVE.arguments.length)
		throw new OperatorError(
			`missing arguments: ${missing.join(", ")}; usage: vblade [options] ${BLADE} [${BLADE} ...]`,
		);
	const blades: BladeArguments[] = [];
	for (let at = 0; at < positionals.length; at += SERVE.arguments.length) {
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
