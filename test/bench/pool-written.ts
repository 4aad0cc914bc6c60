/**
 * Bytes that a disk has to write for each byte of random durable writes, records, checkpoints and cleaning included, of a volume without history in a
 * pool that has been so full for a while, of the nine tenths that it offers: 20 GiB, by the pool's own code, in files without pages (`pool-made-up.ts`). Called
 * by `pool-figures.ts`.
 */

import { rmSync } from "node:fs";
import path from "node:path";
import { MadeUpPool } from "./pool-made-up.js";
import type { About, Measuring } from "./pool-values.js";

/** How full, in percent, and how much may be written for a byte. */
const FULL = [
	{ percent: 50, most: 1.5 },
	{ percent: 70, most: 2.4 },
] as const;
/** Of that the map may take, whatever the size. */
export const MAP_MOST = 0.2;
const SIZE_BYTES = 20 * 2 ** 30;
const WINDOW = 16;
/** Of its slots a pool offers so many to volumes. */
const OFFERED = 0.9;
/** So often the pool is written over, its own size each time, before anything is counted; and so much of the volume while it is. */
const SETTLED = 1.5;
const COUNTED = 0.5;

export const WRITTEN: readonly About[] = FULL.flatMap(({ percent, most }) => {
	const title = `written for a byte, 20 GiB, ${percent} % full, history = "0"`;
	const of = (key: string, value: number, what: string): About => ({
		key: `pool written ${key}`,
		title: `pool: ${title}${what}`,
		unit: "times",
		bound: { kind: "at most", value },
	});
	return [of(`${percent}`, most, ""), of(`${percent} map`, MAP_MOST, ", of that the map")];
});

/** What the log and cleaning take, of a byte, by how full the pool is: the same whatever its size. */
export const writtenBesideTheMap = new Map<number, number>();

export async function measureWritten({ images, values, wants, progress }: Measuring): Promise<void> {
	const folder = path.join(path.dirname(images.disk.path), "made-up");
	for (const { percent } of FULL) {
		if (!wants(`written ${percent}`) && !wants(`written ${percent} map`)) continue;
		const share = (OFFERED * percent) / 100;
		const made = await MadeUpPool.create(folder, SIZE_BYTES, share);
		const say = (what: string): void => progress(`pools: ${percent} % full, 20 GiB: ${what}`);
		await made.fill((share) => say(`${Math.round(100 * share)} % filled`));
		say("is written over");
		await made.overwrite(Math.round((SETTLED * made.pages) / share), WINDOW);
		const { log, moved, map } = await made.written(Math.round(COUNTED * made.pages), WINDOW);
		await made.end(false);
		rmSync(folder, { recursive: true, force: true });
		values.add(`written ${percent}`, log + moved + map);
		values.note(
			`written ${percent}`,
			`log ${log.toFixed(2)}, moved ${moved.toFixed(2)}, map ${map.toFixed(2)}`,
		);
		values.add(`written ${percent} map`, map);
		writtenBesideTheMap.set(percent, log + moved);
	}
}
