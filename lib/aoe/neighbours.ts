/**
 * Other targets on the same link. Two hosts that serve one shelf and slot destroy each other's data: Linux takes both for paths
 * to the same disk and spreads its writes over them. Silence at one moment says little: a bridge may not forward yet, a cable
 * may be laid later, the other one may be asking just now. So for each address there is a claim, about which is asked before
 * it is served, after every link-up, and again and again while it is served; and what others ask and answer is listened to.
 * Used by `AoeTarget`, which sorts those frames out of its own and lists blades by what comes of it; the rules are in
 * `rivals.ts`.
 *
 * A question is a round: a few probes with a tag of its own. Only who answers that tag is believed to be there: a frame that
 * comes unasked makes us ask, no more.
 */

import type { Clock } from "../clock.js";
import { ALL_PEERS, type Link } from "../link/link.js";
import type { Random } from "../random.js";
import { turn } from "../turn.js";
import { ethSource } from "../wire/ethernet.js";
import type { Blade } from "./blade.js";
import { Claim, type Silence } from "./claim.js";
import { aoeShelf, aoeSlot, aoeTag } from "./header.js";
import { isProbeAnswer, ProbeKind, probeSender, probeTag, writeProbe } from "./probe.js";
import { judge, type Party } from "./rivals.js";
import { Turns } from "./turns.js";

/** Probes in a round: a frame may get lost, and a port that has just come up loses the first. One is enough to look around. */
const QUERIES = 3;
/** From one probe of a round to the next, and from the last to the end of the round. */
const QUERY_GAP_MS = 100;
/** How long to wait for a slot when there is none. */
const RETRY_MS = 2;
/** While it is served an address is asked for after so long, then after twice that, and so on, */
export const CHECK_FIRST_MS = 1000;
/** up to this, */
export const CHECK_LONGEST_MS = 32_000;
/** but on one link not for more addresses a second than this: a server of thousands asks as little as one of hundreds. */
const CHECKS_PER_SECOND = 16;
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
/**
 * So many probes are answered within so long for one address, and within a second on one link: an answer goes to all hosts. To
 * the others, which are config queries, there is an ordinary answer.
 */
const ANSWERS_AT_ONCE = 8;
const ANSWER_GAP_MS = 50;
const ANSWERS_PER_SECOND = 1024;
/** What a probe costs of a turn of the loop, in the steps of `turn.ts`. */
const PROBE_STEPS = 64;
/** Foreign addresses remembered per blade. More than this many rivals are not worth a log line each. */
const RIVALS_MAX = 16;

export interface NeighbourOptions {
	readonly link: Link;
	readonly clock: Clock;
	/** For tags. */
	readonly random: Random;
	/** Every MAC address of this process: what they send is no rival's. */
	readonly ownMacs: () => ReadonlySet<number>;
	/** Serve whoever else does. */
	readonly force: boolean;
	/** Others answer for a blade's address. Once per blade and MAC address. */
	readonly onConflict: (blade: Blade, mac: number) => void;
	/** These may be served from now on. `after`: who answered for one until now, if somebody did. */
	readonly onServe: (blade: Blade, after: number | undefined) => void;
	/** It may not any more, for its link is down or, with `rival`, for another host serves it, and `why` that one may. */
	readonly onPause: (blade: Blade, rival: number | undefined, why: string) => void;
}

export class Neighbours {
	readonly #options: NeighbourOptions;
	readonly #claims: Claim[] = [];
	readonly #claimAt = new Map<number, Claim>();
	readonly #rivals = new WeakMap<Blade, Set<number>>();
	/** What is settled may be served. */
	#serves = false;
	#wasUp: boolean;
	/** The second in which so many probes have been answered. */
	#answersSinceMs = 0;
	#answers = 0;
	readonly #turns: Turns<Claim>;

	constructor(options: NeighbourOptions) {
		this.#options = options;
		this.#wasUp = options.link.up;
		this.#turns = new Turns(
			options.clock,
			this.#claims,
			(claim, now) => this.#step(claim, now),
			(now, lateMs) => this.#wasAway(now, lateMs),
		);
	}

	/** The shelves that are claimed. */
	shelves(): number[] {
		return this.#claims.map(({ blade }) => blade.shelf);
	}

	/** True for an address that would be served if it weren't for others. */
	isClaimed(shelf: number, slot: number): boolean {
		return this.#claimAt.has((shelf << 8) | slot);
	}

	/** What is not served because others do it. */
	*silences(): Generator<Silence> {
		for (const { state, blade, rival, silentSince } of this.#claims)
			if (state === "silent") yield { blade, mac: rival, since: silentSince };
	}

	/**
	 * Asks the link who answers for a blade's address, which is ours from now on as far as others leave it to us.
	 * @returns the MAC address of another who does; undefined if nobody does, or if the link is down
	 */
	claim(blade: Blade): Promise<number | undefined> {
		const { shelf, slot } = blade;
		const claim = new Claim(blade);
		this.#claims.push(claim);
		this.#claimAt.set((shelf << 8) | slot, claim);
		if (!this.#options.link.up) return Promise.resolve(undefined);
		return new Promise((resolve) => {
			claim.settle = resolve;
			this.#turns.set(claim, this.#options.clock.now());
		});
	}

	/** What nobody else answers for is served from now on, without further questions to who has claimed it. */
	serve(): void {
		this.#serves = true;
		for (const claim of this.#claims) if (claim.settled) this.#serve(claim);
	}

	/** The link went up or down, or is another one now. */
	linkChanged(): void {
		const { link, clock } = this.#options;
		const now = clock.now();
		if (!link.up) for (const claim of this.#claims) this.#pause(claim, now);
		else if (!this.#wasUp || this.#serves) for (const claim of this.#claims) this.#askAnew(claim, now);
		this.#wasUp = link.up;
	}

	/** A config response came in; `blade` is ours at the same address, if one is served there. */
	heard(bytes: Uint8Array, at: number, blade: Blade | undefined): void {
		const mac = ethSource.get(bytes, at);
		if (this.#options.ownMacs().has(mac)) return;
		const claim = this.#claimAt.get((aoeShelf.get(bytes, at) << 8) | aoeSlot.get(bytes, at));
		const party: Party = { standing: "unknown", mac, rank: mac, servedSeconds: 0 };
		if (claim !== undefined) {
			// Before the start whatever is heard of others is reason enough not to.
			if (isAnswer(claim, aoeTag.get(bytes, at)) || !this.#serves) this.#answered(claim, party);
			else this.#alarm(claim);
		}
		if (blade !== undefined) this.#report(blade, mac);
	}

	/** A probe of another server's came in. */
	probed(bytes: Uint8Array, at: number): void {
		turn.spend(PROBE_STEPS);
		const sender = probeSender(bytes, at);
		if (this.#options.ownMacs().has(sender.mac)) return;
		const claim = this.#claimAt.get((aoeShelf.get(bytes, at) << 8) | aoeSlot.get(bytes, at));
		if (claim === undefined) return;
		const tag = probeTag(bytes, at);
		if (isProbeAnswer(bytes, at) && isAnswer(claim, tag)) this.#answered(claim, sender);
		else if (sender.standing !== "asking") this.#alarm(claim);
		if (isProbeAnswer(bytes, at)) return;
		// One that is silent, and does not ask just now, has nothing to say.
		if (claim.state === "silent" && claim.tag === 0) return;
		if (this.#mayAnswer(claim, this.#options.clock.now())) this.#send(claim, tag, ProbeKind.answer);
	}

	#mayAnswer(claim: Claim, now: number): boolean {
		if (now - this.#answersSinceMs >= 1000) {
			this.#answersSinceMs = now;
			this.#answers = 0;
		}
		if (now - claim.answersSinceMs >= ANSWER_GAP_MS) {
			claim.answersSinceMs = now;
			claim.answers = 0;
		}
		if (this.#answers >= ANSWERS_PER_SECOND || claim.answers >= ANSWERS_AT_ONCE) return false;
		this.#answers += 1;
		claim.answers += 1;
		return true;
	}

	/** Open questions end without an answer, and there are no more. */
	stop(): void {
		this.#turns.stop();
		for (const claim of this.#claims) settle(claim, undefined);
	}

	// ---- the rounds ----

	#step(claim: Claim, now: number): void {
		if (claim.tag === 0) {
			claim.tag = this.#options.random.below(0xffff_ffff) + 1;
			claim.heard.length = 0;
			claim.queriesLeft = claim.state === "serving" && claim.rounds === 0 ? 1 : QUERIES;
		}
		if (claim.queriesLeft === 0) {
			this.#conclude(claim, now);
		} else if (this.#send(claim, claim.tag, ProbeKind.question)) {
			claim.queriesLeft -= 1;
			claim.dueMs = now + QUERY_GAP_MS;
		} else {
			claim.dueMs = now + RETRY_MS;
		}
	}

	/** Somebody has answered for the address, in this round. */
	#answered(claim: Claim, party: Party): void {
		const now = this.#options.clock.now();
		const verdict = judge(this.#self(claim, now), party);
		claim.hear(party, verdict);
		if (party.standing !== "asking" && claim.state === "serving") this.#report(claim.blade, party.mac);
		if (verdict.does === "yield") this.#yield(claim, party.mac, verdict.why, now);
	}

	/** A round is over, and nobody has made us yield at once. */
	#conclude(claim: Claim, now: number): void {
		claim.tag = 0;
		claim.concludedMs = now;
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
		this.#turns.set(claim, now + claim.intervalMs);
		this.#options.onServe(claim.blade, after);
	}

	#checkLater(claim: Claim, now: number): void {
		const longestMs = Math.max(CHECK_LONGEST_MS, (this.#claims.length / CHECKS_PER_SECOND) * 1000);
		claim.rounds = 0;
		claim.intervalMs = Math.min(claim.intervalMs * 2, longestMs);
		claim.dueMs = now + claim.intervalMs;
	}

	#yield(claim: Claim, mac: number, why: string, now: number): void {
		claim.tag = 0;
		claim.rounds = 0;
		claim.concludedMs = now;
		claim.rival = mac;
		if (!this.#serves) {
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
	#alarm(claim: Claim): void {
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
		for (const claim of this.#claims) {
			if (claim.state !== "serving") continue;
			this.#pause(claim, now - lateMs);
			this.#askAnew(claim, now);
		}
	}

	// ---- frames ----

	/** What we say of ourselves. */
	#self(claim: Claim, now: number): Party {
		const { link, force, ownMacs } = this.#options;
		const isServing = claim.state === "serving";
		return {
			standing: force ? "forced" : isServing ? "serving" : "asking",
			mac: link.mac,
			rank: Math.min(...ownMacs()),
			servedSeconds: claim.servedSeconds(now),
		};
	}

	/** Sends a probe to all hosts; false if no slot is free. */
	#send(claim: Claim, tag: number, kind: ProbeKind): boolean {
		const { link, clock } = this.#options;
		const room = link.acquire();
		if (room === undefined) return false;
		const { shelf, slot } = claim.blade;
		const sender = this.#self(claim, clock.now());
		const { memory, offset } = room;
		const bytes = writeProbe(memory.bytes, offset, { shelf, slot, tag, kind, sender });
		link.transmit(room, bytes, ALL_PEERS);
		return true;
	}

	#report(blade: Blade, mac: number): void {
		const rivals = this.#rivals.get(blade) ?? new Set();
		this.#rivals.set(blade, rivals);
		if (rivals.has(mac) || rivals.size >= RIVALS_MAX) return;
		rivals.add(mac);
		this.#options.onConflict(blade, mac);
	}
}

function isAnswer(claim: Claim, tag: number): boolean {
	return claim.tag !== 0 && claim.tag === tag;
}

function settle(claim: Claim, mac: number | undefined): void {
	const { settle } = claim;
	claim.settle = null;
	settle?.(mac);
}
