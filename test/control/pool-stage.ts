/** Control of two pools, one that is there and one that is not, and a disk on the first. */

import type { Test } from "tap";
import { POOL } from "./figures.js";
import { Stage, settle } from "./stage.js";

export const POOLS = `
[pool.fast]
path = "/srv/fast"
[pool.slow]
path = "/srv/slow"
[disk.db]
volume = "fast/web"
`;

/** Started, with all done that is done at the start. */
export async function poolStage(t: Test, stage = new Stage()): Promise<Stage> {
	stage.opener.text += POOLS;
	stage.workers.pools.set("/srv/fast", POOL);
	await stage.start(t);
	await settle();
	return stage;
}
