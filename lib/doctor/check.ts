/**
 * What a check of `vblade doctor` is: it looks at one thing, and tells what it found. The checks are the files beside this one, their
 * table is `checks.ts`, and `examine.ts` runs them.
 */

import type { InterfaceInfo } from "../link/interfaces.js";
import type { DaemonReport } from "./daemon.js";
import type { Machine } from "./machine.js";
import type { Server } from "./servers.js";

/**
 * How bad it is. `fault`: it costs data or answers, or will. `warn`: it may. `note`: worth knowing, or could not be looked at.
 * `ok`: looked at, and in order.
 */
export const LEVELS = ["fault", "warn", "note", "ok"] as const;
export type Level = (typeof LEVELS)[number];

/** What a check has found out. Each text is one line without a full stop at its end. */
export interface Finding {
	readonly level: Level;
	/** What is so. */
	readonly what: string;
	/** How it is known, or what follows from it. */
	readonly because?: string;
	/** What to do about it. */
	readonly mend?: string;
}

/** What checks look at. */
export interface Context {
	readonly machine: Machine;
	/** Those asked for; without that, each Ethernet interface that is up and no port of a bridge. */
	readonly interfaces: readonly InterfaceInfo[];
	/** What a running daemon says of itself; undefined if there is none. */
	readonly daemon: DaemonReport | undefined;
	/** The servers that run here. */
	readonly servers: readonly Server[];
	/** The IPv4 address of an initiator to try frames with. */
	readonly peer: string | undefined;
}

export interface Check {
	readonly name: string;
	/** What it can't find out in this time is told as such. */
	readonly limitMs: number;
	run(context: Context): Promise<readonly Finding[]> | readonly Finding[];
}

export function ok(what: string, because?: string): Finding {
	return because === undefined ? { level: "ok", what } : { level: "ok", what, because };
}

export function note(what: string, because?: string, mend?: string): Finding {
	return finding("note", what, because, mend);
}

export function warn(what: string, because?: string, mend?: string): Finding {
	return finding("warn", what, because, mend);
}

export function fault(what: string, because?: string, mend?: string): Finding {
	return finding("fault", what, because, mend);
}

function finding(level: Level, what: string, because?: string, mend?: string): Finding {
	return { level, what, ...(because !== undefined && { because }), ...(mend !== undefined && { mend }) };
}
