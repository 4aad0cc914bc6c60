/**
 * Signals from outside: which of them ask for the end, and which are to be ignored because they were when we were started,
 * as nohup(1) and a shell that starts a job in the background arrange. Used by `lib/cli/serve.ts` and `daemon.ts`; `lib/cli/vblade.ts` has
 * it do what can be done before the rest of the program is there.
 */

import { constants } from "node:os";

/** These ask for the end. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/**
 * Signals that come so soon after the first one are copies of it: a service manager sends one to each process of a group,
 * and a supervisor in that group passes its own on.
 */
const COPY_MS = 1000;

/**
 * What the kernel said of ignored signals before Node was started, which ignores none any more by the time we are asked:
 * the line SigIgn of /proc/self/status. The first line of `vblade.ts` notes it, or vbladed does.
 */
const { VBLADE_IGNORED = "" } = process.env;
const ignored = BigInt(`0x${/\b[0-9a-f]{16}$/.exec(VBLADE_IGNORED)?.[0] ?? "0"}`);

function isIgnored(number: number): boolean {
	return ((ignored >> BigInt(number - 1)) & 1n) === 1n;
}

/** From now on signals that were ignored when we were started are. */
export function ignoreInherited(): void {
	for (const name of [...STOP_SIGNALS, "SIGQUIT", "SIGTSTP", "SIGTTIN", "SIGTTOU"] as const)
		if (isIgnored(constants.signals[name])) process.on(name, () => undefined);
}

const end = (): never => process.exit(0);
const ignore = (): void => {};

/**
 * From now on, until what is served takes over (`stopSignal`): nothing is open yet, so a signal that asks for the end is the end, in
 * order. What asks for something else is too early. A process that another one has started leaves all to that.
 */
export function beforeServing(kind: "serve" | "daemon" | "child"): void {
	// Without a listener Node would open its debugger. (First: who sees that the others are heard may take it that this one is.)
	process.on("SIGUSR1", ignore);
	for (const name of STOP_SIGNALS) {
		const isEnd = kind === "serve" || (kind === "daemon" && name !== "SIGHUP");
		if (!isIgnored(constants.signals[name])) process.on(name, isEnd ? end : ignore);
	}
}

/** The first signal that asks for the end. Another one, that is no copy of it, is the end. */
export function stopSignal(names: readonly NodeJS.Signals[] = STOP_SIGNALS): Promise<NodeJS.Signals> {
	return new Promise((resolve) => {
		let askedMs: number | undefined;
		const listener = (signal: NodeJS.Signals): void => {
			askedMs ??= performance.now();
			if (performance.now() - askedMs >= COPY_MS) process.exit(128 + constants.signals[signal]);
			resolve(signal);
		};
		for (const signal of names)
			if (!isIgnored(constants.signals[signal])) process.removeAllListeners(signal).on(signal, listener);
	});
}
