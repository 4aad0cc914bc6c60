/**
 * How a pool in an object store goes from one host to another that waits for it, while both are there. The owner asks in the superblock who waits, by a word that
 * was never used before; who waits reads the superblock anyhow, and answers with an object of that name, once: of several the first one. So those who wait
 * write nothing until they are asked, nobody but the owner writes the superblock, and one that is gone does not answer. Only then is anything held up here.
 * Called by `lib/daemon/store-pools.ts`, on the owner's side, and by `head-keepers.ts` on the other.
 */

import type { Clock } from "../../clock.js";
import { DamagedError, OperatorError } from "../../errors.js";
import { pause } from "../../object/attempts.js";
import { ObjectError } from "../../object/errors.js";
import type { ObjectStore } from "../../object/store.js";
import { storedJson } from "../stored-json.js";
import type { HeadKeeper } from "./head-keeper.js";
import { heirName } from "./layout.js";
import { isOwner, type Owner, type Superblock } from "./superblock.js";

const NONCE_BYTES = 16;
/** Who waits looks several times a second, and then tries to have it first. */
const ANSWER_LIMIT_MS = 5_000;
const ASK_AGAIN_MS = 100;
/** For an heir that is there: nobody is answered meanwhile. */
const HEIR_LIMIT_MS = 2_000;
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
	/** Runs what it is given, by which it goes: who uses the pool is held up meanwhile. Default: nobody is. */
	readonly around?: ((act: () => Promise<boolean>) => Promise<boolean>) | undefined;
}

/** To whom it was handed over. Throws an OperatorError: then it goes on here, or somebody else has it. */
export async function handOver(of: HandingOver): Promise<Owner> {
	const { keeper, store, identifier } = of;
	const nonce = identifier(NONCE_BYTES);
	const name = heirName(keeper.superblock.pool, nonce);
	// (What takes long is done while everybody is answered.)
	await lessen(of);
	await keeper.write(() => ({ asks: nonce }));
	try {
		const heir = await answerOf(of, name);
		if (heir === null) throw new OperatorError("no other host waits for it");
		const { around = (act) => act() } = of;
		// (The heir has read what there was when he answered, and reads what comes now as it comes.)
		await lessen(of);
		const isDone = await around(() => keeper.handOver({ heir, drain: of.ship, limitMs: HEIR_LIMIT_MS }));
		if (!isDone) throw new OperatorError(`${heir.name} did not come for it, and it goes on here`);
		return heir;
	} finally {
		if (keeper.end === null) await keeper.write(() => ({ asks: undefined }));
		await store.delete([name]).catch(unlessFault);
	}
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

function unlessFault(error: unknown): void {
	if (!(error instanceof ObjectError)) throw error;
}
