/**
 * The pools of a configuration, by name: each once, with a place of its own. Asked by `config.ts`, before it understands disks, which
 * may be on their volumes.
 */

import path from "node:path";
import type { PoolConfig } from "./configuration.js";
import { POOL_DEFAULTS } from "./keys.js";
import type { PoolPart } from "./parts.js";
import { alreadyAt, type Place, PlacedError } from "./place.js";
import type { PoolSettings } from "./policy.js";
import { onDisks } from "./pool-path.js";
import { replicasOf } from "./replicas.js";
import { type Places, STORE_POOL_KEYS, storePoolOf, tailIn, takenBy } from "./store-pools.js";
import type { TomlPath } from "./toml.js";

/** As pools take it: what is not said is left out. */
export function keptOf(values: PoolPart["values"]): PoolSettings {
	const { history, history_space: historySpace, history_min: historyMinSeconds, keep } = values;
	const said = { historySeconds: history, historySpace, historyMinSeconds, keep };
	return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as PoolSettings;
}

/** Where a pool is: one of these. */
const PLACE_KEYS = ["path", "disks", "store", "tail"] as const;
type PlaceKey = (typeof PLACE_KEYS)[number];

/** What is wrong is added to `errors`. */
export function poolsOf(parts: readonly PoolPart[], places: Places, errors: PlacedError[]): PoolConfig[] {
	const byName = new Map<string, PoolPart>();
	const taken = new Map<string, Place>();
	const pools: PoolConfig[] = [];
	// (What was given up of a pool is where that is.)
	const isTail = ({ values }: PoolPart): boolean => values.tail !== undefined;
	for (const part of [...parts.filter((each) => !isTail(each)), ...parts.filter(isTail)]) {
		const { name, placeOf } = part;
		const first = byName.get(name);
		byName.set(name, first ?? part);
		if (first !== undefined)
			errors.push(new PlacedError(placeOf([]), alreadyAt(`[pool.${name}]`, first.placeOf([]))));
		const pool = first === undefined ? poolOf(part, { ...places, pools, parts }, errors) : undefined;
		if (pool === undefined) continue;
		const own = placesOf(pool);
		const [there, key] = own.find(([there]) => taken.has(there)) ?? [];
		const other = there === undefined ? undefined : taken.get(there);
		if (other === undefined) pools.push(pool);
		else errors.push(new PlacedError(placeOf(key ?? []), alreadyAt(`a pool in ${there}`, other)));
		for (const [there, key] of own) if (!taken.has(there)) taken.set(there, placeOf(key));
	}
	return pools;
}

/** What no other pool may have, and the key that says it. */
function placesOf({ path: where, disks, stored }: PoolConfig): [string, TomlPath][] {
	if (stored !== undefined) return takenBy(stored);
	return [[where, [disks === undefined ? "path" : "disks"]]];
}

/** Undefined if anything is wrong, which is added to `errors`. */
function poolOf(
	part: PoolPart,
	places: Places & { readonly pools: readonly PoolConfig[]; readonly parts: readonly PoolPart[] },
	errors: PlacedError[],
): PoolConfig | undefined {
	const { name, settings, values, placeOf } = part;
	const [key, another] = PLACE_KEYS.filter((each) => values[each] !== undefined);
	const wrong = (at: TomlPath, what: string): undefined => {
		errors.push(new PlacedError(placeOf(at), `pool ${name}: ${what}`));
	};
	if (key === undefined) return wrong([], "path, disks or store is missing");
	if (another !== undefined) return wrong([another], `it has ${WORDS[key]} already`);
	if (values.partial !== undefined && key !== "disks")
		return wrong(["partial"], "partial is for what is on disks");
	const ofStore = STORE_POOL_KEYS.find(
		(each) => values[each] !== undefined && (key !== "tail" || each !== "log"),
	);
	if (ofStore !== undefined && key !== "store")
		return wrong([ofStore], `${ofStore} is for what is on a store`);
	if (key === "tail" && values.replica !== undefined)
		return wrong(["replica"], "what was given up of a pool is only read, and has no replica");
	const { path: folder, disks, partial = POOL_DEFAULTS.partial } = values;
	const own = (at: TomlPath = [key]) => placeOf(at);
	const known = { name, kept: keptOf(values), placeOf: own };
	const replicasIn = (folder?: string) => replicasOf(part, folder, places, errors);
	if (key === "store") {
		const where = storePoolOf(part, places, errors);
		if (where?.stored.listen !== undefined && values.replica !== undefined)
			return wrong(
				["replica"],
				'a pool that both hosts serve (serve = "both") has no replica: what is known of it stays on one host',
			);
		return where && { ...known, ...where, settings, ...replicasIn(where.stored.log) };
	}
	if (key === "tail") {
		const where = tailIn(part, places.pools, errors);
		return where && { ...known, ...where, settings };
	}
	if (disks !== undefined)
		return {
			...known,
			path: onDisks(name),
			settings: { ...settings, disks: [...disks] },
			disks,
			partial,
			...replicasIn(),
		};
	const where = path.resolve(folder ?? "");
	return { ...known, path: where, settings: { ...settings, path: where }, ...replicasIn(where) };
}

const WORDS: Readonly<Record<PlaceKey, string>> = {
	path: "a path",
	disks: "disks",
	store: "a store",
	tail: "a tail",
};
