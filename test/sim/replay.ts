/**
 * Plays one run of a simulation again and prints every event of it: what was sent and what reached the target, each with the
 * first bytes of the frame.
 * usage: node build/test/sim/replay.js SCENARIO SEED [EVENT]
 *   EVENT   cut the power after so many events
 */

import { SCENARIOS, type ScenarioName } from "./scenarios.js";
import { planOf, play } from "./schedules.js";

const [scenario = "", seed = "", event] = process.argv.slice(2);
if (!(scenario in SCENARIOS) || seed === "") {
	const names = Object.keys(SCENARIOS).map((name) => `'${name}'`);
	process.stderr.write(`usage: replay SCENARIO SEED [EVENT]\nscenarios: ${names.join(", ")}\n`);
	process.exit(2);
}
process.env.SIM_TRACE = "1";
const plan = planOf(scenario as ScenarioName, Number(seed), event === undefined ? undefined : Number(event));
const world = await play(plan);
process.stdout.write(`no rule was broken: ${world.events} events, ${world.log.hash}\n`);
