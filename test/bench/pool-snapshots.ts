/**
 * Durable writes of a volume just after a snapshot of it, and when a thousand are kept, each held against the same writes seconds before. Called
 * by `pool-figures.ts`.
 */

import path from "node:path";
import { PoolDaemon } from "./pool-daemon.js";
import type { Measuring } from "./pool-values.js";

const SNAPSHOTS = 1000;
/** Blocks that are written between two of them. */
const BETWEEN = 40;
const SIZE_BYTES = 2 ** 30;
const WRITES = { window: 16, writePercent: 100, requests: 0 } as const;

export async function measureSnapshots({
	settings,
	images,
	values,
	wants,
	progress,
}: Measuring): Promise<void> {
	const { rounds, seconds, warmUpSeconds } = settings;
	const volumes = [{ name: "web", sizeBytes: SIZE_BYTES }];
	await PoolDaemon.with(path.dirname(images.of("ext4").path), volumes, settings, async (daemon) => {
		await daemon.write("web");
		const speed = async (seed: number): Promise<number> => {
			const result = await daemon.load("web", { ...WRITES, seconds, seed });
			return result.requests / result.seconds;
		};
		await daemon.load("web", { ...WRITES, seconds: warmUpSeconds, seed: 1 });
		const before: number[] = [];
		for (let round = 0; round < rounds; round++) {
			progress(`pools: writes just after a snapshot, round ${round + 1} of ${rounds}`);
			before.push(await speed(round + 1));
			await daemon.snapshot(`web@just${round}`);
			values.add("snapshot just", (await speed(round + 1)) / before[round]!);
		}
		if (!wants("snapshot 1000")) return;
		for (let count = rounds; count < SNAPSHOTS; count++) {
			progress(`pools: ${count} snapshots of ${SNAPSHOTS}`);
			await daemon.load("web", { ...WRITES, requests: BETWEEN, seconds: 10, seed: count });
			await daemon.snapshot(`web@s${count}`);
		}
		for (let round = 0; round < rounds; round++)
			values.add("snapshot 1000", (await speed(round + 1)) / before[round]!);
	});
}
