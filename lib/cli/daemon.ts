/**
 * `vblade daemon`: the opener (`lib/opener/`), in the foreground, until a signal: SIGINT and SIGTERM finish what is under way, SIGHUP
 * reads the configuration again, SIGUSR1 logs the counters. Called by `commands.ts`.
 */

import path from "node:path";
import { OperatorError } from "../errors.js";
import { createLog } from "../log.js";
import { meansHere } from "../opener/means.js";
import { Opener } from "../opener/opener.js";
import { DEFAULT_CONFIG } from "../opener/sources.js";
import { say } from "../output.js";
import { type Output, processOutput, understand } from "./client.js";
import { DAEMON } from "./options.js";
import { stopSignal } from "./signals.js";

/** Control and workers open as many when they are loaded, and have a few to serve with. */
const DESCRIPTORS_LEAST = 256;
const DEFAULT_SOCKET = "/run/vblade/vblade.sock";

/** Resolves to the exit status; throws an OperatorError if the configuration can't be served. */
export async function daemonCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(DAEMON, argv, output);
	if (line === undefined) return 0;
	const { descriptors } = meansHere();
	if (descriptors < DESCRIPTORS_LEAST)
		throw new OperatorError(
			`a process may have ${descriptors} descriptors open, and the daemon needs ${DESCRIPTORS_LEAST}: raise the limit (ulimit -n, LimitNOFILE=)`,
		);
	const verbose = line.has("verbose");
	const log = createLog(verbose);
	let opener: Opener | undefined;
	// The files may have been read by then.
	let isReloadWanted = false;
	process.on("SIGHUP", () => {
		isReloadWanted = true;
		opener?.reload();
	});
	process.on("SIGUSR1", () => opener?.report());
	const stopping = stopSignal(["SIGINT", "SIGTERM"]);
	opener = await Opener.start({
		config: path.resolve(line.last("config") ?? DEFAULT_CONFIG),
		socket: path.resolve(line.last("socket") ?? DEFAULT_SOCKET),
		log,
		verbose,
		program: ownProgram(),
		onReady: (status) => say(`vblade: ready: ${status}\n`),
	});
	if (isReloadWanted) opener.reload();
	const signal = await stopping;
	log.verbose(`${signal}: stopping`);
	await opener.stop();
	return 0;
}

/** What started this program, up to the name of a form. */
function ownProgram(): string[] {
	const [, script = ""] = process.argv;
	return [process.execPath, ...process.execArgv, script];
}
