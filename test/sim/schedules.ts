/**
 * Plays scenarios: one run per seed, or one run per event of a seed's run, with the power cut at that event. Each either goes
 * by the rules or ends with what was broken, the seed, and the command that shows it again. Called in a thread of its own by
 * `worker.ts`, and by `replay.ts`.
 */

import { SHELF } from "./machine.js";
import type { Plan, ScenarioName } from "./scenarios.js";
import { SCENARIOS, TRANSIT_MAX_MS } from "./scenarios.js";
import { use, type WorkloadOptions } from "./workload.js";
import { World } from "./world.js";

export interface Job {
	readonly scenario: ScenarioName;
	readonly firstSeed: number;
	/** Seeds to play, at most. */
	readonly seeds: number;
	/** Play each once for every event of its run, with the power cut there. Default: once. */
	readonly everyEvent?: boolean;
}

export interface Outcome {
	runs: number;
	events: number;
	powerCuts: number;
	/** Frames of writes that the target got once more. */
	copies: number;
	/** Those that came when the write had been acknowledged. */
	lateCopies: number;
	/** What went wrong in the last run, and the command that shows it again; undefined if nothing did. */
	failure: string | undefined;
}

/** Plays a plan to its end. Throws if a rule was broken. */
export async function play({ world: options, workload }: Plan): Promise<World> {
	const world = new World(options);
	await world.run(playIn(world, workload));
	const { noRoom = 0, limited = 0 } = world.stats?.rejected ?? {};
	if (noRoom > 0 || limited > 0 || world.overruns > 0) throw new Error("too few rooms for this run");
	return world;
}

async function playIn(world: World, workload: WorkloadOptions): Promise<void> {
	const disks = await Promise.all(world.initiators.map((initiator) => initiator.open(SHELF, 0)));
	await use(world, disks, workload);
	if (world.options.cutAtEnd) world.cutPower();
	// What is still on its way must not change anything either.
	await world.pause(2 * TRANSIT_MAX_MS);
	await use(world, disks, { ...workload, operations: 0 });
}

/** Plays until a rule is broken. */
export async function playAll({ scenario, firstSeed, seeds, everyEvent = false }: Job): Promise<Outcome> {
	const outcome: Outcome = { runs: 0, events: 0, powerCuts: 0, copies: 0, lateCopies: 0, failure: undefined };
	for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
		let events = await playOne(outcome, scenario, seed);
		if (!everyEvent) events = 0;
		for (let cutAfter = 1; cutAfter <= events; cutAfter++) await playOne(outcome, scenario, seed, cutAfter);
		if (outcome.failure !== undefined) break;
	}
	return outcome;
}

/** Plays one run, unless something has gone wrong already. Returns its number of events. */
async function playOne(
	outcome: Outcome,
	scenario: ScenarioName,
	seed: number,
	cutAfter?: number,
): Promise<number> {
	if (outcome.failure !== undefined) return 0;
	outcome.runs++;
	try {
		const world = await play(planOf(scenario, seed, cutAfter));
		for (const count of ["events", "powerCuts", "copies", "lateCopies"] as const)
			outcome[count] += world[count];
		return world.events;
	} catch (error) {
		const command = `node build/test/sim/replay.js '${scenario}' ${seed} ${cutAfter ?? ""}`;
		outcome.failure = `${command}\n${error instanceof Error ? error.stack : error}`;
		return 0;
	}
}

export function planOf(scenario: ScenarioName, seed: number, cutAfter?: number): Plan {
	const plan = SCENARIOS[scenario](seed);
	return cutAfter === undefined ? plan : { ...plan, world: { ...plan.world, cutAfter } };
}
