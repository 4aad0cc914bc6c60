/**
 * Tables put together: a section that several files have parts of, and a disk with what holds for all disks. The same is done to
 * what is written (`DiskSettings`) and to what that means (`DiskValues`). Asked by `config.ts`.
 */

import type { Part } from "./parts.js";
import { alreadyAt, type Place, PlacedError } from "./place.js";
import { AOE_OPTIONS, type DiskSettings, type DiskValues, STORAGE_KEYS } from "./schema.js";
import type { TomlPath } from "./toml.js";

/** A section of several files, as one. */
export interface Joined<Settings, Values> {
	readonly settings: Settings;
	readonly values: Values;
	/** Undefined for a key that nobody has given. */
	placeOf(path: TomlPath): Place | undefined;
}

/** One section of all its parts. A key may stand in one of them only: what is told about others is added to `errors`. */
export function joined<Settings extends object, Values extends object>(
	section: string,
	parts: readonly Part<Settings, Values>[],
	errors: PlacedError[],
): Joined<Settings, Values> {
	const first = new Map<string, Part<Settings, Values>>();
	for (const part of parts)
		for (const key of Object.keys(part.settings)) {
			const other = first.get(key);
			if (other === undefined) first.set(key, part);
			else
				errors.push(
					new PlacedError(part.placeOf([key]), alreadyAt(`${section}.${key}`, other.placeOf([key]))),
				);
		}
	return {
		settings: Object.assign({}, ...parts.map(({ settings }) => settings)) as Settings,
		values: Object.assign({}, ...parts.map(({ values }) => values)) as Values,
		placeOf: (path) => first.get(String(path[0]))?.placeOf(path),
	};
}

/** A table of a disk, written or understood. */
type Table = {
	[key: string]: unknown;
	readonly aoe?: object | undefined;
	readonly nbd?: object | undefined;
	readonly iscsi?: object | undefined;
};

/**
 * A disk's table with what holds for all disks where it says nothing. What concerns AoE is brought into its `aoe`, if there is
 * one, and what concerns NBD and iSCSI into its `nbd` and `iscsi`; what a disk is stored in is one thing, and how it is limited is another.
 */
export function inherited<T extends DiskSettings | DiskValues>(defaults: T, own: T): T {
	const isWhole = Object.keys(defaults).length === 0 && !AOE_OPTIONS.some((key) => key in own);
	if (isWhole) return own;
	const base = ofDisk({ ...defaults });
	if (STORAGE_KEYS.some((key) => key in own)) for (const key of STORAGE_KEYS) delete base[key];
	const whole = { ...base, ...ofDisk({ ...own }) };
	const aoe = { ...ofAoe({ ...defaults }), ...ofAoe({ ...own }) };
	const nbd = { ...defaults.nbd, ...own.nbd };
	const iscsi = { ...defaults.iscsi, ...own.iscsi };
	return {
		...whole,
		...("aoe" in own && { aoe }),
		...("nbd" in own && { nbd }),
		...("iscsi" in own && { iscsi }),
	} as T;
}

function ofDisk(table: Table): Table {
	const { aoe, nbd, iscsi, ...own } = table;
	for (const key of AOE_OPTIONS) delete own[key];
	return own;
}

function ofAoe(table: Table): object {
	const given = AOE_OPTIONS.filter((key) => key in table).map((key) => [key, table[key]]);
	return { ...Object.fromEntries(given), ...table.aoe };
}
