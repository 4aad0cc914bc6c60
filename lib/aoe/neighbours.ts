/**
 * Other targets on the same link. Two hosts that serve one shelf and slot destroy each other's data: Linux takes both for paths
 * to the same disk and spreads its writes over them. Silence at one moment says little: a bridge may not forward yet, a cable
 * may be laid later, the other one may be asking just now. So for each address there is a claim, about which is asked before
 * it is served, after every link-up, and again and again while it is served (`rounds.ts`); and what others ask and answer is
 * listened to here. Used by `AoeTarget`, which sorts those frames out of its own and lists blades by what comes of it.
 *
 * Only who answers the tag of a question is believed to be there: a frame that comes unasked makes us ask, no more.
 */

import { ALL_PEERS, type Link } from "../link/link.js";
import { turn } from "../turn.js";
import { ethSource } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";
import type { Blade } from "./blade.js";
import { Claim, type Contest } from "./claim.js";
import { aoeAddress, aoeTag } from "./header.js";
import { isProbeAnswer, ProbeKind, probeSender, probeTag, writeProbe } from "./probe.js";
import { addressOf } from "./registry.js";
import type { Party } from "./rivals.js";
import { Rounds, type RoundsOptions } from "./rounds.js";

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

export interface NeighbourOptions extends Omit<RoundsOptions, "ask" | "self"> {
	readonly link: Link;
	/** Every MAC address of this process: what they send is no rival's. */
	readonly ownMacs: () => ReadonlySet<number>;
	/** Before a question leaves: the answers have to be let in. */
	readonly onAsk: () => unknown;
	/** Others answer for a blade's address. Once per blade and MAC address. */
	readonly onConflict: (blade: Blade, mac: number) => void;
}

export class Neighbours {
	readonly #options: NeighbourOptions;
	readonly #claimAt = new Map<number, Claim>();
	readonly #rivals = new WeakMap<Blade, Set<number>>();
	readonly #rounds: Rounds;
	#wasUp: boolean;
	/** The second in which so many probes have been answered. */
	#answersSinceMs = 0;
	#answers = 0;

	constructor(options: NeighbourOptions) {
		this.#options = options;
		this.#wasUp = options.link.up;
		this.#rounds = new Rounds({
			...options,
			ask: (claim) => {
				options.onAsk();
				return this.#send(claim, claim.tag, ProbeKind.question);
			},
			self: (claim, nowMs) => this.#self(claim, nowMs),
			onConflict: (blade, mac) => this.#report(blade, mac),
		});
	}

	/** What is claimed. */
	claimed(): Blade[] {
		return this.#rounds.claims.map(({ blade }) => blade);
	}

	/** True for an address that would be served if it weren't for others. */
	isClaimed(address: number): boolean {
		return this.#claimAt.has(address);
	}

	/** What others answer for, of all claims or of one, whether it is served here or not. */
	*contests(of?: Blade): Generator<Contest> {
		const claims = of === undefined ? this.#rounds.claims : [this.#claimAt.get(addressOf(of.shelf, of.slot))];
		for (const claim of claims) {
			if (claim === undefined) continue;
			const { state, blade, rival, beside, silentSince } = claim;
			if (state === "silent") yield { blade, mac: rival, silentSince };
			else if (state === "serving" && beside !== 0) yield { blade, mac: beside, silentSince: undefined };
		}
	}

	/**
	 * Asks the link who answers for a blade's address, which is ours from now on as far as others leave it to us.
	 * @returns the MAC address of another who does; undefined if nobody does, or if the link is down
	 */
	claim(blade: Blade): Promise<number | undefined> {
		const { shelf, slot } = blade;
		const claim = new Claim(blade);
		this.#rounds.claims.push(claim);
		this.#claimAt.set(addressOf(shelf, slot), claim);
		return this.#options.link.up ? this.#rounds.begin(claim) : Promise.resolve(undefined);
	}

	/** Nothing more is asked about a blade's address, or answered. */
	release(blade: Blade): void {
		const address = addressOf(blade.shelf, blade.slot);
		const claim = this.#claimAt.get(address);
		if (claim?.blade !== blade) return;
		this.#claimAt.delete(address);
		this.#rounds.end(claim);
	}

	/** What nobody else answers for is served from now on, without further questions to who has claimed it. */
	serve(): void {
		this.#rounds.serve();
	}

	/** The link went up or down, or is another one now. */
	linkChanged(): void {
		const { up } = this.#options.link;
		if (!up) this.#rounds.pauseAll();
		else if (!this.#wasUp || this.#rounds.serves) this.#rounds.askAll();
		this.#wasUp = up;
	}

	/** A config response came in; `blade` is ours at the same address, if one is served there. */
	heard({ bytes, view }: Memory, at: number, blade: Blade | undefined): void {
		const mac = ethSource.get(bytes, at);
		if (this.#options.ownMacs().has(mac)) return;
		const claim = this.#claimAt.get(aoeAddress(view, at));
		// (Of a disk that another host has, it is that one.)
		if (claim?.blade.isQuiet) return;
		const party: Party = { standing: "unknown", mac, rank: mac, servedSeconds: 0 };
		if (claim !== undefined) {
			// Before the start whatever is heard of others is reason enough not to.
			if (isAnswer(claim, aoeTag.get(bytes, at)) || !this.#rounds.serves) this.#rounds.answered(claim, party);
			else this.#rounds.alarm(claim);
		}
		if (blade !== undefined) this.#report(blade, mac);
	}

	/** A probe of another server's came in. */
	probed({ bytes, view }: Memory, at: number): void {
		turn.spend(PROBE_STEPS);
		const sender = probeSender(bytes, at);
		if (this.#options.ownMacs().has(sender.mac)) return;
		const claim = this.#claimAt.get(aoeAddress(view, at));
		if (claim === undefined) return;
		const tag = probeTag(bytes, at);
		if (isProbeAnswer(bytes, at) && isAnswer(claim, tag)) this.#rounds.answered(claim, sender);
		else if (sender.standing !== "asking") this.#rounds.alarm(claim);
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
		this.#rounds.stop();
	}

	/** What we say of ourselves. */
	#self(claim: Claim, now: number): Party {
		const { link, ownMacs } = this.#options;
		const isServing = claim.state === "serving";
		return {
			standing: claim.blade.force ? "forced" : isServing ? "serving" : "asking",
			mac: link.mac,
			rank: Math.min(...ownMacs()),
			servedSeconds: claim.servedSeconds(now),
		};
	}

	/** Sends a probe to all hosts; false if there is no room. (Of a disk that another host may have by now nobody is told that it is served here.) */
	#send(claim: Claim, tag: number, kind: ProbeKind): boolean {
		if (claim.blade.isQuiet) return true;
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
