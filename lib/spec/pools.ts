/**
 * The pools of a configuration, by name: each once, with a directory of its own. Asked by `config.ts`, before it understands disks, which
 * may be on their volumes.
 */

import path from "node:path";
import type { PoolConfig } from "./configuration.js";
import { POOL_DEFAULTS } from "./keys.js";
import type { PoolPart } from "./parts.js";
import { alreadyAt, PlacedError } from "./place.js";
import type { PoolSettings } from "./policy.js";
import { onDisks } from "./pool-path.js";
import type { TomlPath } from "./toml.js";

/** As pools take it: what is not said is left out. */
export function keptOf(values: PoolPart["values"]): PoolSettings {
	const { history, history_space: historySpace, history_min: historyMinSeconds, keep } = values;
	const said = { historySeconds: history, historySpace, historyMinSeconds, keep };
	return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as PoolSettings;
}

/** What is wrong is added to `errors`. */
export function poolsOf(parts: readonly PoolPart[], errors: PlacedError[]): PoolConfig[] {
	const byName = new Map<string, PoolPart>();
	const byPath = new Map<string, PoolPart>();
	const pools: PoolConfig[] = [];
	for (const part of parts) {
		const { name, values, placeOf } = part;
		const first = byName.get(name);
		const { disks } = values;
		const folder = values.path === undefined ? disks && onDisks(name) : path.resolve(values.path);
		const other = folder === undefined ? undefined : byPath.get(folder);
		if (first !== undefined)
			errors.push(new PlacedError(placeOf([]), alreadyAt(`[pool.${name}]`, first.placeOf([]))));
		else if (folder === undefined)
			errors.push(new PlacedError(placeOf([]), `pool ${name}: path or disks is missing`));
		else if (values.path !== undefined && disks !== undefined)
			errors.push(new PlacedError(placeOf(["disks"]), `pool ${name}: it has a path already`));
		else if (values.partial !== undefined && disks === undefined)
			errors.push(new PlacedError(placeOf(["partial"]), `pool ${name}: partial is for what is on disks`));
		else if (other !== undefined)
			errors.push(
				new PlacedError(placeOf(["path"]), alreadyAt(`a pool in ${folder}`, other.placeOf(["path"]))),
			);
		else {
			const where = disks === undefined ? { path: folder } : { disks: [...disks] };
			const settings = { ...part.settings, ...where };
			const own = (key: TomlPath = [disks === undefined ? "path" : "disks"]) => placeOf(key);
			const known = { name, path: folder, settings, kept: keptOf(values), placeOf: own };
			const { partial = POOL_DEFAULTS.partial } = values;
			pools.push({ ...known, ...(disks !== undefined && { disks, partial }) });
		}
		byName.set(name, first ?? part);
		if (folder !== undefined) byPath.set(folder, other ?? part);
	}
	return pools;
}
