/**
 * The command line of `npm run bench`: which rows, how often and how long. Read by `main.ts`.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { OperatorError } from "../../lib/errors.js";
import { quote } from "../../lib/text.js";
import { builtVblade, sourceFile } from "../support/paths.js";
import { DAEMON_FIGURES } from "./daemon-figures.js";
import { FOOTPRINTS } from "./footprint.js";
import { ISCSI_ROWS, type IscsiRow } from "./iscsi-rows.js";
import { chooseCores } from "./machine.js";
import type { Settings } from "./measure.js";
import { NBD_LISTED } from "./nbd-figures.js";
import { NBD_ROWS, type NbdRow } from "./nbd-rows.js";
import { OBJECT_FIGURES } from "./object-figures.js";
import { POOL_FIGURES } from "./pool-figures.js";
import { POOL_ROWS } from "./pool-rows.js";
import { againstCheckout, ROWS, type Row } from "./rows.js";

export const USAGE = `usage: npm run bench -- [options]
  --pools          volumes of pools against plain files, instead of this server against others
  --nbd            this server over NBD against nbdkit and qemu-nbd
  --iscsi          this server over iSCSI against tgt
  --objects        pools in object stores, beside local ones and what the store does by itself
  --only TEXT      only the row whose key this is, or all whose key has every word of it; may be repeated
  --list           print the rows' keys and titles, and exit
  --rounds N       rounds of each row (default 7)
  --seconds S      of each run (default 1)
  --against DIR    each row against the program of another checkout too, which is set up: what has become of its speed
  --quick          2 rounds of 0.3 s: to see whether it works
  --docs           put the tables and the chart into docs/
  --json FILE      where the whole result is written (default build/bench.json)
  --from FILE      measure nothing, take what an earlier run has written
  --help           print this and exit
`;

const REPORT_FILE = sourceFile("build", "bench.json");

/** Servers of AoE; volumes of pools; servers of NBD or iSCSI; or pools in object stores. */
export type Kind = "aoe" | "pools" | "nbd" | "iscsi" | "objects";

/** What to measure, and how. */
export interface Plan {
	readonly settings: Settings;
	readonly idleSeconds: number;
	/** As often is memory measured: it hardly varies. */
	readonly memoryRounds: number;
	readonly rows: readonly Row[];
	readonly nbdRows: readonly NbdRow[];
	readonly iscsiRows: readonly IscsiRow[];
	/** The top directory of the checkout that each row is held against too. */
	readonly against: string | undefined;
	readonly kind: Kind;
	/** Keys of the footprints to measure. */
	readonly footprints: ReadonlySet<string>;
}

interface Listed {
	readonly key: string;
	readonly title: string;
}

/** All that can be measured of a kind. */
const LISTED: Readonly<Record<Kind, readonly Listed[]>> = {
	aoe: [...ROWS, ...FOOTPRINTS, ...DAEMON_FIGURES],
	pools: [...POOL_ROWS, ...POOL_FIGURES],
	nbd: NBD_LISTED,
	iscsi: ISCSI_ROWS,
	objects: OBJECT_FIGURES,
};
const ROWS_OF: Readonly<Record<Kind, readonly Row[]>> = {
	aoe: ROWS,
	pools: POOL_ROWS,
	nbd: [],
	iscsi: [],
	objects: [],
};

export type Wanted =
	| { readonly kind: "help" }
	| { readonly kind: "list"; readonly keys: readonly Listed[] }
	/** An earlier report, read from a file. */
	| { readonly kind: "show"; readonly file: string; readonly docs: boolean }
	| { readonly kind: "measure"; readonly plan: Plan; readonly file: string; readonly docs: boolean };

type Values = ReturnType<typeof parseOptions>;

/** Throws an OperatorError of one line for what is not understood. */
export function parseCommandLine(args: readonly string[]): Wanted {
	const values = understand(args);
	if (values.help) return { kind: "help" };
	if (values.list) return { kind: "list", keys: LISTED[kindOf(values)] };
	if (values.from !== undefined) return { kind: "show", file: values.from, docs: values.docs };
	return { kind: "measure", plan: makePlan(values), file: values.json, docs: values.docs };
}

function understand(args: readonly string[]): Values {
	try {
		return parseOptions(args);
	} catch (error) {
		throw new OperatorError(error instanceof Error ? error.message : String(error));
	}
}

function parseOptions(args: readonly string[]) {
	return parseArgs({
		args: [...args],
		options: {
			pools: { type: "boolean", default: false },
			nbd: { type: "boolean", default: false },
			iscsi: { type: "boolean", default: false },
			objects: { type: "boolean", default: false },
			only: { type: "string", multiple: true, default: [] },
			list: { type: "boolean", default: false },
			rounds: { type: "string" },
			seconds: { type: "string" },
			against: { type: "string" },
			quick: { type: "boolean", default: false },
			docs: { type: "boolean", default: false },
			json: { type: "string", default: REPORT_FILE },
			from: { type: "string" },
			help: { type: "boolean", default: false },
		},
	}).values;
}

function kindOf({ pools, nbd, iscsi, objects }: Values): Kind {
	const kinds: Readonly<Record<Exclude<Kind, "aoe">, boolean>> = { pools, nbd, iscsi, objects };
	const [kind, ...others] = (["pools", "nbd", "iscsi", "objects"] as const).filter((each) => kinds[each]);
	if (others.length > 0) throw new OperatorError(`--${kind} and --${others[0]}: one at a time`);
	return kind ?? "aoe";
}

function makePlan(values: Values): Plan {
	const { only, rounds, seconds, against, quick } = values;
	const kind = kindOf(values);
	const keys = selectKeys(LISTED[kind], only);
	const wholeNumber = /^[1-9][0-9]{0,2}$/;
	const decimal = /^[0-9]{1,3}(\.[0-9]+)?$/;
	return {
		settings: {
			rounds: readNumber("rounds", rounds ?? (quick ? "2" : "7"), wholeNumber, "a whole one from 1 to 999"),
			seconds: readNumber("seconds", seconds ?? (quick ? "0.3" : "1"), decimal, "above 0, below 1000"),
			warmUpSeconds: quick ? 0.2 : 2,
			...chooseCores(),
		},
		idleSeconds: quick ? 2 : 20,
		memoryRounds: quick ? 1 : 3,
		rows: heldAgainst(
			against,
			ROWS_OF[kind].filter(({ key }) => keys.has(key)),
		),
		nbdRows: kind === "nbd" ? NBD_ROWS.filter(({ key }) => keys.has(key)) : [],
		iscsiRows: kind === "iscsi" ? ISCSI_ROWS.filter(({ key }) => keys.has(key)) : [],
		against: against === undefined ? undefined : path.resolve(against),
		kind,
		footprints: keys,
	};
}

function heldAgainst(checkout: string | undefined, rows: readonly Row[]): readonly Row[] {
	if (checkout === undefined) return rows;
	const vblade = builtVblade(path.resolve(checkout));
	if (!existsSync(vblade)) throw new OperatorError(`--against ${quote(checkout)}: there is no ${vblade}`);
	return rows.map((row) => againstCheckout(row, path.resolve(checkout)));
}

function readNumber(name: string, text: string, pattern: RegExp, allowed: string): number {
	if (!pattern.test(text) || Number(text) === 0)
		throw new OperatorError(`--${name} ${quote(text)}: a number is allowed, ${allowed}`);
	return Number(text);
}

/** The keys that `--only` means; all of them without it. Throws an OperatorError for a text that means none. */
export function selectKeys(all: readonly { readonly key: string }[], only: readonly string[]): Set<string> {
	const keys = all.map(({ key }) => key);
	if (only.length === 0) return new Set(keys);
	const found = only.flatMap((given) => {
		const text = given.toLowerCase().trim();
		if (keys.includes(text)) return [text];
		const words = text.split(/\s+/);
		const matching = keys.filter((key) => words.every((word) => key.includes(word)));
		if (matching.length === 0)
			throw new OperatorError(`--only ${quote(given)}: no row has that key; see --list`);
		return matching;
	});
	return new Set(found);
}
