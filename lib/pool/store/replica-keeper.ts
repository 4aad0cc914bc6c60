/**
 * Who brings a pool to its replica in a store: has the superblock there as long as nobody else has. There is no lease, since nothing is acknowledged by it: whoever wants the
 * replica takes it at once, and this one finds that out by the next swap. Made by `replica.ts`.
 */

import { OperatorError } from "../../errors.js";
import { pause } from "../../object/attempts.js";
import type { Head, HeadState } from "../../object/head.js";
import type { ImageKeeper } from "./keeper.js";
import { LEASE_MS } from "./lease.js";
import type { ReplicaPromoted } from "./replica-known.js";
import type { PromotedFrom, ReplicaOf } from "./replica-of.js";
import { asJson, EMPTY_IMAGE, imageIn, type StoredImage } from "./stored-image.js";
import { checkImage, decodeSuperblock, type Owner, type Superblock } from "./superblock.js";
import { FencedError, type KeeperWorld, SuperblockSwaps } from "./superblock-swaps.js";

export interface ReplicaRules {
	readonly of: ReplicaOf;
	readonly owner: Owner;
	/** Of a new one: its number. */
	readonly pool: string;
	/** It was had before, or had been promoted: it is gone on with only once it was given back, as somebody else may bring the pool there. */
	readonly isAgain: boolean;
}

/** The replica is a pool of its own, until it is given back. */
export class PromotedError extends FencedError {
	override name = "PromotedError";

	constructor(
		message: string,
		readonly promotion: ReplicaPromoted,
	) {
		super(message);
	}
}

/** How it asks, and until when. */
export interface ReplicaWorld extends KeeperWorld {
	readonly signal: AbortSignal;
	/** What does not get on, in words; null: it does again. */
	readonly tell: (trouble: string | null) => void;
}

const PAUSE_MS = 500;

export class ReplicaKeeper implements ImageKeeper {
	readonly heldBelow = 0;
	readonly #swaps: SuperblockSwaps<null>;
	readonly #head: Head;
	readonly #world: ReplicaWorld;
	#superblock: Superblock;

	private constructor(head: Head, world: ReplicaWorld, swaps: SuperblockSwaps<null>, superblock: Superblock) {
		this.#head = head;
		this.#world = world;
		this.#swaps = swaps;
		this.#superblock = superblock;
	}

	/** Throws an OperatorError if what is there is none of that pool's, or is one no more; an ObjectError; or the signal's reason. */
	static async acquire(head: Head, rules: ReplicaRules, world: ReplicaWorld): Promise<ReplicaKeeper> {
		const { clock, signal } = world;
		const swaps = new SuperblockSwaps<null>(head, world, null);
		for (;;) {
			const there = await head.read({ signal });
			if (there !== null) swaps.goOnFrom(there);
			const now = swaps.standing?.superblock ?? null;
			const writtenUs = Math.floor(world.now());
			const next = { ...ownOf(head, now, rules), writtenUs };
			const swap = await swaps.swap(next, null, { signal });
			if (swap.outcome === "there") return new ReplicaKeeper(head, world, swaps, next);
			await pause(clock, PAUSE_MS, signal);
		}
	}

	get pool(): string {
		return this.#superblock.pool;
	}

	get epoch(): number {
		return this.#superblock.epoch;
	}

	get image(): StoredImage {
		return imageIn(this.#superblock.image);
	}

	/** (That is about what a host has of a pool's own image.) */
	isGivenUp(): boolean {
		return false;
	}

	/** Not while something is written. */
	async look(): Promise<OperatorError | null> {
		try {
			const seen = await this.#swaps.look({ signal: this.#world.signal });
			return seen.outcome === "others" ? fenced(this.#head.name, seen.current) : null;
		} catch (error) {
			if (error instanceof OperatorError) return error;
			throw error;
		}
	}

	async write(change: (now: StoredImage) => StoredImage): Promise<void> {
		const { clock, signal, tell } = this.#world;
		for (let isTold = false; ; isTold = true) {
			const now = this.#superblock;
			const image = asJson(change(imageIn(now.image)));
			checkImage(image);
			const next = { ...now, image, beat: now.beat + 1, writtenUs: Math.floor(this.#world.now()) };
			const swap = await this.#swaps.swap(next, null, { signal });
			if (swap.outcome === "there") {
				this.#superblock = swap.attempt.superblock;
				if (isTold) tell(null);
				return;
			}
			if (swap.outcome === "others") throw fenced(this.#head.name, swap.current);
			tell(swap.trouble);
			await pause(clock, PAUSE_MS, signal);
		}
	}
}

/** What follows what is there. Throws an OperatorError if that is not for this pool to go on from. */
function ownOf(head: Head, now: Superblock | null, { of, owner, pool, isAgain }: ReplicaRules): Superblock {
	if (now === null)
		return {
			...{ format: 1, pool, epoch: 1, beat: 1, owner, hostSince: 1, leaseMs: LEASE_MS, writtenUs: 0 },
			...{ promised: null, serve: "one", image: asJson(EMPTY_IMAGE), isGivenBack: true, replica: of },
		};
	const { replica, promoted } = now;
	const was = replica ?? promoted;
	if (was === undefined)
		throw new OperatorError(`${head.name}: is a pool of its own there, and no replica of this one`);
	if (was.source !== of.source)
		throw new OperatorError(`${head.name}: is a replica of another pool, ${was.name} of ${was.host}`);
	if (replica === undefined) throw promotedError(head.name, now.owner, was);
	if (isAgain && replica.returnedBy === undefined && now.owner.id !== owner.id)
		throw broughtBy(head.name, now.owner);
	const epoch = now.epoch + 1;
	const hostSince = now.owner.host === owner.host ? now.hostSince : epoch;
	return { ...now, epoch, hostSince, beat: now.beat + 1, owner, isGivenBack: true, replica: of };
}

function promotedError(name: string, owner: Owner, { sinceUs, at, now }: PromotedFrom): PromotedError {
	const text = `${name}: the replica was promoted by ${owner.name}; nothing is brought there until it is given back`;
	return new PromotedError(text, { by: owner.name, sinceUs, at, now });
}

function broughtBy(name: string, owner: Owner): FencedError {
	return new FencedError(`${name}: ${owner.name} brings the pool there now`);
}

function fenced(name: string, current: HeadState | null): FencedError {
	if (current === null) return new FencedError(`${name}: there is no replica any more`);
	const { owner, replica, promoted } = decodeSuperblock(current.bytes, name);
	if (replica !== undefined || promoted === undefined) return broughtBy(name, owner);
	return promotedError(name, owner, promoted);
}
