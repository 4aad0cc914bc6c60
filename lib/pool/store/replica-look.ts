/** How a replica stands, for whoever looks at the pool that it follows, with what is to be said where it was promoted. Asked by `lib/daemon/replicas.ts`. */

import { sizeText } from "../../text.js";
import type { PromotionLook, ReplicaLook, ReplicaStanding } from "../stored-look.js";
import { hasGoneOn, type Written } from "../written.js";
import type { ReplicaPromoted, ReplicaState } from "./replica-known.js";

/** `written`: how much was written to the pool by now. */
export function replicaLook(
	{ lagMs, heldSlots: _, promoted, trouble, ...state }: ReplicaState,
	written: Written,
): ReplicaLook {
	const look = { ...state, lagSeconds: (lagMs ?? 0) / 1000 };
	if (promoted === null) return { ...look, trouble, state: "follows", promoted: null };
	const { at, now: there = at } = promoted;
	const { by, sinceUs } = promoted;
	const since = sinceUs === undefined ? null : new Date(sinceUs / 1000).toISOString();
	// (Nobody has opened it yet, or what was written is not known.)
	if (at === undefined || there === undefined)
		return { ...look, trouble, state: "promoted", promoted: { by, since, ...UNKNOWN } };
	// (What it was promoted with may have been given up of the pool since, at a takeover: that is there alone.)
	const common = hasGoneOn(at, written) ? written : at;
	const found = { by, since, here: sideOf(written, at), there: sideOf(there, common) };
	const standing = standingOf(found);
	return { ...look, state: standing, promoted: found, trouble: textOf(standing, promoted, found) };
}

const UNKNOWN = { here: null, there: null };

/** What one side has that the other has not. */
function sideOf(now: Written, at: Written): NonNullable<PromotionLook["here"]> {
	if (!hasGoneOn(now, at)) return { bytes: 0, seconds: 0 };
	return { bytes: Math.max(1, now.bytes - at.bytes), seconds: Math.max(0, now.timeUs - at.timeUs) / 1e6 };
}

function standingOf({ here, there }: PromotionLook): ReplicaStanding {
	if (there === null || there.bytes === 0) return "promoted";
	return here?.bytes === 0 ? "behind" : "split";
}

function textOf(
	state: ReplicaStanding,
	{ by }: ReplicaPromoted,
	{ since, here, there }: PromotionLook,
): string {
	const how = `was promoted by ${by}${since === null ? "" : ` at ${since}`}`;
	if (state === "promoted")
		return `${how}, and nothing was written there since: vblade pool demote there has it follow again`;
	if (state === "behind") return `${how}, and has gone on: ${sideText(there)} there, nothing here`;
	return `${how}, and both have gone on: ${sideText(here)} here, ${sideText(there)} there; each keeps what it has`;
}

function sideText(side: PromotionLook["here"]): string {
	return side === null ? "something" : `${sizeText(side.bytes)} of ${Math.round(side.seconds)} s`;
}
