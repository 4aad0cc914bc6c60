/**
 * The hidden forms of this program: processes of the daemon, which the opener starts (`lib/opener/children.ts`) and nobody else can
 * use. Called by `commands.ts`.
 */

import { createLog } from "../log.js";
import { CHILD_VARIABLE, type ProcessKind } from "../opener/messages.js";
import { nameProcess } from "../output.js";
import { packageVersion } from "./version.js";

/** What this process is to be, if the opener has started it as that. */
export function childKind(argv: readonly string[]): ProcessKind | undefined {
	const [kind] = argv;
	if ((kind !== "worker" && kind !== "control") || process.env[CHILD_VARIABLE] !== kind) return undefined;
	return kind;
}

/** Does its work until the opener ends it. Resolves to the exit status. */
export async function childCommand(kind: ProcessKind): Promise<number> {
	// Signals to the whole group are the opener's, who says what is to be done.
	for (const signal of ["SIGUSR1", "SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => undefined);
	nameProcess(kind);
	const version = packageVersion();
	switch (kind) {
		case "worker":
			return (await import("../daemon/worker.js")).runWorker({ makeLog: createLog, version });
		case "control":
			return (await import("../control/process.js")).runControl({ makeLog: createLog, version });
	}
}
