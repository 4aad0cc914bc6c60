/**
 * Questions about claims: when to ask the link who else has an address, and what comes of the answers. A question is a round: a few
 * probes with a tag of its own, and a pause behind each. Asks before an address is served, and again and again afterwards.
 * Used by `neighbours.ts`, which puts probes on the wire and hears what others send; the rules are in `rivals.ts`.
 */

import type { Clock } from "../clock.js";
import type { Random } from "../random.js";
import type { Blade } from "./blade.js";
import type { Claim } from "./claim.js";
import { judge, type Party } from "./rivals.js";
import { Turns } from "./turns.js";

/** Probes in a round: a frame may get lost, and a link that has just come up loses the first. One is enough to look around. */
const QUERIES = 3;
/** From one probe of a round to the next, and from the last to the end of the round. */
const QUERY_GAP_MS = 100;
/** The same for an address that is new on a link that others have been served on for so long: it is up, and loses nothing at first. */
const QUERY_GAP_SETTLED_MS = 20;
const SETTLED_MS = 5000;
/** How long to wait for a room when there is none. */
const RETRY_MS = 2;
/** While it is served an address is asked for after so long, then after twice that, and so on, */
const CHECK_FIRST_MS = 1000;
/** up to this, */
const CHECK_LONGEST_MS = 32_000;
/**
 * but from then on, on one link, not for more addresses a second than this: a server of thousands asks as little as one of hundreds.
 * Those that began together part by chance, until they are as far from each other as that, so that it asks for few at any moment.
 */
const CHECKS_PER_SECOND = 16;
/** Of many, those that fall into one second are asked for together: to wake up for each would cost more than to ask. */
const CHECK_GRID_MS = 1000;
/** The same for an address that another serves: it shall be served again soon when that one has gone. */
const RETURN_FIRST_MS = 1000;
const RETURN_LONGEST_MS = 16_000;
/** and this, where it comes and goes. */
const RETURN_SLOWEST_MS = 256_000;
/** Rounds without an answer, one after the other, after which a rival that did answer is taken to have gone. */
const RETURN_ROUNDS = 3;
/** Rounds in which somebody answers whose turn it is to yield, before we do: one that serves, and one that asks as we do. */
const PATIENCE_SERVING_ROUNDS = 3;
const PATIENCE_ASKING_ROUNDS = 32;
/** One that has served for less since it was last silent falls silent for twice as long as then: two that never agree. */
const STEADY_MS = 60_000;
/** Frames that came unasked make us ask at most so often. */
const ALARM_GAP_MS = 300;

export interface RoundsOptions {
	readonly clock: Clock;
	/** For tags. */
	readonly random: Random;
	/** Sends the next probe of a claim's round; false if there is no room for it now. */
	readonly ask: (claim: Claim) => boolean;
	/** What we say of ourselves. */
	readonly self: (claim: Claim, nowMs: number) => Party;
	/** Another serves an address that we serve. */
	readonly onConflict: (blade: Blade, mac: number) => void;
	/** These may be served from now on. `after`: who answered for one until now, if somebody did. */
	readonly onServe: (blade: Blade, after: number | undefined) => void;
	/** It may not any more, for its link is down or, with `rival`, for another host serves it, and `why` that one may. */
	readonly onPause: (blade: Blade, rival: number | undefined, why: string) => void;
}

export class Rounds {
	readonly claims: Claim[] = [];
	readonly #options: RoundsOptions;
	readonly #turns: Turns<Claim>;
	/** What is settled may be served. */
	#serves = false;
	/** Since when the link has passed frames without a pause, as far as is known. */
	#settlesFromMs: number;

	constructor(options: RoundsOptions) {
		this.#options = options;
		this.#settlesFromMs = options.clock.now();
		this.#turns = new Turns(
			options.clock,
			(claim, now) => this.#step(claim, now),
			(now, lateMs) => this.#wasAway(now, lateMs),
		);
	}

	/** True once what nobody else answers for is served, without further questions to who has claimed it. */
	get serves(): boolean {
		return this.#serves;
	}

	serve(): void {
		this.#serves = true;
		for (const claim of this.claims) if (claim.settled) this.#serve(claim);
	}

	/** The first round about a claim. Resolves to the MAC address of another who has it; undefined if nobody has. */
	begin(claim: Claim): Promise<number | undefined> {
		if (claim.blade.succeeds) return this.#succeed(claim);
		return new Promise((resolve) => {
			claim.settle = resolve;
			this.#turns.set(claim, this.#options.clock.now());
		});
	}

	/** Whoever has served it until now has seen to it that nobody else does, and is silent: it is gone on with at once, and asked about at the same time. */
	#succeed(claim: Claim): Promise<undefined> {
		claim.settled = true;
		claim.dueMs = Infinity;
		if (this.#serves) this.#serve(claim);
		return Promise.resolve(undefined);
	}

	/** Nothing is asked about a claim any more; an open question ends without an answer. Not called in a step. */
	end(claim: Claim): void {
		this.claims.splice(this.claims.indexOf(claim), 1);
		claim.dueMs = Infinity;
		settle(claim, undefined);
	}

	/** The link is down: nobody can be asked, and nothing is served. */
	pauseAll(): void {
		const now = this.#options.clock.now();
		for (const claim of this.claims) this.#pause(claim, now);
	}

	/** The link is up, or is another one: there may be others now. */
	askAll(): void {
		const now = this.#options.clock.now();
		this.#settlesFromMs = now;
		for (const claim of this.claims) this.#askAnew(claim, now);
	}

	/** Open questions end without an answer, and there are no more. */
	stop(): void {
		this.#turns.stop();
		for (const claim of this.claims) settle(claim, undefined);
	}

	#step(claim: Claim, now: number): void {
		if (claim.tag === 0) {
			claim.tag = this.#options.random.below(0xffff_ffff) + 1;
			claim.heard.length = 0;
			claim.queriesLeft = claim.state === "serving" && claim.rounds === 0 ? 1 : QUERIES;
			claim.gapMs = this.#isNewcomer(claim, now) ? QUERY_GAP_SETTLED_MS : QUERY_GAP_MS;
		}
		if (claim.queriesLeft === 0) {
			this.#conclude(claim, now);
		} else if (this.#options.ask(claim)) {
			claim.queriesLeft -= 1;
			claim.dueMs = now + claim.gapMs;
		} else {
			claim.dueMs = now + RETRY_MS;
		}
	}

	/** Somebody waits for the first round about it, on a link that has passed frames for long. */
	#isNewcomer({ settle, rounds }: Claim, now: number): boolean {
		return this.#serves && now - this.#settlesFromMs >= SETTLED_MS && settle !== null && rounds === 0;
	}

	/** Somebody has answered for the address, in this round. */
	answered(claim: Claim, party: Party): void {
		const now = this.#options.clock.now();
		const verdict = judge(this.#options.self(claim, now), party);
		claim.hear(party, verdict);
		if (party.standing !== "asking" && claim.state === "serving")
			this.#options.onConflict(claim.blade, party.mac);
		if (verdict.does === "yield") this.#yield(claim, party.mac, verdict.why, now);
	}

	/** A round is over, and nobody has made us yield at once. */
	#conclude(claim: Claim, now: number): void {
		claim.tag = 0;
		claim.concludedMs = now;
		claim.beside = claim.heard.find(({ party }) => party.standing !== "asking")?.party.mac ?? 0;
		const other = claim.heard.find(({ verdict }) => verdict.does === "outwait");
		if (other !== undefined) this.#outwait(claim, other.party.mac, other.verdict.why, now);
		else if (claim.state === "serving") this.#checkLater(claim, now);
		else if (claim.state === "silent" && ++claim.rounds < RETURN_ROUNDS) claim.dueMs = now;
		else this.#settle(claim);
	}

	#outwait(claim: Claim, mac: number, why: string, now: number): void {
		if (claim.state === "silent") {
			this.#yield(claim, mac, why, now);
			return;
		}
		claim.rounds += 1;
		const patience = claim.state === "serving" ? PATIENCE_SERVING_ROUNDS : PATIENCE_ASKING_ROUNDS;
		if (claim.rounds < patience) claim.dueMs = now;
		else this.#yield(claim, mac, why, now);
	}

	/** Nobody answers but us. */
	#settle(claim: Claim): void {
		claim.dueMs = Infinity;
		claim.settled = true;
		const forcedUpon = claim.heard.find(({ party }) => party.standing !== "asking");
		settle(claim, forcedUpon?.party.mac);
		if (this.#serves) this.#serve(claim);
	}

	#serve(claim: Claim): void {
		const now = this.#options.clock.now();
		const after = claim.state === "silent" ? claim.rival : undefined;
		claim.serve(now);
		claim.tag = 0;
		claim.rounds = 0;
		claim.concludedMs = now;
		claim.intervalMs = CHECK_FIRST_MS;
		this.#turns.set(claim, claim.blade.succeeds ? now : this.#checkAt(claim, now));
		this.#options.onServe(claim.blade, after);
	}

	#checkLater(claim: Claim, now: number): void {
		const doubledMs = claim.intervalMs * 2;
		const longestMs = Math.max(CHECK_LONGEST_MS, (this.claims.length / CHECKS_PER_SECOND) * 1000);
		claim.rounds = 0;
		claim.intervalMs = doubledMs > CHECK_LONGEST_MS ? longestMs : doubledMs;
		claim.dueMs = this.#checkAt(claim, now);
	}

	#checkAt({ intervalMs }: Claim, now: number): number {
		const apartMs = ((this.claims.length - 1) / CHECKS_PER_SECOND) * 1000;
		const atMs = now + intervalMs + this.#options.random.next() * Math.min(intervalMs / 2, apartMs);
		const gridMs = Math.min(CHECK_GRID_MS, Math.max(1, apartMs));
		return Math.ceil(atMs / gridMs) * gridMs;
	}

	#yield(claim: Claim, mac: number, why: string, now: number): void {
		claim.tag = 0;
		claim.rounds = 0;
		claim.concludedMs = now;
		claim.rival = mac;
		// Who has asked for it decides what becomes of it.
		if (!this.#serves || claim.settle !== null) {
			claim.settled = false;
			claim.dueMs = Infinity;
			settle(claim, mac);
		} else if (claim.state === "silent") {
			claim.intervalMs = Math.min(claim.intervalMs * 2, Math.max(RETURN_LONGEST_MS, claim.returnMs));
			this.#turns.set(claim, now + claim.intervalMs);
		} else {
			const isSteady = claim.returnMs === 0 || claim.servesForMs(now) > STEADY_MS;
			claim.returnMs = isSteady ? RETURN_FIRST_MS : Math.min(claim.returnMs * 2, RETURN_SLOWEST_MS);
			claim.fallSilent();
			claim.intervalMs = claim.returnMs;
			this.#turns.set(claim, now + claim.intervalMs);
			this.#options.onPause(claim.blade, mac, why);
		}
	}

	/** Something was heard that would be a rival's: asks soon. */
	alarm(claim: Claim): void {
		if (claim.state !== "serving" || claim.tag !== 0) return;
		this.#turns.set(claim, Math.min(claim.dueMs, claim.concludedMs + ALARM_GAP_MS));
	}

	#pause(claim: Claim, now: number): void {
		const wasServing = claim.state === "serving";
		if (wasServing) claim.pause(now);
		claim.tag = 0;
		claim.dueMs = Infinity;
		settle(claim, undefined);
		if (wasServing) this.#options.onPause(claim.blade, undefined, "");
	}

	/** From the beginning: there may be others now. */
	#askAnew(claim: Claim, now: number): void {
		claim.tag = 0;
		claim.rounds = 0;
		// Doubled before the next one.
		claim.intervalMs = (claim.state === "silent" ? RETURN_FIRST_MS : CHECK_FIRST_MS) / 2;
		this.#turns.set(claim, now);
	}

	/** Others may serve what we have left alone for so long, which counts as little as what a link is down for. */
	#wasAway(now: number, lateMs: number): void {
		this.#settlesFromMs = now;
		for (const claim of this.claims) {
			if (claim.state !== "serving") continue;
			this.#pause(claim, now - lateMs);
			this.#askAnew(claim, now);
		}
	}
}

function settle(claim: Claim, mac: number | undefined): void {
	const { settle } = claim;
	claim.settle = null;
	settle?.(mac);
}
