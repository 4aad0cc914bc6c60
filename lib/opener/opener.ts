/**
 * The opener: the process that the operator starts, and the only one of the daemon's that keeps its privileges. It starts the others and
 * starts them again, reads the configuration's files, opens what those name, makes the sockets that listen, keeps the state, and
 * answers the service manager. It understands nothing that comes from a network. Started by `lib/cli/daemon.ts`.
 *
 *     opener --+-- worker 0 .. N-1   (lib/daemon/worker.ts)    each with a channel to the opener
 *              +-- control           (lib/control/)            and one to control
 */

import { closeSync } from "node:fs";
import type { AskingOptions } from "../channel/asking.js";
import { systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import { isNativeError, native } from "../native.js";
import { activatedSockets } from "../notify.js";
import { daemonUser, findUser } from "../privileges.js";
import { Answers } from "./answers.js";
import { Child, type ChildOptions } from "./children.js";
import { CommandSocket } from "./command-socket.js";
import { ConfigFiles } from "./config-files.js";
import { watchForHang } from "./hang-watch.js";
import { Keeping } from "./keeping.js";
import { Listeners } from "./listeners.js";
import { Manager } from "./manager.js";
import { meansHere, wanting } from "./means.js";
import type { ProcessKind } from "./messages.js";
import { ProcessHistory } from "./process-news.js";

/** How long the others have to end before they are killed: longer than a worker takes to bring what is here alone to stores, and to end what is under way then. */
export const STOP_LIMIT_MS = 45_000;
/** Between two channels that a worker asks for. */
const JOIN_PAUSE_MS = 1000;
const MIB = 1024 * 1024;
/** What a child may have of this process's memory and descriptors; one that wants more has been taken over, and is started again. */
const ALLOWANCES: Readonly<Record<ProcessKind, AskingOptions>> = {
	worker: { longestBytes: 64 * 1024, mostQuestions: 1000, mostWaitingBytes: MIB },
	// Texts of the state are the longest that it says and hears.
	control: {
		longestBytes: 80 * MIB,
		longestTextBytes: 64 * 1024,
		mostQuestions: 100,
		mostQuestionBytes: 160 * MIB,
		mostWaitingBytes: 256 * MIB,
	},
};

export interface OpenerOptions {
	/** The main configuration file. */
	readonly config: string;
	/** Where commands ask control. */
	readonly socket: string;
	readonly log: Log;
	readonly verbose: boolean;
	/** What starts this program again, up to the name of a form. */
	readonly program: readonly string[];
	/** All is served that can be, for the first time. */
	readonly onReady: (status: string) => void;
}

export class Opener {
	readonly #options: OpenerOptions;
	/** Undefined: they stay who we are, for that is not root. */
	readonly #user: string | undefined;
	readonly #workerCount: number;
	readonly #files: ConfigFiles;
	readonly #listeners: Listeners;
	readonly #commands: CommandSocket;
	readonly #manager: Manager;
	readonly #answers: Answers;
	readonly #children: Child[];
	readonly #history = new ProcessHistory((news) => this.#control?.tell({ kind: "process", news }));
	readonly #stopWatching: () => void;
	#isReloadWanted = false;
	/** When workers have last asked for that. */
	readonly #joinedMs = new Map<Child, number>();

	private constructor(
		options: OpenerOptions,
		files: ConfigFiles,
		keeping: Keeping,
		listeners: Listeners,
		commands: CommandSocket,
	) {
		this.#options = options;
		this.#listeners = listeners;
		this.#commands = commands;
		const { address } = commands;
		commands.whenLate((descriptor) => {
			const listener = { purpose: "socket", address } as const;
			const isTold = this.#control?.tell({ kind: "listener", listener }, [descriptor]);
			if (isTold === undefined) closeSync(descriptor);
		});
		this.#user = process.geteuid?.() === 0 ? daemonUser(files.daemon.user) : undefined;
		this.#manager = new Manager(options.log);
		this.#manager.starting();
		this.#answers = new Answers({
			...options,
			files,
			uid: this.#user === undefined ? undefined : findUser(this.#user),
			keeping,
			listeners,
			manager: this.#manager,
			children: () => this.#children,
			news: () => this.#history.latest,
			join: (worker) => this.#joinAgain(worker),
			replaced: (files) => this.#control?.tell({ kind: "replaced", files }),
		});
		this.#files = files;
		this.#workerCount = files.daemon.workers;
		const workers = Array.from({ length: this.#workerCount }, (_, index) => this.#child("worker", index));
		const control = this.#child("control", 0);
		this.#children = [...workers, control];
		for (const child of this.#children) child.start();
		const watched = this.#manager.watch(async (limitMs) => {
			const alive = await Promise.all(workers.map((worker) => worker.isAlive(limitMs)));
			return alive.every(Boolean);
		});
		const hung = this.#children.map((child) => watchForHang(child));
		this.#stopWatching = () => {
			for (const stop of [watched, ...hung]) stop();
		};
	}

	/** Throws an OperatorError if the daemon can't be started as the files say; then nothing is left of it. */
	static async start(options: OpenerOptions): Promise<Opener> {
		const files = await ConfigFiles.read(options.config, options.log);
		for (const line of wanting(files.daemon.workers, files.diskCount, meansHere())) options.log.warn(line);
		const keeping = await Keeping.in(files.daemon.state);
		const listeners = new Listeners(activatedSockets());
		const commands = new CommandSocket(options.socket, listeners, options.log);
		try {
			await commands.listen();
			// Where it can't listen for browsers is told by control, and tried again: disks don't wait for that.
			await listeners.relisten(files.listeners);
			return new Opener(options, files, keeping, listeners, commands);
		} catch (error) {
			commands.close();
			listeners.close();
			keeping.release();
			throw error;
		}
	}

	#child(kind: ProcessKind, index: number): Child {
		const { program, log } = this.#options;
		const options: ChildOptions = {
			kind,
			index,
			program,
			log,
			asking: ALLOWANCES[kind],
			onStart: (child) => this.#begin(child),
			onEnd: (child, why) => this.#history.ended(child, why),
			answer: (child, question) => this.#answers.answer(child, question),
		};
		return new Child(options);
	}

	/** A child is new: it hears what it is, and those it has to do with hear of it. All in one turn, so none that came later hears it. */
	#begin(child: Child): void {
		try {
			this.#introduce(child);
			this.#history.started(child);
		} catch (error) {
			this.#cannotBegin(child, error);
		}
	}

	#introduce(child: Child): void {
		const { kind, index } = child;
		const { verbose } = this.#options;
		const since = this.#answers.since.toISOString();
		const begin = {
			kind: "begin",
			index,
			user: this.#user,
			parent: process.pid,
			since,
			verbose,
			workers: this.#workerCount,
			listen: this.#files.listen,
			stores: this.#files.hasStores,
		} as const;
		if (kind === "worker") {
			child.tell(begin);
			this.#join(this.#control, child);
			return;
		}
		const { control, files } = this.#answers.controlBegin();
		child.tell({ ...begin, control }, files);
		for (const other of this.#children) if (other.kind === "worker") this.#join(child, other);
		if (this.#isReloadWanted) this.reload();
	}

	/** A later one may find more of what is wanting: descriptors, or files that can be read. */
	#cannotBegin(child: Child, error: unknown): void {
		if (!(error instanceof OperatorError || isNativeError(error))) throw error;
		this.#options.log.error(`${child.name} can't begin: ${error.message}`);
		child.kill();
	}

	get #control(): Child | undefined {
		return this.#children?.find(({ kind }) => kind === "control");
	}

	/** They get the two ends of a new channel. One that is not there gets another when it is. */
	#join(control: Child | undefined, worker: Child): void {
		if (control?.pid === undefined || worker.pid === undefined) return;
		const [one, other] = native.socketPair();
		control.tell({ kind: "peer", of: "worker", index: worker.index }, [one]);
		worker.tell({ kind: "peer", of: "control", index: 0 }, [other]);
	}

	/** Control then has the worker add all its disks, so whoever asks without end is not heard. */
	#joinAgain(worker: Child): void {
		const nowMs = systemClock.now();
		if (nowMs - (this.#joinedMs.get(worker) ?? -JOIN_PAUSE_MS) < JOIN_PAUSE_MS)
			throw new OperatorError(`${worker.name}: was joined with control just now`);
		this.#joinedMs.set(worker, nowMs);
		this.#join(this.#control, worker);
	}

	/** Has control read the configuration again, and make it so: the next one, if it is being started. */
	reload(): void {
		this.#isReloadWanted = this.#control?.tell({ kind: "reload" }) !== true;
	}

	/** Has the workers log what they have counted. */
	report(): void {
		for (const child of this.#children) if (child.kind === "worker") child.tell({ kind: "report" });
	}

	/** Ends the others, which finish what is under way, then gives everything back. */
	async stop(): Promise<void> {
		this.#stopWatching();
		this.#manager.stopping();
		this.#answers.close();
		this.#commands.close();
		for (const child of this.#children) {
			child.end();
			child.tell({ kind: "stop" });
		}
		const limit = setTimeout(() => {
			for (const child of this.#children) child.kill();
		}, STOP_LIMIT_MS);
		await Promise.all(this.#children.map(({ ended }) => ended));
		clearTimeout(limit);
		this.#listeners.close();
	}
}
