/**
 * The servers under measurement, started alike: in the server's namespace, on one core, on the same image. They are ours,
 * Debian's vblade 25, and the limit: a loop in C that has no protocol to obey (test/bench/limit.c). Used by `measure.ts`
 * and `footprint.ts`.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { unreachable } from "../../lib/errors.js";
import { until } from "../support/cleanup.js";
import type { Lan } from "../support/netns.js";
import { builtVblade, PROJECT, VBLADE25, vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";
import { addressOf, BenchDaemon, descriptorsFor } from "./daemon-server.js";

/** One way to serve. */
export interface Serving {
	/** `daemon` is ours with a configuration. `fio` is no server: it writes to the image itself, at random or in order, see `fio.ts`. */
	readonly program: "ours" | "daemon" | "vblade" | "limit" | "fio" | "fio in order";
	readonly options: readonly string[];
	/** With more than one, ours serves all of them from one process; vblade has a process for each. */
	readonly blades: number;
	/** What is served are volumes of a pool instead of files: see `pools.ts`. */
	readonly isVolume?: boolean;
	/** Descriptors that it needs, if not so many as its blades. */
	readonly descriptors?: number;
	/** Ours, as compiled in another checkout of this project: its top directory. */
	readonly checkout?: string;
}

/** Made by scripts/setup. */
const LIMIT = path.join(PROJECT, "build/test/bench/limit");
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
/** A server that is running. */
export interface Contender {
	/** Of all its processes. */
	readonly pids: readonly number[];
	stop(): Promise<void>;
}

/** Starts a server of one file per blade, and waits until all of them are served. Throws with what it said if it can't. */
export async function startContender(
	serving: Serving,
	files: readonly string[],
	lan: Lan,
	core: number,
): Promise<Contender> {
	const { program, options } = serving;
	if (program === "daemon") {
		const daemon = await BenchDaemon.start(lan, files, options, core);
		return { pids: daemon.pids, stop: () => daemon.stop() };
	}
	if (program === "vblade" && !existsSync(VBLADE25)) throw new Error(`there is no ${VBLADE25}`);
	const triples = files.flatMap((file, index) => {
		const { shelf, slot } = addressOf(index);
		return [[String(shelf), String(slot), "lan0", file]];
	});
	const command = commandFor(serving, triples);
	const running = lan.server.start(["taskset", "-c", String(core), ...command]);
	try {
		await until(`start of ${program}`, () => started(running).length >= files.length, START_LIMIT_MS);
	} catch (error) {
		await running.stop();
		throw error;
	}
	return { pids: [...new Set(started(running))], stop: () => stop(running, program) };
}

function commandFor(serving: Serving, blades: readonly string[][]): string[] {
	const { program, options } = serving;
	switch (program) {
		case "ours":
			return oneProcess(serving, blades);
		case "vblade":
			return manyProcesses(options, blades);
		case "limit":
			return [LIMIT, ...blades.flat()];
		case "daemon":
		case "fio":
		case "fio in order":
			throw new Error(`${program} has no command for blades`);
		default:
			return unreachable(program);
	}
}

/** Ours: the four arguments repeated. */
function oneProcess({ options, checkout, descriptors }: Serving, blades: readonly string[][]): string[] {
	const command = checkout === undefined ? vbladeCommand() : [builtVblade(checkout)];
	const limit = descriptors ?? descriptorsFor(blades.length);
	return ["prlimit", `--nofile=${limit}:${limit}`, ...command, ...options, ...blades.flat()];
}

/** vblade: one process after the other from a shell, which then waits for them. */
function manyProcesses(options: readonly string[], blades: readonly string[][]): string[] {
	const words = [VBLADE25, ...options].join(" ");
	const script = `while [ $# -gt 0 ]; do ${words} "$1" "$2" "$3" "$4" & shift 4; done; wait`;
	return ["sh", "-c", script, "vblades", ...blades.flat()];
}

/** The pid of each blade that has said that it is there. Throws if the program has ended. */
function started(running: Program): number[] {
	if (running.ended) throw new Error(running.output || "it ended at once, in silence");
	return [...running.stdout.matchAll(/^pid (\d+): e\d+\.\d+, \d+ sectors/gm)].map(([, pid]) => Number(pid));
}

async function stop(running: Program, program: Serving["program"]): Promise<void> {
	// Ours drains. A shell would not hand a signal on to its vblades, which have nothing to do at their end.
	if (program !== "ours") running.signal("SIGKILL");
	await running.stop("SIGTERM", STOP_LIMIT_MS);
}
