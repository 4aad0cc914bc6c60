/**
 * What is told as events of what was done with a pool: a line for each volume that it concerns. Used by `pools.ts`.
 */

import type { PoolAct } from "../daemon/worker-messages.js";
import { unreachable } from "../errors.js";
import { sizeText } from "../text.js";
import type { Happening } from "./event-log.js";
import type { EventKind } from "./model.js";

/** What was done, of which volume of the pool. */
type Told = readonly [kind: EventKind, volume: string, message: string];

export function happeningsOf(pool: string, act: PoolAct): Happening[] {
	return toldOf(act).map(([kind, volume, message]) => ({
		kind,
		severity: "info",
		volume: `${pool}/${volume}`,
		message,
	}));
}

function toldOf(act: PoolAct): readonly Told[] {
	switch (act.act) {
		case "look":
			return [];
		case "create":
			return [["volume-created", act.name, `made, of ${sizeText(act.sizeBytes)}`]];
		case "clone":
			return [["volume-created", act.name, `made, a clone of ${act.volume}@${act.snapshot}`]];
		case "resize":
			return [["volume-changed", act.name, `is ${sizeText(act.sizeBytes)} large now`]];
		case "rename":
			return [["volume-changed", act.to, `is called that now, and was ${act.name}`]];
		case "replace":
			return [["volume-changed", act.name, `is now as ${act.by} was`]];
		case "remove":
			return [["volume-removed", act.name, "removed"]];
		case "rollback":
			return [["volume-rolled-back", act.volume, `is as it was at ${act.snapshot}`]];
		case "snapshot":
			return act.wanted.map(({ volume, name }) => ["snapshot-taken", volume, `snapshot ${name} taken`]);
		case "forget":
			return [["snapshot-removed", act.volume, `snapshot ${act.snapshot} removed`]];
		case "hold":
			return [
				["snapshot-changed", act.volume, `snapshot ${act.snapshot} ${act.isHeld ? "held" : "released"}`],
			];
		default:
			return unreachable(act);
	}
}
