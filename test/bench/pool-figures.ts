/**
 * What is measured of pools that is no row: things done to volumes while they are served, what is written for a byte, a volume of 1 TiB. Says what there is, and has it measured; called by
 * `main.ts`.
 */

import type { Figure } from "./figures.js";
import type { Images } from "./images.js";
import { reasonOf, type Settings } from "./measure.js";
import { measureOpening, POOL_SIZES } from "./pool-opening.js";
import { measureSnapshots } from "./pool-snapshots.js";
import { measureTebibyte, TEBIBYTE } from "./pool-tebibyte.js";
import { type About, PoolValues } from "./pool-values.js";
import { ACTS, measureWaits, WINDOWS } from "./pool-waits.js";
import { measureWritten, WRITTEN } from "./pool-written.js";

/** What an initiator waits at most while something is done to volumes of the same pool. */
const WAIT_MAX_MS = 10;
/** What is left of the speed of writes of before a snapshot. */
const OF_BEFORE = 0.95;

const SNAPSHOTS: readonly About[] = [
	about("snapshot just", "durable writes just after a snapshot, to before", "times", OF_BEFORE),
	about("snapshot 1000", "durable writes with 1,000 snapshots kept, to before", "times", OF_BEFORE),
];

const WAITS: readonly About[] = WINDOWS.flatMap((window) =>
	ACTS.map(({ name, title }) =>
		about(`wait ${name} w${window}`, `longest wait of window ${window}: ${title}`, "ms", WAIT_MAX_MS),
	),
);

/** What is opened, and in how many seconds. */
const OPENINGS = [
	{ name: "killed", title: "after kill -9 under load", seconds: 1 },
	{ name: "clean", title: "after an orderly end", seconds: 0.3 },
	{ name: "moment", title: "a moment", seconds: 1 },
] as const;
const SIZES = Object.keys(POOL_SIZES) as (keyof typeof POOL_SIZES)[];

const openingsOf = (size: keyof typeof POOL_SIZES): readonly About[] =>
	OPENINGS.map(({ name, title, seconds }) => {
		const what = `from the command to the first read, ${size} pool, ${title}`;
		return about(`open ${size} ${name}`, what, "s", seconds);
	});

export const POOL_FIGURES: readonly About[] = [
	...SNAPSHOTS,
	...WAITS,
	...SIZES.flatMap(openingsOf),
	...WRITTEN,
	...TEBIBYTE,
];

function about(key: string, title: string, unit: "times" | "ms" | "s", value: number): About {
	const kind = unit === "times" ? "at least" : "at most";
	return { key: `pool ${key}`, title: `pool on ext4: ${title}`, unit, bound: { kind, value } };
}

/** How and where, and how often. */
export interface PoolPlan {
	readonly settings: Settings;
	readonly footprints: ReadonlySet<string>;
	/** As often is done what takes its time. */
	readonly memoryRounds: number;
}

/** Those that are wanted. What can't be measured says why, and does the others no harm. */
export async function poolFigures(
	{ settings, footprints: keys, memoryRounds }: PoolPlan,
	images: Images,
	progress: (text: string) => void,
): Promise<Figure[]> {
	const wants = (key: string): boolean => keys.has(`pool ${key}`);
	const values = new PoolValues();
	const attempt = async (all: readonly About[], measure: () => Promise<void>): Promise<void> => {
		if (!all.some(({ key }) => keys.has(key))) return;
		await measure().catch((error: unknown) => {
			values.failed = reasonOf(error);
			process.stderr.write(`pools: ${error instanceof Error ? error.message : String(error)}\n`);
		});
	};
	const on = { settings, images, values, wants, progress };
	await attempt(SNAPSHOTS, () => measureSnapshots(on));
	await attempt(WAITS, () => measureWaits(on, memoryRounds));
	for (const size of SIZES) await attempt(openingsOf(size), () => measureOpening(on, size, memoryRounds));
	await attempt(WRITTEN, () => measureWritten(on));
	await attempt(TEBIBYTE, () => measureTebibyte(on, memoryRounds));
	return POOL_FIGURES.filter(({ key }) => keys.has(key)).map((each) => values.figure(each));
}
