/**
 * The configuration as the opener sees it: read from its files at the start, and again when control asks for them. What may be
 * opened follows from the files alone. Files with mistakes change nothing: what was granted before goes on. Used by `opener.ts`.
 */

import { hostname } from "node:os";
import { OperatorError } from "../errors.js";
import { interfaceNames } from "../link/interfaces.js";
import type { Log } from "../log.js";
import { type Config, type Environment, readConfig } from "../spec/config.js";
import { aoeExportsOf } from "../spec/exports.js";
import { shownPoolPath } from "../spec/pool-path.js";
import { Readings } from "../spec/readings.js";
import type { ListenSpec } from "../spec/spec.js";
import type { StorePoolSpec } from "../spec/store-spec.js";
import { clientFilesOf } from "../spec/tls.js";
import { quote } from "../text.js";
import { type ReadMaterial, readMaterial } from "../tls/material.js";
import { ChapSecretFiles } from "./chap-secrets.js";
import { Grants } from "./grants.js";
import type { ListenerName, ReplicasOpening, StorePoolOpening } from "./messages.js";
import { OneAtATime } from "./patience.js";
import { type FoundSources, LONGEST_TOKEN, readSources, textIn, whyUnreadable } from "./sources.js";
import { StoreKeyFiles } from "./store-keys.js";
import { Twins } from "./twins.js";

/** A file system may hang: nobody waits longer than this for its files. */
const READ_LIMIT_MS = 8000;
const KEYS = "the files of [nbd] tls";

/** Files that have been read. */
export interface Reread {
	readonly sources: FoundSources;
	/**
	 * Understands them here, so that they count, unless they do already, or later ones. To be called before anybody is heard who may
	 * have them; but when they are on their way, so that of thousands of disks control understands them at the same time.
	 */
	take(): void;
}

export class ConfigFiles {
	readonly #log: Log;
	readonly #environment: Environment;
	#config: Config;
	#grants: Grants;
	/** Links that a worker can't open itself, by their names. */
	#links: ReadonlySet<string>;
	/** Of the files as they were when they had no mistake. */
	#good: FoundSources;
	/** Of all disks, also of those that commands have added: a name gives no right but to what has that name. */
	#disks: ReadonlySet<string>;
	/** Of the same disks: paths. */
	#files: ReadonlySet<string>;
	/** Of the same disks. */
	readonly twins = new Twins();
	readonly #storeKeys = new StoreKeyFiles();
	readonly chapSecrets = new ChapSecretFiles();
	/** How often the files were read, and which of those readings counts. */
	#readings = 0;
	#taken = 0;
	readonly #sources = new OneAtATime("the configuration's files", READ_LIMIT_MS, () => this.#reread());
	readonly #nbdKeys = new OneAtATime(KEYS, READ_LIMIT_MS, () => this.#readNbdKeys());
	readonly #remoteKeys = new OneAtATime(KEYS, READ_LIMIT_MS, () => this.#readRemoteKeys(false));
	readonly #keysOfUsers = new OneAtATime(KEYS, READ_LIMIT_MS, () => this.#readRemoteKeys(true));
	readonly #token = new OneAtATime("the token's file", READ_LIMIT_MS, () => this.#readToken());

	private constructor(
		readonly main: string,
		sources: FoundSources,
		config: Config,
		environment: Environment,
		log: Log,
	) {
		this.#log = log;
		this.#environment = environment;
		this.#config = config;
		this.#grants = grantsOf(config);
		this.#links = linksOf(config);
		this.#disks = namesOf(config);
		this.#files = pathsOf(config);
		this.twins.take(config.disks);
		this.chapSecrets.take(config.disks, config.daemon.user);
		this.#good = sources;
	}

	/** Throws an OperatorError, a line for each mistake, if they can't be understood. */
	static async read(main: string, log: Log): Promise<ConfigFiles> {
		const sources = await readSources(main);
		const environment = { interfaceNames, readings: new Readings() };
		const config = configOf(sources, environment);
		if (!Array.isArray(config)) return new ConfigFiles(main, sources, config as Config, environment, log);
		for (const mistake of config.slice(1)) log.error(mistake);
		throw new OperatorError(String(config[0]));
	}

	get daemon(): Config["daemon"] {
		return this.#config.daemon;
	}

	get http(): Config["http"] {
		return this.#config.http;
	}

	/** Where to listen. */
	get listeners(): ListenerName[] {
		const { http, boot } = this.#config;
		return [
			...http.listen.map(({ name }) => ({ purpose: "http", address: name }) as const),
			...boot.listen.map(({ name }) => ({ purpose: "boot", address: name }) as const),
		];
	}

	/** Where workers listen. */
	get listen(): ListenSpec {
		const { nbd, iscsi } = this.#config;
		const { server } = nbd.tls;
		return { nbd: nbd.listen, iscsi: iscsi.listen, ...(server && { nbdTls: server }) };
	}

	/** What pools in object stores have for paths. */
	get storePaths(): string[] {
		return this.#config.pools.flatMap(({ path, stored }) => (stored === undefined ? [] : [path]));
	}

	get hasStores(): boolean {
		return this.#config.pools.some(({ stored, replicas }) => stored !== undefined || replicas !== undefined);
	}

	get diskCount(): number {
		return this.#config.disks.length;
	}

	get grants(): Grants {
		return this.#grants;
	}

	/** Whether a disk has this name. */
	namesDisk(name: string): boolean {
		return this.#disks.has(name);
	}

	/** Whether a disk is of that file. */
	namesFile(path: string): boolean {
		return this.#files.has(path);
	}

	/** As they are now, with what commands have added. */
	reread(): Promise<Reread> {
		return this.#sources.get();
	}

	async #reread(): Promise<Reread> {
		const reading = ++this.#readings;
		const sources = await readSources(this.main, this.daemon.state);
		const take = (): void => {
			if (reading <= this.#taken) return;
			this.#taken = reading;
			this.#take(sources);
		};
		return { sources, take };
	}

	#take(sources: FoundSources): void {
		const config = configOf(sources, this.#environment);
		if (!Array.isArray(config)) {
			this.#good = sources;
			this.#config = config as Config;
			this.#grants = grantsOf(this.#config);
			this.#links = linksOf(this.#config);
			this.chapSecrets.take(this.#config.disks, this.#config.daemon.user);
			const inStores = this.#config.pools.flatMap(({ path, replicas = [] }) => [{ path }, ...replicas]);
			this.#storeKeys.retain(new Set(inStores.map(({ path }) => path)));
		}
		const { files, debian } = this.#good;
		const { runtime } = sources;
		const whole = runtime && readConfig({ files, debian, runtime }, this.#environment);
		const known = !whole || Array.isArray(whole) ? this.#config : (whole as Config);
		this.#disks = namesOf(known);
		this.#files = pathsOf(known);
		this.twins.take(known.disks.filter(({ disk }) => this.#grants.isGranted(disk)));
	}

	/** What changes are asked for with; undefined if none is configured, or it can't be read. */
	token(): Promise<string | undefined> {
		return this.#token.get();
	}

	/** What the keys of NBD's sockets are now. Throws an OperatorError if they can't be had. */
	nbdKeys(): Promise<ReadMaterial> {
		return this.#nbdKeys.get();
	}

	async #readNbdKeys(): Promise<ReadMaterial> {
		const { server } = this.#config.nbd.tls;
		if (server === undefined) throw new OperatorError("there is no TLS, by what is configured");
		return readMaterial(server, false);
	}

	/** What they are now for remote disks, whose address names a user or not. Throws an OperatorError if they can't be had. */
	remoteKeys(hasUser: boolean): Promise<ReadMaterial> {
		return (hasUser ? this.#keysOfUsers : this.#remoteKeys).get();
	}

	async #readRemoteKeys(hasUser: boolean): Promise<ReadMaterial> {
		return readMaterial(clientFilesOf(this.#config.nbd.tls.remote, hasUser), true);
	}

	/** What a pool in an object store needs that is at this path. Throws an OperatorError if that can't be had. */
	async storePool(path: string): Promise<StorePoolOpening> {
		const stored = this.#storedAt(path);
		const keys = await this.#storeKeys.keysOf(path, stored);
		return { stored, keys, host: hostname() };
	}

	/** The replicas of the pool at this path. */
	replicas(path: string): ReplicasOpening {
		const pool = this.#config.pools.find((each) => each.path === path);
		const replicas = (pool?.replicas ?? []).map(({ stored, ...known }) => ({ ...known, log: stored.log }));
		return { replicas, pool: pool?.name ?? "", host: hostname() };
	}

	/** Where its head is, in a file. Throws an OperatorError. */
	headFolder(path: string): string {
		const { name, head, log } = this.#storedAt(path);
		if (head.kind === "file") return log;
		throw new OperatorError(`pool ${quote(name)}: has no head in a file`);
	}

	#storedAt(path: string): StorePoolSpec {
		const { pools } = this.#config;
		const replicas = pools.flatMap((pool) => pool.replicas ?? []);
		const stored = [...pools, ...replicas].find((each) => each.path === path)?.stored;
		if (stored !== undefined) return stored;
		throw new OperatorError(`${shownPoolPath(path)}: is no pool of the files that root configures`);
	}

	async #readToken(): Promise<string | undefined> {
		const { tokenFile } = this.http;
		if (tokenFile === undefined) return undefined;
		try {
			const token = (await textIn(tokenFile, LONGEST_TOKEN)).trim();
			if (token !== "") return token;
			this.#log.error(`${tokenFile}: holds no token`);
		} catch (error) {
			this.#log.error(`${tokenFile}: ${whyUnreadable(error)}`);
		}
		return undefined;
	}

	/** Throws an OperatorError unless the files name this link. */
	refuseLink(name: string): void {
		if (!this.#links.has(name))
			throw new OperatorError(`${quote(name)}: is not named by the files that root configures`);
	}
}

/** What root's files say, or what is wrong with them, a line each. */
function configOf({ files, debian, unreadable }: FoundSources, environment: Environment): Config | string[] {
	const config = readConfig({ files, debian }, environment);
	if (!Array.isArray(config)) return unreadable.length === 0 ? config : [...unreadable];
	return [...unreadable, ...config.map(({ message }) => message)];
}

function grantsOf({ disks, daemon, pools }: Config): Grants {
	const named = disks.flatMap(({ disk: { storage, readOnly } }) =>
		storage.kind === "file" ? [{ path: storage.path, readOnly }] : [],
	);
	const folders = pools.flatMap((pool) => (pool.stored === undefined ? [pool.path] : []));
	const inStores = pools.flatMap(({ stored, replicas = [] }) => [
		...(stored ? [{ stored }] : []),
		...replicas,
	]);
	const logs = inStores.map(({ stored }) => stored.log);
	return new Grants(named, daemon.allow, folders, logs);
}

function linksOf({ disks, templates }: Config): ReadonlySet<string> {
	const netifs = disks.flatMap(({ exports }) => aoeExportsOf(exports)).flatMap((each) => each.netifs);
	const ofDisks = netifs.flatMap((netif) => {
		if (netif.kind === "unix") return [`unix:${netif.path}`];
		return netif.kind === "gre" ? [`gre:${netif.peer}`] : [];
	});
	// The disks of its machines are none of the files'; others than these are called as interfaces are.
	return new Set([...ofDisks, ...templates.flatMap(({ netif }) => netif)]);
}

function namesOf({ disks }: Config): ReadonlySet<string> {
	return new Set(disks.map(({ name }) => name));
}

function pathsOf({ disks }: Config): ReadonlySet<string> {
	return new Set(disks.flatMap(({ disk: { storage } }) => (storage.kind === "file" ? [storage.path] : [])));
}
