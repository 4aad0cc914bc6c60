/**
 * How a pool in an object store is made, and had by another owner: who may, when, and what of the last owner's promises becomes of it. The clocks of the
 * two are never compared: whoever takes over has seen, by his own, that nothing was changed for longer than a lease. Called by `head-keeper.ts`.
 */

import { FailedError, invariant, OperatorError, unreachable } from "../../errors.js";
import { pause } from "../../object/attempts.js";
import { ObjectError } from "../../object/errors.js";
import type { Head, HeadRevision } from "../../object/head.js";
import type { Call } from "../../object/store.js";
import { nameInStore } from "../../spec/pool-path.js";
import { secondsText, sizeText } from "../../text.js";
import { beatMs, LeaseWatch } from "./lease.js";
import { promotedFrom } from "./promotion.js";
import type { ReplicaOf } from "./replica-of.js";
import { asJson, imageIn } from "./stored-image.js";
import {
	checkImage,
	decodeSuperblock,
	LOST_MAX,
	type LostTail,
	type Owner,
	type PartnerPlace,
	type Superblock,
} from "./superblock.js";
import { type KeeperWorld, type Standing, SuperblockSwaps, type There } from "./superblock-swaps.js";
import { waitsFor } from "./words.js";

export interface TakeOverRules {
	/** So many bytes of what was promised by that epoch may be lost: an operator's word, which says nothing of what others promise later. */
	readonly lose?: { readonly epoch: number; readonly bytes: number };
	/** The last owner was a process of this host, and is known to have ended: whoever says so holds the lock of the host's log. */
	readonly isGone?: boolean;
	/** One that is a replica is to be a pool of its own: an operator's word. */
	readonly promotes?: boolean;
	/** Why whoever asks can't go on with a pool that stands like that, in words; undefined: he can. Default: he can with any. */
	readonly lacks?: ((there: Superblock) => string | undefined) | undefined;
	/** Whether to wait until nobody has it any more. Default: yes. */
	readonly waits?: boolean;
	/** Between two looks at most; default: a quarter of a beat. */
	readonly pollMs?: number;
	/** Of the new owner; default: as before. */
	readonly leaseMs?: number;
	/** Where the new owner is for others, if both serve the pool. */
	readonly at?: PartnerPlace | undefined;
	/** What was seen before goes on to count, of one who asks again. */
	readonly watch?: LeaseWatch;
	/** Ends the waiting, with its reason. */
	readonly signal?: AbortSignal;
}

/** Somebody has it. */
export class Held {
	constructor(
		readonly superblock: Superblock,
		/** As far as is known now. */
		readonly remainingMs: number,
	) {}

	/** `path`: as it is shown. */
	messageAbout(path: string): string {
		return `${path}: ${waitsFor(this.superblock.owner)}`;
	}
}

/** Another host has it, and hands its disks on: they can be used by that one. */
export class HeldElsewhere extends OperatorError {
	override name = "HeldElsewhere";

	constructor(
		message: string,
		readonly superblock: Superblock,
	) {
		super(message);
	}
}

/** Nobody has it, but what was promised would be lost. */
export class Refused {
	constructor(
		readonly superblock: Superblock,
		readonly lost: LostTail,
	) {}

	/** `path`: as it is shown. */
	messageAbout(path: string): string {
		const { lost, superblock } = this;
		const pool = nameInStore(path) ?? path;
		const tail = `up to ${lost.bytes} bytes (${sizeText(lost.bytes)}) of ${secondsText(1000 * lost.seconds)}`;
		return `${path}: ${tail} that ${superblock.owner.name} has acknowledged are only on that host: start it again, or give them up: vblade pool takeover ${pool} --lose ${lost.bytes}`;
	}
}

/** One who has it now. */
export interface TakenOver {
	readonly revision: HeadRevision;
	readonly superblock: Superblock;
	/** By `elapsed`. */
	readonly sentUs: number;
	/** What was there; null: nothing. */
	readonly before: Superblock | null;
}

/** For an answer whether a new one was made. */
const CREATE_LIMIT_MS = 60_000;
const PAUSE_MS = 100;
const POLLS = 4;

/** What is there; null: nothing. Rejects with an ObjectError, or an OperatorError. */
export async function lookAt(head: Head, call: Call): Promise<Superblock | null> {
	const state = await head.read(call);
	return state && decodeSuperblock(state.bytes, head.name);
}

/** Throws an OperatorError if there is a pool, a FailedError if it is not known whether this is one now. */
export async function makePool(head: Head, first: Superblock, world: KeeperWorld): Promise<TakenOver> {
	checkImage(first.image);
	const swaps = new SuperblockSwaps<null>(head, world, null);
	const untilUs = world.elapsed() + CREATE_LIMIT_MS * 1000;
	for (;;) {
		const swap = await swaps.swap({ ...first, writtenUs: Math.floor(world.now()) }, null, {});
		if (swap.outcome === "there") return taken(swap);
		if (swap.outcome === "others") throw new OperatorError(`${head.name}: is a pool already`);
		if (world.elapsed() >= untilUs) throw new FailedError(`${head.name}: ${swap.trouble}`);
		await pause(world.clock, PAUSE_MS, new AbortController().signal);
	}
}

function taken({ attempt, revision, before }: There<null>): TakenOver {
	return { revision, superblock: attempt.superblock, sentUs: attempt.sentUs, before };
}

/** What is to be done about a pool that somebody wants. */
type Verdict =
	| { readonly do: "wait"; readonly ms: number }
	| { readonly do: "refuse"; readonly lost: LostTail }
	| { readonly do: "take"; readonly superblock: Superblock };

export function replicaText({ name, host }: ReplicaOf): string {
	return `is a replica of ${name} of ${host}: vblade pool promote makes a pool of its own of it`;
}

export function notAllText({ name, host }: ReplicaOf): string {
	return `is a replica of ${name} of ${host}, and not all of that has come yet`;
}

/** Throws an OperatorError if nobody may have it. By what is there, which has to stay as it is for `waitMs` more before a lease is over that may still be kept. */
function verdict(now: Superblock, owner: Owner, rules: TakeOverRules, waitMs: number): Verdict {
	if (now.replica !== undefined && rules.promotes !== true) throw new OperatorError(replicaText(now.replica));
	if (now.replica !== undefined && imageIn(now.image).head === "")
		throw new OperatorError(notAllText(now.replica));
	const isSameHost = now.owner.host === owner.host;
	const isFree =
		now.isGivenBack === true || now.heir?.id === owner.id || (isSameHost && rules.isGone === true);
	if (!isFree && waitMs > 0) return { do: "wait", ms: waitMs };
	const lack = rules.lacks?.(now);
	if (lack !== undefined) throw new OperatorError(lack);
	const { heir: _, isGivenBack: __, asks: ___, asksOf: ____, at: _____, replica, ...rest } = now;
	const leaseMs = rules.leaseMs ?? now.leaseMs;
	const epoch = now.epoch + 1;
	const hostSince = isSameHost ? now.hostSince : epoch;
	const promoted = replica && { promoted: promotedFrom(replica, now.image), image: wholeOf(now.image) };
	const { at } = rules;
	const shared = at === undefined ? ({ serve: "one" } as const) : ({ serve: "both", at } as const);
	const next = { ...rest, ...promoted, ...shared, epoch, hostSince, beat: now.beat + 1, owner, leaseMs };
	// (What is promised is on this host.)
	if (now.promised === null || isSameHost) return { do: "take", superblock: next };
	const lost = lostTail(now);
	if (rules.lose?.epoch !== now.epoch || rules.lose.bytes < lost.bytes) return { do: "refuse", lost };
	const { lost: before = [] } = now;
	if (before.length >= LOST_MAX)
		throw new OperatorError(`${before.length} tails were given up before: drop one first`);
	return { do: "take", superblock: { ...next, promised: null, lost: [...before, lost] } };
}

function lostTail({ epoch, owner, promised, writtenUs, image }: Superblock): LostTail {
	invariant(promised !== null, "nothing can be lost");
	const { bytes, sinceUs } = promised;
	const seconds = Math.ceil(Math.max(0, writtenUs - sinceUs) / 1e6);
	return { epoch, host: owner.host, bytes, seconds, image };
}

/**
 * Waits until the pool can be had, and takes it. Rejects with the reason of the rules' signal, with an OperatorError if there is no pool, and, if it is not
 * to wait, with an ObjectError.
 */
export async function takeOver(
	head: Head,
	owner: Owner,
	rules: TakeOverRules,
	world: KeeperWorld,
): Promise<TakenOver | Held | Refused> {
	const { watch = new LeaseWatch(), waits = true, signal = new AbortController().signal } = rules;
	const swaps = new SuperblockSwaps<null>(head, world, null);
	for (;;) {
		const found = await seen(head, swaps, signal);
		if (found instanceof ObjectError) {
			if (!waits) throw found;
			await pause(world.clock, PAUSE_MS, signal);
			continue;
		}
		if ("sentUs" in found) return found;
		watch.saw(found.revision, world.elapsed());
		const { superblock } = found;
		const next = verdict(superblock, owner, rules, watch.remainingMs(superblock.leaseMs, world.elapsed()));
		switch (next.do) {
			case "wait": {
				if (!waits) return new Held(superblock, next.ms);
				const { pollMs = beatMs(superblock.leaseMs) / POLLS } = rules;
				await pause(world.clock, Math.min(pollMs, next.ms), signal);
				break;
			}
			case "refuse":
				return new Refused(superblock, next.lost);
			case "take": {
				const limitMs = beatMs(superblock.leaseMs);
				const swap = await swaps.swap(next.superblock, null, { signal, limitMs });
				if (swap.outcome === "there") return taken(swap);
				if (swap.outcome === "open") await pause(world.clock, PAUSE_MS, signal);
				break;
			}
			default:
				return unreachable(next);
		}
	}
}

/** What is there now: maybe what was asked for before, without an answer. */
async function seen(
	head: Head,
	swaps: SuperblockSwaps<null>,
	signal: AbortSignal,
): Promise<TakenOver | Standing | ObjectError> {
	try {
		const state = await head.read({ signal });
		if (state === null) throw new OperatorError(`${head.name}: there is no pool`);
		const judged = swaps.judged(state);
		if (judged.outcome === "there") return taken(judged);
		if (judged.outcome === "others") swaps.goOnFrom(state);
		invariant(swaps.standing !== null, "a head without a superblock");
		return swaps.standing;
	} catch (error) {
		if (error instanceof ObjectError) return error;
		throw error;
	}
}

/** Without what was on its way there, which is in no image: the first cut that follows would be one with it. */
function wholeOf(image: Superblock["image"]): Superblock["image"] {
	const { coming: _, ...whole } = imageIn(image);
	return asJson(whole);
}
