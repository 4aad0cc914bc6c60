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
	{ key: "turn", title: "longest turn of the loop, under lists of 1,088 ranges to trim" },
] as const;
const [MEMORY, IDLE] = FOOTPRINTS;

/** Blades between which memory is compared. */
const BLADES = {
	ours: { few: 256, many: 4096 },
	// Its processes are all alike: fewer of them tell as much.
	vblade: { few: 32, many: 128 },
} as const;
const GROWTH_MAX_KIB = 16;
const IDLE_MAX_PERCENT = 0.1;
/** After the start-up line, until a server has become quiet. */
const SETTLE_MS = 1000;
/** When a server has nothing more to do with its start: Node collects the garbage of it some seconds later. */
const IDLE_AFTER_MS = 15_000;

/** How much more memory a server takes with each further blade. */
export function memoryFigure(rounds: number, targetCore: number, images: Images): Promise<Figure> {
	return figure(
		{ ...MEMORY, unit: "KiB", bound: { kind: "at most", value: GROWTH_MAX_KIB } },
		rounds,
		(program) => growthKib(program, targetCore, images),
		(theirs) => `vblade: ${theirs.toFixed(1)} KiB`,
	);
}

/** How much CPU time a server takes without any traffic. */
export function idleFigure(seconds: number, targetCore: number, images: Images): Promise<Figure> {
	return figure(
		{ ...IDLE, unit: "%", bound: { kind: "at most", value: IDLE_MAX_PERCENT } },
		1,
		(program) => idlePercent(program, seconds, targetCore, images),
		(theirs) => `vblade: ${theirs.toFixed(3)} %; for ${seconds} s`,
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
		withServer({ program, options: [], blades }, targetCore, images, async (pids) => {
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
	seconds: number,
	targetCore: number,
	images: Images,
): Promise<number> {
	return withServer({ program, options: [], blades: 1 }, targetCore, images, async (pids) => {
		await pause(IDLE_AFTER_MS);
		const before = cpuSeconds(pids);
		const begin = performance.now();
		await pause(seconds * 1000);
		return ((cpuSeconds(pids) - before) / ((performance.now() - begin) / 1000)) * 100;
	});
}

/** Starts a server of small blades, has it looked at, and stops it. */
async function withServer<T>(
	serving: Serving,
	targetCore: number,
	images: Images,
	look: (pids: readonly number[]) => Promise<T>,
): Promise<T> {
	const lan = new Lan({ mtu: 9000 });
	try {
		const server = await startContender(serving, images.small(serving.blades), lan, targetCore);
		try {
			return await look(server.pids);
		} finally {
			await server.stop();
		}
	} finally {
		lan.remove();
	}
}
