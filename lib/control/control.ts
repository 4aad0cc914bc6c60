/**
 * The control process put together: takes over what is served, makes what is configured so, looks at the data path once a second, and
 * answers the API. Everything that is outside (opener, workers, listeners, files of the page) is handed in; started by the process
 * tree, and by tests. Serving does not depend on it: when it ends, workers go on.
 */

import type { ListenOptions, Server } from "node:net";
import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import { diskRoutes } from "./api/disks.js";
import { eventRoutes } from "./api/events.js";
import type { Inside } from "./api/inside.js";
import { networkRoutes } from "./api/network.js";
import { wholeRoutes } from "./api/whole.js";
import { type Asset, createApp } from "./app.js";
import { Changes } from "./changes.js";
import { Desired } from "./desired.js";
import { EventLog } from "./event-log.js";
import { Guard } from "./guard.js";
import { HistoryFiles } from "./history-files.js";
import { Jobs } from "./jobs.js";
import { Kept } from "./kept.js";
import type { Event, Process } from "./model.js";
import { Observed } from "./observed.js";
import type { Opener, Workers } from "./seams.js";
import { ApiServer, type ServerLimits } from "./server.js";
import { Shower } from "./shown.js";
import { WatchedOpener } from "./watched-opener.js";
import type { InterfaceNames } from "./wish.js";

const LOOK_MS = 1000;
/** Asking for processes costs the opener files to be read. */
const PROCESSES_FRESH_MS = 1000;

export interface Listener {
	readonly transport: "unix" | "tcp";
	readonly where: ListenOptions;
}

export interface ControlOptions {
	readonly version: string;
	/** Milliseconds since 1970: when all of vblade was started. */
	readonly sinceMs: number;
	readonly opener: Opener;
	readonly workers: Workers;
	readonly interfaceNames: InterfaceNames;
	readonly listeners: readonly Listener[];
	readonly assets: ReadonlyMap<string, Asset>;
	readonly log: Log;
	readonly clock?: Clock;
	readonly limits?: Partial<ServerLimits>;
}

export class Control {
	readonly #options: ControlOptions;
	readonly #server: ApiServer;
	readonly #stop: (() => void | Promise<void>)[];

	/** Serves from then on. Throws an OperatorError if the configuration, or what was kept, can't be read. */
	static async start(options: ControlOptions): Promise<Control> {
		const events = new EventLog(Date.now);
		events.listen((event) => logEvent(options.log, event));
		const opener = new WatchedOpener(options.opener, events);
		const kept = await Kept.read(opener, options.clock);
		const guard = new Guard({ token: await opener.readToken(), names: [hostname()] });
		const inside = insideOf({ ...options, opener }, kept, guard, events);
		const control = new Control(options, inside, guard);
		options.workers.listen({
			started: (worker) => inside.desired.lost(worker),
			happened: (happening) => inside.events.add(happening),
			set: async (disk, set) => {
				if (!isDeepStrictEqual(kept.find(disk)?.set, set)) await kept.note(disk, { set });
			},
		});
		control.#stop.push(() => kept.stop());
		const files = new HistoryFiles(opener, inside.observed);
		await files.restore();
		await inside.desired.start();
		control.#look(inside.observed, files);
		for (const listener of options.listeners) await control.listen(listener);
		return control;
	}

	private constructor(
		options: ControlOptions,
		readonly inside: Inside,
		guard: Guard,
	) {
		this.#options = options;
		const { version, assets, log, limits } = options;
		const routes = [
			...wholeRoutes(inside),
			...diskRoutes(inside),
			...networkRoutes(inside),
			...eventRoutes(inside),
		];
		const onBug = (error: unknown): void => {
			const message = `this is a bug in vblade: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
			log.error(message);
			inside.events.add({ kind: "log", severity: "error", message });
		};
		this.#server = new ApiServer(createApp({ routes, guard, version, assets, onBug }), limits);
		this.#stop = [() => inside.desired.stop()];
	}

	/** Reads the configuration again, and the token. Resolves when that is over: undefined, or what is wrong. */
	async reload(): Promise<string | undefined> {
		const running = this.inside.desired.reload();
		await running.ended;
		return running.job.state === "failed" ? running.job.message : undefined;
	}

	/** Also for one that comes later. */
	listen({ transport, where }: Listener): Promise<Server> {
		return this.#server.listen(transport, where);
	}

	/** Once a second. A worker that does not answer is waited for: nothing is asked twice. */
	#look(observed: Observed, files: HistoryFiles): void {
		const { workers, clock = systemClock, log } = this.#options;
		let cancel = (): void => {};
		let stopped = false;
		const missing = (error: unknown): void => {
			if (!(error instanceof OperatorError)) throw error;
			log.verbose(`figures are missing: ${error.message}`);
		};
		const look = async (): Promise<void> => {
			try {
				observed.take(await workers.look(), this.inside.now());
				// Not waited for: a state on a disk that hangs must not stop what is live.
				files.looked(this.inside.now()).catch(missing);
			} catch (error) {
				missing(error);
			}
			// At whole seconds: a second between two looks would seem to have had nothing.
			const untilNextMs = LOOK_MS - (this.inside.now() % LOOK_MS);
			if (!stopped) cancel = clock.after(untilNextMs, () => void look());
		};
		void look();
		this.#stop.push(async () => {
			stopped = true;
			cancel();
			await files.close().catch(missing);
		});
	}

	async close(): Promise<void> {
		for (const stop of this.#stop) await stop();
		await this.#server.close();
	}
}

function insideOf(
	options: ControlOptions & { readonly opener: WatchedOpener },
	kept: Kept,
	guard: Guard,
	events: EventLog,
): Inside {
	const { version, sinceMs, opener, workers, clock = systemClock, interfaceNames } = options;
	const now = Date.now;
	const jobs = new Jobs(now);
	const observed = new Observed(now());
	const onForgotten = (disk: string): void => observed.forget(disk);
	const onReload = async (): Promise<void> => guard.setToken(await opener.readToken());
	const desired = new Desired({
		opener,
		workers,
		kept,
		events,
		jobs,
		clock,
		interfaceNames,
		now,
		onReload,
		onForgotten,
	});
	const changes = new Changes(desired, observed, jobs, now);
	const wallMs = (clockMs: number): number => now() + clockMs - clock.now();
	const shower = new Shower({ observed, kept, changes, workers, wallMs });
	const processes = freshProcesses(opener, now);
	const state = opener;
	return { version, sinceMs, now, desired, observed, changes, shower, events, jobs, state, processes };
}

/** Asked at most once a second, however many want to know. */
function freshProcesses(opener: Opener, now: () => number): () => Promise<readonly Process[]> {
	let asked: Promise<readonly Process[]> | undefined;
	let askedMs = 0;
	return () => {
		if (asked === undefined || now() - askedMs > PROCESSES_FRESH_MS) {
			askedMs = now();
			// One who only wants to know how things are is told the rest.
			asked = opener.processes().catch((error: unknown) => {
				if (!(error instanceof OperatorError)) throw error;
				return [];
			});
		}
		return asked;
	};
}

/** What an operator would look for in the log. What workers log is there already; of each disk that is served it would be too much. */
function logEvent(log: Log, { kind, severity, disk, message }: Event): void {
	if (kind === "log") return;
	const line = disk === undefined ? message : `disk ${disk}: ${message}`;
	if (severity === "error") log.error(line);
	else if (severity === "warning") log.warn(line);
	else if (kind === "configuration") log.info(line);
	else log.verbose(line);
}
