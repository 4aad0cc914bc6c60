/**
 * Objects on their way to a store: those of a cut (`cut.ts`), several at once, and the parts of manifests, each by a number of its own. A store that is away is tried
 * again for ever. Made by `publisher.ts`, which has the superblock name them.
 */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import type { ObjectStore } from "../../object/store.js";
import type { Memory } from "../../wire/memory.js";
import type { Cut, Plan, Taken } from "./cut.js";
import type { ImageKeeper } from "./keeper.js";
import { IMAGE_BLOCK_BYTES, OBJECT_BLOCKS, objectName } from "./layout.js";
import { type ObjectTable, objectBytes, storedBytes, tableBytes } from "./object-form.js";
import type { Pace } from "./pace.js";
import type { Patience } from "./patience.js";
import type { ObjectKey } from "./stored-image.js";

export interface Uploaded {
	readonly table: ObjectTable;
	/** Before its blocks. */
	readonly bytes: number;
}

export interface UploadsOf {
	readonly store: ObjectStore;
	readonly keeper: ImageKeeper;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	readonly nextTurn: () => Promise<void>;
	readonly patience: Patience;
	readonly pace: Pace;
	/** Something of the cut has been read. */
	readonly read?: (() => void) | undefined;
}

/** What is done now and then with what is there of a cut. */
export type Stage = (uploaded: readonly Uploaded[]) => Promise<void>;

/** It is done when there is so much, or when the last time is so long ago. */
const STAGED_OBJECTS = 64;
const STAGED_MS = 60_000;

export class Uploads {
	readonly #of: UploadsOf;
	readonly #memories: Memory[] = [];
	/** The next number. */
	next: number;
	/** What is there of the cut and not staged. */
	#there: Uploaded[] = [];
	/** So many are on their way. */
	#underWay = 0;
	#isQuiet = (): void => {};
	#staging: Promise<void> | null = null;
	#stagedMs = 0;
	/** All that left. */
	sentBytes = 0;

	constructor(of: UploadsOf) {
		this.#of = of;
		this.next = of.keeper.image.next;
	}

	/** So many, one behind the other: the first. */
	numbers(count: number): number {
		const first = this.next;
		this.next += count;
		return first;
	}

	/** Stores what a cut has, until it is given up: what is there then and not staged, in the order of its numbers. Throws an OperatorError. */
	async run(cut: Cut, stage?: Stage): Promise<Uploaded[]> {
		this.#there = [];
		this.#stagedMs = this.#of.clock.now();
		const one = async (): Promise<void> => {
			const { pace } = this.#of;
			for (let plan = cut.next(pace.objectBlocks); plan !== null; plan = cut.next(pace.objectBlocks)) {
				const number = this.next++;
				this.#underWay++;
				const uploaded = await this.#store(cut, plan, number).finally(() => this.#landed());
				if (uploaded !== undefined) this.#there.push(uploaded);
				await this.#staged(stage);
			}
		};
		const all = await Promise.allSettled(Array.from({ length: this.#of.pace.uploadsAtOnce }, one));
		for (const each of all) if (each.status === "rejected") throw each.reason;
		return this.#take();
	}

	/** In the order of their numbers. */
	#take(): Uploaded[] {
		const taken = this.#there.sort((a, b) => a.table.number - b.table.number);
		this.#there = [];
		return taken;
	}

	#landed(): void {
		this.#underWay--;
		if (this.#underWay === 0) this.#isQuiet();
	}

	/** Resolves when it may go on. What is staged is all that there is: nothing else is on its way meanwhile. */
	async #staged(stage: Stage | undefined): Promise<void> {
		const { clock } = this.#of;
		const isDue = this.#there.length >= STAGED_OBJECTS || clock.now() - this.#stagedMs >= STAGED_MS;
		if (stage !== undefined && isDue) this.#staging ??= this.#stage(stage);
		await this.#staging;
	}

	async #stage(stage: Stage): Promise<void> {
		try {
			if (this.#underWay > 0)
				await new Promise<void>((resolve) => {
					this.#isQuiet = resolve;
				});
			await stage(this.#take());
		} finally {
			this.#stagedMs = this.#of.clock.now();
			this.#staging = null;
		}
	}

	/** Undefined: the cut was given up before it was read. */
	async #store(cut: Cut, plan: Plan, number: number): Promise<Uploaded | undefined> {
		const { keeper, allocate, pace, clock, nextTurn } = this.#of;
		const { pool, epoch } = keeper;
		const memory = this.#memories.pop() ?? allocate(storedBytes(OBJECT_BLOCKS));
		try {
			const taken = await this.#read(cut, plan, memory);
			if (taken === undefined) return undefined;
			cut.done(plan, number);
			this.#of.read?.();
			const { ranges, blocks } = taken;
			const table = { pool, epoch, number, ranges, blocks: blocks.length / IMAGE_BLOCK_BYTES };
			const bytes = tableBytes(ranges.length);
			await pace.allowed(bytes + blocks.length);
			const beganMs = clock.now();
			await this.put({ epoch, number }, await objectBytes(table, memory, nextTurn));
			pace.took(bytes + blocks.length, clock.now() - beganMs);
			return { table, bytes };
		} finally {
			this.#memories.push(memory);
		}
	}

	/** Undefined: the cut was given up meanwhile. Something else may be there by then, and some of it may have been read. */
	async #read(cut: Cut, plan: Plan, memory: Memory): Promise<Taken | undefined> {
		const isOver = (): boolean => cut.isGivenUp;
		try {
			const taken = await this.#of.patience.run(() => cut.take(plan, memory), isOver);
			return isOver() ? undefined : taken;
		} catch (error) {
			if (isOver() && error instanceof OperatorError) return undefined;
			throw error;
		}
	}

	async put({ epoch, number }: ObjectKey, bytes: readonly Buffer[]): Promise<void> {
		const { store, keeper, patience } = this.#of;
		const name = objectName(keeper.pool, epoch, number);
		const outcome = await patience.run(
			() => store.put(name, bytes),
			() => false,
		);
		// (By somebody who thinks that this epoch is his.)
		if (outcome === "clash") throw new OperatorError(`${store.name}: ${name}: somebody else has written it`);
		this.sentBytes += bytes.reduce((sum, { length }) => sum + length, 0);
	}
}
