/**
 * What is wished for: the texts of the files as they were last read, what was added by command, API or page (`runtime.toml`), and what
 * of the files' disks was changed that way, which holds until they are read again. A change is another wish; what it comes to is
 * always found out by the one reader of configurations. Used by `desired.ts`, which keeps it.
 */

import { parse, stringify } from "smol-toml";
import { OperatorError } from "../errors.js";
import { assembled } from "../spec/assembly.js";
import { type Config, type Environment, readConfig, type Sources } from "../spec/config.js";
import type { DiskConfig } from "../spec/configuration.js";
import { conflictsOf, linkSpecsOf } from "../spec/conflicts.js";
import { type PlacedError, unknownName } from "../spec/place.js";
import { type DiskSettings, diskSchema } from "../spec/schema.js";
import { namesAt } from "../spec/schema-keys.js";
import { NO_TLS } from "../spec/tls.js";
import type { Problem } from "./model.js";
import { pointerTo, Refusal } from "./problem.js";

export interface Wish {
	/** Without `runtime`. */
	readonly sources: Omit<Sources, "runtime">;
	/** Text of runtime.toml. */
	readonly runtime: string;
	/** Disks that a file names, as they shall be instead; null: not at all. */
	readonly overrides: Readonly<Record<string, DiskSettings | null>>;
}

export const RUNTIME_FILE = "runtime.toml";
const RUNTIME_HEAD =
	"# Disks that were added by command, API or page. Written by vblade; change it while vblade is stopped.\n\n";

/** Before anything was wished for. */
export const NO_CONFIG: Config = {
	daemon: { state: "", user: undefined, allow: [], workers: 1 },
	http: { listen: [], tokenFile: undefined, diskHistograms: false },
	nbd: { listen: [], tls: NO_TLS },
	iscsi: { listen: [] },
	boot: { listen: [] },
	stores: [],
	heads: [],
	pools: [],
	templates: [],
	disks: [],
	links: [],
	warnings: [],
	placeOf: () => undefined,
};

/** What it comes to, or all that is wrong with it. */
export function understand(wish: Wish, environment: Environment): Config | PlacedError[] {
	const runtime = { path: RUNTIME_FILE, text: wish.runtime };
	const config = readConfig({ ...wish.sources, runtime }, environment);
	if (Array.isArray(config) || Object.keys(wish.overrides).length === 0) return config;
	const disks: DiskConfig[] = [];
	for (const disk of config.disks) {
		// A disk may have a name that every object knows: `constructor`.
		const settings = Object.hasOwn(wish.overrides, disk.name) ? wish.overrides[disk.name] : undefined;
		if (settings === undefined) disks.push(disk);
		else if (settings !== null) {
			const other = overridden(disk, settings, config, environment);
			if (Array.isArray(other)) return other;
			disks.push(other);
		}
	}
	const whole = assembled(disks, config.pools);
	const conflicts = [...whole.conflicts, ...conflictsOf(whole.disks)].map(({ error }) => error);
	if (conflicts.length + whole.wrong.length > 0) return [...conflicts, ...whole.wrong];
	return { ...config, disks: whole.disks, links: linkSpecsOf(whole.disks) };
}

/**
 * What can be served of it: what commands have added is left out if it can't be understood, which is a warning. Disks that root's
 * files name are served all the same; nothing can be added until that is mended.
 */
export function understandMost(wish: Wish, environment: Environment): Config | PlacedError[] {
	const config = understand(wish, environment);
	if (!Array.isArray(config) || config.some(({ place }) => place.file !== RUNTIME_FILE)) return config;
	const files = understand({ ...wish, runtime: "" }, environment);
	return Array.isArray(files) ? files : { ...files, warnings: [...config, ...files.warnings] };
}

/** As `understand`; throws an OperatorError, a line for each that is wrong. */
export function understood(wish: Wish, environment: Environment): Config {
	return orThrow(understand(wish, environment));
}

/** Throws an OperatorError, a line for each that is wrong. */
export function orThrow(config: Config | PlacedError[]): Config {
	if (Array.isArray(config)) throw new OperatorError(config.map(({ message }) => message).join("\n"));
	return config;
}

/** Settings of a disk that runs have what holds for all disks in them already. */
function overridden(
	disk: DiskConfig,
	settings: DiskSettings,
	{ pools }: Config,
	{ interfaceNames }: Environment,
): DiskConfig | PlacedError[] {
	// (Where a pool is has no one form in a file: it may be on disks, or in a store of another table.)
	const text = stringify({ disk: { [disk.name]: settings } });
	const sources = { files: [{ path: RUNTIME_FILE, text }], debian: [] };
	const config = readConfig(sources, { interfaceNames, poolsOfOne: pools });
	if (Array.isArray(config)) return config;
	const [other] = config.disks;
	return other === undefined ? disk : { ...other, origin: disk.origin, placeOf: disk.placeOf };
}

/** The same wish with one disk other than it is, or, with null, without it. */
export function wishWith(wish: Wish, name: string, settings: DiskSettings | null, isOfFile: boolean): Wish {
	if (isOfFile) return { ...wish, overrides: { ...wish.overrides, [name]: settings } };
	const { [name]: _, ...others } = runtimeDisks(wish.runtime);
	const disks = settings === null ? others : { ...others, [name]: settings };
	return { ...wish, runtime: `${RUNTIME_HEAD}${textOf(disks)}` };
}

/** Throws an OperatorError if it is not what was once written. */
function runtimeDisks(text: string): Record<string, unknown> {
	let disk: unknown;
	try {
		({ disk } = parse(text));
	} catch {
		throw new OperatorError(
			`${RUNTIME_FILE} of the state can't be understood: nothing can be added until it is mended`,
		);
	}
	return typeof disk === "object" && disk !== null && !Array.isArray(disk) ? { ...disk } : {};
}

function textOf(disks: Readonly<Record<string, unknown>>): string {
	return stringify({ disk: disks });
}

/** Throws a Refusal that points to all that is wrong with the settings of one disk, taken by themselves. */
export function checkSettings(settings: DiskSettings): void {
	const { error } = diskSchema.safeParse(settings);
	if (error === undefined) return;
	const errors: NonNullable<Problem["errors"]> = error.issues.flatMap((issue) =>
		issue.code === "unrecognized_keys"
			? issue.keys.map((key) => ({
					pointer: pointerTo([...issue.path, key]),
					detail: unknownName("key", key, namesAt(diskSchema, issue.path)),
				}))
			: [{ pointer: pointerTo(issue.path), detail: issue.message }],
	);
	throw new Refusal(422, errors[0]?.detail ?? "the settings are not what they should be", { errors });
}

/** Disks as they are, but those that were broken as this machine was as they were found now. */
export function withMended(disks: readonly DiskConfig[], found: readonly DiskConfig[]): DiskConfig[] {
	const better = new Map(found.flatMap((disk) => (disk.broken === undefined ? [[disk.name, disk]] : [])));
	return disks.map((disk) => (disk.broken === undefined ? disk : (better.get(disk.name) ?? disk)));
}

/** JSON merge patch (RFC 7396): null takes a key away, tables are merged, all else replaces. */
export function merged(settings: DiskSettings, patch: Readonly<Record<string, unknown>>): DiskSettings {
	return mergedTable(settings, patch) as DiskSettings;
}

function mergedTable(table: unknown, patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
	const entries = new Map(Object.entries(isTable(table) ? table : {}));
	for (const [key, value] of Object.entries(patch)) {
		if (value === null) entries.delete(key);
		else entries.set(key, isTable(value) ? mergedTable(entries.get(key), value) : value);
	}
	// Whatever a key is called, it is one of the table.
	return Object.fromEntries(entries);
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
