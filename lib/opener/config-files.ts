/**
 * The configuration as the opener sees it: read from its files at the start, and again when control asks for them. What may be
 * opened follows from the files alone. Files with mistakes change nothing: what was granted before goes on. Used by `opener.ts`.
 */

import { readFile } from "node:fs/promises";
import { OperatorError } from "../errors.js";
import { interfaceNames } from "../link/interfaces.js";
import type { Log } from "../log.js";
import { type Config, readConfig } from "../spec/config.js";
import { quote } from "../text.js";
import { Grants } from "./grants.js";
import { type FoundSources, readSources } from "./sources.js";

/** More than any token has. */
const LONGEST_TOKEN = 4096;

export class ConfigFiles {
	readonly #log: Log;
	#config: Config;
	#grants: Grants;
	/** Links that a worker can't open itself, by their names. */
	#links: ReadonlySet<string>;

	private constructor(
		readonly main: string,
		config: Config,
		log: Log,
	) {
		this.#log = log;
		this.#config = config;
		this.#grants = grantsOf(config);
		this.#links = linksOf(config);
	}

	/** Throws an OperatorError, a line for each mistake, if they can't be understood. */
	static async read(main: string, log: Log): Promise<ConfigFiles> {
		const config = configOf(await readSources(main));
		if (!Array.isArray(config)) return new ConfigFiles(main, config as Config, log);
		for (const mistake of config.slice(1)) log.error(mistake);
		throw new OperatorError(String(config[0]));
	}

	get daemon(): Config["daemon"] {
		return this.#config.daemon;
	}

	get http(): Config["http"] {
		return this.#config.http;
	}

	get grants(): Grants {
		return this.#grants;
	}

	/** As they are now, with what commands have added. */
	async reread(): Promise<FoundSources> {
		const sources = await readSources(this.main, this.daemon.state);
		const config = configOf(sources);
		if (Array.isArray(config)) return sources;
		this.#config = config as Config;
		this.#grants = grantsOf(this.#config);
		this.#links = linksOf(this.#config);
		return sources;
	}

	/** What changes are asked for with; undefined if none is configured, or it can't be read. */
	async token(): Promise<string | undefined> {
		const { tokenFile } = this.http;
		if (tokenFile === undefined) return undefined;
		try {
			const token = (await readFile(tokenFile, "utf8")).trim();
			if (token !== "" && token.length <= LONGEST_TOKEN) return token;
			this.#log.error(`${tokenFile}: not a token: empty, or too long`);
		} catch (error) {
			this.#log.error(
				`${tokenFile}: can't be read (${error instanceof Error ? error.message : String(error)})`,
			);
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
function configOf({ files, debian, unreadable }: FoundSources): Config | string[] {
	const config = readConfig({ files, debian }, { interfaceNames });
	if (!Array.isArray(config)) return unreadable.length === 0 ? config : [...unreadable];
	return [...unreadable, ...config.map(({ message }) => message)];
}

function grantsOf({ disks, daemon }: Config): Grants {
	const named = disks.flatMap(({ disk: { storage, readOnly } }) =>
		storage.kind === "file" ? [{ path: storage.path, readOnly }] : [],
	);
	return new Grants(named, daemon.allow);
}

function linksOf({ disks }: Config): ReadonlySet<string> {
	const netifs = disks.flatMap(({ exports }) => exports).flatMap((each) => each.netifs);
	return new Set(
		netifs.flatMap((netif) => {
			if (netif.kind === "unix") return [`unix:${netif.path}`];
			return netif.kind === "gre" ? [`gre:${netif.peer}`] : [];
		}),
	);
}
