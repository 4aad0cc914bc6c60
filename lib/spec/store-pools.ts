/**
 * Object stores and heads of a configuration, by name, and where a pool is that is on one: which keys go together, and what holds without
 * them. Asked by `config.ts` and `pools.ts`.
 */

import { createHash } from "node:crypto";
import { unreachable } from "../errors.js";
import { quote } from "../text.js";
import type { HeadConfig, StoreConfig } from "./configuration.js";
import { HEAD_DEFAULTS, STORE_DEFAULTS, STORE_POOL_DEFAULTS } from "./keys.js";
import type { HeadPart, NamedPart, PoolPart, StorePart } from "./parts.js";
import { absentName, alreadyAt, PlacedError } from "./place.js";
import { readDuration } from "./policy.js";
import { inStore } from "./pool-path.js";
import { type StoreValues, storePoolKeys } from "./store-schema.js";
import type { HeadSpec, StorePoolSpec, StoreSpec } from "./store-spec.js";
import type { TomlPath } from "./toml.js";
import { sizeBytes } from "./values.js";

/** What stores and heads there are. */
export interface Places {
	readonly stores: readonly StoreConfig[];
	readonly heads: readonly HeadConfig[];
}

export type Wrong = (key: string | undefined, what: string) => void;

/** What is wrong is added to `errors`. */
export function storesOf(parts: readonly StorePart[], errors: PlacedError[]): StoreConfig[] {
	return onceEach("store", parts, errors).flatMap((part) => {
		const { name, settings, values } = part;
		const spec = wholly(part, "store", errors, (wrong) => storeSpecOf(values, wrong));
		return spec === undefined ? [] : [{ name, settings, spec }];
	});
}

/** The same of heads. */
export function headsOf(parts: readonly HeadPart[], errors: PlacedError[]): HeadConfig[] {
	return onceEach("head", parts, errors).flatMap((part) => {
		const { name, settings, values } = part;
		const spec = wholly(part, "head", errors, (wrong): HeadSpec | undefined => {
			const { endpoints, prefix = HEAD_DEFAULTS.prefix, ca, certificate, key_file } = values;
			const historySeconds = values.history ?? readDuration("history", HEAD_DEFAULTS.history);
			refuseUnusedCa(ca, endpoints ?? [], wrong);
			if (endpoints === undefined) wrong(undefined, "endpoints is missing");
			if ((certificate === undefined) !== (key_file === undefined))
				wrong(undefined, "certificate and key_file belong together: one of them is missing");
			if (endpoints === undefined) return undefined;
			const files = { ...(ca && { ca }), ...(certificate && key_file && { certificate, keyFile: key_file }) };
			return { kind: "etcd", endpoints, prefix, historySeconds, ...files };
		});
		return spec === undefined ? [] : [{ name, settings, spec }];
	});
}

function onceEach<Named extends NamedPart<object, object>>(
	table: string,
	parts: readonly Named[],
	errors: PlacedError[],
): Named[] {
	const byName = new Map<string, Named>();
	for (const part of parts) {
		const { name, placeOf } = part;
		const first = byName.get(name);
		if (first === undefined) byName.set(name, part);
		else errors.push(new PlacedError(placeOf([]), alreadyAt(`[${table}.${name}]`, first.placeOf([]))));
	}
	return [...byName.values()];
}

/** Undefined if anything is wrong, which is told. */
function wholly<Spec>(
	{ name, placeOf }: NamedPart<object, object>,
	table: string,
	errors: PlacedError[],
	read: (wrong: Wrong) => Spec | undefined,
): Spec | undefined {
	const before = errors.length;
	const found = read((key, what) => {
		errors.push(new PlacedError(placeOf(key === undefined ? [] : [key]), `${table} ${name}: ${what}`));
	});
	return errors.length > before ? undefined : found;
}

const OWN_KEYS = {
	s3: ["endpoint", "style", "access_key", "secret_file"],
	swift: ["auth", "user", "key_file", "project", "user_domain", "project_domain"],
} as const satisfies Record<string, readonly (keyof StoreValues)[]>;

function storeSpecOf(values: StoreValues, wrong: Wrong): StoreSpec | undefined {
	const { type } = values;
	if (type === undefined) {
		wrong(undefined, "type is missing: s3 or swift");
		return undefined;
	}
	const [other, needed] =
		type === "s3"
			? (["swift", ["endpoint", "access_key", "secret_file"]] as const)
			: (["s3", ["auth", "user", "key_file"]] as const);
	for (const key of OWN_KEYS[other]) if (values[key] !== undefined) wrong(key, `${key} is for type ${other}`);
	refuseUnusedCa(values.ca, [values.endpoint, values.auth], wrong);
	for (const key of needed) if (values[key] === undefined) wrong(undefined, `${key} is missing`);
	const { ca, region } = values;
	switch (type) {
		case "s3": {
			const { endpoint, access_key: accessKey, secret_file: secretFile } = values;
			if (endpoint === undefined || accessKey === undefined || secretFile === undefined) return undefined;
			const { style = STORE_DEFAULTS.style } = values;
			const s3 = { endpoint, region: region ?? STORE_DEFAULTS.region, style, accessKey, secretFile };
			return { kind: "s3", ...s3, ...(ca && { ca }) };
		}
		case "swift":
			return swiftOf(values, wrong);
		default:
			return unreachable(type);
	}
}

/** Who names a CA takes it that nobody on the way can read it all. */
function refuseUnusedCa(
	ca: string | undefined,
	addresses: readonly (string | undefined)[],
	wrong: Wrong,
): void {
	const clear = addresses.find((each) => each?.startsWith("http:"));
	if (ca !== undefined && clear !== undefined) wrong("ca", `ca is for https, and ${clear} is in the clear`);
}

function swiftOf(values: StoreValues, wrong: Wrong): StoreSpec | undefined {
	const { auth, user, key_file: keyFile, project, region, ca } = values;
	const { user_domain: userDomain, project_domain: projectDomain } = values;
	if (auth === undefined || user === undefined || keyFile === undefined) return undefined;
	const isKeystone = project !== undefined;
	if (!isKeystone && /\/v3\/?$/.test(new URL(auth).pathname))
		wrong("auth", "project is missing, which Keystone wants");
	for (const key of ["user_domain", "project_domain", "region"] as const)
		if (!isKeystone && values[key] !== undefined) wrong(key, `${key} goes with project, which is missing`);
	const keystone = isKeystone && {
		project,
		...(userDomain && { userDomain }),
		...(projectDomain && { projectDomain }),
		...(region && { region }),
	};
	return { kind: "swift", auth, user, keyFile, ...keystone, ...(ca && { ca }) };
}

/** The keys of a pool that only one on a store has. */
export const STORE_POOL_KEYS = Object.keys(storePoolKeys) as (keyof typeof storePoolKeys)[];

/** Where the pool of that part is; undefined if anything is wrong, which is added to `errors`. */
export function storePoolOf(
	part: PoolPart,
	places: Places,
	errors: PlacedError[],
): { readonly path: string; readonly stored: StorePoolSpec } | undefined {
	const { name, values, placeOf } = part;
	const stored = wholly(part, "pool", errors, (wrong) => {
		const absent: Absent = (kind, named) => {
			errors.push(absentName(placeOf([kind]), `pool ${name}: `, kind, named));
		};
		return storedIn(name, values, places, wrong, absent);
	});
	return stored && { path: storePathOf(stored), stored };
}

/** What was given up of a pool, one of these, and is on this host; undefined if anything is wrong, which is added to `errors`. */
export function tailIn(
	part: PoolPart,
	pools: readonly { readonly name: string; readonly stored?: StorePoolSpec }[],
	errors: PlacedError[],
): { readonly path: string; readonly stored: StorePoolSpec } | undefined {
	const { name, values, placeOf } = part;
	const { tail = "", log } = values;
	const stored = wholly(part, "pool", errors, (wrong): StorePoolSpec | undefined => {
		const known = pools.find((each) => each.name === tail);
		if (known === undefined) errors.push(absentName(placeOf(["tail"]), `pool ${name}: `, "pool", tail));
		else if (known.stored === undefined || known.stored.tailOf !== undefined)
			wrong("tail", `tail ${quote(tail)}: only a pool on a store can be given up by another host`);
		else if (known.stored.head.kind === "file")
			wrong("tail", `tail ${quote(tail)}: its head is in a file: nothing of it is given up by another host`);
		if (log === undefined) wrong(undefined, "log is missing: where the directory is that had it");
		if (known?.stored === undefined || log === undefined) return undefined;
		const { listen: _, ...of } = known.stored;
		return { ...of, name, log: withoutSlash(log), tailOf: tail };
	});
	return stored && { path: storePathOf(stored), stored };
}

function withoutSlash(folder: string): string {
	return folder.replace(/(?<=.)\/+$/, "");
}

/** What a pool has for a path that is there. */
export function storePathOf(stored: StorePoolSpec): string {
	// (How much of it may be here is not where it is, and can be changed while it is open.)
	const { logBytes: _, cacheBytes: __, ...where } = stored;
	const fingerprint = createHash("sha256").update(JSON.stringify(where)).digest("hex").slice(0, 12);
	return inStore({ name: stored.name, fingerprint, isShared: stored.listen !== undefined });
}

/** There is no store, or head, of that name. */
export type Absent = (kind: "store" | "head", named: string) => void;

/** Where a pool of that name is, by what is said; undefined if anything is wrong, or missing, which is told. */
export function storedIn(
	name: string,
	values: Partial<Pick<PoolPart["values"], keyof typeof storePoolKeys>>,
	{ stores, heads }: Places,
	wrong: Wrong,
	absent: Absent,
): StorePoolSpec | undefined {
	const { container, prefix = "", log } = values;
	const store = stores.find((each) => each.name === values.store)?.spec;
	if (store === undefined) absent("store", values.store ?? "");
	const head = headOf(values.head, store, heads, wrong, absent);
	for (const key of ["container", "log"] as const)
		if (values[key] === undefined) wrong(undefined, `${key} is missing`);
	if (store === undefined || head === undefined || container === undefined || log === undefined)
		return undefined;
	const { log_size, cache_size, stable, serve } = STORE_POOL_DEFAULTS;
	const isShared = (values.serve ?? serve) === "both";
	if (isShared && head.kind === "file")
		wrong("serve", 'serve "both": a head in a file is for one host; a [head.NAME], or "store", is allowed');
	if (isShared !== (values.listen !== undefined))
		wrong(
			isShared ? "serve" : "listen",
			isShared
				? "listen is missing: where the other host reaches this one"
				: 'listen goes with serve = "both"',
		);
	return {
		...{ name, store, container, prefix, head, log: withoutSlash(log) },
		logBytes: values.log_size ?? bytesOf(log_size),
		cacheBytes: values.cache_size ?? bytesOf(cache_size),
		stable: values.stable ?? stable,
		...(isShared && values.listen !== undefined && { listen: values.listen }),
	};
}

function bytesOf(text: string): number {
	return sizeBytes(text) ?? 0;
}

function headOf(
	name: string | undefined,
	store: StoreSpec | undefined,
	heads: Places["heads"],
	wrong: Wrong,
	absent: Absent,
): HeadSpec | undefined {
	if (name === undefined) {
		wrong(undefined, 'head is missing: the name of a [head.NAME], "store", or "file"');
		return undefined;
	}
	const known = heads.find((each) => each.name === name)?.spec;
	if (known !== undefined) return known;
	if (name === "file") return { kind: "file" };
	if (name !== "store") {
		absent("head", name);
		return undefined;
	}
	if (store?.kind === "swift")
		wrong("head", 'head "store": Swift keeps no conditions; a [head.NAME], or "file", is allowed');
	return { kind: "store" };
}

/** What no two pools may have: their names for it, and the key that says it. */
export function takenBy({
	store,
	container,
	prefix,
	log,
	listen,
	tailOf,
}: StorePoolSpec): [string, TomlPath][] {
	if (tailOf !== undefined) return [[log, ["log"]]];
	const where = store.kind === "s3" ? store.endpoint : `${store.auth} ${store.project ?? store.user}`;
	return [
		[log, ["log"]],
		[`${where} ${container}/${prefix}`, ["container"]],
		...(listen === undefined ? [] : ([[listen, ["listen"]]] satisfies [string, TomlPath][])),
	];
}
