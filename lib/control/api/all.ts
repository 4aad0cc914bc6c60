/**
 * All routes of the API: what the application is made of, and the list of them in docs/operations.md held against.
 */

import type { Route } from "../routes.js";
import { contentRoutes } from "./contents.js";
import { diskRoutes } from "./disks.js";
import { eventRoutes } from "./events.js";
import type { Inside } from "./inside.js";
import { machineRoutes } from "./machines.js";
import { mirrorRoutes } from "./mirrors.js";
import { networkRoutes } from "./network.js";
import { poolDiskRoutes } from "./pool-disks.js";
import { poolJobRoutes } from "./pool-jobs.js";
import { poolRoutes } from "./pools.js";
import { snapshotRoutes } from "./snapshots.js";
import { volumeRoutes } from "./volumes.js";
import { wholeRoutes } from "./whole.js";

export function allRoutes(inside: Inside): Route[] {
	return [
		...wholeRoutes(inside),
		...diskRoutes(inside),
		...mirrorRoutes(inside),
		...poolRoutes(inside),
		...volumeRoutes(inside),
		...contentRoutes(inside),
		...poolDiskRoutes(inside),
		...poolJobRoutes(inside),
		...snapshotRoutes(inside),
		...machineRoutes(inside),
		...networkRoutes(inside),
		...eventRoutes(inside),
	];
}
