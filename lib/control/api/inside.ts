/**
 * What the routes of the API ask: the parts of the control process, put together once by `control.ts`. Types only.
 */

import type { Changes } from "../changes.js";
import type { Desired } from "../desired.js";
import type { EventLog } from "../event-log.js";
import type { Jobs } from "../jobs.js";
import type { Machines } from "../machines/machines.js";
import type { MirrorJobs } from "../mirror-jobs.js";
import type { Process } from "../model.js";
import type { Observed } from "../observed.js";
import type { Places } from "../places.js";
import type { PoolDisks } from "../pool-disks.js";
import type { PoolJobs } from "../pool-jobs.js";
import type { PoolKeeping } from "../pool-keeping.js";
import type { Pools } from "../pools.js";
import type { Replaced } from "../replaced.js";
import type { Workers } from "../seams.js";
import type { Shower } from "../shown.js";
import type { VolumeTurns } from "../volume-turns.js";
import type { WatchedOpener } from "../watched-opener.js";

export interface Inside {
	readonly version: string;
	/** Milliseconds since 1970: when all of vblade was started. */
	readonly sinceMs: number;
	readonly now: () => number;
	readonly desired: Desired;
	readonly observed: Observed;
	readonly changes: Changes;
	readonly shower: Shower;
	readonly events: EventLog;
	readonly jobs: Jobs;
	readonly pools: Pools;
	readonly poolKeeping: PoolKeeping;
	readonly poolDisks: PoolDisks;
	readonly poolJobs: PoolJobs;
	readonly mirrorJobs: MirrorJobs;
	readonly volumeTurns: VolumeTurns;
	readonly machines: Machines;
	readonly state: WatchedOpener;
	/** Keys that count from the next start. */
	readonly restartNeeded: () => readonly string[];
	readonly workers: Pick<Workers, "answers" | "troubles" | "pool" | "volume" | "resync">;
	readonly places: Places;
	readonly replaced: Replaced;
	/** Bits per second, by name of the link. */
	readonly speeds: () => Promise<ReadonlyMap<string, number>>;
	/** All of vblade's, as the opener sees them. */
	readonly processes: () => Promise<readonly Process[]>;
}
