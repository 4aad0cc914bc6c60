/**
 * One side's swaps of a superblock, each in the place of the one that is known to be there, and what became of them. Some have no answer: they may have
 * been done, and may be done yet, as long as what was there is there; so they are remembered until something else is. Used by `head-keeper.ts`, which
 * knows what is there, and by `takeover.ts`, which wants to.
 */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { ObjectError } from "../../object/errors.js";
import type { Head, HeadRevision, HeadState } from "../../object/head.js";
import { NONCE_BYTES } from "../../object/head-frame.js";
import type { Call } from "../../object/store.js";
import { decodeSuperblock, encodeSuperblock, type Owner, type Superblock } from "./superblock.js";

/** Somebody else has the pool, or had it since: for good. */
export class FencedError extends OperatorError {
	override name = "FencedError";
	/** Who has it; null: nobody knows. */
	owner: Owner | null = null;
	epoch = 0;
	/** What is there; null: nothing that can be read. */
	superblock: Superblock | null = null;
	/** It was handed over to who has it. */
	isHandedOver = false;
}

/** Where time and chance come from. */
export interface KeeperWorld {
	readonly clock: Clock;
	/** Microseconds since some moment; never goes back, and goes on while the process or the machine stands still. */
	elapsed(): number;
	/** Microseconds since 1970. */
	now(): number;
	/** A whole number by chance, above 0 and below 2^53. */
	chance(): number;
}

/** What was asked for. */
export interface Attempt<For = unknown> {
	readonly superblock: Superblock;
	readonly nonce: Buffer;
	/** By `elapsed`. */
	readonly sentUs: number;
	/** Of whoever asked. */
	readonly for: For;
}

export interface Standing {
	readonly revision: HeadRevision;
	readonly superblock: Superblock;
}

/** This one is there: of those that were not known, none other is or will be. */
export interface There<For> {
	readonly outcome: "there";
	readonly attempt: Attempt<For>;
	readonly revision: HeadRevision;
	/** What it came in the place of; null: of nothing. */
	readonly before: Superblock | null;
}

export type Swap<For> =
	| There<For>
	/** What was there before may be there. */
	| { readonly outcome: "open"; readonly trouble: string }
	/** Something else is there. */
	| { readonly outcome: "others"; readonly current: HeadState | null };

/** Of a number by chance so much is used, as much as all kinds of chance have. */
const CHANCE_BYTES = 6;
const CHANCE_LIMIT = 2 ** (8 * CHANCE_BYTES);

function nonceBy(world: KeeperWorld): Buffer {
	const nonce = Buffer.alloc(Math.ceil(NONCE_BYTES / CHANCE_BYTES) * CHANCE_BYTES);
	for (let at = 0; at < nonce.length; at += CHANCE_BYTES)
		nonce.writeUIntBE(world.chance() % CHANCE_LIMIT, at, CHANCE_BYTES);
	return nonce.subarray(0, NONCE_BYTES);
}

export class SuperblockSwaps<For> {
	readonly #head: Head;
	readonly #world: KeeperWorld;
	#standing: Standing | null;
	#open: readonly Attempt<For>[] = [];

	constructor(head: Head, world: KeeperWorld, standing: Standing | null) {
		this.#head = head;
		this.#world = world;
		this.#standing = standing;
	}

	/** What is known to have been there last; null: nothing. */
	get standing(): Standing | null {
		return this.#standing;
	}

	/** Those that may be there, or come to be there, beside what is known to have been. */
	get open(): readonly Attempt<For>[] {
		return this.#open;
	}

	/** Rejects with the reason of the call's signal. Throws an OperatorError if it would be too long. */
	async swap(superblock: Superblock, asked: For, call: Call): Promise<Swap<For>> {
		const bytes = encodeSuperblock(superblock);
		const attempt = { superblock, nonce: nonceBy(this.#world), sentUs: this.#world.elapsed(), for: asked };
		this.#open = [...this.#open, attempt];
		try {
			const swapped = await this.#head.swap(this.#standing?.revision ?? null, bytes, attempt.nonce, call);
			if (swapped.outcome === "done") return this.#there(attempt, swapped.revision);
			if (swapped.outcome === "lost") return this.judged(swapped.current);
			const { current, why } = swapped;
			return current === undefined ? await this.look(call, why) : this.judged(current, why);
		} catch (error) {
			if (!(error instanceof ObjectError)) throw error;
			// Nothing was changed by it.
			this.#open = this.#open.filter((each) => each !== attempt);
			return { outcome: "open", trouble: error.message };
		}
	}

	/** Only while no swap is under way. Rejects with the reason of the call's signal. */
	async look(call: Call, why?: string): Promise<Swap<For>> {
		try {
			return this.judged(await this.#head.read(call), why);
		} catch (error) {
			if (!(error instanceof ObjectError)) throw error;
			return { outcome: "open", trouble: error.message };
		}
	}

	/** By what is there; `why` nobody knows what was done last, if that is known. */
	judged(current: HeadState | null, why?: string): Swap<For> {
		if ((current?.revision.id ?? null) === (this.#standing?.revision.id ?? null))
			return { outcome: "open", trouble: why ?? `${this.#head.name}: no answer whether it was done` };
		const attempt = this.#open.find(({ nonce }) => current?.nonce.equals(nonce));
		if (attempt === undefined || current === null) return { outcome: "others", current };
		return this.#there(attempt, current.revision);
	}

	#there(attempt: Attempt<For>, revision: HeadRevision): Swap<For> {
		const before = this.#standing?.superblock ?? null;
		this.#standing = { revision, superblock: attempt.superblock };
		this.#open = [];
		return { outcome: "there", attempt, revision, before };
	}

	/** What was written here and may be there. */
	get possible(): readonly Superblock[] {
		const open = this.#open.map(({ superblock }) => superblock);
		return this.#standing === null ? open : [this.#standing.superblock, ...open];
	}

	/** What is said of it where others were found. */
	fencedBy(current: HeadState | null): FencedError {
		const fenced = fencedBy(this.#head.name, current);
		fenced.isHandedOver = this.possible.some(
			({ heir }) => heir !== undefined && heir.id === fenced.owner?.id,
		);
		return fenced;
	}

	/** What others have put there is gone on from. Throws an OperatorError if there is no sense in it. */
	goOnFrom({ revision, bytes }: HeadState): void {
		this.#standing = { revision, superblock: decodeSuperblock(bytes, this.#head.name) };
		this.#open = [];
	}
}

/** Of whoever finds others where he should be. */
export function fencedBy(name: string, current: HeadState | null): FencedError {
	if (current === null) return new FencedError(`${name}: there is no pool any more`);
	try {
		const superblock = decodeSuperblock(current.bytes, name);
		const { owner, epoch } = superblock;
		const fenced = new FencedError(`${name}: ${owner.name} has the pool now, by epoch ${epoch}`);
		return Object.assign(fenced, { owner, epoch, superblock });
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return new FencedError(error.message);
	}
}
