/**
 * Frames by the million against one world that lives through all of them, so that what accumulates shows: `storm.test.ts`
 * for a moment, `storm.long.ts` (`npm run fuzz`) in full. FUZZ_SEED=n repeats a run exactly; FUZZ_FRAMES=n sets how many
 * frames there are of each family, at random and again in mutated sessions.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random } from "../../lib/random.js";
import { type Aim, type Family, mutatedSession, randomFrame } from "./families.js";
import type { Referee } from "./referee.js";

/** What carries frames to a target and its replies to the referee. */
export interface Arena {
	readonly aim: Aim;
	readonly referee: Referee;
	/** Delivers frames, waits until everything has ended that they began, and lets everyone in again. */
	play(frames: readonly Buffer[]): void | Promise<void>;
}

export interface StormResult {
	readonly seed: number;
	readonly frames: number;
	/** The rule that was broken, and by which frames; undefined if none was. */
	readonly failure: string | undefined;
	/** Bytes by which heap and resident memory have grown since the first quarter. */
	readonly heapGrowth: number;
	readonly rssGrowth: number;
}

/** Heap that may be gained from the first quarter to the end. */
/** Frames of a family in the long form, at random and again in sessions. */
export const FRAMES = Number(process.env.FUZZ_FRAMES || 1_000_000);
/** Resident memory that may be gained: the collector lets its heap breathe. */
export const RSS_GROWTH_MAX = 48 * 2 ** 20;
export const HEAP_GROWTH_MAX = 2 * 2 ** 20;
/** Frames from one settling to the next. */
const WINDOW = 32;
const QUARTERS = 4;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/**
 * Plays `frames` frames of a family structured at random, and as many in mutated sessions. `measures` memory, which takes
 * longer than a short storm.
 */
export async function storm(
	arena: Arena,
	family: Family,
	frames: number,
	measures = true,
): Promise<StormResult> {
	const memory = measures ? memoryInUse : async () => ({ heap: 0, rss: 0 });
	const seed = Number(process.env.FUZZ_SEED || 0) || Math.floor(Math.random() * 0x7fffffff);
	const random = new Random(seed);
	let played = 0;
	let early = await memory();
	let measured = false;
	while (played < 2 * frames) {
		const window: Buffer[] = [];
		while (window.length < WINDOW) {
			if (played % (2 * WINDOW) < WINDOW) window.push(randomFrame(random, family, arena.aim));
			else window.push(...mutatedSession(random, family, arena.aim));
		}
		window.length = WINDOW;
		try {
			await arena.play(window);
		} catch (error) {
			const failure = `FUZZ_SEED=${seed}, ${family}, after ${played} frames: ${(error as Error).stack}\n${window.map(describe).join("\n")}`;
			return { seed, frames: played, failure, heapGrowth: 0, rssGrowth: 0 };
		}
		played += WINDOW;
		if (!measured && played >= (2 * frames) / QUARTERS) {
			early = await memory();
			measured = true;
		}
	}
	const late = await memory();
	return {
		seed,
		frames: played,
		failure: undefined,
		heapGrowth: late.heap - early.heap,
		rssGrowth: late.rss - early.rss,
	};
}

/** Heap and what lies beside it, after collections: the memory of buffers is given back a turn after they are. */
async function memoryInUse(): Promise<{ heap: number; rss: number }> {
	for (let i = 0; i < 3; i++) {
		collectGarbage();
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	const { heapUsed, external, rss } = process.memoryUsage();
	return { heap: heapUsed + external, rss };
}

function describe(frame: Buffer): string {
	return frame.toString("hex").replace(/(.{16})\1{3,}/g, " ...$1... ");
}
