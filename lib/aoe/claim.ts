/**
 * One address that this process serves, or wants to, on one link: where it stands, and what has been heard of others in the
 * round of questions that is under way. Kept by `neighbours.ts`, moved on by `rounds.ts`; the rules are in `rivals.ts`.
 *
 *             nobody else                    the link is down
 *   asking --------------------> serving -------------------------> asking
 *      |                            |
 *      | a rival                    | a rival that the rules prefer
 *      +---------> silent <---------+
 *                    |   nobody else any more
 *                    +---------------------------> serving
 */

import type { Blade } from "./blade.js";
import type { Party, Verdict } from "./rivals.js";
import type { Due } from "./turns.js";

/** Rivals that are told apart in one round; more change nothing. */
const RIVALS_MAX = 4;

/** A blade on a link where another host answers for its address. */
export interface Contest {
	readonly blade: Blade;
	/** Who answers there. */
	readonly mac: number;
	/** Since when it is silent; undefined: it is served all the same. */
	readonly silentSince: Date | undefined;
}

export class Claim implements Due {
	state: "asking" | "serving" | "silent" = "asking";
	/** The question of the start has been answered, by silence. */
	settled = false;
	/** When there is something to do next; Infinity while nothing is. */
	dueMs = Infinity;
	/** Of the round under way; 0 between rounds. */
	tag = 0;
	queriesLeft = 0;
	/** From one probe of the round to the next. */
	gapMs = 0;
	/** Rounds that have come out alike, one after the other: with somebody to outwait or, in silence, with nobody. */
	rounds = 0;
	/** When the last round ended. */
	concludedMs = 0;
	/** From one round to the next, if nothing happens. */
	intervalMs = 0;
	/** The first of those when it last fell silent; 0 if it never has. */
	returnMs = 0;
	/** Probes answered since then. */
	answers = 0;
	answersSinceMs = 0;
	/** Of one that answers, too, though it is served: as of the last round. 0: nobody does. */
	beside = 0;
	/** Of the one that answers instead, in silence. */
	rival = 0;
	silentSince = new Date(0);
	/** Tells who has asked for this claim what came of it: the MAC address of another, or undefined. */
	settle: ((mac: number | undefined) => void) | null = null;
	readonly heard: { party: Party; verdict: Verdict }[] = [];
	#servedMs = 0;
	#servingSinceMs = 0;

	constructor(readonly blade: Blade) {}

	servedSeconds(nowMs: number): number {
		return (this.#servedMs + (this.state === "serving" ? nowMs - this.#servingSinceMs : 0)) / 1000;
	}

	/** Without a pause so far. */
	servesForMs(nowMs: number): number {
		return this.state === "serving" ? nowMs - this.#servingSinceMs : 0;
	}

	serve(nowMs: number): void {
		this.state = "serving";
		this.beside = 0;
		this.#servingSinceMs = nowMs;
	}

	/** Not served for a while: its link is down. The time until now counts still. */
	pause(nowMs: number): void {
		this.#servedMs = this.servedSeconds(nowMs) * 1000;
		this.state = "asking";
	}

	/** Another serves it now, and comes before us from here on. */
	fallSilent(): void {
		this.state = "silent";
		this.silentSince = new Date();
		this.#servedMs = 0;
	}

	/** What `party` has just answered is its last word in this round. Less is never learned: "unknown" changes nothing. */
	hear(party: Party, verdict: Verdict): void {
		const at = this.heard.findIndex((known) => known.party.mac === party.mac);
		if (at >= 0) {
			if (party.standing !== "unknown") this.heard[at] = { party, verdict };
		} else if (this.heard.length < RIVALS_MAX) {
			this.heard.push({ party, verdict });
		}
	}
}
