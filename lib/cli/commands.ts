/**
 * What carries out the commands of `options.ts`: each is loaded when it is asked for, as a server needs neither the other
 * commands nor what they are made of. Called by `vblade.ts`.
 */

import { COMMANDS, type FORMS } from "./options.js";

type Run = (argv: readonly string[]) => Promise<number>;

const RUN: Readonly<Record<(typeof FORMS)[number]["name"], Run>> = {
	"": async (argv) => (await import("./serve.js")).serveCommand(argv),
	daemon: async (argv) => (await import("./daemon.js")).daemonCommand(argv),
	discover: async (argv) => (await import("./discover.js")).discoverCommand(argv),
	check: async (argv) => (await import("./check.js")).checkCommand(argv),
	doctor: async (argv) => (await import("./doctor.js")).doctorCommand(argv),
	capture: async (argv) => (await import("./capture.js")).captureCommand(argv),
	bench: async (argv) => (await import("./bench.js")).benchCommand(argv),
};

/** What the program starts itself as, for a part of its work. Not for people: neither help nor the manual has them. */
const HIDDEN: ReadonlyMap<string | undefined, Run> = new Map([
	["gre", async (argv: readonly string[]) => (await import("./gre.js")).greCommand(argv)],
]);

/** Does what the words after `vblade` ask for. Resolves to the exit status; throws an OperatorError for a mistake. */
export async function runCommand(argv: readonly string[]): Promise<number> {
	if (process.env.VBLADE_CHILD !== undefined) {
		const { childCommand, childKind } = await import("./children.js");
		const kind = childKind(argv);
		if (kind !== undefined) return childCommand(kind);
	}
	const [first] = argv;
	const hidden = HIDDEN.get(first);
	if (hidden !== undefined) return hidden(argv.slice(1));
	const form = COMMANDS.find(({ name }) => name === first);
	return form === undefined ? RUN[""](argv) : RUN[form.name](argv.slice(1));
}
