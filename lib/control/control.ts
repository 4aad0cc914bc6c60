/**
 * The control process put together: takes over what is served, makes what is configured so, looks at the data path once a second, and
 * answers the API. Everything that is outside (opener, workers, listeners, files of the page) is handed in; started by the process
 * tree, and by tests. Serving does not depend on it: when it ends, workers go on.
 */

import type { Server } from "node:http";
import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import type { Started } from "../opener/messages.js";
import type { Environment } from "../spec/config.js";
import { counted } from "../text.js";
import { allRoutes } from "./api/all.js";
import type { Inside } from "./api/inside.js";
import { type Asset, createApp } from "./app.js";
import { insideOf } from "./assembly.js";
import { EventKeeping, pastEvents } from "./event-keeping.js";
import { EventLog, type Happening } from "./event-log.js";
import { Guard } from "./guard.js";
import { HistoryFiles } from "./history-files.js";
import { Kept } from "./kept.js";
import { BootApp } from "./machines/boot-app.js";
import { Register } from "./machines/register.js";
import type { Event } from "./model.js";
import type { Observed } from "./observed.js";
import type { Listener } from "./places.js";
import { namedBy } from "./pool-events.js";
import type { DiskView, Opener, Workers } from "./seams.js";
import { ApiServer, type ServerLimits } from "./server.js";
import { WatchedOpener } from "./watched-opener.js";

const LOOK_MS = 1000;

export interface ControlOptions {
	readonly version: string;
	/** Milliseconds since 1970: when all of vblade was started. */
	readonly sinceMs: number;
	/** What holds since then, whatever the files say now. */
	readonly started: Started;
	readonly opener: Opener;
	readonly workers: Workers;
	readonly interfaceNames: Environment["interfaceNames"];
	readonly listeners: readonly Listener[];
	readonly assets: ReadonlyMap<string, Asset>;
	readonly log: Log;
	readonly clock?: Clock;
	readonly now?: () => number;
	readonly limits?: Partial<ServerLimits>;
}

export class Control {
	readonly #options: ControlOptions;
	readonly #servers: readonly ApiServer[];
	readonly #stop: (() => void | Promise<void>)[];

	/** Serves from then on. Throws an OperatorError if the configuration, or what was kept, can't be read. */
	static async start(options: ControlOptions): Promise<Control> {
		const events = new EventLog(Date.now, await pastEvents(options.opener));
		events.listen((event, isLogged) => logEvent(options.log, event, isLogged));
		const keeping = new EventKeeping(options.opener, events, options.clock ?? systemClock);
		const opener = new WatchedOpener(options.opener, events);
		const kept = await Kept.read(opener, options.clock);
		const guard = new Guard({ token: await opener.readToken(), names: [hostname()] });
		const register = await Register.read(opener);
		const inside = insideOf({ ...options, opener }, { kept, register }, guard, events);
		const control = new Control(options, inside, guard);
		options.workers.listen({
			started: (worker) => {
				inside.desired.lost(worker);
				inside.poolKeeping.lost();
			},
			recognized: (disk, identity) => kept.recognize(disk, identity),
			happened: (happening) => {
				inside.poolKeeping.happened(happening);
				inside.events.add(namedBy(inside.desired.config.pools, happening));
			},
			seen: (view) => {
				inside.observed.see(view);
				keepLengths(kept, view);
			},
			set: async (disk, set) => {
				if (!isDeepStrictEqual(kept.find(disk)?.set, set)) await kept.note(disk, { set });
			},
		});
		control.#stop.push(
			() => kept.stop(),
			() => keeping.close(),
		);
		const files = new HistoryFiles(opener, inside.observed);
		// Disks don't wait for their past, which is in many files.
		const restored = files.restore();
		await inside.desired.start();
		const unread = await restored;
		if (unread.length > 0) events.add(lostHistory(unread));
		control.#look(inside.observed, files);
		for (const listener of options.listeners) await control.listen(listener);
		// An earlier life of this process may have ended before it was so.
		await inside.places.follow(inside.desired.config);
		return control;
	}

	private constructor(
		options: ControlOptions,
		readonly inside: Inside,
		guard: Guard,
	) {
		this.#options = options;
		const { version, assets, log, limits } = options;
		const routes = allRoutes(inside);
		const onBug = (error: unknown): void => {
			const message = `this is a bug in vblade: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
			log.error(message);
			inside.events.add({ kind: "log", severity: "error", message, isLogged: true });
		};
		const http = new ApiServer(createApp({ routes, guard, version, assets, onBug }), limits);
		const boot = new ApiServer(new BootApp(inside.machines.arrivals, onBug), limits);
		this.#servers = [http, boot];
		inside.places.serveBy({ http, boot });
		this.#stop = [() => inside.places.close(), () => inside.desired.stop()];
	}

	/** What the opener has told, perhaps an earlier life of this process, too. */
	happened(happening: Happening & { readonly atMs: number }): void {
		this.inside.events.addOnce(happening);
	}

	/** Reads the configuration again, and the token. Resolves when that is over: undefined, or what is wrong. */
	async reload(): Promise<string | undefined> {
		const running = this.inside.desired.reload();
		await running.ended;
		const { state, message, errors } = running.job;
		return state === "failed" ? [message, ...errors.slice(0, 1)].join(": ") : undefined;
	}

	/** Also for one that comes later. */
	listen(listener: Listener): Promise<Server> {
		return this.inside.places.add(listener);
	}

	/** Once a second. */
	#look(observed: Observed, files: HistoryFiles): void {
		const { workers, clock = systemClock, log } = this.#options;
		let cancel = (): void => {};
		let stopped = false;
		const missing = (error: unknown): void => {
			if (!(error instanceof OperatorError)) throw error;
			log.verbose(`figures are missing: ${error.message}`);
		};
		const look = async (): Promise<void> => {
			this.inside.poolKeeping.look();
			this.inside.machines.tidy();
			try {
				observed.take(await workers.look(), this.inside.now(), clock.now());
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
		await Promise.all(this.#servers.map((server) => server.close()));
	}
}

function lostHistory(unread: readonly string[]): Happening {
	const message = `${counted(unread.length, "file")} of the history of figures can't be read, and what they told is lost: ${unread[0]}`;
	return { kind: "configuration", severity: "warning", message };
}

/** What an operator would look for in the log. What workers log is there already; of each disk that is served it would be too much. */
function logEvent(log: Log, { kind, severity, disk, volume, message }: Event, isLogged: boolean): void {
	if (isLogged) return;
	const about = disk === undefined ? volume && `volume ${volume}` : `disk ${disk}`;
	const line = about === undefined ? message : `${about}: ${message}`;
	if (severity === "error") log.error(line);
	else if (severity === "warning") log.warn(line);
	else if (kind === "configuration" || kind === "machine") log.info(line);
	else log.verbose(line);
}

/** Where the disks lie that a disk is made of: what has grown since must not move what follows it. */
function keepLengths(kept: Kept, { name, parts }: DiskView): void {
	// All of a mirror are as long as it is.
	if (parts === null || parts.some(({ mirrored }) => mirrored !== null)) return;
	const lengths = Object.fromEntries(parts.slice(0, -1).map(({ disk, sizeBytes }) => [disk, sizeBytes]));
	if (!isDeepStrictEqual(kept.find(name)?.lengths, lengths)) void kept.note(name, { lengths });
}
