/**
 * What a start costs: the time until vblade has said what it serves, the memory that it takes then, each beside another
 * checkout's program, in turn; and the room that all of it takes where it is installed. Called by `main.ts`.
 */

import { execFileSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pause } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { PROJECT, sourceFile } from "../support/paths.js";
import { type Serving, startContender } from "./contenders.js";
import { type Figure, type Spread, spread } from "./figures.js";
import { FOOTPRINTS } from "./footprint.js";
import type { Images } from "./images.js";
import { reasonOf } from "./measure.js";
import { residentKib } from "./processes.js";

/** A start may take so many times what it took before. */
const START_MAX_TIMES = 1.05;
const MORE_MEMORY_MAX_KIB = 1024;
const INSTALLED_MAX_KIB = 40_000;
/** Starts of each, for every round of other rows: a single one says little. */
const STARTS_PER_ROUND = 3;
/** After the start-up line, until a server has become quiet. */
const SETTLE_MS = 1000;
const COMMAND_LIMIT_MS = 300_000;

interface Start {
	readonly ms: number;
	readonly kib: number;
}

/** Time and memory of a start, ours to that of `checkout`. Without one there is nothing to hold them against. */
export async function startFigures(
	rounds: number,
	checkout: string | undefined,
	targetCore: number,
	images: Images,
): Promise<Figure[]> {
	const ours: Start[] = [];
	const theirs: Start[] = [];
	let why = "only with --against DIR";
	try {
		for (let i = 0; checkout !== undefined && i < rounds * STARTS_PER_ROUND; i++)
			for (const isOurs of i % 2 === 0 ? [true, false] : [false, true])
				(isOurs ? ours : theirs).push(await startOnce(isOurs ? undefined : checkout, targetCore, images));
	} catch (error) {
		ours.length = 0;
		why = reasonOf(error);
	}
	const pairs = ours.map((start, i) => [start, theirs[i] ?? start] as const);
	const of = (name: keyof Start, list: Start[]) => spread(list.map((start) => start[name])).median;
	const known = (value: (pair: readonly [Start, Start]) => number): Spread | undefined =>
		pairs.length === 0 ? undefined : spread(pairs.map(value));
	const said = (name: keyof Start, unit: string) =>
		pairs.length === 0
			? why
			: `${of(name, ours).toFixed(0)} ${unit}, before ${of(name, theirs).toFixed(0)} ${unit}`;
	return [
		{
			...about("start"),
			against: "before",
			unit: "times",
			bound: { kind: "at most", value: START_MAX_TIMES },
			value: known(([a, b]) => a.ms / b.ms),
			note: said("ms", "ms"),
		},
		{
			...about("start-memory"),
			against: "before",
			unit: "KiB",
			bound: { kind: "at most", value: MORE_MEMORY_MAX_KIB },
			value: known(([a, b]) => a.kib - b.kib),
			note: said("kib", "KiB"),
		},
	];
}

function about(key: (typeof FOOTPRINTS)[number]["key"]): { key: string; title: string } {
	const [found] = FOOTPRINTS.filter((row) => row.key === key);
	return { key, title: found?.title ?? "" };
}

async function startOnce(checkout: string | undefined, targetCore: number, images: Images): Promise<Start> {
	const serving: Serving = {
		program: "ours",
		options: [],
		blades: 1,
		...(checkout === undefined ? {} : { checkout }),
	};
	const lan = new Lan({ mtu: 9000 });
	try {
		const begin = performance.now();
		const server = await startContender(serving, images.small(1), lan, targetCore);
		const ms = performance.now() - begin;
		try {
			await pause(SETTLE_MS);
			return { ms, kib: residentKib(server.pids, images.memoryDirectory) };
		} finally {
			await server.stop();
		}
	} finally {
		lan.remove();
	}
}

/** What npm puts on the disk for those who install the package, with the addons that are built there. */
export function installedFigure(): Figure {
	let value: Spread | undefined;
	let note = "";
	const folder = mkdtempSync(path.join(tmpdir(), "vblade-installed-"));
	try {
		install(folder);
		value = spread([sizeKib(path.join(folder, "node_modules"))]);
	} catch (error) {
		note = reasonOf(error);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
	return {
		...about("installed"),
		against: "",
		unit: "KiB",
		bound: { kind: "at most", value: INSTALLED_MAX_KIB },
		value,
		note,
	};
}

function install(folder: string): void {
	const npm = (cwd: string, ...args: string[]) =>
		execFileSync("npm", args, {
			cwd,
			encoding: "utf8",
			timeout: COMMAND_LIMIT_MS,
			stdio: ["ignore", "pipe", "pipe"],
		});
	npm(PROJECT, "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
	const [packed] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
	writeFileSync(path.join(folder, "package.json"), '{ "private": true }\n');
	npm(folder, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional", `./${packed}`);
	for (const built of ["native/build/Release/vblade.node", "native/bench/build/Release/vblade_load.node"]) {
		const to = path.join(folder, "node_modules/vblade", built);
		mkdirSync(path.dirname(to), { recursive: true });
		cpSync(sourceFile(built), to);
	}
}

/** What the files below a folder take, each in whole blocks. */
function sizeKib(folder: string): number {
	return readdirSync(folder, { recursive: true, encoding: "utf8" })
		.map((name) => lstatSync(path.join(folder, name)).blocks / 2)
		.reduce((sum, kib) => sum + kib, 0);
}
