/**
 * A replica of a pool: another image of its files (`image.ts`), in a store somewhere else, which follows in cuts as what a pool in a store writes follows to its own
 * (`publisher.ts`). All that is to be brought is read here, so nothing of it is in memory; what is not there yet is known by bits, and by rows of a table
 * on this host (`replica-table.ts`) that outlive the process and the power. The pool waits for that table alone, once for each slot, and not for long. Made by `replica-folder.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import type { OperatorError } from "../../errors.js";
import { fileNumber } from "../folder.js";
import { FILE_SLOTS } from "../format.js";
import type { HeadState } from "../head.js";
import type { Flushed } from "./flushed.js";
import { Image, type ImageRange } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { FILE_BLOCKS, IMAGE_BLOCK_BYTES, PIECE_BLOCKS, SLOT_BLOCKS, SLOT_PIECES } from "./layout.js";
import { LocalFile, piecesOf, type Span } from "./local-file.js";
import { LocalUpkeep } from "./local-upkeep.js";
import type { OwnImage } from "./own-image.js";
import { LinePace } from "./pace.js";
import { Publisher } from "./publisher.js";
import { Reclaim } from "./reclaim.js";
import { endFiles, markAgain } from "./replica-files.js";
import { PromotedError } from "./replica-keeper.js";
import type { ReplicaFound, ReplicaState } from "./replica-known.js";
import { ReplicaMarks } from "./replica-marks.js";
import type { ReplicaOptions } from "./replica-options.js";
import { ReplicaTable } from "./replica-table.js";
import { ReplicaWay } from "./replica-way.js";
import { SlotHolds } from "./slot-holds.js";

/** Blocks of a cut that are written over meanwhile where no slot can be held for them: where logs end. 8 MiB. */
const RESCUED_MAX = 2048;
/** All of the pool is on this host. */
const BOUNDLESS = { blocksMax: Number.POSITIVE_INFINITY, piecesMax: Number.POSITIVE_INFINITY };

/** A pool that is closed waits so long for what is missing there. */
const CLOSE_LIMIT_MS = 5_000;

export class Replica {
	readonly publisher: Publisher;
	readonly #options: ReplicaOptions;
	readonly #table: ReplicaTable;
	readonly #files = new Map<number, LocalFile>();
	readonly #flushed = new Map<LocalFile, Flushed>();
	readonly #way: ReplicaWay;
	readonly #marks: ReplicaMarks;
	/** Files that there are and that were not opened yet. */
	readonly #awaited: Set<number>;
	readonly #holds = new SlotHolds();
	readonly #upkeep: LocalUpkeep;
	#reclaim: Reclaim | null = null;
	#keeper: ImageKeeper | null = null;
	#image = new Image();
	/** Slots that are free, as long as it is not known what the replica has. */
	#free: Set<number> | null = new Set();
	#source = 0;
	#incarnation = -1;

	private constructor(options: ReplicaOptions, found: ReplicaFound, own: () => OwnImage | undefined) {
		const { names, content } = found;
		const { clock, allocate, nextTurn, bytesPerSecond, cutAfterMs, tell = () => {} } = options;
		this.#options = options;
		this.#table = new ReplicaTable({ options, found, files: () => this.#files.values() });
		this.#awaited = new Set(names.map(fileNumber).filter((number) => number !== undefined));
		this.#way = new ReplicaWay(options.connect, clock, tell);
		this.#marks = new ReplicaMarks(own);
		const of = this;
		this.publisher = new Publisher({
			get store() {
				return of.#way.place.store;
			},
			get keeper() {
				return of.#keeper!;
			},
			get image() {
				return of.#image;
			},
			...{ clock, allocate, nextTurn, sizes: BOUNDLESS, rescuedMax: RESCUED_MAX, tell },
			pace: new LinePace(clock, bytesPerSecond, cutAfterMs),
			ready: () => this.#ready(),
			mayGoOn: (error) => this.#mayGoOn(error),
			files: () => this.#files.values(),
			head: content,
			read: () => this.#holds.look(),
			named: (image) => this.#marks.named(image),
			published: () => this.#marks.published(),
		});
		const save = async (file: LocalFile): Promise<void> => void (await this.#table.save(file));
		this.#upkeep = new LocalUpkeep({
			files: {
				get opened() {
					return of.#files.values();
				},
				...{ save, tellAbsent: save, maySettle: (file: LocalFile) => this.#maySettle(file) },
			},
			...{ clock, nextTurn, sizes: BOUNDLESS },
		});
		this.#way.watch(() => this.publisher.exclusive(() => this.#look()));
	}

	/** `own`: as `PoolFolder.ownImage`. */
	static async open(
		options: ReplicaOptions,
		found: ReplicaFound,
		own: () => OwnImage | undefined,
	): Promise<Replica> {
		const replica = new Replica(options, found, own);
		await replica.#table.open();
		return replica;
	}

	get state(): ReplicaState {
		const { bytes, sinceMs } = this.publisher.unshipped;
		return {
			name: this.#options.name,
			lagBytes: bytes,
			lagMs: sinceMs === null ? null : this.#options.clock.now() - sinceMs,
			sentBytes: this.publisher.sentBytes,
			givenUp: this.publisher.givenUp,
			heldSlots: this.#holds.count,
			trouble: this.#trouble ?? this.#table.trouble,
			promoted: this.#way.promoted?.promotion ?? null,
		};
	}

	get #trouble(): string | null {
		return this.#way.trouble ?? this.publisher.trouble;
	}

	/** A file of the pool is open. */
	async adopt(number: number, device: BlockDevice, name: string, flushed: Flushed): Promise<LocalFile> {
		const file = new LocalFile(number, device, name);
		this.#flushed.set(file, flushed);
		const row = this.#table.rows.get(number);
		// (So that there is space for it.)
		if (row === undefined) await this.#table.save(file);
		else {
			file.restoreIntent(row);
			for (const { from, to } of file.intended())
				this.publisher.changed(file, { from: from * PIECE_BLOCKS, to: to * PIECE_BLOCKS });
		}
		this.#files.set(number, file);
		this.#awaited.delete(number);
		this.#way.look();
		return file;
	}

	/** The head is written: the pool is this one, and has been opened so often. From then on it is known here what is written. */
	async headWritten({ pool, incarnation }: HeadState): Promise<void> {
		await this.#table.opened(incarnation);
		this.#source = pool;
		this.#incarnation = incarnation;
		this.publisher.headChanged();
		this.#way.look();
	}

	/** Resolves when something may be written there: that it may be is stable. Throws an OperatorError. */
	async prepare(file: LocalFile, offsetBytes: number, lengthBytes: number): Promise<void> {
		const { from, to } = piecesOf(offsetBytes, lengthBytes);
		const slots = (pieces: number): number => Math.ceil(pieces / SLOT_PIECES) * SLOT_PIECES;
		const wanted = { from: Math.floor(from / SLOT_PIECES) * SLOT_PIECES, to: slots(to) };
		file.intend(wanted);
		await this.#table.intend(file);
		file.ready(wanted);
	}

	/** What the replica has must not be undone here by a loss of power after that is forgotten. */
	#maySettle(file: LocalFile): boolean {
		return this.#flushed.get(file)?.isAll === true;
	}

	changed(file: LocalFile, blocks: Span): void {
		if (this.#free !== null && this.#free.size > 0)
			for (let block = blocks.from; block < blocks.to; block += SLOT_BLOCKS)
				this.#free.delete(file.number * FILE_SLOTS + Math.floor(block / SLOT_BLOCKS));
		this.publisher.changed(file, blocks);
	}

	/** As `PoolFolder.freed`. */
	freed(slot: number, release: () => void): boolean {
		this.#free?.add(slot);
		this.#drop(slot);
		const file = this.#files.get(Math.floor(slot / FILE_SLOTS));
		return file !== undefined && this.#holds.hold(file, slot % FILE_SLOTS, release);
	}

	#drop(slot: number): void {
		const file = Math.floor(slot / FILE_SLOTS);
		const range: ImageRange = { file, first: (slot % FILE_SLOTS) * SLOT_BLOCKS, blocks: SLOT_BLOCKS };
		this.publisher.drop(this.#files.get(file), range);
	}

	/** Nothing is held any more. */
	endHolds(): void {
		if (this.#holds.count > 0) this.publisher.giveUp();
		this.#holds.look();
	}

	/** Resolves when the replica can be gone on with. Throws an OperatorError if that can't be any more. */
	async #ready(): Promise<void> {
		// (Of what was written before it was open not all is known until all of it is.)
		await this.#way.until(() => this.#incarnation >= 0 && this.#awaited.size === 0);
		if (this.#keeper === null) await this.#find();
		if (this.#keeper !== null) this.#marks.begins(this.#keeper.image);
	}

	async #find(): Promise<void> {
		const { keeper, image } = await this.#way.find(this.#source);
		this.#image = image;
		const { owner } = this.#table;
		const isKnown = owner?.pool === keeper.pool && owner.life === keeper.image.life;
		if (!isKnown) await this.#beginAnew(keeper);
		this.#free = null;
		this.#keeper = keeper;
		const { clock, nextTurn } = this.#options;
		const { publisher } = this;
		this.#reclaim = new Reclaim({
			...{ store: this.#way.place.store, keeper, image, clock, publisher, nextTurn },
			rewrite: (range) => this.#rewrite(range),
		});
	}

	async #look(): Promise<void> {
		const lost = await this.#keeper?.look?.();
		if (lost) this.publisher.isBegunAgain(lost);
		else if (this.#keeper !== null) await this.#marks.written(this.#keeper);
	}

	/** It was promoted, and may be given back: then it is known here what it had. */
	#mayGoOn(error: OperatorError): boolean {
		if (!(error instanceof PromotedError)) return false;
		this.#keeper = null;
		void this.#reclaim?.close();
		this.#reclaim = null;
		this.#marks.forget();
		markAgain(this.#files.values());
		this.#holds.look();
		return true;
	}

	/** Nothing is known here of what the replica has: what its superblock does not say that it has is brought there. */
	async #beginAnew(keeper: ImageKeeper): Promise<void> {
		const { pool, image } = keeper;
		const life = this.#options.identifier(16);
		for (const number of this.#image.files)
			if (!this.#files.has(number))
				this.publisher.drop(undefined, { file: number, first: 0, blocks: FILE_BLOCKS });
		const files = [...this.#files.values()];
		for (const file of files) {
			for (const span of this.#marks.differing(file.number, this.#image, image.mark)) {
				file.intend({ from: Math.floor(span.from / PIECE_BLOCKS), to: Math.ceil(span.to / PIECE_BLOCKS) });
				this.publisher.changed(file, span);
			}
			await this.#options.nextTurn();
		}
		if (await this.#table.begin({ pool, life }))
			for (const file of files) for (const span of file.intended()) file.ready(span);
		for (const slot of this.#free ?? []) this.#drop(slot);
		// (Before that it is begun anew once more, whatever happens.)
		await keeper.write((now) => ({ ...now, life }));
	}

	/** What an object has is read here again. */
	async #rewrite({ file: number, first, blocks }: ImageRange): Promise<void> {
		const file = this.#files.get(number);
		if (file === undefined) return;
		const span = { from: first, to: first + blocks };
		await this.prepare(file, first * IMAGE_BLOCK_BYTES, blocks * IMAGE_BLOCK_BYTES);
		this.publisher.changed(file, span);
	}

	/** What is missing there is brought, if that does not take long. */
	async close(): Promise<void> {
		await this.#upkeep.close();
		if (this.#trouble === null) await this.#way.within(CLOSE_LIMIT_MS, this.publisher.request());
		this.#way.end();
		await Promise.all([this.publisher.close(), this.#way.close()]);
		await this.#reclaim?.close();
		await endFiles(
			this.#files.values(),
			(file) => this.#maySettle(file),
			async (file) => void (await this.#table.save(file)),
		);
		await this.#table.close();
	}
}
