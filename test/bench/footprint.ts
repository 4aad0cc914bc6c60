/**
 * What servers cost that have nothing to do: memory for each blade, and CPU time without traffic. Called by `main.ts`.
 */

import { pause } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { type Serving, startContender } from "./contenders.js";
import { type Figure, spread } from "./figures.js";
import type { Images } from "./images.js";
import { reasonOf } from "./measure.js";
import { cpuSeconds, residentKib } from "./processes.js";

/** The figures of this file, as `--only` and `--list` know them. */
export const FOOTPRINTS = [
	{ key: "memory", title: "memory for each blade more, from 256 to 4,096" },
	{ key: "idle", title: "idle: CPU time without traffic, of one core" },
	{ key: "idle-files", title: "idle: the same of 4,096 blades on files" },
	{ key: "idle-memory", title: "idle: the same of 4,096 blades in memory" },
	{ key: "start", title: "start: until vblade has said what it serves" },
	{ key: "start-memory", title: "start: memory that one blade's server takes then, more than before" },
	{ key: "installed", title: "room that the package takes, with all it needs, where it is installed" },
	{
		key: "daemon workers",
		title: "two workers, disks and links: CPU time of a request, to that of one alone",
	},
	{ key: "turn", title: "longest turn of the loop, under lists of 1,088 ranges to trim" },
] as const;
type Key = (typeof FOOTPRINTS)[number]["key"];
type IdleKey = Extract<Key, `idle${string}`>;

/** What a figure of this list begins with. */
export function named<K extends Key>(key: K): { readonly key: K; readonly title: string } {
	return { key, title: FOOTPRINTS.find((row) => row.key === key)?.title ?? "" };
}

/** Blades between which memory is compared. */
const BLADES = {
	ours: { few: 256, many: 4096 },
	// Its processes are all alike: fewer of them tell as much.
	vblade: { few: 32, many: 128 },
} as const;
const GROWTH_MAX_KIB = 16;
/** Of one blade on a file, and of thousands, wherever they are. */
const IDLE_MAX_PERCENT = 0.05;
const IDLE_MANY_MAX_PERCENT = 0.2;
/** After the start-up line, until a server has become quiet. */
const SETTLE_MS = 1000;
/**
 * When a server has nothing more to do with its start: Node collects the garbage of that once more, which takes up to a tenth
 * of a second of all its threads, and does so up to half a minute later.
 */
const IDLE_AFTER_MS = 40_000;

/** How much more memory a server takes with each further blade. */
export function memoryFigure(rounds: number, targetCore: number, images: Images): Promise<Figure> {
	return figure(
		{ ...named("memory"), unit: "KiB", bound: { kind: "at most", value: GROWTH_MAX_KIB } },
		rounds,
		(program) => growthKib(program, targetCore, images),
		(theirs) => `vblade: ${theirs.toFixed(1)} KiB`,
	);
}

/** How much CPU time a server takes without any traffic: of one blade on a file, and of thousands on files or in memory. */
export function idleFigure(
	key: IdleKey,
	seconds: number,
	targetCore: number,
	images: Images,
): Promise<Figure> {
	const isMany = key !== "idle";
	const value = isMany ? IDLE_MANY_MAX_PERCENT : IDLE_MAX_PERCENT;
	return figure(
		{ ...named(key), unit: "%", bound: { kind: "at most", value } },
		1,
		(program) => idlePercent(program, key, seconds, targetCore, images),
		(theirs) => (isMany ? `for ${seconds} s` : `vblade: ${theirs.toFixed(3)} %; for ${seconds} s`),
	);
}

/** Measures ours so many times and vblade once, for the remark. Either may fail without harm to the other. */
async function figure(
	about: Omit<Figure, "against" | "value" | "note">,
	rounds: number,
	measure: (program: keyof typeof BLADES) => Promise<number>,
	remark: (theirs: number) => string,
): Promise<Figure> {
	const values: number[] = [];
	const notes: string[] = [];
	const attempt = async (what: () => Promise<void>): Promise<void> => {
		await what().catch((error: unknown) => notes.push(reasonOf(error)));
	};
	await attempt(async () => {
		for (let round = 0; round < rounds; round++) values.push(await measure("ours"));
	});
	await attempt(async () => void notes.push(remark(await measure("vblade"))));
	const value = values.length === rounds ? spread(values) : undefined;
	return { ...about, against: "", value, note: notes.join("; ") };
}

/** KiB for each blade more, by servers of small sparse files that nobody reads. */
async function growthKib(program: keyof typeof BLADES, targetCore: number, images: Images): Promise<number> {
	const resident = (blades: number): Promise<number> =>
		withServer({ program, options: [], blades }, targetCore, images.small(blades), async (pids) => {
			await pause(SETTLE_MS);
			return residentKib(pids, images.memoryDirectory);
		});
	const { few, many } = BLADES[program];
	const before = await resident(few);
	return ((await resident(many)) - before) / (many - few);
}

/** CPU time of a server without any traffic, in percent of one core. */
function idlePercent(
	program: keyof typeof BLADES,
	key: IdleKey,
	seconds: number,
	targetCore: number,
	images: Images,
): Promise<number> {
	// Of vblade one blade is enough: its thousands of processes do nothing but sleep.
	if (program === "vblade" && key !== "idle") return Promise.resolve(0);
	const blades = key === "idle" ? 1 : BLADES.ours.many;
	const files = key === "idle-memory" ? new Array<string>(blades).fill("mem:1M") : images.small(blades);
	return withServer({ program, options: [], blades }, targetCore, files, async (pids) => {
		await pause(IDLE_AFTER_MS);
		const percents: number[] = [];
		// Should that collection come only now, then in one of three.
		for (let window = 0; window < 3; window++) {
			const before = cpuSeconds(pids);
			const begin = performance.now();
			await pause(seconds * 1000);
			percents.push(((cpuSeconds(pids) - before) / ((performance.now() - begin) / 1000)) * 100);
		}
		return percents.sort((a, b) => a - b)[1] ?? Number.NaN;
	});
}

/** Starts a server of small blades, has it looked at, which took `startedMs`, and stops it. */
export async function withServer<T>(
	serving: Serving,
	targetCore: number,
	files: readonly string[],
	look: (pids: readonly number[], startedMs: number) => Promise<T>,
): Promise<T> {
	const lan = new Lan({ mtu: 9000 });
	try {
		const begin = performance.now();
		const server = await startContender(serving, files, lan, targetCore);
		const startedMs = performance.now() - begin;
		try {
			return await look(server.pids, startedMs);
		} finally {
			await server.stop();
		}
	} finally {
		lan.remove();
	}
}
