/**
 * The log: what an operator should know, one line per message on stderr, which vbladed hands to syslog. Made once by the
 * command line and handed to the server. Never called per frame: what happens often is a counter.
 */

import { complain } from "./output.js";
import { oneLine } from "./text.js";

/** How every room sees the log. */
export interface Log {
	/** Something is lost or will not be served: a failed sync, a disk that shrank. */
	error(message: string): void;
	/** Served on, but the operator should look: another host answers for our address. */
	warn(message: string): void;
	/** Happens seldom and is worth a line: a link went down, a disk grew. */
	info(message: string): void;
	/** Only with --verbose. */
	verbose(message: string): void;
}

/** The log of this process: to stderr, `verbose` messages only if asked for. */
export function createLog(verbose: boolean): Log {
	const at = (level: keyof Log) => (message: string) => complain(`vblade: ${level}: ${oneLine(message)}\n`);
	return {
		error: at("error"),
		warn: at("warn"),
		info: at("info"),
		verbose: verbose ? at("verbose") : () => undefined,
	};
}
