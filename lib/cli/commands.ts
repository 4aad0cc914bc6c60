/**
 * What carries out the commands of `options.ts`: each is loaded when it is asked for, as a server needs neither the other
 * commands nor what they are made of. Called by `vblade.ts`.
 */

import { COMMANDS, type FORMS } from "./options.js";

type Run = (argv: readonly string[]) => Promise<number>;

const RUN: Readonly<Record<(typeof FORMS)[number]["name"], Run>> = {
	"": async (argv) => (await import("./serve.js")).serveCommand(argv),
	discover: async (argv) => (await import("./discover.js")).discoverCommand(argv),
	bench: async (argv) => (await import("./bench.js")).benchCommand(argv),
};

/** Does what the words after `vblade` ask for. Resolves to the exit status; throws an OperatorError for a mistake. */
export function runCommand(argv: readonly string[]): Promise<number> {
	const [first] = argv;
	const form = COMMANDS.find(({ name }) => name === first);
	return form === undefined ? RUN[""](argv) : RUN[form.name](argv.slice(1));
}
