/**
 * A worker of the daemon: the data plane, as a process without privileges. It serves what control asks for, opens nothing itself (the
 * opener does that for it, `remote-files.ts`), and goes on serving while control is away. Started by the opener as a hidden form
 * of this program; ends with it.
 */

import { Asking, type Delivery, type Parcel } from "../channel/asking.js";
import { OperatorError, unreachable } from "../errors.js";
import type { Log, LogListener } from "../log.js";
import type { Begin, OpenerRequest, Order } from "../opener/messages.js";
import { nameProcess } from "../output.js";
import { becomeUser } from "../privileges.js";
import { quote } from "../text.js";
import { Absences } from "./absences.js";
import { bothWorld } from "./both-world.js";
import { Daemon } from "./daemon.js";
import { Joining } from "./joining.js";
import { loadStores, type StoresLoaded } from "./load-stores.js";
import { poolTeller } from "./pool-log.js";
import { openThrough } from "./remote-files.js";
import { helpersOf, streamWays } from "./remote-links.js";
import { renewer } from "./renewer.js";
import { SetKeeping } from "./set-keeping.js";
import { WorkerDisks } from "./worker-disks.js";
import { WorkerLooks } from "./worker-look.js";
import type { PoolAct, WorkerNews, WorkerQuestion } from "./worker-messages.js";
import { WorkerPools } from "./worker-pools.js";
import { requestOf } from "./worker-requests.js";

/** The channel to the opener. */
const OPENER = 3;
/** How long requests under way may take at the end. */
const DRAIN_LIMIT_MS = 10_000;
const JOIN_LIMIT_MS = 10_000;
const DONE: Parcel = { body: {} };

/** What a worker needs of whoever starts it. */
export interface WorkerOptions {
	readonly makeLog: (verbose: boolean, listener: LogListener) => Log;
	readonly version: string;
}

/** Serves until the opener says that this is the end, or is gone. Resolves to the exit status. */
export function runWorker(options: WorkerOptions): Promise<number> {
	return new Promise((resolve) => {
		new Worker(options, resolve);
	});
}

class Worker {
	readonly #options: WorkerOptions;
	readonly #opener: Asking;
	readonly #end: (status: number) => void;
	#control: Asking | null = null;
	readonly #joining = new Joining(
		() => this.#control !== null,
		() => this.#opener.ask({ body: { kind: "join" } satisfies OpenerRequest }, JOIN_LIMIT_MS),
	);
	#beginning: Promise<void> = Promise.resolve();
	#daemon: Daemon | null = null;
	#disks: WorkerDisks | null = null;
	#looks: WorkerLooks | null = null;
	#pools: WorkerPools | null = null;
	#log: Log | null = null;
	/** Of counters, which are no events: those of thousands of disks would leave no room for what has happened. */
	#counterLog: Log | null = null;

	constructor(options: WorkerOptions, end: (status: number) => void) {
		this.#options = options;
		this.#end = end;
		this.#opener = new Asking(
			OPENER,
			{
				answer: () => DONE,
				told: (news) => this.#ordered(news),
				ended: () => end(0),
			},
			{ mostFiles: 1, longestBytes: Number.MAX_SAFE_INTEGER },
		);
	}

	#ordered({ body, files }: Delivery): void {
		const order = body as unknown as Order;
		switch (order.kind) {
			case "begin":
				this.#beginning = this.#load(order);
				break;
			case "peer": {
				const taken = files.take();
				void this.#beginning.then(() => this.#join(taken));
				break;
			}
			case "report":
				for (const line of this.#daemon?.report() ?? []) this.#counterLog?.info(line);
				break;
			case "stop":
				void this.#stop();
				break;
			case "listen":
				void this.#beginning.then(() => this.#daemon?.listen(order.listen));
				break;
			case "reload":
			case "process":
			case "replaced":
			case "listener":
				break;
			default:
				unreachable(order);
		}
	}

	/** What is not loaded now never is: later no file can be read. */
	async #load(order: Begin): Promise<void> {
		this.#begin(order, order.stores ? await loadStores() : undefined);
	}

	#begin({ index, user, verbose, parent, workers, listen }: Begin, stores: StoresLoaded | undefined): void {
		nameProcess(`worker ${index}`);
		const { makeLog, version } = this.#options;
		const tell = (news: WorkerNews): void => {
			this.#control?.tell({ body: news });
		};
		const keeping = new SetKeeping<string>((disk) => this.#askToKeep(disk));
		this.#log = makeLog(verbose, (level, message, subject) =>
			tell({ kind: "happened", level, message, ...(subject && { subject }) }),
		);
		this.#counterLog = makeLog(verbose, () => {});
		const news = stores && {
			both: stores.both,
			lost: (path: string, goesOn: boolean): void => {
				if (goesOn) this.#daemon?.pasts.leavePasts(path);
				else this.#disks?.lostPool(path);
				void this.#pools?.lost(path);
			},
			renew: (path: string, why: string, isUsed?: boolean) => renew(path, why, isUsed),
			mayBeHad: (path: string) => void this.#pools?.want(path),
			comesAgain: (path: string) => this.#disks?.awaitedPools.isExpected(path) === true,
		};
		const { open, openPast, poolWays } = openThrough(this.#opener, stores?.storePoolsThrough, news);
		// What it needs from the beginning (io_uring) it could not have later.
		const absent = new Absences();
		this.#daemon = new Daemon({
			log: this.#log,
			version,
			open,
			openPast,
			helpers: helpersOf(this.#opener),
			...streamWays(this.#opener, absent, async (exported, kept) => {
				const keep = (disk: string) => keeping.keep(disk);
				return (await this.#disks?.keepUnit(exported, kept, keep)) ?? false;
			}),
			// (Later it can't be read.)
			onSet: (exported, access) => {
				this.#disks?.takeSet(exported, access);
				return keeping.keep(exported.disk);
			},
			isShared: workers > 1,
		});
		this.#daemon.listen(listen);
		if (user !== undefined) becomeUser(user, true, parent);
		const disks = new WorkerDisks(this.#daemon, absent);
		this.#disks = disks;
		this.#looks = new WorkerLooks(this.#daemon);
		const tellPool = poolTeller(this.#log);
		const ways = { ...this.#daemon.poolHome, ...poolWays, tell: tellPool };
		const renew = renewer(ways, disks, () => this.#pools);
		const opened = (path: string): void => {
			disks.awaitedPools.opened(path);
			stores?.both.opened(path);
		};
		const home = { ...ways, renew, opened };
		const pools = new WorkerPools(home);
		this.#pools = pools;
		const { tls } = this.#daemon;
		stores?.both.begin(bothWorld({ home, tls, log: this.#log, pools, disks, tell: tellPool }));
	}

	#askToKeep(disk: string): Promise<unknown> | undefined {
		if (this.#disks === null) return undefined;
		const body: WorkerQuestion = { kind: "set", disk, set: this.#disks.setOn(disk) };
		// However long that takes, unless control becomes another one. Initiators don't wait for it (`set-keeping.ts`).
		return this.#control?.ask({ body }, Infinity);
	}

	/** Control is new. */
	#join([descriptor]: readonly number[]): void {
		this.#control?.close();
		this.#control = null;
		if (descriptor === undefined) {
			this.#log?.error("the channel to control has not come, for too many descriptors are open (ulimit -n)");
			this.#joining.lost();
			return;
		}
		const control = new Asking(
			descriptor,
			{
				answer: (question) => this.#answer(question),
				told: () => {},
				ended: () => {
					if (this.#control !== control) return;
					this.#control = null;
					this.#joining.lost();
				},
			},
			{ longestBytes: Number.MAX_SAFE_INTEGER },
		);
		this.#control = control;
	}

	async #answer({ body, bytes }: Delivery): Promise<Parcel> {
		const request = requestOf(body);
		const disks = this.#disks;
		const looks = this.#looks;
		const pools = this.#pools;
		if (disks === null || looks === null || pools === null)
			throw new OperatorError("the worker has not begun");
		switch (request.kind) {
			case "alive":
				return DONE;
			case "serving":
				return { body: disks.serving(request.from) };
			case "add":
				await disks.add(request.disk);
				return reportOn(this.#daemon, request.disk.disk.name);
			case "expect":
				disks.expect(request);
				return DONE;
			case "change":
				await disks.change(request);
				return reportOn(this.#daemon, request.disk.name);
			case "withdraw":
				await disks.withdraw(request.name);
				return reportOn(this.#daemon, request.name);
			case "remove":
				await pools.letGo(this.#daemon?.chunkPools.poolOn(request.name) ?? "");
				return { body: { end: await disks.remove(request.name, request) } };
			case "fence":
				await disks.fence(request.name, request.fenced);
				return reportOn(this.#daemon, request.name);
			case "verify":
				return { body: await this.#mirrors().verify(request) };
			case "resync":
				this.#mirrors().resync(request.name, request.part);
				return DONE;
			case "look":
				return looks.look(request.since, disks.names);
			case "reports":
				return { body: await looks.reports() };
			case "pool":
				this.#refuseIfRead(request.pool, request.act);
				return { body: await pools.act(request.pool, request.act) };
			case "volume":
				return pools.volumes.answer(request.pool, request.question, bytes);
			default:
				return unreachable(request);
		}
	}

	#mirrors(): Daemon["mirrors"] {
		if (this.#daemon === null) throw new OperatorError("the worker has not begun");
		return this.#daemon.mirrors;
	}

	/** A snapshot that somebody reads stays. Throws an OperatorError. */
	#refuseIfRead(pool: string, act: PoolAct): void {
		if (act.act !== "forget") return;
		const name = `${act.volume}@${act.snapshot}`;
		if (this.#daemon?.pasts.readsPast(pool, name))
			throw new OperatorError(`snapshot ${quote(name)}: a client of NBD reads it`);
	}

	async #stop(): Promise<void> {
		this.#control?.close();
		// (While disks are served: nobody has to wait for what was written before.)
		await this.#pools?.settle();
		const end = await this.#daemon?.close(DRAIN_LIMIT_MS, this.#pools?.close());
		if (end !== "abandoned") return this.#end(0);
		this.#log?.error(
			`the storage did not finish within ${DRAIN_LIMIT_MS / 1000} s: writes that were not acknowledged may be lost`,
		);
		this.#end(1);
	}
}

/** How it stands, for who has changed that: he need not wait for a look. */
async function reportOn(daemon: Daemon | null, name: string): Promise<Parcel> {
	for await (const [report] of daemon?.diskReports(new Set([name])) ?? [])
		if (report !== undefined) return { body: { report } };
	return DONE;
}
