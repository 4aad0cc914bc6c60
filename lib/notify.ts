/**
 * What systemd and its like are told of a service (sd_notify(3)), and which sockets they have opened for it (sd_listen_fds(3)). The
 * opener of the daemon calls it, which is the process that they started. Where nobody has asked to be told, nothing is done.
 */

import { closeSync } from "node:fs";
import { isNativeError, native } from "./native.js";
import { oneLine } from "./text.js";

type Environment = Record<string, string | undefined>;

/** The first descriptor that is passed (SD_LISTEN_FDS_START). */
const FIRST_DESCRIPTOR = 3;
/** More than anyone passes: a number that is none of ours. */
const MOST_DESCRIPTORS = 1024;

export class Notifier {
	readonly #path: string;
	/** How often WATCHDOG=1 is expected at least, in milliseconds; undefined: nobody waits for it. */
	readonly watchdogMs: number | undefined;
	readonly #clock = new Float64Array(1);

	/** Takes the variables out of `environment`, for they are not meant for programs that are started. */
	constructor(environment: Environment = process.env, pid = process.pid) {
		const {
			NOTIFY_SOCKET: path = "",
			WATCHDOG_USEC: usec = "",
			WATCHDOG_PID: of = String(pid),
		} = environment;
		for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
		this.#path = /^[/@]./.test(path) ? path : "";
		const everyMs = Number(usec) / 1000;
		this.watchdogMs = everyMs > 0 && Number.isFinite(everyMs) && Number(of) === pid ? everyMs : undefined;
	}

	/** Whether anybody wants to be told. */
	get isWanted(): boolean {
		return this.#path !== "";
	}

	/** It serves, or has read its configuration again. Each of these is false if it could not be told. */
	ready(): boolean {
		return this.#tell("READY=1");
	}

	/** It reads its configuration again; `ready` follows. */
	reloading(): boolean {
		native.clock(this.#clock);
		return this.#tell(`RELOADING=1\nMONOTONIC_USEC=${Math.floor(this.#clock[0] ?? 0)}`);
	}

	/** One line for people. */
	status(text: string): boolean {
		return this.#tell(`STATUS=${oneLine(text)}`);
	}

	/** All is well. */
	alive(): boolean {
		return this.#tell("WATCHDOG=1");
	}

	/** Starting, reloading or stopping takes so much longer, from now on. */
	extend(ms: number): boolean {
		return this.#tell(`EXTEND_TIMEOUT_USEC=${Math.ceil(ms * 1000)}`);
	}

	stopping(): boolean {
		return this.#tell("STOPPING=1");
	}

	#tell(text: string): boolean {
		if (!this.isWanted) return true;
		try {
			native.notify(this.#path, text);
			return true;
		} catch (error) {
			// Whoever asked is gone, or does not read: that must not end the service.
			if (isNativeError(error)) return false;
			throw error;
		}
	}
}

export interface ActivatedSocket {
	readonly descriptor: number;
	/** What the unit calls it (`FileDescriptorName=`). */
	readonly name: string;
}

/** Sockets that were opened for this process. Takes the variables out of `environment`; no program that is started gets them. */
export function activatedSockets(
	environment: Environment = process.env,
	pid = process.pid,
): ActivatedSocket[] {
	const { LISTEN_PID: of = "", LISTEN_FDS: count = "", LISTEN_FDNAMES: names = "" } = environment;
	for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[name];
	if (Number(of) !== pid || !/^\d+$/.test(count)) return [];
	const named = names.split(":");
	return Array.from({ length: Math.min(Number(count), MOST_DESCRIPTORS) }, (_, index) => {
		const passed = FIRST_DESCRIPTOR + index;
		const descriptor = native.duplicate(passed);
		closeSync(passed);
		return { descriptor, name: named[index] ?? "unknown" };
	});
}
