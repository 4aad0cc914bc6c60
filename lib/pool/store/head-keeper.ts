/**
 * Who has a pool in an object store: the only one in its process that reads and moves the superblock. It beats, so that nobody else takes over; puts in the
 * superblock what the folder (`store-folder.ts`) has to say, several at once; and knows at any moment whether a write may be acknowledged. That is so as
 * long as the lease runs by this process's own clock, counted from the sending of the last swap that was done: after any pause until one was done again.
 * Once somebody else is seen there it is over for good. Waits for the store as long as it takes, and goes on by itself.
 */

import { OperatorError, unreachable } from "../../errors.js";
import type { Head } from "../../object/head.js";
import type { Call } from "../../object/store.js";
import { Changing, Sleep } from "./changing.js";
import { type Closing, type HandOver, type KeeperListener, KeeperListeners } from "./keeper-listeners.js";
import { beatMs } from "./lease.js";
import { Permission } from "./permission.js";
import type { Owner, Promised, Superblock } from "./superblock.js";
import { FencedError, type KeeperWorld, SuperblockSwaps, type Swap } from "./superblock-swaps.js";
import { type Changes, SuperblockWriters, type Writer } from "./superblock-writers.js";
import { Held, lookAt, makePool, Refused, type TakenOver, type TakeOverRules, takeOver } from "./takeover.js";

const PAUSE_FIRST_MS = 100;
const PAUSE_MOST_MS = 1_000;
/** How often is looked whether the heir has come. */
const LOOK_MS = 50;
const LIMIT_MS = 5_000;

export class HeadKeeper {
	/** What may have been acknowledged and is not in an image; null: nothing. Asked at each swap; until it is said, what was promised is. */
	owes: ((next: Superblock) => Promised | null) | null = null;
	/** What was there before it was had; null: nothing. */
	readonly before: Superblock | null;
	readonly #head: Head;
	readonly #world: KeeperWorld;
	readonly #swaps: SuperblockSwaps<readonly Writer[]>;
	readonly #writers = new SuperblockWriters();
	readonly #permission: Permission;
	readonly #listeners = new KeeperListeners();
	readonly #changing: Changing;
	readonly #sleep: Sleep;
	readonly #ending = new AbortController();
	readonly #running: Promise<void>;
	#superblock: Superblock;
	#end: OperatorError | null = null;
	#heir: Owner | undefined;
	#isDrained = false;
	#wantsYield = false;
	#givesBack = false;
	/** A swap is due, though no writer waits. */
	#isDue = false;
	#sentUs: number;
	#pauseMs = 0;
	#trouble: string | null = null;

	private constructor(head: Head, world: KeeperWorld, { revision, superblock, sentUs, before }: TakenOver) {
		this.before = before;
		this.#head = head;
		this.#world = world;
		this.#superblock = superblock;
		this.#swaps = new SuperblockSwaps(head, world, { revision, superblock });
		this.#permission = new Permission(superblock.leaseMs, world, (isPaused) => {
			if (isPaused) this.#listeners.paused(this.#trouble ?? `${head.name}: no answer in time`);
			else this.#listeners.resumed();
		});
		this.#changing = new Changing(world.clock);
		this.#sleep = new Sleep(world.clock);
		this.#sentUs = sentUs;
		this.#look();
		this.#permission.renewed(sentUs);
		this.#running = this.#run();
	}

	/** Reads only. Null: there is no pool. Rejects with an ObjectError, or an OperatorError. */
	static look(head: Head, call: Call = {}): Promise<Superblock | null> {
		return lookAt(head, call);
	}

	/** Throws an OperatorError if there is a pool, a FailedError if it is not known whether this is one now. */
	static async create(head: Head, first: Superblock, world: KeeperWorld): Promise<HeadKeeper> {
		return new HeadKeeper(head, world, await makePool(head, first, world));
	}

	/** As `takeOver`. */
	static async acquire(
		head: Head,
		{ owner, takeOver: rules = {} }: { readonly owner: Owner; readonly takeOver?: TakeOverRules },
		world: KeeperWorld,
	): Promise<HeadKeeper | Held | Refused> {
		const taken = await takeOver(head, owner, rules, world);
		if (taken instanceof Held || taken instanceof Refused) return taken;
		return new HeadKeeper(head, world, taken);
	}

	/** As it was last known to be there. */
	get superblock(): Superblock {
		return this.#superblock;
	}

	get epoch(): number {
		return this.#superblock.epoch;
	}

	/** To be asked in the very turn in which something is acknowledged. */
	get mayAcknowledge(): boolean {
		return this.#permission.mayAcknowledge;
	}

	/** Whether so many bytes that no image has may be acknowledged: it is promised, whatever becomes of what is under way. Likewise. */
	covers(bytes: number): boolean {
		return this.#permission.covers(bytes);
	}

	get leaseRemainingMs(): number {
		return this.#permission.remainingMs;
	}

	/** Why it has ended; null: it has not. */
	get end(): OperatorError | null {
		return this.#end;
	}

	/** Why the last swap was not done, in words; null: it was. */
	get trouble(): string | null {
		return this.#trouble;
	}

	listen(listener: KeeperListener): () => void {
		return this.#listeners.add(listener);
	}

	/** Calls back once, maybe at once, when something may be acknowledged, or nothing ever any more. What is so may be over when it is asked. */
	whenMay(waiter: () => void): void {
		this.#permission.whenMay(waiter);
	}

	/**
	 * Has changes made to what is there then, maybe several times until one is there, which it is when this resolves. Rejects with what `changes` throws,
	 * with an OperatorError if it would be too long, with a FencedError if somebody else has the pool.
	 */
	async write(changes: (now: Superblock) => Changes): Promise<void> {
		if (this.#end !== null) throw this.#end;
		const done = this.#writers.add(changes);
		this.#sleep.wake();
		await done;
	}

	/** So much is promised when it resolves; ask `covers` before something is acknowledged. Rejects as `write`. */
	async promise(bytes: number, sinceUs: number): Promise<void> {
		if (this.#end !== null) throw this.#end;
		if (this.covers(bytes)) return;
		const done = this.#writers.add(() => ({}), { bytes: Math.ceil(bytes), sinceUs: Math.floor(sinceUs) });
		this.#sleep.wake();
		await done;
	}

	/** Lets the heir have it at once. False if he has not come within the limit, or `drain` has thrown, which it rejects with: then it goes on here. */
	async handOver({ heir, drain, limitMs = LIMIT_MS }: HandOver): Promise<boolean> {
		if (this.#wantsYield) throw new OperatorError("it is being handed over already");
		this.#wantsYield = true;
		this.#look();
		try {
			await drain?.();
			this.#isDrained = drain !== undefined;
			this.#heir = heir;
			this.#ask();
			await this.#changing.until(() => this.#end !== null, limitMs);
		} finally {
			this.#heir = undefined;
			this.#isDrained = false;
			this.#wantsYield = false;
			this.#look();
			this.#ask();
		}
		// (Without an answer it goes on as soon as there is one.)
		await this.#changing.until(() => this.#end !== null || !this.#permission.isYielding, limitMs);
		return this.#end !== null;
	}

	/** The lease is given back, if the store takes it within the limit, so that nobody has to wait; or handed over; or kept, with what is promised by now. */
	async close({ handOver, comesAgain = false, limitMs = LIMIT_MS }: Closing = {}): Promise<void> {
		if (handOver !== undefined && this.#end === null) await this.handOver(handOver);
		const written = comesAgain ? [this.write(() => ({})).catch(() => {})] : [];
		this.#givesBack = !comesAgain;
		this.#look();
		this.#ask();
		const isOver = (): boolean => this.#end !== null || this.#superblock.isGivenBack === true;
		await Promise.race([...written, this.#changing.until(isOver, limitMs)]);
		if (this.#end === null) this.#finish(new OperatorError(`${this.#head.name}: closed`));
		await this.#running;
	}

	#ask(): void {
		this.#isDue = true;
		this.#sleep.wake();
	}

	async #run(): Promise<void> {
		while (this.#end === null) {
			await this.#due();
			if (this.#end === null) await this.#turn();
		}
	}

	get #isSwapDue(): boolean {
		return this.#isDue || this.#beatInMs <= 0 || this.#writers.isAnyDue(this.#heir === undefined);
	}

	get #beatInMs(): number {
		return beatMs(this.#superblock.leaseMs) - (this.#world.elapsed() - this.#sentUs) / 1000;
	}

	/** Resolves when something is to be done. */
	async #due(): Promise<void> {
		if (this.#pauseMs > 0) await this.#sleep.take(this.#pauseMs, () => this.#end !== null);
		else if (!this.#isSwapDue) {
			const lookMs = this.#heir === undefined ? Number.POSITIVE_INFINITY : LOOK_MS;
			await this.#sleep.take(Math.min(this.#beatInMs, lookMs), () => true);
		}
	}

	async #turn(): Promise<void> {
		const isSwap = this.#isSwapDue || this.#pauseMs > 0;
		try {
			this.#became(isSwap ? await this.#swap() : await this.#swaps.look(this.#call), isSwap);
		} catch (error) {
			if (!this.#ending.signal.aborted) throw error;
		}
	}

	/** Of one swap or look: so short that there is another one before the lease is over. */
	get #call(): Call {
		return { limitMs: beatMs(this.#superblock.leaseMs) / 2, signal: this.#ending.signal };
	}

	async #swap(): Promise<Swap<readonly Writer[]>> {
		this.#isDue = false;
		const { next, writers } = this.#writers.compose(this.#superblock, {
			writtenUs: Math.floor(this.#world.now()),
			owes: this.owes,
			heir: this.#heir,
			isDrained: this.#isDrained,
			givesBack: this.#givesBack,
		});
		try {
			const swapping = this.#swaps.swap(next, writers, this.#call);
			// It may be there from now on.
			this.#look();
			return await swapping;
		} catch (error) {
			if (!(error instanceof OperatorError) || this.#end !== null) throw error;
			this.#writers.failed(error, writers);
			return { outcome: "open", trouble: error.message };
		}
	}

	#became(swap: Swap<readonly Writer[]>, isSwap: boolean): void {
		switch (swap.outcome) {
			case "there":
				this.#superblock = swap.attempt.superblock;
				this.#sentUs = swap.attempt.sentUs;
				this.#trouble = null;
				this.#pauseMs = 0;
				this.#look();
				this.#permission.renewed(this.#sentUs);
				this.#writers.done(swap.attempt.for);
				break;
			case "open":
				this.#look();
				if (!isSwap) break;
				this.#trouble = swap.trouble;
				this.#pauseMs = Math.min(PAUSE_MOST_MS, Math.max(PAUSE_FIRST_MS, 2 * this.#pauseMs));
				break;
			case "others":
				this.#finish(this.#swaps.fencedBy(swap.current));
				break;
			default:
				unreachable(swap);
		}
		this.#changing.look();
	}

	/** What may be there is looked at anew. */
	#look(): void {
		this.#permission.look(this.#swaps.possible, this.#wantsYield || this.#givesBack);
	}

	#finish(end: OperatorError): void {
		this.#end = end;
		if (end instanceof FencedError) this.#listeners.lost(end);
		this.#permission.end();
		this.#ending.abort(end);
		this.#sleep.wake();
		this.#writers.failed(end);
		this.#changing.look();
	}
}
