/**
 * How a pool in an object store goes from one host to another that waits for it, while both are there. The owner asks in the superblock who waits, by a word that
 * was never used before; who waits reads the superblock anyhow, and answers with an object of that name, once: of several the first one. So those who wait
 * write nothing until they are asked, nobody but the owner writes the superblock, and one that is gone does not answer. Only then is anything held up here.
 * Then it is looked whether the heir has opened it. Called by `lib/daemon/store-pools.ts`, on the owner's side, and by `head-keepers.ts` on the other.
 */

import type { Clock } from "../../clock.js";
import { DamagedError, OperatorError } from "../../errors.js";
import { pause } from "../../object/attempts.js";
import { ObjectError } from "../../object/errors.js";
import type { ObjectStore } from "../../object/store.js";
import { storedJson } from "../stored-json.js";
import type { HandedOver } from "../stored-look.js";
import type { HeadKeeper } from "./head-keeper.js";
import { heirName } from "./layout.js";
import { imageIn, isStoredImage } from "./stored-image.js";
import { isOwner, type Owner, type Superblock } from "./superblock.js";
import { FencedError } from "./superblock-swaps.js";

const NONCE_BYTES = 16;
/** Who waits looks several times a second, and then tries to have it first. */
const ANSWER_LIMIT_MS = 5_000;
const ASK_AGAIN_MS = 100;
/** For an heir that is there: nobody is answered meanwhile. */
const HEIR_LIMIT_MS = 2_000;
/** He has read most of it by then. If he can't open it he gives it back, and then it is waited for here as by anybody. */
const OPENED_LIMIT_MS = 3_000;
const LOOK_AGAIN_MS = 50;
/** What is written while the rest is brought to the store is less each time, */
const SHIPS_MAX = 4;
/** and so little that it is brought there in a moment. */
const LITTLE_BYTES = 1024 * 1024;

export interface HandingOver {
	readonly keeper: HeadKeeper;
	readonly store: ObjectStore;
	readonly clock: Clock;
	readonly identifier: (byteLength: number) => string;
	/** Has it that little has to be gone through by who opens the pool, while everybody is served. */
	readonly prepare: () => Promise<void>;
	/** Brings all that is written by now to the store. */
	readonly ship: () => Promise<void>;
	/** What the store has not. */
	readonly unshippedBytes: () => number;
	/** What is there, although it is somebody else's by now. Rejects with an ObjectError, or an OperatorError. */
	readonly look: () => Promise<Superblock | null>;
	/** Who is meant of those who wait (`asksOf`). Default: whoever is the first to say so. */
	readonly to?: string | undefined;
	/** Runs what it is given, by which it goes: who uses the pool is held up meanwhile. Default: nobody is. */
	readonly around?: ((act: () => Promise<boolean>) => Promise<boolean>) | undefined;
}

/** Throws an OperatorError: then it goes on here, or somebody else has it. */
export async function handOver(of: HandingOver): Promise<HandedOver> {
	const { keeper, store, identifier, clock, to } = of;
	const nonce = identifier(NONCE_BYTES);
	const name = heirName(keeper.superblock.pool, nonce);
	// (What takes long is done while everybody is answered.)
	await lessen(of);
	await keeper.write(() => ({ asks: nonce, asksOf: to }));
	try {
		const heir = await answerOf(of, name);
		if (heir === null) throw new OperatorError(nobodyText(to));
		const { around = (act) => act() } = of;
		// (The heir has read what there was when he answered, and reads what comes now as it comes.)
		await lessen(of);
		let heldMs = 0;
		const isDone = await around(() => {
			heldMs = clock.now();
			return keeper.handOver({ heir, drain: of.ship, limitMs: HEIR_LIMIT_MS });
		});
		if (!isDone) throw new OperatorError(`${heir.name} did not come for it, and it goes on here`);
		const { epoch } = keeper.end instanceof FencedError ? keeper.end : { epoch: keeper.epoch + 1 };
		const isOpen = await isOpened(of, epoch);
		return { to: heir.name, epoch, pauseMs: clock.now() - heldMs, isOpen };
	} finally {
		if (keeper.end === null) await keeper.write(() => ({ asks: undefined, asksOf: undefined }));
		await store.delete([name]).catch(unlessFault);
	}
}

function nobodyText(to: string | undefined): string {
	if (to === undefined) return "no other host waits for it that could have it";
	return "the host that is meant does not wait for it, or could not have it";
}

/** By that he has said there that the image goes on from what is on his host. False: he has not, or somebody else has it by now. */
async function isOpened({ keeper, look, clock }: HandingOver, epoch: number): Promise<boolean> {
	const before = lifeIn(keeper.superblock);
	for (const untilMs = clock.now() + OPENED_LIMIT_MS; clock.now() < untilMs; ) {
		const there = await look().catch(unlessFault);
		if (there && (there.epoch !== epoch || there.isGivenBack === true)) return false;
		if (there && lifeIn(there) !== before) return true;
		await pause(clock, LOOK_AGAIN_MS, new AbortController().signal);
	}
	return false;
}

function lifeIn({ image }: Superblock): string | undefined {
	return isStoredImage(image) ? imageIn(image).life : undefined;
}

/** What is only here, and what an heir has to go through, is little then. */
async function lessen({ prepare, ship, unshippedBytes }: HandingOver): Promise<void> {
	if (unshippedBytes() > LITTLE_BYTES) await ship();
	await prepare();
	await ship();
	for (let more = 1; more < SHIPS_MAX && unshippedBytes() > LITTLE_BYTES; more++) await ship();
}

async function answerOf({ keeper, store, clock }: HandingOver, name: string): Promise<Owner | null> {
	for (let waitedMs = 0; waitedMs < ANSWER_LIMIT_MS && keeper.end === null; waitedMs += ASK_AGAIN_MS) {
		try {
			const owner = storedJson(await store.get(name));
			if (!isOwner(owner)) throw new DamagedError(`${store.name}: ${name}: is no answer of a host`);
			return owner;
		} catch (error) {
			unlessFault(error);
		}
		await pause(clock, ASK_AGAIN_MS, new AbortController().signal);
	}
	return null;
}

/** Says that this one waits. Whether it was the first, and whether it was heard, is seen when it is the heir. */
export async function answerAsked(
	store: ObjectStore,
	{ pool }: Superblock,
	nonce: string,
	owner: Owner,
): Promise<void> {
	await store.put(heirName(pool, nonce), Buffer.from(JSON.stringify(owner))).catch(unlessFault);
}

function unlessFault(error: unknown): undefined {
	if (!(error instanceof ObjectError)) throw error;
}
