/**
 * `vblade check`: whether a configuration is good, with the place of everything that is not: as it is written, and on this machine
 * (`check-here.ts`). Called by `commands.ts` with the arguments after the word "check".
 */

import { DEFAULT_CONFIG, readSources } from "../opener/sources.js";
import { type Config, inOrder, readConfig, type Sources } from "../spec/config.js";
import type { PlacedError } from "../spec/place.js";
import { counted, oneLine } from "../text.js";
import { faultsHere } from "./check-here.js";
import type { Faults } from "./check-secrets.js";
import { EXIT_FAILED, type Output, processOutput, putJson, understand } from "./client.js";
import { type MachineHere, machineHere } from "./machine-here.js";
import { CHECK } from "./options.js";

/** What is found. */
interface Verdict extends Faults {
	/** Files, a line each. */
	readonly unreadable: readonly string[];
	/** None if the configuration can't be understood. */
	readonly disks: Config["disks"];
}

/**
 * Prints a line for each thing that is wrong, or how many disks there are. Resolves to the exit status: 0 if the configuration is
 * good, 1 if not. Throws an OperatorError for what the operator got wrong in the command line.
 */
export async function checkCommand(
	argv: readonly string[],
	output: Output = processOutput,
	machine: MachineHere = machineHere,
): Promise<number> {
	const line = await understand(CHECK, argv, output);
	if (line === undefined) return 0;
	const [file = DEFAULT_CONFIG] = line.positionals;
	const { unreadable, ...sources } = await readSources(file);
	const found = await verdictOn(sources, file, machine);
	// Of a file that can't be read nothing else is known: not what it leaves out, either.
	const isOfIt = ({ place }: PlacedError): boolean => place.file === file;
	const isUnread = unreadable.some((line) => line.startsWith(`${file}: `));
	const known = (faults: readonly PlacedError[]) => faults.filter((each) => !isUnread || !isOfIt(each));
	const verdict = { unreadable, ...found, errors: known(found.errors), warnings: known(found.warnings) };
	const isGood = verdict.unreadable.length + verdict.errors.length === 0;
	if (line.has("json")) putJson(output, asJson(verdict, isGood));
	else tell(verdict, isGood, output);
	return isGood ? 0 : EXIT_FAILED;
}

async function verdictOn(
	sources: Sources,
	main: string,
	machine: MachineHere,
): Promise<Omit<Verdict, "unreadable">> {
	const config = readConfig(sources, machine);
	if (isWrong(config)) return { errors: config, warnings: [], disks: [] };
	const { errors, warnings } = await faultsHere(config, { file: main, line: 1, column: 1 }, machine);
	return {
		errors: inOrder(errors, sources),
		warnings: inOrder([...config.warnings, ...warnings], sources),
		disks: config.disks,
	};
}

function tell({ unreadable, errors, warnings, disks }: Verdict, isGood: boolean, output: Output): void {
	for (const line of unreadable) output.err(`${oneLine(line)}\n`);
	for (const { message } of errors) output.err(`${message}\n`);
	for (const { message } of warnings) output.err(`${message} (a warning)\n`);
	if (isGood) output.out(`good: ${counted(disks.length, "disk")}\n`);
}

function asJson({ unreadable, errors, warnings, disks }: Verdict, isGood: boolean): object {
	const plain = ({ place, what }: PlacedError) => ({ ...place, message: what });
	return {
		good: isGood,
		unreadable,
		errors: errors.map(plain),
		warnings: warnings.map(plain),
		disks: disks.map(({ name, broken }) => ({ name, ...(broken !== undefined && { broken }) })),
	};
}

function isWrong(config: Config | readonly PlacedError[]): config is readonly PlacedError[] {
	return Array.isArray(config);
}
