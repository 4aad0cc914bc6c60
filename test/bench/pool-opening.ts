/**
 * Seconds from a command that serves a volume to its first answered read: after the server before was killed under load, after it was stopped, and
 * of a moment that is kept. Of a small pool, and of a large one whose log has as much to be read as it ever has. Called by `pool-figures.ts`.
 */

import path from "node:path";
import { pause } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { sendSignal } from "../support/process.js";
import { type Contender, startContender } from "./contenders.js";
import { HOT_READS, Loader } from "./loader.js";
import type { Measuring } from "./pool-values.js";
import { fill, type Load, newVolumes, overwrite } from "./pools.js";
import { ACK } from "./rows.js";

const MTU = 9000;
const BLOCK_BYTES = 4096;
export const POOL_SIZES = { small: 256 * 2 ** 20, large: 4 * 2 ** 30 } as const;
/** A checkpoint is made of a million at the latest. */
const UNTOLD_BLOCKS = 900_000;
const KILLED_AFTER_MS = 1000;
const LOAD_SECONDS = 1.5;
/** The moment that is served. */
const AGO = "@-2s";
const ADDRESS = { shelf: 9, slot: 0 } as const;

export async function measureOpening(
	on: Measuring,
	kind: keyof typeof POOL_SIZES,
	rounds: number,
): Promise<void> {
	const { settings, images, progress } = on;
	const sizeBytes = POOL_SIZES[kind];
	const [file = ""] = newVolumes(path.dirname(images.of("ext4").path), 1, sizeBytes);
	const lan = new Lan({ mtu: MTU });
	const [loader, reader] = [new Loader(lan, settings.loadCore), new Loader(lan, settings.loadCore)];
	const start = (name: string): Promise<Contender> =>
		startContender({ program: "ours", options: ACK, blades: 1 }, [name], lan, settings.targetCore);
	/** Until a volume, or what it was, has answered a read. */
	const timed = async (name: string): Promise<{ server: Contender; seconds: number }> => {
		const begin = performance.now();
		const server = await start(name);
		await reader.run({ ...HOT_READS, ...ADDRESS, window: 1, requests: 1, seconds: 5 });
		return { server, seconds: (performance.now() - begin) / 1000 };
	};
	let server = await start(file);
	try {
		const load: Load = { ...HOT_READS, ...ADDRESS, writePercent: 100, blocks: sizeBytes / BLOCK_BYTES };
		await fill(loader, load);
		for (let round = 0; round < rounds; round++) {
			progress(`pools: opening a ${kind} one, round ${round + 1} of ${rounds}`);
			const opened = { file, kind, load, loader, timed, ...on };
			server = await measureRound(server, opened);
		}
	} finally {
		await server.stop();
		await Promise.all([loader.stop(), reader.stop()]);
		lan.remove();
	}
}

interface Opened extends Measuring {
	readonly file: string;
	readonly kind: keyof typeof POOL_SIZES;
	readonly load: Load;
	readonly loader: Loader;
	readonly timed: (name: string) => Promise<{ server: Contender; seconds: number }>;
}

async function measureRound(before: Contender, opened: Opened): Promise<Contender> {
	const { file, kind, load, loader, timed, values } = opened;
	if (kind === "large") await overwrite(loader, load, UNTOLD_BLOCKS);
	// (It goes on with whoever answers next.)
	const writing = loader.run({ ...load, window: 64, seconds: LOAD_SECONDS });
	await pause(KILLED_AFTER_MS);
	for (const pid of before.pids) sendSignal(pid, "SIGKILL");
	await before.stop();
	const killed = await timed(file);
	values.add(`open ${kind} killed`, killed.seconds);
	await writing;
	await killed.server.stop();
	const past = await timed(`${file}${AGO}`);
	values.add(`open ${kind} moment`, past.seconds);
	await past.server.stop();
	const clean = await timed(file);
	values.add(`open ${kind} clean`, clean.seconds);
	return clean.server;
}
