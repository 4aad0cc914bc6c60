/**
 * A volume of 1 TiB, every page of which is mapped, in a pool without its pages (`pool-made-up.ts`): what checkpoints of it write while it is written over
 * at random, and then, served, how fast it is read where each read needs another node of the map, what its server has in memory, and when it
 * answers first; held against a volume of 1 GiB. Called by `pool-figures.ts`.
 */

import { rmSync } from "node:fs";
import path from "node:path";
import { Lan } from "../support/netns.js";
import { type Contender, type Serving, startContender } from "./contenders.js";
import { HOT_READS, Loader } from "./loader.js";
import { dropCaches } from "./measure.js";
import { MadeUpPool, VOLUME } from "./pool-made-up.js";
import type { About, Measuring } from "./pool-values.js";
import { MAP_MOST } from "./pool-written.js";
import { fill, newVolumes } from "./pools.js";
import { residentKib } from "./processes.js";
import { FLUSH } from "./rows.js";

const MTU = 9000;
const BLOCK_BYTES = 4096;
const SIZE_BYTES = 2 ** 40;
const SMALL_BYTES = 2 ** 30;
const ADDRESS = { shelf: 9, slot: 0 } as const;
const WINDOW = 16;
/** A checkpoint is made of as many: two before anything is counted, and so many that are. */
const CHECKPOINT_PAGES = 2 ** 20;
const SETTLED = 2;
const COUNTED = 4;
/** Each of its files is open. */
const DESCRIPTORS = 20_000;
/** What is read while caches are empty is read once: at first this much, and so many of the rest for each second. */
const WARM_BLOCKS = 8192;
const COLD_REQUESTS_PER_SECOND = 40_000;

const figure = (
	key: string,
	title: string,
	unit: About["unit"],
	kind: About["bound"]["kind"],
	value: number,
) => ({
	key: `pool tebibyte ${key}`,
	title: `pool: 1 TiB, all mapped: ${title}`,
	unit,
	bound: { kind, value },
});

export const TEBIBYTE: readonly About[] = [
	figure("map", "written for a byte of random durable writes by its map", "times", "at most", MAP_MOST),
	figure("open", "from the command to the first read, after an orderly end", "s", "at most", 0.3),
	figure(
		"read",
		"4 KiB read, window 16, map in the page cache, to hot ones of 1 GiB",
		"times",
		"at least",
		0.5,
	),
	figure("read cold", "4 KiB read, window 16, caches dropped, to those of 1 GiB", "times", "at least", 0.5),
	figure("memory", "its server, after these", "MiB", "at most", 300),
];

export async function measureTebibyte(on: Measuring, rounds: number): Promise<void> {
	const { images, values, wants, progress } = on;
	const folder = path.join(path.dirname(images.disk.path), "made-up");
	const made = await MadeUpPool.create(folder, SIZE_BYTES, 1 / 2);
	try {
		await made.fill((share) => progress(`pools: 1 TiB: ${Math.round(100 * share)} % filled`));
		if (wants("tebibyte map")) {
			progress("pools: 1 TiB: is written over");
			await made.overwrite(SETTLED * CHECKPOINT_PAGES, WINDOW);
			const { map } = await made.written(COUNTED * CHECKPOINT_PAGES, WINDOW);
			values.add("tebibyte map", map);
		}
		await made.end(true);
		await measureServed(on, folder, rounds);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** A volume that is served, and its size. */
interface Disk {
	readonly file: string;
	readonly blocks: number;
}

async function measureServed(on: Measuring, folder: string, rounds: number): Promise<void> {
	const { values, settings, images, progress } = on;
	const lan = new Lan({ mtu: MTU });
	const loader = new Loader(lan, settings.loadCore);
	const [file = ""] = newVolumes(path.dirname(images.disk.path), 1, SMALL_BYTES);
	const small = { file, blocks: SMALL_BYTES / BLOCK_BYTES };
	const large = { file: `pool:${folder}/${VOLUME}`, blocks: SIZE_BYTES / BLOCK_BYTES };
	const reads = new Reads(on, lan, loader);
	try {
		await reads.served(small, (load) => fill(loader, load));
		for (let round = 0; round < rounds; round++) {
			for (const isCold of [false, true]) {
				const key = isCold ? "tebibyte read cold" : "tebibyte read";
				progress(`pools: 1 TiB: ${isCold ? "cold" : "hot"} reads, round ${round + 1} of ${rounds}`);
				const [ours, theirs] = [await reads.perSecond(large, isCold), await reads.perSecond(small, isCold)];
				values.add(key, ours / theirs);
				values.note(key, `${Math.round(ours)} a second, to ${Math.round(theirs)}`);
			}
		}
	} finally {
		await loader.stop();
		lan.remove();
	}
}

class Reads {
	readonly #on: Measuring;
	readonly #lan: Lan;
	readonly #loader: Loader;

	constructor(on: Measuring, lan: Lan, loader: Loader) {
		this.#on = on;
		this.#lan = lan;
		this.#loader = loader;
	}

	/** Does something with a server of it. */
	async served<T>(
		{ file, blocks }: Disk,
		act: (load: typeof HOT_READS & typeof ADDRESS & { blocks: number }, server: Contender) => Promise<T>,
	): Promise<T> {
		const serving: Serving = { program: "ours", options: FLUSH, blades: 1, descriptors: DESCRIPTORS };
		const server = await startContender(serving, [file], this.#lan, this.#on.settings.targetCore);
		try {
			return await act({ ...HOT_READS, ...ADDRESS, blocks } as never, server);
		} finally {
			await server.stop();
		}
	}

	async perSecond(disk: Disk, isCold: boolean): Promise<number> {
		const { settings, values, images } = this.#on;
		const { seconds, warmUpSeconds } = settings;
		const isLarge = disk.blocks > SMALL_BYTES / BLOCK_BYTES;
		const begin = performance.now();
		return this.served(disk, async (load, server) => {
			await this.#loader.run({ ...load, requests: 1, window: 1, seconds: 5 });
			if (isLarge && !isCold) values.add("tebibyte open", (performance.now() - begin) / 1000);
			const all = { ...load, firstLba: 8 * WARM_BLOCKS, blocks: disk.blocks - WARM_BLOCKS };
			await this.#loader.run({
				...(isCold ? { ...load, blocks: WARM_BLOCKS } : all),
				seconds: warmUpSeconds,
			});
			if (isCold) dropCaches();
			const requests = isCold ? COLD_REQUESTS_PER_SECOND * seconds : 0;
			const result = await this.#loader.run({
				...all,
				seed: 2,
				requests,
				seconds: isCold ? 3 * seconds : seconds,
			});
			if (result.errors > 0) throw new Error(`${disk.file} answers ${result.errors} requests with an error`);
			const kib = residentKib(server.pids, path.dirname(images.disk.path));
			if (isLarge) values.add("tebibyte memory", kib / 1024);
			return result.requests / result.seconds;
		});
	}
}
