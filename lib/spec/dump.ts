/**
 * A configuration as text: as a file that reads back as the same one (`dumpOf`), and what lies between two for people (`diffText`).
 * Asked by `vblade dump`, `vblade diff` and the page. Secrets are in files that are only named.
 */

import { isDeepStrictEqual } from "node:util";
import { stringify } from "smol-toml";
import { unreachable } from "../errors.js";
import { oneLine } from "../text.js";
import type { Config } from "./configuration.js";
import type { Difference, KeyChange, Step } from "./difference.js";
import { DAEMON_DEFAULTS, type Effort } from "./keys.js";
import { tlsSettingsOf } from "./tls.js";

/** TOML: one file, whatever the configuration was read from. What is as it is without being said is left out. */
export function dumpOf({
	daemon,
	http,
	nbd,
	iscsi,
	boot,
	stores,
	heads,
	pools,
	templates,
	disks,
}: Config): string {
	const defaults: Readonly<Record<string, unknown>> = DAEMON_DEFAULTS;
	const tables = {
		daemon: given(daemon, (key, value) => !isDeepStrictEqual(value, defaults[key])),
		http: given(
			{
				listen: http.listen.map(({ name }) => name),
				token_file: http.tokenFile,
				disk_histograms: http.diskHistograms,
			},
			(_, value) => !(value === false || isDeepStrictEqual(value, [])),
		),
		nbd: given(
			{ listen: nbd.listen.map(({ name }) => name), tls: tlsSettingsOf(nbd.tls) },
			(_, value) => !isDeepStrictEqual(value, []),
		),
		iscsi: given(
			{ listen: iscsi.listen.map(({ name }) => name) },
			(_, value) => !isDeepStrictEqual(value, []),
		),
		boot: given({ listen: boot.listen.map(({ name }) => name) }, (_, value) => !isDeepStrictEqual(value, [])),
		store: Object.fromEntries(stores.map(({ name, settings }) => [name, settings])),
		head: Object.fromEntries(heads.map(({ name, settings }) => [name, settings])),
		pool: Object.fromEntries(pools.map(({ name, settings }) => [name, settings])),
		template: Object.fromEntries(templates.map(({ name, settings }) => [name, settings])),
		disk: Object.fromEntries(disks.map(({ name, settings }) => [name, settings])),
	};
	return stringify(given(tables, (_, table) => Object.keys(table).length > 0));
}

function given<T extends object>(
	table: T,
	isGiven: (key: string, value: NonNullable<T[keyof T]>) => boolean,
) {
	const entries = Object.entries(table) as [string, T[keyof T]][];
	return Object.fromEntries(
		entries.filter(([key, value]) => value !== undefined && value !== null && isGiven(key, value)),
	);
}

/** A line for each difference: `disk web: limit.iops 5000 -> 6000 (live)`. */
export function diffText({ steps, settings }: Difference): string[] {
	return [...settings.map((change) => changeText(change)), ...steps.flatMap(stepText)];
}

function stepText(step: Step): string[] {
	const name = `disk ${step.disk.name}`;
	switch (step.kind) {
		case "add":
			return [`${name}: added${step.disk.broken === undefined ? "" : `, but broken: ${step.disk.broken}`}`];
		case "remove":
			return [`${name}: removed${lossOf(step.disk)}`];
		case "replace": {
			const { broken } = step.disk;
			const lines = step.changes.map((change) => `${name}: ${changeText(change)}`);
			const loss = lossOf(step.before);
			// Mostly the line of a key has said so.
			if (broken === undefined && loss === "" && step.changes.some(({ effort }) => effort === "disk"))
				return lines;
			const again = `${name}: ${broken === undefined ? "closed and opened" : `broken: ${broken}`}`;
			return [...lines, `${again}${loss}`];
		}
		case "reexport":
		case "change":
			return step.changes.map((change) => `${name}: ${changeText(change)}`);
		default:
			return unreachable(step);
	}
}

/** Memory is gone with its disk. */
function lossOf({ disk }: Step["disk"]): string {
	return disk.storage.kind === "memory" ? ", and what is in its memory is lost" : "";
}

const EFFORTS: Readonly<Record<Effort, string>> = {
	live: "live",
	export: "served anew",
	disk: "closed and opened",
	restart: "after a restart",
};

function changeText({ key, from, to, effort }: KeyChange): string {
	// Of what is made of others, one of those.
	const what = isDeepStrictEqual(from, to) ? sameText(key, to) : `${shown(from)} -> ${shown(to)}`;
	return `${key} ${what} (${EFFORTS[effort]})`;
}

/** What it is called is what it was. */
function sameText(key: string, value: unknown): string {
	return key === "volume"
		? `${shown(value)}: its pool is elsewhere now, or opened in another way`
		: `what is in ${shown(value)} is something else`;
}

function shown(value: unknown): string {
	if (value === undefined) return "unset";
	return oneLine(typeof value === "string" ? value : JSON.stringify(value));
}
