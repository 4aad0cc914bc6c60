/**
 * The control process: begins when the opener says so, puts `control.ts` on the channels to the opener and to the workers, and ends with
 * the opener. It has no privileges, and can open nothing: listeners and texts come as messages. Started as a hidden form of this
 * program.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Asking, type Delivery } from "../channel/asking.js";
import { OperatorError, unreachable } from "../errors.js";
import { interfaceNames } from "../link/interfaces.js";
import type { Log, LogListener } from "../log.js";
import { meansHere } from "../opener/means.js";
import type { Begin, ControlBegin, Order, ProcessNews, Replacement } from "../opener/messages.js";
import { becomeUser } from "../privileges.js";
import { counted } from "../text.js";
import { loadAssets } from "./assets.js";
import { Control } from "./control.js";
import type { Happening } from "./event-log.js";
import { type Listener, listenerOf } from "./places.js";
import { connectionsWithin } from "./server.js";
import { TreeOpener } from "./tree-opener.js";
import { TreeWorkers } from "./tree-workers.js";

/** The channel to the opener. */
const OPENER = 3;
const EXIT_OPERATOR = 2;
const MOST_LISTENERS = 64;
/** How long disks may take to be opened before it is said that the daemon serves: one may hang for ever. */
const SETTLE_LIMIT_MS = 30_000;
const SETTLE_POLL_MS = 40;

export interface ControlProcessOptions {
	readonly makeLog: (verbose: boolean, listener?: LogListener) => Log;
	readonly version: string;
}

/** Resolves to the exit status when the opener says that this is the end, or is gone. */
export function runControl(options: ControlProcessOptions): Promise<number> {
	return new Promise((resolve) => {
		new ControlProcess(options, resolve);
	});
}

class ControlProcess {
	readonly #options: ControlProcessOptions;
	readonly #end: (status: number) => void;
	readonly #asking: Asking;
	/** Before anything is given up: what the page is made of. */
	readonly #assets = loadAssets();
	#opener: TreeOpener | null = null;
	#workers: TreeWorkers | null = null;
	#control: Control | null = null;
	#isReloading = false;
	#isReloadWanted = false;
	/** Listeners that came after the beginning, before there was anybody to serve there. */
	readonly #late: Listener[] = [];
	/** As was last told. */
	#replaced: readonly Replacement[] | undefined;
	/** Those that came before the beginning. */
	readonly #early: { index: number; descriptor: number }[] = [];
	/** What there was to tell before there was anybody to tell it. */
	readonly #news: ProcessNews[] = [];

	constructor(options: ControlProcessOptions, end: (status: number) => void) {
		this.#options = options;
		this.#end = end;
		this.#asking = new Asking(
			OPENER,
			{
				answer: () => ({ body: {} }),
				told: (news) => this.#ordered(news),
				ended: () => end(0),
			},
			{ longestBytes: Number.MAX_SAFE_INTEGER, mostFiles: MOST_LISTENERS },
		);
	}

	#ordered({ body, files }: Delivery): void {
		const order = body as unknown as Order;
		switch (order.kind) {
			case "begin":
				void this.#begin(order, files.take());
				break;
			case "peer":
				for (const descriptor of files.take()) this.#join(order.index, descriptor);
				break;
			case "reload":
				void this.#reload();
				break;
			case "process":
				if (this.#control === null) this.#news.push(order.news);
				else this.#control.happened(happeningOf(order.news));
				break;
			case "listener":
				for (const descriptor of files.take())
					void this.#listen(listenerOf({ ...order.listener, descriptor }));
				break;
			case "replaced":
				this.#replaced = order.files;
				this.#control?.inside.replaced.take(order.files);
				break;
			case "listen":
			case "report":
				break;
			case "stop":
				void this.#stop();
				break;
			default:
				unreachable(order);
		}
	}

	async #listen(listener: Listener): Promise<void> {
		if (this.#control === null) this.#late.push(listener);
		else await this.#control.listen(listener);
	}

	#join(index: number, descriptor: number): void {
		if (this.#workers === null) this.#early.push({ index, descriptor });
		else this.#workers.join(index, descriptor);
	}

	async #begin(
		{ user, parent, verbose, control, workers, since }: Begin,
		descriptors: readonly number[],
	): Promise<void> {
		const log = this.#options.makeLog(verbose);
		const { descriptors: most } = meansHere();
		if (user !== undefined) becomeUser(user, false, parent);
		if (control === undefined) return;
		if (descriptors.length < control.listeners.length) {
			log.error("its listeners have not come, for too many descriptors are open (ulimit -n)");
			this.#end(EXIT_OPERATOR);
			return;
		}
		this.#opener = new TreeOpener(this.#asking);
		this.#workers = new TreeWorkers(workers, (index) => this.#opener?.replace(index));
		for (const { index, descriptor } of this.#early.splice(0)) this.#workers.join(index, descriptor);
		const listeners = listenersOf(control, descriptors);
		try {
			this.#control = await Control.start({
				version: this.#options.version,
				sinceMs: Date.parse(since),
				started: control.started,
				opener: this.#opener,
				workers: this.#workers,
				interfaceNames,
				listeners,
				limits: connectionsWithin(most),
				assets: this.#assets,
				log,
			});
			for (const news of [...control.news, ...this.#news.splice(0)])
				this.#control.happened(happeningOf(news));
			for (const late of this.#late.splice(0)) await this.#listen(late);
			this.#control.inside.replaced.take(this.#replaced ?? control.replaced);
			await this.#settle(this.#control);
			this.#tellReady();
			// What was asked for before there was anybody who could.
			if (this.#isReloadWanted) void this.#reload();
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			log.error(error.message);
			this.#end(EXIT_OPERATOR);
		}
	}

	/** Each disk has been tried, or is given up waiting for. */
	async #settle({ inside }: Control): Promise<void> {
		const endMs = performance.now() + SETTLE_LIMIT_MS;
		while (performance.now() < endMs && inside.desired.stewards().some(({ state }) => state === "opening"))
			await sleep(SETTLE_POLL_MS);
	}

	#tellReady(): void {
		const states = this.#control?.inside.desired.stewards().map(({ state }) => state) ?? [];
		const missing = states.filter((state) => state === "failed" || state === "opening").length;
		const waiting = states.filter((state) => state === "waiting").length;
		this.#opener?.notify("ready", readyText(states.length, missing, waiting));
	}

	/** However often it is asked for meanwhile, once more is enough. */
	async #reload(): Promise<void> {
		this.#isReloadWanted = true;
		if (this.#isReloading || this.#control === null) return;
		this.#isReloading = true;
		while (this.#isReloadWanted) {
			this.#isReloadWanted = false;
			await this.#reloadOnce();
		}
		this.#isReloading = false;
	}

	async #reloadOnce(): Promise<void> {
		this.#opener?.notify("reloading", "reading the configuration");
		await this.#control?.reload();
		this.#tellReady();
	}

	async #stop(): Promise<void> {
		await this.#control?.close();
		this.#end(0);
	}
}

function listenersOf({ listeners }: ControlBegin, descriptors: readonly number[]): Listener[] {
	return listeners.flatMap((name, index) => {
		const descriptor = descriptors[index];
		return descriptor === undefined ? [] : [listenerOf({ ...name, descriptor })];
	});
}

function happeningOf({ at, isEnd, message }: ProcessNews): Happening & { atMs: number } {
	// The opener has put it into the log.
	const [severity, isLogged] = isEnd ? (["error", true] as const) : (["info", false] as const);
	return { kind: "process", severity, message, atMs: Date.parse(at), isLogged };
}

/** What systemd shows, and who starts it. `waiting`: disks whose pool another host has. */
function readyText(disks: number, missing: number, waiting: number): string {
	const unserved = missing === 0 ? "" : `, ${missing} not served`;
	return `${counted(disks, "disk")}${unserved}${waiting === 0 ? "" : `, ${waiting} waiting for another host`}`;
}
