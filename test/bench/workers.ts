/**
 * `workers = 2`, two disks, two links: what a request costs each worker while both are loaded, held against one loaded alone. Processes
 * that share something would slow each other down. Called by `main.ts`.
 */

import { DaemonTree, diskToml } from "../daemon/tree-bench.js";
import { Lan } from "../support/netns.js";
import { type Figure, spread } from "./figures.js";
import { named } from "./footprint.js";
import type { Images } from "./images.js";
import { HOT_READS, Loader } from "./loader.js";
import { reasonOf, type Settings } from "./measure.js";
import { cpuSeconds, pin } from "./processes.js";

const LINKS = ["lan0", "lan1"] as const;
const MTU = 9000;
/** Two processes on one core find less in its caches. */
const MOST_TIMES = 1.05;

/** A worker with its disk, and what is asked of that. */
interface Side {
	readonly pid: number;
	readonly slot: number;
	readonly loader: Loader;
}

export async function workersFigure(settings: Settings, images: Images): Promise<Figure> {
	const values: number[] = [];
	const notes: string[] = [];
	try {
		await withSides(images, settings, async (sides) => {
			await perRequest(sides, settings.seconds);
			for (let round = 0; round < settings.rounds; round++) {
				const alone: number[] = [];
				for (const side of sides) alone.push(...(await perRequest([side], settings.seconds)));
				const together = await perRequest(sides, settings.seconds);
				values.push(Math.max(...together.map((each, index) => each / (alone[index] ?? each))));
			}
		});
	} catch (error) {
		notes.push(reasonOf(error));
	}
	return {
		...named("daemon workers"),
		against: "",
		unit: "times",
		bound: { kind: "at most", value: MOST_TIMES },
		value: values.length === settings.rounds ? spread(values) : undefined,
		note: notes.join("; "),
	};
}

/** CPU seconds of each side's worker for a request, with a load on all of them. */
async function perRequest(sides: readonly Side[], seconds: number): Promise<number[]> {
	return Promise.all(
		sides.map(async ({ pid, slot, loader }) => {
			const before = cpuSeconds([pid]);
			const { requests } = await loader.run({ ...HOT_READS, shelf: 9, slot, seconds });
			return (cpuSeconds([pid]) - before) / requests;
		}),
	);
}

async function withSides(
	images: Images,
	{ targetCore, loadCore }: Settings,
	use: (sides: readonly Side[]) => Promise<void>,
): Promise<void> {
	const lan = new Lan({ mtu: MTU });
	lan.cable(LINKS[1], { mtu: MTU });
	const loaders = LINKS.map((link) => new Loader(lan, loadCore, link));
	const tree = new DaemonTree(lan.server.name);
	const files = images.small(LINKS.length).map((file) => images.written(file));
	const disks = LINKS.map((link, slot) =>
		diskToml(`d${slot}`, `file = "${files[slot]}"`, `9.${slot}`, link, 'durability = "flush"'),
	);
	tree.configure(`workers = ${LINKS.length}\n${disks.join("")}`);
	try {
		await tree.start();
		await use(
			await Promise.all(
				loaders.map(async (loader, slot) => {
					const worker = Number((await tree.state(`d${slot}`, "open")).worker);
					const pid = await tree.pidOf("worker", worker);
					pin(pid, targetCore);
					return { loader, slot, pid };
				}),
			),
		);
	} finally {
		await tree.stop();
		for (const loader of loaders) await loader.stop();
		lan.remove();
	}
}
