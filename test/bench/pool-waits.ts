/**
 * How long an initiator waits at most, half of whose requests are reads and half durable writes, while something large is done to volumes of the
 * same pool, one of which is its own; beside it the same while nothing is done but a question, and the same of a plain file on the same file
 * system, which is what the machine itself has to answer for. Called by `pool-figures.ts`.
 */

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { pause } from "../support/cleanup.js";
import { spread } from "./figures.js";
import { PoolDaemon, type Wanted } from "./pool-daemon.js";
import type { Measuring } from "./pool-values.js";

/** Of that initiator. */
export const WINDOWS = [16, 1] as const;
const SECONDS = 2;
/** After it has begun something is done. */
const AFTER_MS = 400;
const SYNC_LIMIT_MS = 60_000;
/** A million pages, of 512 bytes. */
const MANY_PAGES = 2 ** 20;
/** Blocks of 4 KiB with so many of them that one checkpoint has them all, and what the initiator writes beside. */
const CHANGED_BLOCKS = 110_000;

const NEAR = { name: "near", sizeBytes: 256 * 2 ** 20 };
const PLAIN = { name: "plain", sizeBytes: NEAR.sizeBytes, isFile: true };
const MANY = { name: "many", sizeBytes: MANY_PAGES * 512, pageBytes: 512, settings: ["history=0"] };
const GROUP: readonly Wanted[] = Array.from({ length: 14 }, (_, i) => ({
	name: `g${i}`,
	sizeBytes: 2 ** 20,
}));

interface Act {
	readonly name: string;
	readonly title: string;
	/** What has to be there; `id` is another one each time. */
	readonly prepare?: (daemon: PoolDaemon, id: string) => Promise<unknown>;
	readonly act: (daemon: PoolDaemon, id: string) => Promise<unknown>;
}

/** In this order. */
export const ACTS: readonly Act[] = [
	{
		name: "snapshot",
		title: "a snapshot of its volume",
		act: (daemon, id) => daemon.snapshot(`near@s${id}`),
	},
	{
		name: "group",
		title: "a snapshot of 16 volumes",
		act: (daemon, id) => daemon.snapshot(...[NEAR, MANY, ...GROUP].map(({ name }) => `${name}@g${id}`)),
	},
	{
		name: "clone",
		title: "a clone of its volume",
		prepare: (daemon, id) => daemon.snapshot(`near@c${id}`),
		act: (daemon, id) => daemon.clone(`near@c${id}`, `c${id}`),
	},
	{
		name: "changed",
		title: "a snapshot of a volume with a million changed pages",
		prepare: (daemon) => daemon.write("many", CHANGED_BLOCKS),
		act: (daemon, id) => daemon.snapshot(`many@m${id}`),
	},
	{
		name: "rollback",
		title: "a rollback of a volume of a million pages",
		prepare: (daemon, id) => daemon.snapshot(`many@r${id}`),
		act: (daemon, id) =>
			daemon.ask("POST", `${daemon.volume("many")}/rollback`, { to: `r${id}`, force: true }),
	},
	{
		name: "forget",
		title: "the deletion of a snapshot with a million dead pages",
		prepare: async (daemon, id) => {
			await daemon.write("many");
			await daemon.snapshot(`many@d${id}`);
			await daemon.write("many");
			await daemon.snapshot(`near@d${id}`);
		},
		act: (daemon, id) => daemon.removeSnapshot(`many@d${id}`),
	},
	{
		name: "delete",
		title: "the deletion of a volume with a million pages of its own",
		prepare: async (daemon, id) => {
			await daemon.snapshot(`many@f${id}`);
			await daemon.clone(`many@f${id}`, `f${id}`);
			await daemon.ask("POST", `${daemon.volume(`f${id}`)}/flatten`, {});
		},
		act: (daemon, id) => daemon.ask("DELETE", daemon.volume(`f${id}`)),
	},
	{
		name: "trim",
		title: "a TRIM of a million pages",
		prepare: (daemon) => daemon.write("many"),
		act: async (daemon) => {
			const disk = await daemon.tree.open(9, 1);
			await disk.trim(0, disk.sectorCount);
		},
	},
];

const QUESTION: Act = { name: "", title: "", act: (daemon) => daemon.ask("GET", daemon.volume("near")) };

export async function measureWaits(on: Measuring, rounds: number): Promise<void> {
	const { settings, images, values, wants, progress } = on;
	const folder = path.dirname(images.of("ext4").path);
	const quiet = new Map(WINDOWS.map((window) => [window, { volume: [] as number[], file: [] as number[] }]));
	await PoolDaemon.with(folder, [NEAR, MANY, ...GROUP, PLAIN], settings, async (daemon) => {
		await daemon.write("near");
		await daemon.write("plain");
		await daemon.write("many");
		await longest(daemon, QUESTION, 16, "warm");
		for (let round = 0; round < rounds; round++)
			for (const window of WINDOWS) {
				const { volume, file } = quiet.get(window)!;
				file.push(await longest(daemon, QUESTION, window, "", "plain"));
				volume.push(await longest(daemon, QUESTION, window, ""));
				for (const act of ACTS) {
					const key = `wait ${act.name} w${window}`;
					if (!wants(key)) continue;
					progress(`pools: ${act.title}, window ${window}, round ${round + 1} of ${rounds}`);
					values.add(key, await longest(daemon, act, window, `${window}-${round}`));
				}
			}
	});
	for (const [window, { volume, file }] of quiet) {
		const text = `without it ${inWords(volume)}; of a plain file ${inWords(file)}`;
		for (const { name } of ACTS) values.note(`wait ${name} w${window}`, text);
	}
}

function inWords(found: readonly number[]): string {
	const { median, max } = spread(found);
	return `${median.toFixed(1)} ms, at most ${max.toFixed(1)}`;
}

/** Milliseconds that a request has waited at most while something was done. */
async function longest(
	daemon: PoolDaemon,
	{ prepare, act }: Act,
	window: number,
	id: string,
	disk = "near",
): Promise<number> {
	await prepare?.(daemon, id);
	// (What was prepared is not waited for: only what is done.)
	await promisify(execFile)("sync", ["--file-system", daemon.folder], { timeout: SYNC_LIMIT_MS });
	const load = daemon.load(disk, { window, writePercent: 50, seconds: SECONDS, seed: 1 });
	await pause(AFTER_MS);
	const [{ maxUs }] = await Promise.all([load, act(daemon, id)]);
	// (Else what is left of many rounds fills the disk, and who waits, waits for room.)
	await daemon.tidy();
	return maxUs / 1000;
}
