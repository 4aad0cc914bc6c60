/** The replicas of a pool of a configuration: where each is, and what holds without being said. Asked by `pools.ts`. */

import { createHash } from "node:crypto";
import { STORE_POOL_DEFAULTS } from "./keys.js";
import type { PoolPart } from "./parts.js";
import { absentName, PlacedError } from "./place.js";
import { type Absent, type Places, storedIn, storePathOf, type Wrong } from "./store-pools.js";
import type { ReplicaSpec } from "./store-spec.js";
import type { TomlPath } from "./toml.js";

/** Another one whenever a pool has other replicas, or sends to them otherwise; of none it is empty. */
export function replicasText(replicas: readonly Pick<ReplicaSpec, "path" | "bytesPerSecond">[]): string {
	if (replicas.length === 0) return "";
	const all = replicas.map(({ path, bytesPerSecond = null }) => [path, bytesPerSecond]);
	return createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 12);
}

type Said = NonNullable<PoolPart["values"]["replica"]>[number];

/** With the name of the pool there, and a container, if none is said; in the place of a store a pool in one may be named, of this configuration. */
function placed(
	name: string,
	said: Said,
	{ stores, parts }: Parameters<typeof replicasOf>[2],
): Said & { pool: string } {
	const isStore = stores.some((each) => each.name === said.store);
	const isPlaced = isStore || said.container !== undefined;
	const known = isPlaced ? undefined : parts.find((each) => each.name === said.store && each.name !== name);
	const { store, container, prefix, head } = known?.values ?? {};
	if (known !== undefined && store !== undefined)
		return { ...said, store, container, prefix, head, pool: known.name };
	const pool = said.pool ?? `${name}-copy`;
	return { ...said, pool, container: said.container ?? (/^[A-Za-z0-9]/.test(pool) ? pool : undefined) };
}

/** `folder`: where the pool has files on this host; undefined: it has none. What is wrong is added to `errors`. */
export function replicasOf(
	{ name, values, placeOf }: PoolPart,
	folder: string | undefined,
	places: Places & { readonly parts: readonly PoolPart[] },
	errors: PlacedError[],
): { readonly replicas?: readonly ReplicaSpec[] } {
	const { replica = [] } = values;
	if (replica.length === 0) return {};
	const taken = new Set<string>();
	const replicas = replica.flatMap((given, index): ReplicaSpec[] => {
		const each = placed(name, given, places);
		const { store = "", container = "", prefix, bandwidth: bytesPerSecond, pool } = each;
		const at = (key?: string): TomlPath => ["replica", index, ...(key === undefined ? [] : [key])];
		const wrong: Wrong = (key, what) => {
			errors.push(new PlacedError(placeOf(at(key)), `pool ${name}: replica: ${what}`));
		};
		const absent: Absent = (kind, named) => {
			errors.push(absentName(placeOf(at(kind)), `pool ${name}: replica: `, kind, named));
		};
		const own = folder && `${folder}/replica-${store}-${container}`;
		const isSwift = places.stores.find((known) => known.name === store)?.spec.kind === "swift";
		const { head = isSwift ? undefined : "store", log = own } = each;
		const { stable } = STORE_POOL_DEFAULTS;
		const said = { ...each, ...(head !== undefined && { head }), ...(log !== undefined && { log }), stable };
		const stored = storedIn(pool, said, places, wrong, absent);
		if (stored === undefined) return [];
		const where = `${store}/${container}${prefix === undefined ? "" : `/${prefix.slice(0, -1)}`}`;
		if (taken.has(where) || taken.has(stored.log)) {
			wrong(undefined, `there is one at ${where} already`);
			return [];
		}
		taken.add(where);
		taken.add(stored.log);
		return [{ path: storePathOf(stored), stored, name: where, bytesPerSecond }];
	});
	return { replicas };
}
