/**
 * Has checkpoints made: when the map in memory is full, when the log has gone on for long, when a snapshot begins one, when it is time, and
 * when somebody asks. One at a time: what is frozen is merged, then what there is to say beside the trees is stored behind their nodes, all
 * of it is synced, and when the log up to there is stable too the head names it. Until then all that was written since the one before is
 * in the log, and two overlays have room for what replay finds there. Made by `pool.ts`.
 */

import { BlockOp, BlockRequest } from "../block/request.js";
import { OperatorError, StorageStatus, storageStatusName } from "../errors.js";
import { type BlobRef, BlobWriter } from "./blob.js";
import { type CheckpointState, checkpointLines } from "./checkpoint-text.js";
import type { Contents } from "./contents.js";
import type { PoolWorld } from "./folder.js";
import type { CheckpointRef, HeadState } from "./head.js";
import type { Log } from "./log.js";
import { NodeFault } from "./map/store.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";

/** So much of the log is read at most when a pool or a moment is opened: 4 GiB. */
const LOG_SECTORS_MAX = 8 * 2 ** 20;
const INTERVAL_US = 600e6;

/** Text that is made in one turn. */
const TEXT_PER_TURN = 16_384;

export interface CheckpointsOn {
	readonly world: PoolWorld;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly contents: Contents;
	readonly log: Log;
	readonly beganUs: number;
	/** Stable when it resolves. */
	writeHead(changes: () => Partial<HeadState>): Promise<void>;
}

/** One that was begun: what is known from the beginning, and where it is said when that is stored. */
interface Begun {
	readonly state: Omit<CheckpointState, "roots" | "nodeSlots">;
	/** The log's end then. */
	readonly position: number;
	text: BlobRef | null;
}

export class Checkpoints {
	readonly #on: CheckpointsOn;
	/** All that can be read, the oldest first. */
	readonly #kept: CheckpointRef[];
	/** When and where in the log the last one began. */
	#timeUs: number;
	#position: number;
	#begun: Begun | null = null;
	/** That it goes on; null while it does not. */
	#making: Promise<void> | null = null;
	#hasFailed = false;
	/** Snapshots that are on their way: they begin the next one. */
	#reserved = 0;
	/** Those who wait until none is. */
	readonly #whenFree: (() => void)[] = [];
	#isClosed = false;

	constructor(on: CheckpointsOn, kept: readonly CheckpointRef[]) {
		this.#on = on;
		this.#kept = [...kept];
		this.#timeUs = on.world.now();
		this.#position = on.log.gather.position;
		on.contents.whenTaken = (isCut) => this.#taken(isCut);
		if (this.isBusy) this.#goOn().catch(() => {});
		else this.#taken(false);
	}

	/** Those that can be read, the oldest first. */
	get kept(): readonly CheckpointRef[] {
		return this.#kept;
	}

	/** Whether one is being made, or what replay has left is being merged. */
	get isBusy(): boolean {
		return this.#begun !== null || this.#on.contents.layers.isBusy;
	}

	/** All that was written by now is in one when it resolves. Throws an OperatorError. */
	async request(): Promise<void> {
		const { log, contents } = this.#on;
		await this.idle();
		// A record that begins one can't come while another one is being made.
		while (this.#reserved > 0) {
			await new Promise<void>((resolve) => this.#whenFree.push(resolve));
			await this.idle();
		}
		if (log.cursor.sequence === (this.#kept.at(-1)?.sequence ?? 0) || log.hasFailed) return;
		if (!this.isBusy) {
			contents.freeze();
			this.#begin();
		}
		await this.idle();
	}

	/** None is being made when it resolves. Throws an OperatorError. */
	async idle(): Promise<void> {
		while (this.isBusy) await (this.#making ?? this.#goOn());
	}

	/** A record is going to have a snapshot: until what is returned is called, none begins without one. Throws an OperatorError. */
	async reserve(): Promise<() => void> {
		// (When it resolves another one may have begun.)
		do await this.idle();
		while (this.isBusy);
		this.#reserved++;
		return () => {
			this.#reserved--;
			if (this.#reserved === 0) for (const tell of this.#whenFree.splice(0)) tell();
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
		await this.#on.writeHead(() => ({}));
	}

	/** To be called every 30 seconds. */
	age(): void {
		const { log, world } = this.#on;
		if (log.hasFailed || this.#making !== null) return;
		if (this.isBusy) this.#goOn().catch(() => {});
		else if (world.now() - this.#timeUs >= INTERVAL_US && this.#reserved === 0)
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
		} else if (this.#reserved === 0 && !this.#isClosed) {
			const isFar = log.gather.position - this.#position >= LOG_SECTORS_MAX;
			if (!isFar && !contents.isFull) return;
			contents.freeze();
			this.#begin();
		}
	}

	/** What there is was frozen just now. */
	#begin(): void {
		const { log, contents, segments, world, beganUs } = this.#on;
		const { nextLine, volumes } = contents.catalog;
		const { sequence, timeUs, start } = log.cursor;
		const slots = segments.slotsBefore(start.segment);
		const state = { sequence, timeUs, beganUs, start, nextLine, volumes, slots, earlier: [...this.#kept] };
		this.#position = log.gather.position;
		this.#begun = { state, position: this.#position, text: null };
		this.#timeUs = world.now();
		log.wake();
		this.#goOn().catch(() => {});
	}

	#goOn(): Promise<void> {
		const making = this.#make().then(
			() => this.#isOver(false),
			(error: unknown) => {
				this.#isOver(true);
				throw asOperatorError(error);
			},
		);
		this.#making = making;
		return making;
	}

	#isOver(hasFailed: boolean): void {
		this.#making = null;
		if (!hasFailed) this.#on.log.isMapStuck = false;
		this.#hasFailed = hasFailed;
		this.#taken(false);
	}

	async #make(): Promise<void> {
		const { nodes, contents, log, writeHead } = this.#on;
		await contents.settle();
		const begun = this.#begun;
		// (What replay has left goes into the next one.)
		if (begun === null) return;
		const { position, state } = begun;
		const { sequence, timeUs, start } = state;
		begun.text ??= await this.#store(begun);
		await nodes.flush();
		while (log.cursor.stable < sequence) await stable(log);
		const checkpoint = { ...begun.text, sequence, timeUs, position };
		await writeHead(() => ({ start, checkpoint, stable: log.cursor.stable }));
		this.#kept.push(checkpoint);
		this.#begun = null;
	}

	/** What there is to say beside the trees. */
	async #store({ state }: Begun): Promise<BlobRef> {
		const { nodes, contents, world } = this.#on;
		const writer = new BlobWriter(nodes);
		const roots = new Map(contents.layers.roots);
		const nodeSlots = [...nodes.slots];
		let length = 0;
		for (const line of checkpointLines({ ...state, roots, nodeSlots })) {
			writer.add(line);
			length += line.length;
			if (length < TEXT_PER_TURN) continue;
			length = 0;
			await world.nextTurn();
		}
		return writer.finish();
	}
}

/** All that was gathered by now is stable when it resolves. Throws an OperatorError. */
export async function stable(log: Log): Promise<void> {
	const { status } = await new Promise<BlockRequest>((resolve) => {
		const request = new BlockRequest({ finished: resolve });
		request.op = BlockOp.flush;
		log.whenStable(request.begin());
	});
	if (status !== StorageStatus.ok)
		throw new OperatorError(`the pool's log can't be synced: ${storageStatusName(status)}`);
}

function asOperatorError(error: unknown): OperatorError {
	if (error instanceof OperatorError) return error;
	if (error instanceof NodeFault)
		return new OperatorError(`the pool can't go on to store its map: ${error.message}`);
	throw error;
}
