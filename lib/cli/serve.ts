/**
 * Serves blades from the start-up line to the last signal. Called by `commands.ts` with the command line; hands
 * what that asks for to `lib/daemon/` and stops that in an orderly way: SIGINT, SIGTERM and SIGHUP finish what is under way,
 * another one ends at once, SIGUSR1 logs the counters.
 */

import path from "node:path";
import type { Daemon } from "../daemon/daemon.js";
import { startDaemon } from "../daemon/start.js";
import { InUseError, OperatorError, unreachable } from "../errors.js";
import { interfaceNames } from "../link/interfaces.js";
import { createLog, type Log } from "../log.js";
import { say } from "../output.js";
import type { Spec } from "../spec/spec.js";
import { type Invocation, parseArguments } from "./arguments.js";
import { SERVE } from "./options.js";
import { stopSignal } from "./signals.js";
import { specOf } from "./specs.js";
import { watchTurns } from "./turns.js";
import { packageVersion } from "./version.js";

/** How long requests under way may take after the first signal. */
const DRAIN_LIMIT_MS = 10_000;
/** Linux's AoE driver takes this shelf for a broadcast and ignores its blades. */
const SHELF_LINUX_IGNORES = 4095;

/** Does what the command line of serving asks for. Resolves to the exit status; throws an OperatorError for a mistake. */
export async function serveCommand(argv: readonly string[]): Promise<number> {
	const invocation = parseArguments(argv, interfaceNames);
	switch (invocation.kind) {
		case "help":
			process.stdout.write(await (await import("./usage.js")).helpText(SERVE));
			return 0;
		case "version":
			process.stdout.write(`vblade ${packageVersion()}\n`);
			return 0;
		case "serve":
			return serveBlades(invocation);
		default:
			return unreachable(invocation);
	}
}

async function serveBlades({ blades, options, verbose }: Invocation & { kind: "serve" }): Promise<number> {
	const log = createLog(verbose);
	if (blades.some(({ shelf }) => shelf === SHELF_LINUX_IGNORES))
		log.warn(`shelf ${SHELF_LINUX_IGNORES}: initiators on Linux take it for a broadcast and ignore it`);
	return serve(specOf(blades, options), log);
}

/** Serves until a signal. Resolves to the exit status; throws an OperatorError if something of it can't be served. `words`: said when all is. */
export async function serve(spec: Spec, log: Log, words: readonly string[] = []): Promise<number> {
	let daemon: Daemon | undefined;
	const turns = watchTurns();
	// From the beginning, for without a listener Node would open its debugger.
	process.on("SIGUSR1", () => {
		for (const line of [...(daemon?.report() ?? ["not serving yet"]), ...turns()]) log.info(line);
	});

	// Before the first disk is opened: one may hang, and whoever has started this waits for its end.
	const stopping = stopSignal();
	let isStopping = false;
	void stopping.then(() => {
		isStopping = true;
	});
	try {
		daemon = await startDaemon(spec, log, packageVersion(), undefined, stopping);
	} catch (error) {
		if (isStopping && error instanceof OperatorError) return 0;
		throw await namingUserOf(spec, error);
	}
	for (const { name, sectors, readOnly } of daemon.exported)
		say(`pid ${process.pid}: ${name}, ${sectors} sectors ${readOnly ? "O_RDONLY" : "O_RDWR"}\n`);
	for (const line of words) say(`${line}\n`);

	const signal = await stopping;
	log.verbose(`${signal}: stopping`);
	return drain(daemon, log);
}

/** Of a pool that somebody has: with who that is, as far as it can be found out. */
async function namingUserOf({ disks }: Spec, error: unknown): Promise<unknown> {
	if (!(error instanceof InUseError)) return error;
	const pools = disks.flatMap(({ storage }) => (storage.kind === "volume" ? [storage.pool] : []));
	const [pool] = pools
		.filter((each) => error.message.startsWith(path.normalize(each)))
		.sort((one, other) => other.length - one.length);
	if (pool === undefined) return error;
	const { message } = await (await import("./pools/in-use.js")).namingUser(pool, error);
	// (By that it is known as one, for what is loaded late is put together by itself: scripts/bundle.mjs.)
	return new OperatorError(message);
}

async function drain(daemon: Daemon, log: Log): Promise<number> {
	// Nothing has been written to a disk that is still being opened.
	if ((await daemon.close(DRAIN_LIMIT_MS)) !== "abandoned") return 0;
	log.error(
		`the storage did not finish within ${DRAIN_LIMIT_MS / 1000} s: writes that were not acknowledged may be lost`,
	);
	return 1;
}
