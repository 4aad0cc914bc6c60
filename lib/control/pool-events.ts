/**
 * What is told as events of what was done with a pool: a line for each volume that it concerns. Used by `pools.ts`, and by `control.ts` for what
 * pools tell themselves.
 */

import type { PoolAct } from "../daemon/worker-messages.js";
import { unreachable } from "../errors.js";
import type { PoolConfig } from "../spec/configuration.js";
import { durationText, PERIODS, type SettingsChange } from "../spec/policy.js";
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

/** What a pool has told itself, which knows no name of it. */
export function namedBy(pools: readonly PoolConfig[], { poolPath, ...happening }: Happening): Happening {
	const pool = pools.find(({ path }) => path === poolPath);
	const { volume, ...others } = happening;
	if (pool === undefined) return poolPath === undefined ? happening : others;
	return volume === undefined ? happening : { ...others, volume: `${pool.name}/${volume}` };
}

function toldOf(act: PoolAct): readonly Told[] {
	switch (act.act) {
		case "look":
		case "configure":
		case "make":
		case "addDisk":
		case "takeOver":
		case "forgetLost":
		case "promote":
		case "demote":
		case "ship":
		case "handOver":
		case "removeDisk":
		case "keepDisk":
		case "trustClock":
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
		case "set":
			return [["volume-changed", act.name, `has ${settingsWords(act.settings)} now`]];
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

function settingsWords({ quotaBytes, historySeconds, keep }: SettingsChange): string {
	const words: string[] = [];
	if (quotaBytes !== undefined)
		words.push(quotaBytes === null ? "no quota" : `a quota of ${sizeText(quotaBytes)}`);
	if (historySeconds !== undefined)
		words.push(
			`a history ${historySeconds === null ? "as in its pool" : `of ${durationText(historySeconds)}`}`,
		);
	if (keep === null) words.push("snapshots by the schedule of its pool");
	for (const period of PERIODS) {
		const seconds = keep?.[period];
		if (seconds !== undefined)
			words.push(
				`${seconds === null ? "no" : ""} ${period} snapshots${seconds === null ? "" : ` for ${durationText(seconds)}`}`.trim(),
			);
	}
	return words.join(", ");
}
