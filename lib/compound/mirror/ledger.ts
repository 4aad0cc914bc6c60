/**
 * Who of a mirror's members is in sync, and what is stable about that: the only place where either changes. Stores intents, bitmaps and
 * superblocks, one batch after the other: what comes while one is being written waits for the next. Changes that need a batch to begin,
 * or to be acknowledged, wait here (`changes.ts`).
 *
 * A member that fails is `lost` at once, as far as reading and writing goes; nothing is acknowledged until all that remain have a
 * superblock that says so. The last one in sync is never lost: what fails on it is its client's affair.
 */

import { BlockOp } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { type Identity, type MemberEntry, SUPERBLOCK_BYTES } from "./format.js";
import type { Intents } from "./intents.js";
import { entryOf, type Member, type Outcome, withEach } from "./member.js";
import { type Allocate, Bitmaps, writeSuperblock } from "./metadata.js";

/** What waits for a batch. Told with `ok` that it is stable, or why it can't be. */
export interface Waiter {
	stored(status: StorageStatus, errno: number): void;
}

export interface LedgerOptions {
	readonly identity: Identity;
	readonly members: readonly Member[];
	readonly intents: Intents;
	readonly allocate: Allocate;
	/** An id of a generation that nobody else has: 16 hexadecimal digits. */
	readonly newId: () => string;
	/** Milliseconds since 1970. */
	readonly wallMs: () => number;
	/** Called when a member falls out: somebody should see to its return. */
	readonly onLost: (member: Member) => void;
}

export class Ledger {
	readonly members: readonly Member[];
	readonly intents: Intents;
	readonly #options: LedgerOptions;
	readonly #bitmaps: Bitmaps;
	/** A superblock's bytes, for each member. */
	readonly #superblocks: readonly Memory[];
	/** Flushes that have failed on the last one in sync: what was complete there before may be lost. */
	lostFlushes = 0;
	/** Clients that were told so: who has asked for a flush by then is told, too, though a device says it once. */
	toldLosses = 0;
	#generation: number;
	#id = "";
	/** What all superblocks of this generation say. */
	#entries: readonly MemberEntry[] = [];
	/** Who is in sync has changed, and that is not yet stable. */
	#mustRaise = false;
	#isRaising = false;
	#mayForget = false;
	/** Changes that may begin when the next batch is stable, and those that may be acknowledged when nothing has to be raised. */
	#toBegin: Waiter[] = [];
	#toEnd: Waiter[] = [];
	#working: Promise<void> | null = null;
	#failed: Outcome | null = null;
	/** How a flush ended that was ours, on the last one in sync. */
	#owed: StorageStatus = StorageStatus.ok;

	constructor(options: LedgerOptions) {
		const { members, intents, allocate, identity } = options;
		this.#options = options;
		this.members = members;
		this.intents = intents;
		this.#bitmaps = new Bitmaps([intents.wanted, ...members.map(({ behind }) => behind)], allocate);
		this.#superblocks = members.map(() => allocate(SUPERBLOCK_BYTES));
		this.#generation = identity.generation;
	}

	get generation(): number {
		return this.#generation;
	}

	/** Nothing may be acknowledged at present. */
	get holdsBack(): boolean {
		return this.#mustRaise || this.#isRaising;
	}

	/** `waiter` hears when everything that is wanted now is stable. */
	whenStable(waiter: Waiter): void {
		this.#toBegin.push(waiter);
		this.#wake();
	}

	/** `waiter` hears when it is stable who is in sync. */
	whenRaised(waiter: Waiter): void {
		this.#toEnd.push(waiter);
		this.#wake();
	}

	/** A member has failed, or does not answer. False if it is the last one in sync, which goes on. */
	lose(member: Member, status: StorageStatus, isSilent = false): boolean {
		if (member.inSync) {
			if (this.members.every((other) => other === member || !other.inSync)) return false;
			member.inSync = false;
			member.isJoining = false;
			member.lacksSinceMs = this.#options.wallMs();
			this.#mustRaise = true;
		} else if (!member.isTarget) {
			return true;
		}
		member.isTarget = false;
		member.hasLost = false;
		member.losses++;
		member.lostWith = status;
		member.isSilent = isSilent;
		member.errors++;
		member.behind.unite(this.intents.wanted);
		this.#wake();
		this.#options.onLost(member);
		return true;
	}

	/**
	 * A flush has failed that no client had asked for. If nobody else has what it was for, whoever flushes next is told: it is said once.
	 * False if it is the last one in sync.
	 */
	flushFailed(member: Member, status: StorageStatus): boolean {
		if (this.lose(member, status)) return true;
		member.hasLost = false;
		this.#owed = status;
		this.lostFlushes++;
		// They may have what it has lost: then they would not be like it.
		for (const target of this.members) if (target.isTarget) this.lose(target, status);
		return false;
	}

	/** Has all who are in sync fail that have lost something, though it is not yet decided what follows from that: nobody else has it. */
	#heedLosses(): void {
		const inSync = this.members.filter((member) => member.inSync);
		if (!inSync.every(({ hasLost }) => hasLost)) return;
		for (const member of inSync) this.flushFailed(member, StorageStatus.unreachable);
	}

	/** What a client's flush that has succeeded has to end with nevertheless; `ok` if nothing is owed. */
	takeOwed(): StorageStatus {
		this.#heedLosses();
		const owed = this.#owed;
		this.#owed = StorageStatus.ok;
		return owed;
	}

	/** Makes a member one that is copied to: it gets all that is stored of the mirror. False if that does not succeed. */
	async begin(member: Member): Promise<boolean> {
		member.isTarget = true;
		member.needsAll = true;
		return (await this.raise()) && member.isTarget;
	}

	/** A member that is copied to lacks nothing any more. False if it does, or if it is lost meanwhile. */
	async join(member: Member): Promise<boolean> {
		// Who has lost what was not stable must say so while it is alone: once another one has the same, nobody would ask.
		for (const source of this.members) {
			if (!source.inSync) continue;
			const { status } = await source.flush();
			if (status !== StorageStatus.ok && !this.flushFailed(source, status)) return false;
		}
		this.#heedLosses();
		if (!member.isTarget || member.behind.size > 0) return false;
		member.isTarget = false;
		member.inSync = true;
		member.isJoining = true;
		member.lacksSinceMs = 0;
		return (await this.raise()) && member.inSync;
	}

	/** Begins a new generation, with whoever is in sync now; true when that is stable. */
	async raise(): Promise<boolean> {
		this.#mustRaise = true;
		return this.settle();
	}

	/** Waits until everything is stable; false if that can't be. */
	async settle(): Promise<boolean> {
		this.#wake();
		await this.#working;
		return this.#failed === null;
	}

	/** All members have been flushed since `intents.sweep`. */
	forget(): void {
		this.#mayForget = true;
		this.#wake();
	}

	#wake(): void {
		this.#working ??= this.#work();
	}

	async #work(): Promise<void> {
		await Promise.resolve(); // (Those of the same turn share one batch.)
		this.#failed = null;
		while (this.#failed === null && this.#hasWork()) await this.#batch();
		this.#working = null;
	}

	#hasWork(): boolean {
		if (this.#mustRaise || this.#toBegin.length > 0 || this.#toEnd.length > 0 || this.#bitmaps.changed)
			return true;
		if (!this.#mayForget) return false;
		// Not before: what a member lacks must be stable before it is forgotten that it was being written.
		this.#mayForget = false;
		this.intents.forget();
		return this.#bitmaps.changed;
	}

	async #batch(): Promise<void> {
		const toBegin = this.#toBegin;
		this.#toBegin = [];
		const raises = this.#mustRaise;
		this.#mustRaise = false;
		this.#isRaising = raises;
		if (raises) this.#next();
		this.#bitmaps.take();
		this.intents.storing();
		const failed = await this.#storeInOrder(raises);
		this.#isRaising = false;
		if (failed !== null) {
			this.#mustRaise ||= raises;
			this.#failed = failed;
			this.#release([...toBegin, ...this.#toBegin], failed.status, failed.errno);
			return;
		}
		this.#bitmaps.done();
		// Somebody was lost meanwhile: it may not know what is wanted, and until it is stable that it is lost it could lead after a loss of power.
		if (this.#mustRaise) this.#toBegin.unshift(...toBegin);
		else this.#release(toBegin, StorageStatus.ok, 0);
	}

	/**
	 * Who was in sync before comes first. Whoever else finds himself called in sync, or copied to, must find that with those: else they could
	 * go on without him after a loss of power, and he would say the same of them.
	 */
	async #storeInOrder(raises: boolean): Promise<Outcome | null> {
		const targets = this.members.filter(({ isTarget }) => isTarget);
		const joining = this.members.filter(({ isJoining }) => isJoining);
		const before = this.members.filter(({ inSync, isJoining }) => inSync && !isJoining);
		for (const members of [before, joining, targets]) {
			const failed = await this.#storeAll(members, raises);
			if (failed !== null) return failed;
		}
		return null;
	}

	/** Both lists are told, and so is who begins something now; what they do may bring new ones. */
	#release(toBegin: readonly Waiter[], status: StorageStatus, errno: number): void {
		const toEnd = this.#toEnd;
		this.#toEnd = [];
		if (status === StorageStatus.ok) this.intents.stored();
		else this.#toBegin = [];
		for (const waiter of toBegin) waiter.stored(status, errno);
		for (const waiter of toEnd) waiter.stored(status, errno);
	}

	#next(): void {
		this.#generation++;
		this.#id = this.#options.newId();
		for (const member of this.members) if (member.takesPart) member.attempted = this.#id;
		this.#entries = this.members.map(entryOf);
	}

	/** How the last one in sync has failed, or null. */
	async #storeAll(members: readonly Member[], raises: boolean): Promise<Outcome | null> {
		const outcomes = await withEach(members, (member) => this.#store(member, raises));
		for (const [i, member] of members.entries()) {
			const outcome = outcomes[i]!;
			if (outcome.status === StorageStatus.ok) continue;
			const lose = outcome.op === BlockOp.flush ? this.flushFailed : this.lose;
			if (!lose.call(this, member, outcome.status)) return outcome;
		}
		return null;
	}

	async #store(member: Member, raises: boolean): Promise<Outcome> {
		const id = this.#id;
		const stored = await this.#bitmaps.store(member, member.needsAll);
		if (stored.status !== StorageStatus.ok || !raises) return stored;
		const written = await writeSuperblock(
			member,
			{
				...this.#options.identity,
				sequence: 0,
				index: member.index,
				generation: this.#generation,
				id,
				entries: this.#entries,
			},
			this.#superblocks[member.index]!,
		);
		if (written.status !== StorageStatus.ok) return written;
		member.confirmed = id;
		member.isJoining = false;
		member.needsAll = false;
		return written;
	}
}
