/**
 * What the opener answers to its children: one row of a table for each thing that can be asked, and by whom. A child may have been taken
 * over by whoever attacks it from the network: what it says is looked at as if it came from there. Used by `opener.ts`.
 */

import { isDeepStrictEqual } from "node:util";
import type { Delivery, Parcel } from "../channel/asking.js";
import { DamagedError, OperatorError } from "../errors.js";
import { Tunnels } from "../gre/keeper.js";
import type { ListenSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import type { Answer } from "./answer.js";
import type { Child } from "./children.js";
import type { ConfigFiles, Reread } from "./config-files.js";
import type { Keeping } from "./keeping.js";
import type { Listeners } from "./listeners.js";
import type { Manager } from "./manager.js";
import { Memories } from "./memories.js";
import type {
	ControlBegin,
	OpenerRequest,
	ProcessInfo,
	ProcessNews,
	Replacement,
	Started,
} from "./messages.js";
import { Names } from "./names.js";
import { OpenedFiles } from "./opened.js";
import { FilesForOthers } from "./opening.js";
import { PoolFolders } from "./pool-folders.js";
import { usageOf } from "./processes.js";
import { questionOf } from "./questions.js";
import { speedsOf } from "./speeds.js";
import { storeAnswers } from "./store-answers.js";

/** So that no child fills the state directory's disk, or our memory. */
export interface AnswersOptions {
	readonly files: ConfigFiles;
	/** Of those who serve; undefined: of this process. */
	readonly uid: number | undefined;
	readonly keeping: Keeping;
	readonly listeners: Listeners;
	readonly manager: Manager;
	readonly children: () => readonly Child[];
	readonly news: () => readonly ProcessNews[];
	/** Makes a channel between this worker and control. Throws an OperatorError, or a NativeError, if it can't. */
	readonly join: (worker: Child) => void;
	readonly onReady: (status: string) => void;
	/** Told all files that are not those any more that workers serve. */
	readonly replaced: (files: readonly Replacement[]) => void;
}

const RUNTIME_FILE = "runtime.toml";
const DONE: Parcel = { body: {} };
/** What a worker may ask; control may ask the rest. */
const FOR_WORKERS: readonly OpenerRequest["kind"][] = [
	"open",
	"memory",
	"poolFiles",
	"poolIdentities",
	"poolFile",
	"storePool",
	"replicas",
	"logFiles",
	"logFile",
	"readHead",
	"swapHead",
	"listen",
	"socket",
	"chapSecret",
	"nbdKeys",
	"remoteKeys",
	"addresses",
	"tunnel",
	"join",
];

export class Answers {
	readonly #options: AnswersOptions;
	readonly since = new Date();
	readonly #started: Started;
	readonly #memories = new Memories();
	readonly #pools = new PoolFolders();
	readonly #names: Names;
	readonly #opened: OpenedFiles;
	/** By worker: what one waits for keeps no other, and a tunnel of one is no other's. */
	readonly #opening = new Map<number, FilesForOthers>();
	readonly #tunnels = new Map<number, Tunnels>();
	#isReady = false;
	#places: ListenSpec;
	readonly #answers: { readonly [Kind in OpenerRequest["kind"]]: Answer<Kind> } = {
		open: async (request, { index }) => {
			const { grants, twins } = this.#options.files;
			// Who may not have it hears nothing of it.
			const { isOfPool } = grants.grant(request.path, request.readOnly);
			// A pool has thousands; locks keep others away.
			const files = ofWorker(this.#opening, index, FilesForOthers);
			if (isOfPool) return files.open(request, grants);
			await twins.refuse(request);
			try {
				return await files.open(request, grants, (identity) => this.#opened.opened(request, identity));
			} catch (error) {
				await twins.explain(request, error, (path) => this.#opened.isOpened(path));
				throw error;
			}
		},
		memory: ({ name, sizeBytes }) => {
			if (!this.#options.files.namesDisk(name))
				throw new OperatorError(`disk ${quote(name)}: there is none of this name, by what is configured`);
			return { body: {}, files: [this.#memories.descriptorOf(name, sizeBytes)] };
		},
		poolFiles: async ({ pool }) => {
			this.#options.files.grants.refusePool(pool);
			return { body: { ...(await this.#pools.look(pool)) } };
		},
		poolIdentities: async ({ pool, first, count }) => {
			this.#options.files.grants.refusePool(pool);
			return { body: { files: await this.#pools.identities(pool, first, count) } };
		},
		poolFile: async ({ pool, file }) => {
			this.#options.files.grants.refusePool(pool);
			await this.#pools.make(pool, file);
			return DONE;
		},
		...storeAnswers(() => this.#options.files, this.#pools),
		listen: ({ path }) => this.#listen(path),
		socket: async ({ address }) => {
			const { files, listeners } = this.#options;
			if (!placesIn(files.listen).includes(address))
				throw new OperatorError(`${quote(address)}: is no place where root's files have clients connect`);
			return { body: {}, files: [await listeners.forClients(address)] };
		},
		chapSecret: async ({ file }) => ({ body: { ...(await this.#options.files.chapSecrets.read(file)) } }),
		nbdKeys: async () => ({ body: { ...(await this.#options.files.nbdKeys()) } }),
		remoteKeys: async ({ hasUser }) => ({ body: { ...(await this.#options.files.remoteKeys(hasUser)) } }),
		addresses: async ({ host }) => ({ body: { addresses: await this.#names.addressesOf(host) } }),
		tunnel: ({ peer }, { index }) => {
			this.#options.files.refuseLink(`gre:${peer}`);
			return { body: {}, files: [ofWorker(this.#tunnels, index, Tunnels).start(peer)] };
		},
		join: (_request, child) => {
			this.#options.join(child);
			return DONE;
		},
		sources: async () => {
			const { sources, take } = await this.#reread();
			return { body: sources, sent: take };
		},
		token: async () => ({ body: { token: await this.#options.files.token() } }),
		kept: ({ name }) => this.#kept(name),
		setAside: async ({ name }) => ({ body: { aside: await this.#options.keeping.setAside(name) } }),
		keep: async ({ name }, _child, bytes = new Uint8Array(0)) => {
			await this.#options.keeping.keep(name, bytes);
			// Disks in memory that it names get theirs.
			if (name === RUNTIME_FILE) (await this.#reread()).take();
			return DONE;
		},
		processes: async () => ({ body: { processes: await this.#processes() } }),
		listeners: async () => {
			const { files, listeners } = this.#options;
			const wrong = await listeners.relisten(files.listeners);
			return { body: { listeners: listeners.names, wrong }, files: listeners.duplicates() };
		},
		permit: ({ path, readOnly }) => {
			this.#options.files.grants.grant(path, readOnly);
			return DONE;
		},
		permitSecret: ({ file }) => {
			this.#options.files.chapSecrets.demand(file);
			return DONE;
		},
		permitLink: ({ link }) => {
			this.#options.files.refuseLink(link);
			return DONE;
		},
		speeds: async ({ names }) => ({ body: { speeds: await speedsOf(names) } }),
		replace: ({ index }) => {
			const worker = this.#options
				.children()
				.find((child) => child.kind === "worker" && child.index === index);
			worker?.kill("control does not understand it");
			return DONE;
		},
		notify: ({ state, status }) => {
			this.#options.manager.tell(state, status);
			if (state === "ready" && !this.#isReady) this.#options.onReady(status);
			this.#isReady ||= state === "ready";
			return DONE;
		},
	};

	constructor(options: AnswersOptions) {
		this.#options = options;
		const { state, user, workers } = options.files.daemon;
		this.#started = { state, user, workers };
		this.#places = options.files.listen;
		this.#opened = new OpenedFiles(options.replaced);
		this.#names = new Names(options.uid);
	}

	/** Throws an OperatorError, or a NativeError, that says why not. */
	answer(child: Child, { body, bytes }: Delivery): Parcel | Promise<Parcel> {
		const question = questionOf(body);
		if (FOR_WORKERS.includes(question.kind) !== (child.kind === "worker"))
			throw new OperatorError(`${question.kind}: not for a ${child.kind}`);
		const answer = this.#answers[question.kind] as Answer<OpenerRequest["kind"]>;
		return answer(question, child, bytes);
	}

	async #reread(): Promise<Reread> {
		const { files } = this.#options;
		const { sources, take } = await files.reread();
		const andRetain = (): void => {
			take();
			this.#memories.retain((name) => files.namesDisk(name));
			this.#opened.retain((path) => files.namesFile(path));
			this.#followPlaces();
		};
		return { sources, take: andRetain };
	}

	/** Where workers listen, if the files have it otherwise now. */
	#followPlaces(): void {
		const { files, listeners, children } = this.#options;
		const { listen } = files;
		// (Where there are keys, their files may hold others now.)
		const hasKeys = listen.nbdTls !== undefined || files.chapSecrets.any;
		if (!hasKeys && isDeepStrictEqual(listen, this.#places)) return;
		this.#places = listen;
		void listeners.retainClients(placesIn(listen));
		for (const child of children()) if (child.kind === "worker") child.tell({ kind: "listen", listen });
	}

	/** Nothing is looked at any more. */
	close(): void {
		this.#opened.close();
	}

	/** What control begins with, and the descriptors of its listeners. */
	controlBegin(): { control: ControlBegin; files: number[] } {
		const { listeners, news } = this.#options;
		const { replaced } = this.#opened;
		const control = { listeners: listeners.names, started: this.#started, news: news(), replaced };
		return { control, files: listeners.duplicates() };
	}

	async #kept(name: string): Promise<Parcel> {
		try {
			const bytes = await this.#options.keeping.kept(name);
			return { body: { isThere: bytes !== undefined }, bytes: bytes ?? new Uint8Array(0) };
		} catch (error) {
			if (!(error instanceof DamagedError)) throw error;
			return { body: { isThere: false, damage: error.message }, bytes: new Uint8Array(0) };
		}
	}

	async #listen(path: string): Promise<Parcel> {
		this.#options.files.refuseLink(`unix:${path}`);
		return { body: {}, files: [await this.#options.listeners.forFrames(path)] };
	}

	async #processes(): Promise<ProcessInfo[]> {
		const own = { kind: "opener", index: 0, pid: process.pid, since: this.since, restarts: 0 } as const;
		const others = this.#options
			.children()
			.flatMap(({ kind, index, pid, since, restarts }) =>
				pid === undefined ? [] : [{ kind, index, pid, since, restarts }],
			);
		return Promise.all(
			[own, ...others].map(async (each) => ({
				...each,
				since: each.since.toISOString(),
				...(await usageOf(each.pid)),
			})),
		);
	}
}

/** Where workers may have clients connect. */
function placesIn({ nbd, iscsi }: ListenSpec): string[] {
	return [...nbd, ...iscsi].map(({ name }) => name);
}

function ofWorker<T>(all: Map<number, T>, worker: number, Kind: new () => T): T {
	const known = all.get(worker) ?? new Kind();
	all.set(worker, known);
	return known;
}
