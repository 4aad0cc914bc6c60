/**
 * What a start costs: the time until vblade has said what it serves, the memory that it takes then, each beside another
 * checkout's program, in turn; and the room that all of it takes where it is installed. Called by `main.ts`.
 */

import { execFileSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pause } from "../support/cleanup.js";
import { PROJECT, sourceFile } from "../support/paths.js";
import type { Serving } from "./contenders.js";
import { type Figure, type Spread, spread } from "./figures.js";
import { named, withServer } from "./footprint.js";
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
	/** Until the start-up line. */
	readonly ms: number;
	readonly kib: number;
}

/** Starts of ours and of another checkout, in turn; or why there are none. */
export type Starts =
	| { readonly pairs: readonly { ours: Start; theirs: Start }[] }
	| { readonly failed: string };

/** Without a checkout there is nothing to hold ours against. */
export async function measureStarts(
	rounds: number,
	checkout: string | undefined,
	targetCore: number,
	images: Images,
): Promise<Starts> {
	if (checkout === undefined) return { failed: "only with --against DIR" };
	const start = (serving: Partial<Serving>) => startOnce(serving, targetCore, images);
	const pairs: { ours: Start; theirs: Start }[] = [];
	try {
		for (let i = 0; i < rounds * STARTS_PER_ROUND; i++) {
			const before = i % 2 === 0 ? undefined : await start({ checkout });
			const ours = await start({});
			pairs.push({ ours, theirs: before ?? (await start({ checkout })) });
		}
		return { pairs };
	} catch (error) {
		return { failed: reasonOf(error) };
	}
}

/** Time or memory of a start, ours to that of before. */
export function startFigure(key: "start" | "start-memory", starts: Starts): Figure {
	const isTime = key === "start";
	const about = {
		...named(key),
		against: "before",
		unit: isTime ? "times" : "KiB",
		bound: { kind: "at most", value: isTime ? START_MAX_TIMES : MORE_MEMORY_MAX_KIB },
	} as const;
	if ("failed" in starts) return { ...about, value: undefined, note: starts.failed };
	const { pairs } = starts;
	const shown = (side: "ours" | "theirs") => {
		const values = pairs.map((pair) => pair[side][isTime ? "ms" : "kib"]);
		return `${spread(values).median.toFixed(0)} ${isTime ? "ms" : "KiB"}`;
	};
	return {
		...about,
		value: spread(pairs.map(({ ours, theirs }) => (isTime ? ours.ms / theirs.ms : ours.kib - theirs.kib))),
		note: `${shown("ours")}, before ${shown("theirs")}`,
	};
}

function startOnce(serving: Partial<Serving>, targetCore: number, images: Images): Promise<Start> {
	const all: Serving = { program: "ours", options: [], blades: 1, ...serving };
	return withServer(all, targetCore, images.small(1), async (pids, startedMs) => {
		await pause(SETTLE_MS);
		return { ms: startedMs, kib: residentKib(pids, images.memoryDirectory) };
	});
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
		...named("installed"),
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
