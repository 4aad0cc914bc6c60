/**
 * The parts of the control process, each handed what it needs of the others: what the routes of the API ask. Put together once by
 * `control.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Started } from "../opener/messages.js";
import type { Config, Environment } from "../spec/config.js";
import type { DiskConfig } from "../spec/configuration.js";
import { Readings } from "../spec/readings.js";
import type { Inside } from "./api/inside.js";
import { Changes } from "./changes.js";
import { Desired } from "./desired.js";
import { reopenBy } from "./disks-on-pool.js";
import type { EventLog } from "./event-log.js";
import type { Guard } from "./guard.js";
import { Jobs } from "./jobs.js";
import type { Kept } from "./kept.js";
import { Machines } from "./machines/machines.js";
import type { Register } from "./machines/register.js";
import { MirrorJobs } from "./mirror-jobs.js";
import type { Process } from "./model.js";
import { Observed } from "./observed.js";
import { Places } from "./places.js";
import { PoolDisks } from "./pool-disks.js";
import { PoolJobs } from "./pool-jobs.js";
import { PoolKeeping } from "./pool-keeping.js";
import { Pools } from "./pools.js";
import { Replaced } from "./replaced.js";
import { restartNeeded } from "./restart-needed.js";
import type { Workers } from "./seams.js";
import { Shower } from "./shown.js";
import { VolumeTurns } from "./volume-turns.js";
import type { WatchedOpener } from "./watched-opener.js";

/** Asking for processes costs the opener files to be read. */
const PROCESSES_FRESH_MS = 1000;
/** How fast a link is changes when somebody changes a cable. */
const SPEEDS_FRESH_MS = 10_000;
const NO_SPEEDS: ReadonlyMap<string, number> = new Map();

export interface AssemblyOptions {
	readonly version: string;
	readonly sinceMs: number;
	readonly started: Started;
	readonly opener: WatchedOpener;
	readonly workers: Workers;
	readonly interfaceNames: Environment["interfaceNames"];
	readonly clock?: Clock;
	/** Milliseconds since 1970. */
	readonly now?: () => number;
}

/** What was read of the state before. */
interface Read {
	readonly kept: Kept;
	readonly register: Register;
}

export function insideOf(options: AssemblyOptions, read: Read, guard: Guard, events: EventLog): Inside {
	const { kept, register } = read;
	const { version, sinceMs, started, opener, workers, interfaceNames } = options;
	const { clock = systemClock, now = Date.now } = options;
	const jobs = new Jobs(now);
	const observed = new Observed(now());
	const places = new Places(opener, events, clock);
	const onForgotten = (disk: string): void => {
		observed.forget(disk);
		workers.forget(disk);
	};
	const onReload = async (config: Config): Promise<readonly string[]> => {
		const wrong = await followToken(guard, opener, events);
		opener.acknowledge();
		await kept.acknowledge();
		await places.follow(config);
		return [...wrong, ...places.wrong];
	};
	const environment = { interfaceNames, readings: new Readings() };
	const parts = { opener, workers, kept, events, jobs, clock, environment, now };
	const onCarriedOut = (): Promise<void> => poolKeeping.follow();
	const onServed = (disk: DiskConfig): void => poolKeeping.isServed(disk);
	const desired: Desired = new Desired({ ...parts, onReload, onCarriedOut, onForgotten, onServed });
	const changes = new Changes(desired, observed, jobs, now, opener, workers);
	const wallMs = (clockMs: number): number => now() + clockMs - clock.now();
	const replaced = new Replaced(events, () => desired.stewards());
	const shower = new Shower({ observed, kept, changes, workers, wallMs, replaced });
	const poolKeeping: PoolKeeping = new PoolKeeping({
		desired,
		workers,
		events,
		clock,
		reopen: reopenBy(desired),
	});
	const pools = new Pools(desired, workers, jobs, events, changes, poolKeeping);
	return {
		version,
		sinceMs,
		now,
		...{ desired, observed, changes },
		shower,
		events,
		jobs,
		...{ pools, poolKeeping },
		poolJobs: new PoolJobs(pools, jobs, events),
		mirrorJobs: new MirrorJobs(workers, jobs, events),
		...{ volumeTurns: new VolumeTurns(pools), poolDisks: new PoolDisks({ pools, workers, jobs, clock }) },
		machines: new Machines({ desired, changes, workers, register, events, jobs, now }),
		state: opener,
		workers,
		places,
		replaced,
		restartNeeded: () => restartNeeded(started, desired.config, observed.linkOptions()),
		...machineLooks(desired, opener, clock),
	};
}

/** What of this machine is asked of the opener. */
function machineLooks(
	desired: Pick<Desired, "config">,
	opener: Pick<WatchedOpener, "speeds" | "processes">,
	clock: Clock,
): Pick<Inside, "speeds" | "processes"> {
	return {
		speeds: fresh(
			SPEEDS_FRESH_MS,
			() => clock.now(),
			NO_SPEEDS,
			() => opener.speeds(interfacesOf(desired.config)),
		),
		processes: fresh<readonly Process[]>(
			PROCESSES_FRESH_MS,
			() => clock.now(),
			[],
			() => opener.processes(),
		),
	};
}

/** The token is what its file says now. Returns what is wrong. */
async function followToken(guard: Guard, opener: WatchedOpener, events: EventLog): Promise<string[]> {
	try {
		guard.setToken(await opener.readToken());
		return [];
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		const message = `the token is the one of before: ${error.message}`;
		events.add({ kind: "configuration", severity: "error", message });
		return [message];
	}
}

function interfacesOf({ links }: Config): string[] {
	return links.flatMap(({ netif }) => (netif.kind === "interface" ? [netif.name] : []));
}

/** Asked at most once in so long, however many want to know. One who only wants to know how things are is told the rest. */
function fresh<T>(freshMs: number, now: () => number, nothing: T, ask: () => Promise<T>): () => Promise<T> {
	let asked: Promise<T> | undefined;
	let askedMs = 0;
	return () => {
		if (asked === undefined || now() - askedMs > freshMs) {
			askedMs = now();
			asked = ask().catch((error: unknown) => {
				if (!(error instanceof OperatorError)) throw error;
				return nothing;
			});
		}
		return asked;
	};
}
