/**
 * Has checkpoints made: when the map in memory is full, when the log has gone on for long, when a snapshot begins one, when it is time, and
 * when somebody asks. One at a time: what is frozen is merged, then what there is to say beside the trees is stored behind their nodes, all
 * of it is synced, and when the log up to there is stable too the head names it. Until then all that was written since the one before is
 * in the log, and two overlays have room for what replay finds there. Made by `pool.ts`.
 */

import { BlockOp, BlockRequest } from "../block/request.js";
import { OperatorError, StorageStatus } from "../errors.js";
import { type Begun, type StoredBlob, storeCheckpoint } from "./checkpoint-store.js";
import type { Contents } from "./contents.js";
import type { Descent } from "./descent.js";
import type { PoolWorld } from "./folder.js";
import type { HeadState } from "./head.js";
import type { History } from "./history.js";
import type { Log } from "./log.js";
import { NodeFault } from "./map/store.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import type { Unstored } from "./unstored.js";

/** So much of the log is read at most when a pool or a moment is opened: 4 GiB. */
const LOG_SECTORS_MAX = 8 * 2 ** 20;
const INTERVAL_US = 600e6;
/** After several that failed every so many calls of `age` tries again: a disk that refuses is not asked more often than every two minutes. */
const AGES_MAX = 4;

export interface CheckpointsOn {
	readonly world: PoolWorld;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly contents: Contents;
	readonly descent: Descent;
	readonly log: Log;
	readonly history: History;
	readonly unstored: Unstored;
	/** Stable when it resolves. */
	writeHead(changes: () => Partial<HeadState>): Promise<void>;
}

export class Checkpoints {
	readonly #on: CheckpointsOn;
	/** When and where in the log the last one began. */
	#timeUs: number;
	#position: number;
	#begun: Begun | null = null;
	/** The one that is made, or was last. */
	#isSpare = false;
	/** Where it is said, when that is stored. */
	#stored: StoredBlob | null = null;
	/** That it goes on; null while it does not. */
	#making: Promise<void> | null = null;
	#hasFailed = false;
	/** Calls of `age` until it is tried again, and how many there are the next time. */
	#agesLeft = 0;
	#agesNext = 1;
	/** Something is on its way to the log: a snapshot, which begins the next one, or what must not come while one is made. */
	#isReserved = false;
	#reservation: Promise<void> = Promise.resolve();
	#isClosed = false;

	/** Called when one is stored. */
	whenStored: () => void = () => {};

	constructor(on: CheckpointsOn) {
		this.#on = on;
		this.#timeUs = on.world.elapsed();
		this.#position = on.log.gather.position;
		on.contents.whenTaken = (isCut) => this.#taken(isCut);
		if (this.isBusy) this.#goOn().catch(() => {});
		else this.#taken(false);
	}

	/** Whether one is being made, or what replay has left is being merged, or what has waited for one is being told. */
	get isBusy(): boolean {
		const { contents, descent } = this.#on;
		return this.#begun !== null || contents.layers.isBusy || !descent.isIdle;
	}

	/**
	 * All that was written by now is in one when it resolves. `isWanted`: even if that is nothing new. `isSpare`: whoever writes can ask for it as
	 * often as he likes, so history keeps one of many. Throws an OperatorError.
	 */
	async request(isWanted = false, isSpare = false): Promise<void> {
		const { log, contents, history } = this.#on;
		do {
			await this.#reservation;
			await this.idle();
		} while (this.#isReserved || this.isBusy);
		const isKnown = log.cursor.sequence === history.lastSequence;
		if ((isKnown && !isWanted) || log.hasFailed) return;
		contents.freeze();
		this.#begin(isSpare);
		await this.idle();
	}

	/** None is being made when it resolves. Throws an OperatorError. */
	async idle(): Promise<void> {
		while (this.isBusy) await (this.#making ?? this.#goOn());
	}

	/**
	 * Something is going to be said in the log, a snapshot or what must not come while a checkpoint is made: until what is returned is called
	 * none begins without it, and nobody else says such things. Throws an OperatorError.
	 */
	async reserve(): Promise<() => void> {
		const before = this.#reservation;
		let isOver = (): void => {};
		this.#reservation = new Promise((resolve) => {
			isOver = resolve;
		});
		await before;
		try {
			// (When it resolves another one may have begun.)
			do await this.idle();
			while (this.isBusy);
		} catch (error) {
			isOver();
			throw error;
		}
		this.#isReserved = true;
		return () => {
			this.#isReserved = false;
			isOver();
			this.#taken(false);
		};
	}

	/** What `act` does is part of one, and of both copies of the head, when it resolves: no record says it. Throws an OperatorError. */
	async keepWith(act: () => void): Promise<void> {
		const release = await this.reserve();
		try {
			act();
			this.#on.contents.freeze();
			this.#begin();
		} finally {
			release();
		}
		await this.idle();
	}

	/** To be called every 30 seconds. */
	age(): void {
		const { log, world } = this.#on;
		if (log.hasFailed || this.#making !== null) return;
		// (While it keeps writes from going on it is always tried.)
		if (this.#hasFailed && --this.#agesLeft > 0 && !log.isMapStuck) return;
		if (this.isBusy) this.#goOn().catch(() => {});
		// (It failed behind its last step: the next one shows whether that is over.)
		else if (this.#hasFailed && !this.#isReserved) this.request(true).catch(() => {});
		else if (world.elapsed() - this.#timeUs >= INTERVAL_US && !this.#isReserved)
			this.request().catch(() => {});
	}

	/** The last one, if anything is new. */
	async close(): Promise<void> {
		await this.request().catch(() => {});
		this.#isClosed = true;
	}

	/** A record was taken in, perhaps. */
	#taken(isCut: boolean): void {
		const { log, contents } = this.#on;
		if (isCut) this.#begin();
		else if (this.isBusy) {
			log.isMapStuck = contents.isFull && this.#hasFailed;
			if (log.isMapStuck) log.wake();
			// (The record has said what is too much for one turn. What has failed is not tried at each record.)
			const isIdle = this.#begun === null && this.#making === null && !this.#hasFailed;
			if (isIdle && !contents.layers.isBusy) this.#goOn().catch(() => {});
		} else if (!this.#isReserved && !this.#isClosed) {
			const most = Math.min(LOG_SECTORS_MAX, this.#on.history.logSectorsMax);
			const isFar = log.gather.position - this.#position >= most;
			if (!isFar && !contents.isFull) return;
			contents.freeze();
			this.#begin();
		}
	}

	/** What there is was frozen just now. */
	#begin(isSpare = false): void {
		this.#isSpare = isSpare;
		const { log, contents, world, descent, history } = this.#on;
		const { catalog } = contents;
		const { nextLine, settingsBy, volumes, written } = catalog;
		catalog.jumps = catalog.jumps.filter(({ untilUs }) => untilUs > history.beganUs);
		const jumps = catalog.jumps.length === 0 ? undefined : catalog.jumps;
		const { sequence, timeUs, start } = log.cursor;
		const state = { sequence, timeUs, start, nextLine, settingsBy, jumps, written: written.now, volumes };
		descent.freeze();
		this.#position = log.gather.position;
		const agedUs = world.aged?.();
		this.#begun = { state, agedUs, position: this.#position, lines: contents.withoutVolume };
		this.#timeUs = world.elapsed();
		log.wake();
		this.#goOn().catch(() => {});
	}

	#goOn(): Promise<void> {
		const making = this.#make().then(
			() => {
				this.#on.unstored.checkpointStored();
				this.#agesNext = 1;
				this.#isOver(false);
			},
			(error: unknown) => {
				this.#failed(error);
				this.#isOver(true);
				throw error;
			},
		);
		this.#making = making;
		return making;
	}

	#failed(error: unknown): void {
		const { unstored, contents } = this.#on;
		const line = error instanceof NodeFault ? contents.layers.merging : undefined;
		unstored.checkpointFailed(error, line === undefined ? undefined : contents.catalog.ofLine(line)?.name);
		this.#agesLeft = this.#agesNext;
		this.#agesNext = Math.min(AGES_MAX, 2 * this.#agesNext);
	}

	#isOver(hasFailed: boolean): void {
		this.#making = null;
		if (!hasFailed) this.#on.log.isMapStuck = false;
		this.#hasFailed = hasFailed;
		this.#taken(false);
	}

	async #make(): Promise<void> {
		const { nodes, contents, log, descent, world, writeHead, segments, history } = this.#on;
		await contents.settle();
		const begun = this.#begun;
		// (What replay has left goes into the next one; so does what has waited, when it is told.)
		if (begun === null) return descent.tell(world.nextTurn);
		const { position, state, agedUs } = begun;
		const { sequence, timeUs, start } = state;
		this.#stored ??= await storeCheckpoint(this.#on, begun);
		const { ref, slots } = this.#stored;
		await nodes.flush();
		// (Where it lacks what is of a volume that was deleted later, it must not be named before that is sure.)
		const needed = contents.layers.hasPassed ? log.cursor.sequence : sequence;
		while (log.cursor.stable < needed) await stable(log);
		const checkpoint = { ...ref, sequence, timeUs, position, ...(agedUs !== undefined && { agedUs }) };
		// Both copies: whichever opens the pool, it needs nothing of what is free from now on.
		for (const changes of [{ start, checkpoint }, {}])
			await writeHead(() => ({ ...changes, stable: log.cursor.stable }));
		segments.slots.settle(slots);
		this.#begun = null;
		this.#stored = null;
		descent.thaw();
		await history.add(checkpoint, this.#isSpare);
		await descent.tell(world.nextTurn);
		this.whenStored();
	}
}

/** All that was gathered by now is stable when it resolves. Throws an OperatorError. */
export async function stable(log: Log): Promise<void> {
	const { status } = await new Promise<BlockRequest>((resolve) => {
		const request = new BlockRequest({ finished: resolve });
		request.op = BlockOp.flush;
		log.whenStable(request.begin());
	});
	if (status !== StorageStatus.ok) throw new OperatorError(log.refusal.what(status));
}
