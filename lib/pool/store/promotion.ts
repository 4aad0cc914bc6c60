/**
 * A replica that was made a pool of its own, and may be made a replica again: what both have is held until something is written there, and is what is gone on
 * from when it is given back. With something written on both sides nobody goes on from anything: each keeps what it has. Used by `takeover.ts`, which
 * promotes, `head-keepers.ts`, which has the pool, and whoever brings the replica (`replica-keeper.ts`).
 */

import { FailedError, OperatorError } from "../../errors.js";
import { pause } from "../../object/attempts.js";
import type { Head } from "../../object/head.js";
import type { ObjectStore } from "../../object/store.js";
import { sizeText } from "../../text.js";
import type { JsonObject } from "../stored-json.js";
import { hasGoneOn, type Written } from "../written.js";
import type { PromotedFrom, ReplicaOf } from "./replica-of.js";
import { asJson, imageIn, type ObjectKey, readImage } from "./stored-image.js";
import type { Superblock } from "./superblock.js";
import { type KeeperWorld, SuperblockSwaps } from "./superblock-swaps.js";

/** What is held of an image; of one that is larger nothing is, and all of the pool is brought anew when it is given back. */
const HELD_MAX_BYTES = 64 * 1024;
const LIMIT_MS = 60_000;
const PAUSE_MS = 100;

/** Of a replica that is promoted now. */
export function promotedFrom({ returnedBy: _, ...of }: ReplicaOf, image: JsonObject): PromotedFrom {
	return JSON.stringify(image).length > HELD_MAX_BYTES ? of : { ...of, image };
}

/** With what was written by now. What both have is not held any more once something was. */
export function goneOn(promoted: PromotedFrom, now: Written): PromotedFrom {
	if (promoted.at === undefined) return promoted;
	const { image, ...rest } = promoted;
	return hasGoneOn(now, promoted.at) ? { ...rest, now } : { ...promoted, now };
}

/** An operator's word that it is to be a replica again; so much of what was written since may be lost for that. */
export interface GiveBackWord {
	readonly loseBytes: number;
}

/** Throws an OperatorError if a pool that has this may not be made a replica again by that word. */
export function checkGivenBack(
	path: string,
	{ promoted, lost = [] }: Superblock,
	now: Written,
	{ loseBytes }: GiveBackWord,
): PromotedFrom {
	if (promoted === undefined) throw new OperatorError(`${path}: was no replica, so it can't be one again`);
	const [tail] = lost;
	if (tail !== undefined)
		throw new OperatorError(
			`${path}: what was given up of epoch ${tail.epoch} is kept for the host that has it: vblade pool takeover --forget ends that`,
		);
	const { at, image } = promoted;
	if (at !== undefined && image !== undefined && !hasGoneOn(now, at)) return promoted;
	const bytes = Math.max(1, now.bytes - (at?.bytes ?? 0));
	if (loseBytes >= bytes) return promoted;
	const since = at === undefined ? "nobody knows how much since it was promoted" : "since it was promoted";
	throw new OperatorError(
		`${path}: has been written to ${since}: ${bytes} bytes (${sizeText(bytes)}) that ${promoted.name} of ${promoted.host} has not; give them up with --lose ${bytes}`,
	);
}

export interface GivingBack {
	readonly head: Head;
	readonly store: ObjectStore;
	/** Who had the pool, and has ended. */
	readonly ownerId: string;
	readonly world: KeeperWorld;
}

/** Makes a replica again of what was checked for that, and has been closed. Throws an OperatorError, or an ObjectError. */
export async function giveBack({ head, store, ownerId, world }: GivingBack): Promise<void> {
	const swaps = new SuperblockSwaps<null>(head, world, null);
	const { signal } = new AbortController();
	const untilUs = world.elapsed() + LIMIT_MS * 1000;
	for (;;) {
		const state = await head.read({ signal });
		if (state === null) throw new OperatorError(`${head.name}: there is no pool any more`);
		if (swaps.judged(state).outcome === "there") return;
		swaps.goOnFrom(state);
		const now = swaps.standing?.superblock;
		if (now === undefined || now.owner.id !== ownerId)
			throw new OperatorError(`${head.name}: ${now?.owner.name ?? "somebody else"} has the pool now`);
		const swap = await swaps.swap(await returned(now, store), null, { signal });
		if (swap.outcome === "there") return;
		if (swap.outcome === "open" && world.elapsed() >= untilUs)
			throw new FailedError(`${head.name}: ${swap.trouble}`);
		await pause(world.clock, PAUSE_MS, signal);
	}
}

async function returned(now: Superblock, store: ObjectStore): Promise<Superblock> {
	const { promoted, heir: _, asks: __, asksOf: ___, at: ____, lost: _____, ...rest } = now;
	if (promoted === undefined) throw new OperatorError("it was no replica");
	const { source, name, host, image: held } = promoted;
	const image = held === undefined ? now.image : await heldImage(now, held, store);
	const replica = { source, name, host, returnedBy: now.owner.name };
	const next = { ...rest, image, replica, serve: "one", promised: null } as const;
	return { ...next, beat: now.beat + 1, isGivenBack: true };
}

/** As it was; all objects that have come since are to be deleted. */
async function heldImage(now: Superblock, held: JsonObject, store: ObjectStore): Promise<JsonObject> {
	const [before, after] = [imageIn(held), imageIn(now.image)];
	const { objects } = await readImage(store, now.pool, after);
	const { manifest } = after;
	const parts = Array.from({ length: manifest?.parts ?? 0 }, (_, part) => ({
		epoch: manifest?.epoch ?? 0,
		number: (manifest?.number ?? 0) + part,
	}));
	const newer = [...objects.values(), ...parts].filter(({ number }) => number >= before.next);
	const deleting = [...before.deleting, ...newer.map(({ epoch, number }): ObjectKey => ({ epoch, number }))];
	return asJson({ ...before, deleting, next: after.next });
}
