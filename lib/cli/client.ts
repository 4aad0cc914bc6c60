/**
 * What the commands of our initiator (`bench.ts`, `discover.ts`) have in common: their command line is checked, the
 * link it names is opened, and a request that fails is told in one line.
 */

import { InitiatorError } from "../client/errors.js";
import { Initiator } from "../client/initiator.js";
import { OperatorError } from "../errors.js";
import { interfaceNames } from "../link/interfaces.js";
import type { Link, LinkLog } from "../link/link.js";
import { openLink } from "../link/open.js";
import { UnixLink } from "../link/unix.js";
import { Pump } from "../pump.js";
import { type CommandLine, getopt } from "../spec/getopt.js";
import { parseNetif } from "../spec/netif.js";
import { oneLine, quote } from "../text.js";
import type { Form } from "./forms.js";

/** A request failed: no answer, or an error of the target's or the disk's. */
export const EXIT_FAILED = 1;

/** Where a command writes: standard output and standard error. */
export interface Output {
	out(text: string): void;
	err(text: string): void;
}

export const processOutput: Output = {
	out: (text) => void process.stdout.write(text),
	err: (text) => void process.stderr.write(text),
};

/** What `--json` says. */
export function putJson(output: Output, value: object): void {
	output.out(`${JSON.stringify(value, null, "\t")}\n`);
}

/**
 * Takes the command line of a form apart. Undefined if all that was wanted is help, which has then been written; throws an
 * OperatorError for arguments that are missing or too many, and for options that do not exist or lack their value.
 */
export async function understand<Name extends string>(
	form: Form<Name | "help">,
	argv: readonly string[],
	output: Output,
): Promise<CommandLine<Name | "help"> | undefined> {
	const line = getopt(argv, form.options);
	if (line.has("help")) {
		output.out(await (await import("./usage.js")).helpText(form));
		return undefined;
	}
	const missing = form.arguments
		.filter(({ isOptional }) => isOptional !== true)
		.slice(line.positionals.length)
		.map(({ name }) => name);
	const most = form.arguments.at(-1)?.isRepeated ? line.positionals.length : form.arguments.length;
	const unknown = line.positionals.slice(most);
	const see = `see vblade ${form.name} --help`;
	// First: what follows it may be its value, and no argument.
	const [stranger] = line.unknown;
	if (stranger !== undefined) throw new OperatorError(await unknownOption(stranger, form.options, see));
	if (missing.length > 0) throw new OperatorError(`${listed("missing", missing)}; ${see}`);
	if (unknown.length > 0) throw new OperatorError(`${listed("unknown", unknown)}; ${see}`);
	if (line.mistake !== undefined) throw new OperatorError(line.mistake);
	return line;
}

/** A word that is so many letters off is meant to be that one, and so is one that it begins with. */
const TYPO_MAX = 2;

async function unknownOption(given: string, options: Form["options"], see: string): Promise<string> {
	if (/^-[0-9]$/.test(given))
		return `option ${quote(given)}: there is none of this name, and no number is negative; ${see}`;
	const { closest, distance } = await import("fastest-levenshtein");
	const known = options.map(({ name }) => `--${name}`);
	const begun = given.length > "--".length ? known.find((name) => name.startsWith(given)) : undefined;
	const nearest = begun ?? closest(given, known);
	const isMeant = begun !== undefined || (given.startsWith("--") && distance(given, nearest) <= TYPO_MAX);
	return `option ${quote(given)}: there is none of this name${isMeant ? `; did you mean ${quote(nearest)}?` : `; ${see}`}`;
}

function listed(what: string, names: readonly string[]): string {
	return oneLine(`${what} argument${names.length === 1 ? "" : "s"}: ${names.join(", ")}`);
}

/** Runs `work` with an initiator on the link that `netif` names. Resolves to the exit status. */
export async function withInitiator(
	netif: string,
	framesInFlight: number,
	output: Output,
	work: (initiator: Initiator) => Promise<number>,
): Promise<number> {
	const link = await openForInitiator(netif, framesInFlight, output);
	const initiator = new Initiator(link);
	try {
		if (!link.up) throw new OperatorError(`${link.name}: this interface is down`);
		return await tellingFailures(output, () => work(initiator));
	} finally {
		initiator.close();
		await link.close();
	}
}

/** Runs `work`, which resolves to the exit status; a request that fails is told in one line, and a status of its own. */
export async function tellingFailures(output: Output, work: () => Promise<number>): Promise<number> {
	try {
		return await work();
	} catch (error) {
		if (!(error instanceof InitiatorError)) throw error;
		output.err(`vblade: ${oneLine(error.message)}\n`);
		return EXIT_FAILED;
	}
}

/** As the netif of a blade, except that a unix socket is connected to, and that it is one link. */
async function openForInitiator(netif: string, framesInFlight: number, output: Output): Promise<Link> {
	const pump = new Pump();
	const log: LinkLog = (message, level = "warn") => {
		if (level === "warn") output.err(`vblade: ${oneLine(message)}\n`);
	};
	const [spec, ...others] = parseNetif(netif, interfaceNames);
	if (spec === undefined || others.length > 0)
		throw new OperatorError(`netif ${quote(netif)}: one interface, gre:ADDRESS or unix:PATH is allowed here`);
	if (spec.kind === "unix") return UnixLink.connect(spec.path, { pump, log, framesInFlight });
	return openLink(spec, pump, { log, framesInFlight });
}
