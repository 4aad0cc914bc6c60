/**
 * Has disks become parts of a pool that is open, and takes them away again: what lies on such a one is moved to the others, file by file, in the
 * background, which goes on when the pool is opened again; then it is none of the pool's any more. Made by `chunk-folder.ts`.
 */

import { OperatorError } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import { POOL_DISKS_MAX } from "../../spec/ranges.js";
import { counted, quote } from "../../text.js";
import type { PoolDiskState, PoolDisks } from "../folder.js";
import { FILE_BYTES } from "../format.js";
import { Chunk, readLabel, refuseUnfit } from "./chunk.js";
import type { Chunks } from "./chunks.js";
import { ENTRIES_MAX } from "./label.js";
import { Move, PIECE_BYTES } from "./move.js";
import { type ChunkEntry, type FilePlace, withoutLost } from "./table.js";

/** How fast files are moved. */
export interface MovePace {
	/** So many bytes have been moved; resolves when it is time for more, never in the same turn. */
	spend(bytes: number): Promise<void>;
	/** What waits goes on at once. */
	end(): void;
}

/** What can't be done now is tried again when so many bytes might have been moved. */
const RETRY_BYTES = 64 * 1024 * 1024;

export class Membership implements PoolDisks {
	readonly #chunks: Chunks;
	readonly #pace: MovePace;
	#running: Promise<void> | null = null;
	#isClosed = false;
	/** Of the file that is being moved. */
	#movedBytes = 0;
	/** Why nothing is moved at the moment. */
	#trouble: string | null = null;
	/** Disks that were parts, by name, until they say nothing of that any more. */
	readonly #wiping = new Map<string, Promise<void>>();
	/** Changes are made one after the other. */
	readonly #turns = new InTurn();

	constructor(chunks: Chunks, pace: MovePace) {
		this.#chunks = chunks;
		this.#pace = pace;
	}

	get states(): PoolDiskState[] {
		const { table, places } = this.#chunks;
		return table.chunks.filter(isKept).map((entry) => {
			const usedBytes = places.filesOn(entry) * FILE_BYTES;
			return {
				disk: this.#nameOf(entry),
				state: stateOf(entry),
				sizeBytes: entry.places * FILE_BYTES,
				usedBytes: entry.leaving ? Math.max(0, usedBytes - this.#movedBytes) : usedBytes,
				trouble: entry.leaving ? this.#trouble : null,
			};
		});
	}

	/** What it is called now, if it is there. */
	#nameOf({ id, name, present }: ChunkEntry): string {
		return present ? this.#chunks.chunkOf(id).name : name;
	}

	/** The disk of that name. Throws an OperatorError. */
	#entryOf(name: string): ChunkEntry {
		const entry = this.#chunks.table.chunks.find((each) => isKept(each) && this.#nameOf(each) === name);
		if (entry === undefined) throw new OperatorError(`disk ${quote(name)}: is no part of the pool`);
		return entry;
	}

	add(name: string, force: boolean): Promise<void> {
		return this.#turns.run(() => this.#add(name, force));
	}

	async #add(name: string, force: boolean): Promise<void> {
		const chunks = this.#chunks;
		const { allocate, disks } = chunks.world;
		const disk = (await disks()).find((each) => each.name === name);
		if (disk === undefined)
			throw new OperatorError(`disk ${quote(name)}: is not configured for the pool, or not open`);
		const kept = chunks.table.chunks.filter(isKept);
		if (kept.some((each) => this.#nameOf(each) === name))
			throw new OperatorError(`disk ${quote(name)}: is a part of the pool already`);
		if (kept.length >= POOL_DISKS_MAX)
			throw new OperatorError(`disk ${quote(name)}: the pool has ${POOL_DISKS_MAX} disks already`);
		if (chunks.table.chunks.length >= ENTRIES_MAX)
			throw new OperatorError(`disk ${quote(name)}: too many disks of the pool were lost for one more`);
		await this.#wiping.get(name);
		const { label } = await readLabel(disk, allocate);
		// (One that was a part, and could not be wiped, has nothing that anybody needs.)
		const twin = kept.find(({ uuid }) => uuid === label?.uuid);
		const isKnown = twin !== undefined;
		if (isKnown && force && (await chunks.isSame(disk)))
			throw new OperatorError(
				`disk ${quote(name)}: is the same storage as disk ${quote(this.#nameOf(twin))} of the pool`,
			);
		await refuseUnfit(disk, allocate, force || (label?.pool === chunks.table.pool && !isKnown));
		const entry = chunks.entryFor(disk, chunks.table.nextId);
		const chunk = new Chunk(disk, allocate);
		// It says that it is none of them, until they say that it is.
		await chunk.format({ ...chunks.table, generation: 0 }, entry.uuid);
		try {
			await chunks.addChunk(entry.id, chunk);
			await chunks.changeEntries([...chunks.table.chunks, entry], entry.id + 1);
		} catch (error) {
			await this.#forget(entry.id);
			throw error;
		}
	}

	/** The others say that it is none of them when it resolves; nothing is asked of it any more even if they can't say so. */
	async #forget(id: number): Promise<void> {
		try {
			await this.#chunks.changeEntries(this.#chunks.table.chunks.filter((entry) => entry.id !== id));
		} finally {
			this.#chunks.removeChunk(id);
		}
	}

	remove(name: string, force = false): Promise<void> {
		return this.#turns.run(async () => {
			const entry = this.#entryOf(name);
			if (!entry.present && force)
				return this.#chunks.changeEntries(withoutLost(this.#chunks.table, entry.id));
			if (!entry.present)
				throw new OperatorError(
					`disk ${quote(name)}: is missing, and what it has can't be moved; force gives it up for good`,
				);
			if (!entry.leaving) {
				this.#refuseFull(entry, name);
				await this.#setLeaving(entry, true);
			}
			return this.begin();
		});
	}

	#refuseFull(entry: ChunkEntry, name: string): void {
		const { table, places } = this.#chunks;
		const others = table.chunks.filter(({ id, leaving }) => id !== entry.id && !leaving);
		if (others.length === 0)
			throw new OperatorError(`disk ${quote(name)}: is the only one that the pool has`);
		const files = table.chunks
			.filter(({ id, leaving }) => leaving || id === entry.id)
			.reduce((sum, each) => sum + places.filesOn(each), 0);
		const room = places.count(others);
		if (room < files)
			throw new OperatorError(
				`disk ${quote(name)}: ${counted(files, "file")} of 64 MiB would have to go to the other disks, which have room for ${room}: add a disk first`,
			);
	}

	keep(name: string): Promise<void> {
		return this.#turns.run(async () => {
			const entry = this.#entryOf(name);
			if (entry.leaving) await this.#setLeaving(entry, false);
		});
	}

	#setLeaving({ id }: ChunkEntry, leaving: boolean): Promise<void> {
		const { chunks } = this.#chunks.table;
		return this.#chunks.changeEntries(
			chunks.map((entry) => (entry.id === id ? { ...entry, leaving } : entry)),
		);
	}

	/** Goes on with what has begun, if anything has. */
	begin(): void {
		if (this.#isClosed) return;
		this.#running ??= this.#run().finally(() => {
			this.#running = null;
			// (One may have been said to leave when nothing was left to do, but before that was known.)
			if (this.#leaving !== undefined) this.begin();
		});
	}

	/** Nothing is under way when it resolves. */
	async close(): Promise<void> {
		this.#isClosed = true;
		this.#pace.end();
		await this.#running;
		await this.#turns.idle();
	}

	get #leaving(): ChunkEntry | undefined {
		return this.#chunks.table.chunks.find(({ leaving, present }) => leaving && present);
	}

	async #run(): Promise<void> {
		for (let entry = this.#leaving; entry !== undefined && !this.#isClosed; entry = this.#leaving) {
			try {
				const file = this.#chunks.table.files.findIndex(({ chunk }) => chunk === entry?.id);
				if (file < 0) await this.#drop(entry.id);
				else if (!(await this.#move(file))) await this.#pace.spend(RETRY_BYTES);
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				this.#trouble = error.message;
				await this.#pace.spend(RETRY_BYTES);
			}
		}
	}

	/** It has nothing any more, unless somebody wants to keep it. */
	#drop(id: number): Promise<void> {
		return this.#turns.run(async () => {
			if (this.#chunks.table.chunks.find((entry) => entry.id === id)?.leaving !== true) return;
			const chunk = this.#chunks.chunkOf(id);
			await this.#forget(id);
			this.#trouble = null;
			this.#wipe(chunk);
		});
	}

	/**
	 * It says nothing of the pool any more, as soon as that can be. Whoever can't say any more that it was a part need not, and nobody waits for it: a
	 * disk whose server has gone would keep the pool, and all disks that it is on, from being closed.
	 */
	#wipe(chunk: Chunk): void {
		const wiped = chunk.idle.then(() => chunk.wipe()).catch(() => {});
		this.#wiping.set(chunk.name, wiped);
		void wiped.then(() => {
			if (this.#wiping.get(chunk.name) === wiped) this.#wiping.delete(chunk.name);
		});
	}

	/** False if it is not moved: it is not open yet, or is closed, or there is no need any more. Throws an OperatorError. */
	async #move(file: number): Promise<boolean> {
		const chunks = this.#chunks;
		const part = chunks.partOf(file);
		const from = chunks.table.files[file];
		if (part === undefined || part.isClosing || from === undefined) return false;
		const to = chunks.places.take(chunks.table.chunks);
		if (to === undefined) throw new OperatorError("the other disks have no room for more: add a disk");
		const isWanted = (): boolean => this.#leaving?.id === from.chunk;
		const move = new Move({
			part,
			to: chunks.sideOf(to),
			memory: chunks.world.allocate(PIECE_BYTES),
			name: `disk ${chunks.chunkOf(to.chunk).name}`,
			fromName: `disk ${chunks.chunkOf(from.chunk).name}`,
			pace: async (bytes) => {
				this.#movedBytes += bytes;
				this.#trouble = null;
				if (!isWanted()) void move.breakOff();
				await this.#pace.spend(bytes);
			},
			commit: () => this.#commit(file, from, to, () => part.isClosing),
		});
		let hasMoved = false;
		try {
			hasMoved = await move.run();
			return hasMoved;
		} finally {
			this.#movedBytes = 0;
			if (hasMoved) {
				chunks.places.settle(to);
				chunks.places.unsettle(from);
			}
			chunks.places.giveUp(hasMoved ? from : to);
		}
	}

	/** Where it lies now is stable when it resolves. Throws an OperatorError when it is stable that it lies where it was. */
	async #commit(file: number, from: FilePlace, to: FilePlace, isOver: () => boolean): Promise<void> {
		try {
			await this.#chunks.changeFile(file, to, [to.chunk]);
		} catch (error) {
			// (Until that is known both places have everything.)
			while (!(await this.#isTakenBack(file, from)) && !isOver()) await this.#pace.spend(RETRY_BYTES);
			throw error;
		}
	}

	/** False if that could not be said. */
	async #isTakenBack(file: number, from: FilePlace): Promise<boolean> {
		try {
			await this.#chunks.changeFile(file, from, [from.chunk]);
			return true;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			return false;
		}
	}
}

/** It was not given up. */
function isKept({ lost }: ChunkEntry): boolean {
	return lost !== true;
}

function stateOf({ present, leaving }: ChunkEntry): PoolDiskState["state"] {
	if (!present) return "missing";
	return leaving ? "leaving" : "in use";
}
