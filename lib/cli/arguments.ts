/**
 * The command line of serving: from `argv` to what is to be done, every value checked. Called by `serve.ts`; hands on an
 * `Invocation`, or throws an `OperatorError` whose one line names the wrong value and says what is allowed.
 */

import { OperatorError } from "../errors.js";
import { type CommandLine, getopt } from "../spec/getopt.js";
import { parseNetif } from "../spec/netif.js";
import { ACCESS_LIST_MAX, NUMBERS } from "../spec/ranges.js";
import type { StorageSpec } from "../spec/spec.js";
import { readDurability, readMacs, readNumber, readStorage, readUser } from "../spec/values.js";
import { quote } from "../text.js";
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
	const storages = blades.map(({ storage }) => storage);
	if (options.scratch) checkScratch(storages, options.readOnly);
	return { kind: "serve", blades, options, verbose: line.has("verbose") };
}

/** Throws an OperatorError where there is nothing that could be written, to be forgotten. */
export function checkScratch(storages: readonly StorageSpec[], readOnly: boolean): void {
	if (readOnly) throw new OperatorError("--scratch: what is read only can't be written to be forgotten");
	const other = storages.find((each) => each.kind !== "volume" || !each.volume.includes("@"));
	if (other !== undefined)
		throw new OperatorError(
			`--scratch: ${other.name} is no snapshot or moment of a volume, as pool:/srv/pool/web@monday`,
		);
}

function readOptions(line: CommandLine<OptionName<typeof SERVE>>): ServeOptions {
	const length = line.last("length");
	const user = line.last("user");
	return {
		bufferCount: number("buffer count", line.last("buffer-count")),
		direct: line.has("direct"),
		readOnly: line.has("read-only"),
		scratch: line.has("scratch"),
		macs: line.has("mac") ? readMacs(line.all("mac"), ACCESS_LIST_MAX) : undefined,
		offsetSectors: number("offset", line.last("offset")),
		lengthSectors: length === undefined ? undefined : number("length", length),
		durability: readDurability(line.last("durability") ?? "", line.has("sync")),
		pollUs: number("poll-us", line.last("poll-us")),
		xdp: !line.has("no-xdp"),
		user: user === undefined ? undefined : readUser(user),
		force: line.has("force"),
	};
}

/** The first words of all commands. */
function commandWords(): string[] {
	return [...new Set(COMMANDS.map(({ name }) => name.replace(/ .*/, "")))];
}

function number(what: keyof typeof NUMBERS, text = ""): number {
	return readNumber(what, text, NUMBERS[what]);
}

function readBlades(positionals: readonly string[], present: () => readonly string[]): BladeArguments[] {
	const [first = "0"] = positionals;
	if (positionals.length % SERVE.arguments.length !== 0 && !/^-?[0-9]/.test(first))
		throw new OperatorError(
			`${quote(first)}: neither a shelf nor a command (${commandWords().join(", ")}); see vblade --help`,
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
