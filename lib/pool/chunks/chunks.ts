/**
 * The disks that a pool is on, while it is open or being made: which they are, where its files lie on them, and what is said of that on all of them
 * (`table.ts`). A file is where the disk says that has it; the others are told, and who can't be told is told the next time. The pool's
 * own view of it is `chunk-folder.ts`; `membership.ts` has disks come and go.
 */

import { invariant, OperatorError } from "../../errors.js";
import { POOL_DISKS_MAX } from "../../spec/ranges.js";
import { quote } from "../../text.js";
import { type Allocate, Chunk, type NamedDevice, readLabel, refuseUnfit } from "./chunk.js";
import { HeadCopies, hasHead } from "./head-copies.js";
import { ChunkPart, type Side } from "./part.js";
import { Places } from "./places.js";
import {
	assess,
	type ChunkEntry,
	type ChunkTable,
	type FilePlace,
	opened,
	placeAt,
	placesIn,
	renewed,
	settled,
} from "./table.js";

/** What a pool on disks needs of whoever opens it. */
export interface ChunksWorld {
	/** What messages call the pool. */
	readonly path: string;
	/** The disks that are configured for it, and open. Throws an OperatorError if one is not. */
	readonly disks: () => Promise<readonly NamedDevice[]>;
	readonly allocate: Allocate;
	/** Whether it is opened although disks are missing. Default: never. */
	readonly isPartial?: () => boolean;
	/** A word by chance, of so many bytes. */
	readonly identifier: (byteLength: number) => string;
}

const IDENTIFIER_BYTES = 16;
/** What the labels of a pool say that is being made; in use they say more. */
const MADE_GENERATION = 1;

export class Chunks {
	readonly places = new Places();
	/** Requests of the pool, so far. */
	requests = 0;
	/** Called before the last of it is closed. */
	whenClosing: () => Promise<void> = async () => {};
	/** Called when it is open, and when all of it is closed. */
	onOpen: () => void = () => {};
	onClosed: () => void = () => {};
	readonly world: ChunksWorld;
	#table: ChunkTable | null = null;
	/** By number. */
	readonly #chunks = new Map<number, Chunk>();
	/** By number of the file: those that are open. */
	readonly #parts = new Map<number, ChunkPart>();
	#head: HeadCopies | null = null;

	constructor(world: ChunksWorld) {
		this.world = world;
	}

	get path(): string {
		return this.world.path;
	}

	get isOpen(): boolean {
		return this.#head !== null;
	}

	get table(): ChunkTable {
		invariant(this.#table !== null, "the disks of a pool are asked for before they are known");
		return this.#table;
	}

	/** Makes all of the disks parts of a new pool. Throws an OperatorError. */
	async format(force: boolean): Promise<void> {
		const disks = await this.world.disks();
		if (disks.length === 0) throw new OperatorError(`${this.path}: none of its disks is open`);
		if (disks.length > POOL_DISKS_MAX)
			throw new OperatorError(`${this.path}: has ${disks.length} disks; ${POOL_DISKS_MAX} are allowed`);
		for (const disk of disks)
			await refuseUnfit(disk, this.world.allocate, force || (await isUnmade(disk, this.world.allocate)));
		const session = this.#identifier();
		const chunks = disks.map((disk, id) => this.entryFor(disk, id));
		const pool = this.#identifier();
		this.#table = { pool, generation: MADE_GENERATION, session, nextId: disks.length, chunks, files: [] };
		this.places.begin(this.#table);
		this.#chunks.clear();
		for (const [id, disk] of disks.entries()) this.#chunks.set(id, new Chunk(disk, this.world.allocate));
		for (const { id, uuid } of chunks) await this.chunkOf(id).format(this.table, uuid);
		await this.#refuseSame(disks);
	}

	/** Each says what it was told: else what was told to another one lies there, too. Throws an OperatorError; then they are parts of no pool. */
	async #refuseSame(disks: readonly NamedDevice[]): Promise<void> {
		for (const [id, disk] of disks.entries()) {
			const { label } = await readLabel(disk, this.world.allocate);
			const other = this.table.chunks.find(({ uuid }) => uuid === label?.uuid);
			if (other?.id === id) continue;
			for (const chunk of this.#chunks.values()) await chunk.wipe();
			throw new OperatorError(
				`disk ${quote(disk.name)}: is the same storage as disk ${quote(other?.name ?? "?")}`,
			);
		}
	}

	/** Whether what a disk says that it is follows the part that it names: it is the same storage, not a copy. Throws an OperatorError. */
	async isSame(disk: NamedDevice): Promise<boolean> {
		await this.changeEntries(this.table.chunks);
		return (await readLabel(disk, this.world.allocate)).label?.generation === this.table.generation;
	}

	/** Of a disk that becomes a part. */
	entryFor({ name, device }: NamedDevice, id: number): ChunkEntry {
		const places = placesIn(device.info.sizeBytes);
		const known = { leaving: false, present: true, sessions: [] };
		return { id, uuid: this.#identifier(), name, places, ...known };
	}

	#identifier(): string {
		return this.world.identifier(IDENTIFIER_BYTES);
	}

	/** Finds out what the disks have; false: no pool. Throws an OperatorError. */
	async look(): Promise<boolean> {
		const { disks, allocate } = this.world;
		const candidates = await Promise.all(
			(await disks()).map(async ({ name, device }) => {
				const { label, copy } = await readLabel({ name, device }, allocate);
				return { name, device, sizeBytes: device.info.sizeBytes, label, copy };
			}),
		);
		const assessed = assess(candidates);
		if (assessed === undefined) return false;
		const { missing, found } = assessed;
		const among = candidates.filter(({ label }) => label?.pool === assessed.table.pool);
		const heads = await Promise.all(among.map((disk) => hasHead(new Chunk(disk, allocate), allocate)));
		if (assessed.table.generation <= MADE_GENERATION && !heads.includes(true))
			throw new OperatorError(`${this.path}: was not made to its end, and has nothing; make it again`);
		if (missing.length > 0 && (found.size === 0 || !this.world.isPartial?.()))
			throw new OperatorError(
				`${this.path}: what is on ${missing.map(({ name }) => `disk ${quote(name)}`).join(", ")} is missing`,
			);
		this.#chunks.clear();
		for (const [id, { name, device, copy }] of found)
			this.#chunks.set(id, new Chunk({ name, device }, allocate, copy));
		this.#table = opened(assessed, this.#identifier());
		this.places.begin(this.#table);
		return heads.includes(true);
	}

	/** That of a pool that is there has been told on all disks that it is opened. Throws an OperatorError. */
	async openHead(isNew: boolean): Promise<HeadCopies> {
		invariant(this.#head === null, "the head of a pool is opened twice");
		const head = new HeadCopies({
			chunks: () => [...this.#chunks.values()],
			allocate: this.world.allocate,
			release: () => this.#release(),
		});
		if (!isNew) {
			await this.#tell(this.table, [...this.#chunks.keys()]);
			// Only now, when none says any more what it said before, is one that does an older copy.
			await this.changeEntries(settled(this.table));
			await head.begin();
		}
		this.#head = head;
		this.onOpen();
		return head;
	}

	async #release(): Promise<void> {
		await this.whenClosing();
		await this.#renew();
		await Promise.all([...this.#chunks.values()].map(({ idle }) => idle));
		this.#head = null;
		this.onClosed();
	}

	/** A copy of a disk from when the pool was open is none of what it leaves: as when it is opened, in two steps. */
	async #renew(): Promise<void> {
		try {
			await this.change(renewed(this.table, this.#identifier()), [...this.#chunks.keys()]);
			await this.changeEntries(settled(this.table));
		} catch (error) {
			// (Whoever can't be told is an older copy, or is told when it is opened.)
			if (!(error instanceof OperatorError)) throw error;
		}
	}

	/** Says how things are now. Stable on the `first` ones when it resolves; the others are told as soon as that can be. Throws an OperatorError. */
	async #tell(table: ChunkTable, first: readonly number[]): Promise<void> {
		this.#table = table;
		const waited: Promise<void>[] = [];
		for (const { id, uuid } of table.chunks) {
			const written = this.#chunks.get(id)?.write(table, uuid);
			if (written === undefined) continue;
			if (first.includes(id)) waited.push(written);
			else written.catch(() => {});
		}
		await Promise.all(waited);
	}

	/** The same of what is another now. */
	change(changes: Partial<ChunkTable>, first: readonly number[]): Promise<void> {
		const { table } = this;
		return this.#tell({ ...table, ...changes, generation: table.generation + 1 }, first);
	}

	/** Which disks they are, stable on all of them when it resolves. Throws an OperatorError. */
	changeEntries(chunks: readonly ChunkEntry[], nextId = this.table.nextId): Promise<void> {
		return this.change(
			{ chunks, nextId },
			chunks.map(({ id }) => id),
		);
	}

	/** Which files lie where. `first`: whoever must have it stable. Throws an OperatorError. */
	changeFile(file: number, place: FilePlace, first: readonly number[]): Promise<void> {
		return this.change({ files: this.table.files.with(file, place) }, first);
	}

	chunkOf(id: number): Chunk {
		const chunk = this.#chunks.get(id);
		invariant(chunk !== undefined, "a disk of a pool is not there");
		return chunk;
	}

	/** A disk that is not yet told of, or not any more: it has a head as the others have. Throws an OperatorError. */
	async addChunk(id: number, chunk: Chunk): Promise<void> {
		this.#chunks.set(id, chunk);
		await this.#head?.give(chunk);
	}

	removeChunk(id: number): void {
		this.#chunks.delete(id);
	}

	/** A file that there is. Throws an OperatorError. */
	open(file: number, name: string): ChunkPart {
		const place = this.table.files[file];
		if (place === undefined) throw new OperatorError(`${this.path}/${name}: there is no such file`);
		const part = new ChunkPart(this.sideOf(place), `${this.path}/${name}`, this, async () => {
			if (this.#parts.get(file) === part) this.#parts.delete(file);
		});
		this.#parts.set(file, part);
		return part;
	}

	/** Whether the disk of a file is missing. */
	isLost(file: number): boolean {
		const place = this.table.files[file];
		return place !== undefined && !this.#chunks.has(place.chunk);
	}

	/** Undefined: it is not open. */
	partOf(file: number): ChunkPart | undefined {
		return this.#parts.get(file);
	}

	sideOf({ chunk, place }: FilePlace): Side {
		return { device: this.chunkOf(chunk).device, offsetBytes: placeAt(place) };
	}

	/** Makes the next file. Throws an OperatorError. */
	async make(file: number): Promise<void> {
		if (file < this.table.files.length) return;
		invariant(file === this.table.files.length, "files of a pool are made in order");
		const place = this.places.take(this.table.chunks);
		if (place === undefined) throw new OperatorError(`${this.path}: there is no space left on its disks`);
		try {
			await this.change({ files: [...this.table.files, place] }, [place.chunk]);
			this.places.settle(place);
		} catch (error) {
			// (It may have been said; that it is not, is newer.)
			await this.change({ files: this.table.files.slice(0, file) }, []);
			this.places.giveUp(place);
			throw error;
		}
	}

	/** Of what the disk has that has most. */
	get copies(): number {
		return Math.max(1, ...[...this.#chunks.values()].map(({ device }) => device.info.copies));
	}

	/** Files that there can be. */
	get most(): number {
		return this.table.files.length + this.places.count(this.table.chunks);
	}
}

/** It was to be a part of a pool that never came to be. Throws an OperatorError. */
async function isUnmade(disk: NamedDevice, allocate: Allocate): Promise<boolean> {
	const { label } = await readLabel(disk, allocate);
	if (label === undefined || label.generation > MADE_GENERATION) return false;
	return !(await hasHead(new Chunk(disk, allocate), allocate));
}
