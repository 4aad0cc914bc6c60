// A mirror under everything that can happen to it, by chance; and bugs that are planted in it are found.

import t from "tap";
import { Random } from "../../lib/random.js";
import { rounds } from "../support/long.js";
import { PLANTED } from "./planted.js";
import { MirrorRun } from "./sim.js";
import type { Plant } from "./sim-plant.js";

/** Runs of the sound mirror; of each planted bug at most so many, until one finds it. */
const RUNS = Number(process.env.MIRROR_RUNS ?? rounds(6, 300));
const RUNS_OF_BUGS = 400;

/** With which something was found once. */
const KNOWN: readonly (readonly [number, Plant])[] = [
	[5093, {}],
	[28, {}],
	[1087169434, { hangs: true }],
	[940256404, {}],
	[50633, {}],
	[50178, { hangs: true }],
	[60517, { hangs: true }],
	[60500, {}],
	[70027, {}],
	[80356, { hangs: true }],
	[80620, { hangs: true }],
	[60181, {}],
	[100351, {}],
	[120120, {}],
	[110571, { hangs: true }],
	[160292, { hangs: true }],
];

t.setTimeout(rounds(240_000, 3_500_000));

t.test("what was found once is not there any more", async (t) => {
	for (const [seed, plant] of KNOWN) {
		const run = new MirrorRun(seed, plant);
		await run.run();
		t.same(run.problems, [], `seed ${seed}`);
	}
});

t.test("a mirror keeps its promises, whatever happens to its members and its machine", async (t) => {
	const first = Number(process.env.MIRROR_SEED ?? new Random().seed);
	const sum: Record<string, number> = {};
	for (let seed = first; seed < first + RUNS; seed++) {
		const run = new MirrorRun(seed);
		await run.run();
		for (const [name, count] of Object.entries(run.counts)) sum[name] = (sum[name] ?? 0) + count;
		if (run.problems.length === 0) continue;
		if (process.env.MIRROR_LOG !== undefined) t.comment(run.log.join("\n"));
		t.same(run.problems.slice(0, 5), [], `seed ${seed}`);
		return;
	}
	t.comment(JSON.stringify(sum));
	for (const name of ["crashes", "losses", "joins", "failed", "done"])
		t.ok((sum[name] ?? 0) > 0, `there were ${name}: ${sum[name]}`);
});

t.test(
	"nor does it break them when members don't answer, and do what they were asked much later",
	async (t) => {
		const first = Number(process.env.MIRROR_SEED ?? new Random().seed);
		const sum: Record<string, number> = {};
		for (let seed = first; seed < first + RUNS; seed++) {
			const run = new MirrorRun(seed, { hangs: true });
			await run.run();
			for (const [name, count] of Object.entries(run.counts)) sum[name] = (sum[name] ?? 0) + count;
			if (process.env.MIRROR_LOG !== undefined && run.problems.length > 0) t.comment(run.log.join("\n"));
			t.same(run.problems.slice(0, 5), [], `seed ${seed}`);
			if (run.problems.length > 0) return;
		}
		t.comment(JSON.stringify(sum));
		for (const name of ["hangs", "losses", "joins", "done"])
			t.ok((sum[name] ?? 0) > 0, `there were ${name}: ${sum[name]}`);
	},
);

for (const [name, withBug] of Object.entries(PLANTED))
	t.test(`found: ${name}`, async (t) => {
		await withBug(async (plant) => {
			const { firstSeed = 1 } = plant;
			for (let seed = firstSeed; seed < firstSeed + RUNS_OF_BUGS; seed++) {
				const run = new MirrorRun(seed, plant);
				await run.run(10);
				if (run.problems.length === 0) continue;
				t.pass(`seed ${seed}: ${run.problems[0]}`);
				return;
			}
			t.fail(`not found in ${RUNS_OF_BUGS} runs`);
		});
	});
