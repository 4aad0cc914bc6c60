/**
 * Two hosts and one address: who may serve it. The rules, and nothing else: `neighbours.ts` finds out who is there and acts
 * upon what this says. Both servers apply the rules to each other, each from its own side and with what it has heard, which is
 * never quite what the other one has; they are made so that however that comes out, two never both yield for good.
 */

import { unreachable } from "../errors.js";

/** One who has, or wants, an address. */
export interface Party {
	readonly standing: /** Wants to serve, and asks first. */
		| "asking"
		| "serving"
		/** Serves, whoever else may: its operator has said so (`--force`). */
		| "forced"
		/** Answers, and does not say more: a target of another kind, which never yields. */
		| "unknown";
	/** Where its frames come from. */
	readonly mac: number;
	/** The lowest of all MAC addresses of its process: two servers that meet on two links come out alike on both. */
	readonly rank: number;
	/** How long it has served this address on this link, the time before a pause included. */
	readonly servedSeconds: number;
}

export interface Verdict {
	readonly does: /** Serves, or goes on to. */
		| "stay"
		/** Stops, or does not begin. */
		| "yield"
		/** It is the other one's to yield. Asks again until that has happened, and yields if it does not. */
		| "outwait";
	/** Why to yield, in words that go on from "02:00:00:00:00:01 on eth0 ...". */
	readonly why: string;
}

/** Two that have served as long but for this are taken to have begun together. */
export const SAME_AGE_SECONDS = 2;

const STAY: Verdict = { does: "stay", why: "" };
const IS_THERE: Verdict = { does: "yield", why: "answers for it already" };
const IS_OLDER: Verdict = { does: "yield", why: "has served it longer" };
const IS_LOWER: Verdict = { does: "yield", why: "has served it as long, and has the lower MAC address" };
const OUTWAIT: Verdict = { does: "outwait", why: "answers for it and does not stop" };

/** What `own` does about `rival`, who has just answered for the same address. */
export function judge(own: Party, rival: Party): Verdict {
	// The operators' word comes before all rules. A rule for hosts that know of each other, and share a disk, belongs here too.
	if (own.standing === "forced") return STAY;
	if (rival.standing === "forced") return own.standing === "asking" ? IS_THERE : STAY;

	if (own.standing === "asking") {
		if (rival.standing !== "asking") return IS_THERE;
		return comesFirst(own, rival) ? STAY : OUTWAIT;
	}
	switch (rival.standing) {
		case "asking":
			// It has heard that we are here.
			return STAY;
		case "unknown":
			// Whoever came first: an initiator would spread its writes over both disks, and we are the one who can stop that.
			return OUTWAIT;
		case "serving":
			return bothServe(own, rival);
		default:
			return unreachable(rival.standing);
	}
}

/**
 * The lower one decides by age, and the higher one expects just that. What one hears of the other's age is never more than it
 * is now, so near the border between "longer" and "as long" both may mean to stay, but not both to yield: the lower one stays
 * then, and the higher one will have outwaited it in vain.
 */
function bothServe(own: Party, rival: Party): Verdict {
	if (isLower(own, rival))
		return rival.servedSeconds > own.servedSeconds + SAME_AGE_SECONDS ? IS_OLDER : STAY;
	if (rival.servedSeconds > own.servedSeconds + SAME_AGE_SECONDS) return IS_OLDER;
	return rival.servedSeconds + SAME_AGE_SECONDS >= own.servedSeconds ? IS_LOWER : OUTWAIT;
}

/** Of two who both ask, having served before or not: their ages stand still, so both see the same. */
function comesFirst(own: Party, rival: Party): boolean {
	const seconds = Math.floor(own.servedSeconds) - rival.servedSeconds;
	return Math.abs(seconds) > SAME_AGE_SECONDS ? seconds > 0 : isLower(own, rival);
}

function isLower(own: Party, rival: Party): boolean {
	return own.rank === rival.rank ? own.mac < rival.mac : own.rank < rival.rank;
}
