/**
 * `vblade check`: whether a configuration is good, with the place of everything that is not. Called by `commands.ts` with the
 * arguments after the word "check". Nothing is opened but the files of the configuration.
 */

import { interfaceNames } from "../link/interfaces.js";
import { DEFAULT_CONFIG, readSources } from "../opener/sources.js";
import { type Config, readConfig } from "../spec/config.js";
import type { PlacedError } from "../spec/place.js";
import { counted, oneLine } from "../text.js";
import { EXIT_FAILED, type Output, processOutput, understand } from "./client.js";
import { CHECK } from "./options.js";

/**
 * Prints a line for each thing that is wrong, or how many disks there are. Resolves to the exit status: 0 if the configuration is
 * good, 1 if not. Throws an OperatorError for what the operator got wrong in the command line.
 */
export async function checkCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	const line = await understand(CHECK, argv, output);
	if (line === undefined) return 0;
	const [file = DEFAULT_CONFIG] = line.positionals;
	const { unreadable, ...sources } = await readSources(file);
	const config = readConfig(sources, { interfaceNames });
	const isGood = unreadable.length === 0 && !Array.isArray(config);
	if (line.has("json")) output.out(`${JSON.stringify(asJson(unreadable, config), null, "\t")}\n`);
	else tell(unreadable, config, output);
	return isGood ? 0 : EXIT_FAILED;
}

function tell(unreadable: readonly string[], config: Config | readonly PlacedError[], output: Output): void {
	for (const line of unreadable) output.err(`${oneLine(line)}\n`);
	if (isWrong(config)) {
		for (const { message } of config) output.err(`${message}\n`);
		return;
	}
	for (const { message } of config.warnings) output.err(`${message} (a warning)\n`);
	for (const { name, broken } of config.disks)
		if (broken !== undefined) output.err(`disk ${name}: can't be served at present: ${oneLine(broken)}\n`);
	if (unreadable.length === 0) output.out(`good: ${counted(config.disks.length, "disk")}\n`);
}

function asJson(unreadable: readonly string[], config: Config | readonly PlacedError[]): object {
	const errors = isWrong(config) ? config : [];
	const { warnings, disks } = isWrong(config) ? { warnings: [], disks: [] } : config;
	const plain = ({ place, what }: PlacedError) => ({ ...place, message: what });
	return {
		good: unreadable.length + errors.length === 0,
		unreadable,
		errors: errors.map(plain),
		warnings: warnings.map(plain),
		disks: disks.map(({ name, broken }) => ({ name, ...(broken !== undefined && { broken }) })),
	};
}

function isWrong(config: Config | readonly PlacedError[]): config is readonly PlacedError[] {
	return Array.isArray(config);
}
