/**
 * The log: what an operator should know, one line per message on stderr, which vbladed hands to syslog. Made once by the
 * command line and handed to the server. Never called per frame: what happens often is a counter.
 */

import { Writable } from "node:stream";
import winston from "winston";
import { complain, processName } from "./output.js";
import { oneLine } from "./text.js";

/** What a pool tells of, of its own accord. */
export const POOL_SUBJECTS = [
	"snapshot-taken",
	"snapshot-removed",
	"pool-history",
	"pool-away",
	"pool-failed",
	"pool-damage",
	"pool-checkpoint",
	"pool-full",
	"pool-clock",
	"pool-store",
	"pool-taken",
	"pool-moved",
	"pool-handed-over",
	"pool-lost",
	"pool-renewed",
	"pool-replica",
	"pool-split",
] as const;
export type PoolSubject = (typeof POOL_SUBJECTS)[number];

/** What a message is about, for those who tell it on as an event: the message says it too. */
export type Subject =
	| {
			readonly kind: "rival" | "nbd-client" | "iscsi-initiator" | "fault" | "disk-stalled" | "disk-resumed";
			readonly disk: string;
			readonly link?: string;
	  }
	/** No disk's: who it wanted is not known yet. */
	| { readonly kind: "nbd-tls" | "iscsi-login" }
	/** `pool`: its path. */
	| {
			readonly kind: PoolSubject;
			readonly pool: string;
			readonly volume?: string;
	  };

/** How every room sees the log. */
export interface Log {
	/** Something is lost or will not be served: a failed sync, a disk that shrank. */
	error(message: string, subject?: Subject): void;
	/** Served on, but the operator should look: another host answers for our address. */
	warn(message: string, subject?: Subject): void;
	/** Happens seldom and is worth a line: a link went down, a disk grew. */
	info(message: string, subject?: Subject): void;
	/** Only with --verbose. */
	verbose(message: string): void;
}

/** Takes whole lines at once, so that winston never keeps any. */
class LogStream extends Writable {
	constructor() {
		super({ decodeStrings: false });
	}

	override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
		complain(line);
		done();
	}
}

/** Told of what is written to the log, beside. */
export type LogListener = (level: "error" | "warn" | "info", message: string, subject?: Subject) => void;

/** The log of this process: to stderr, `verbose` messages only if asked for. */
export function createLog(verbose: boolean, listener?: LogListener): Log {
	const log = createStderrLog(verbose);
	if (listener === undefined) return log;
	const both =
		(level: "error" | "warn" | "info") =>
		(message: string, subject?: Subject): void => {
			log[level](message);
			listener(level, message, subject);
		};
	return {
		error: both("error"),
		warn: both("warn"),
		info: both("info"),
		verbose: (message) => log.verbose(message),
	};
}

function createStderrLog(verbose: boolean): Log {
	const line = winston.format.printf(
		({ level, message }) => `${processName()}: ${level}: ${oneLine(String(message))}`,
	);
	return winston.createLogger({
		level: verbose ? "verbose" : "info",
		format: line,
		transports: [new winston.transports.Stream({ stream: new LogStream(), eol: "\n" })],
	});
}
