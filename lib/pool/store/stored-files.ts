/**
 * The files of a pool in an object store while it is open: what of them is here, what is fetched when it is wanted, what is brought there. Made by
 * `open-stored.ts`, of what that has found; asked by `store-folder.ts`.
 */

import { type BlockDevice, deviceInfo } from "../../block/device.js";
import type { Memory } from "../../wire/memory.js";
import { fileName } from "../folder.js";
import { FILE_BYTES } from "../format.js";
import { HEAD_FILE_BYTES } from "../head.js";
import { LateFile } from "../late-file.js";
import { Fetcher } from "./fetcher.js";
import { isNowhere, rangeOf, slotKey } from "./file-ranges.js";
import type { Image, ImageRange } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { IMAGE_BLOCK_BYTES, PIECE_BLOCKS, SLOT_PIECES } from "./layout.js";
import { LocalFile, piecesOf, type Span } from "./local-file.js";
import type { LocalSizes } from "./local-sizes.js";
import type { LocalRow, LocalTable } from "./local-table.js";
import { LocalUpkeep } from "./local-upkeep.js";
import { ObjectScrub } from "./object-scrub.js";
import type { StoreFolderOptions, StoreState } from "./options.js";
import { OwnImage } from "./own-image.js";
import { Publisher } from "./publisher.js";
import { Reclaim } from "./reclaim.js";
import { StoreFile, type StoreFileHome } from "./store-file.js";
import type { ObjectKey } from "./stored-image.js";
import { StoredWithin } from "./stored-within.js";

export interface FilesOptions extends StoreFolderOptions {
	/** The pool's head as it is here. */
	readonly content: Memory;
	readonly sizes: LocalSizes;
}

/** What was found when it was opened. */
export interface Found {
	readonly table: LocalTable;
	readonly keeper: ImageKeeper;
	readonly image: Image;
	readonly count: number;
	readonly rows: ReadonlyMap<number, LocalRow>;
	/** Files that are here. */
	readonly there: ReadonlySet<number>;
}

export class StoredFiles implements StoreFileHome {
	readonly publisher: Publisher;
	readonly #options: FilesOptions;
	readonly #table: LocalTable;
	readonly #keeper: ImageKeeper;
	/** Brings what is here alone there. */
	readonly within: StoredWithin;
	readonly #image: Image;
	readonly #rows: ReadonlyMap<number, LocalRow>;
	readonly #there: ReadonlySet<number>;
	readonly #fetcher: Fetcher;
	readonly #files = new Map<number, LocalFile>();
	readonly #upkeep: LocalUpkeep;
	/** Null: nothing is changed in the store. */
	readonly #reclaim: Reclaim | null;
	/** Looks at what is in the store. */
	readonly scrub: ObjectScrub;
	readonly own: OwnImage;
	/** What is neither here nor in the store reads as zeros. */
	readonly isNowhere = (range: ImageRange): boolean =>
		isNowhere(range, this.#image, this.#files.get(range.file) ?? this.#rows.has(range.file));
	/** Slots that the pool has given back, of which the store has something yet. */
	readonly #dropped = new Set<number>();
	#count: number;

	constructor(options: FilesOptions, { table, keeper, image, count, rows, there }: Found) {
		const { store, clock, nextTurn, allocate, sizes, content, tell = () => {} } = options;
		this.#options = options;
		this.#table = table;
		this.#keeper = keeper;
		this.#image = image;
		this.#count = count;
		this.#rows = rows;
		this.#there = there;
		this.publisher = new Publisher({
			...{ store, keeper, image, clock, allocate, nextTurn, sizes },
			files: () => this.#files.values(),
			head: () => Buffer.from(content.bytes.subarray(0, HEAD_FILE_BYTES)),
			tell: (trouble) => tell("upload", trouble),
			published: (dropped) => {
				for (const range of dropped) this.#dropped.delete(slotKey(range));
			},
		});
		this.#fetcher = new Fetcher({
			...{ store, image, clock, allocate },
			pool: keeper.pool,
			tell: (trouble) => tell("fetch", trouble),
		});
		const { publisher } = this;
		this.within = new StoredWithin(publisher, keeper, clock);
		const ship = () => this.within.ship();
		this.#upkeep = new LocalUpkeep({ files: this, clock, sizes, nextTurn, ship });
		this.own = new OwnImage({ keeper, image, publisher, clock, files: this.#files });
		// (Closed, it knows what is written, and does nothing about it.)
		if (options.isView === true) void publisher.close();
		const rewrite = (range: ImageRange): Promise<void> => this.#rewrite(range);
		const reclaimed = { store, keeper, image, clock, publisher, nextTurn, rewrite };
		this.#reclaim = options.isView === true ? null : new Reclaim(reclaimed);
		this.scrub = new ObjectScrub({
			...{ store, keeper, image, allocate, publisher, rewrite },
			local: (file) => this.#local(file),
			giveUp: (file, slot) => this.#upkeep.giveUp(file, slot),
		});
	}

	/** Its number. */
	get pool(): string {
		return this.#keeper.pool;
	}

	/** Something of that object may still be read. */
	wants({ epoch, number }: ObjectKey): boolean {
		const object = this.#image.objects.get(number);
		return object !== undefined && object.epoch === epoch && object.live > 0;
	}

	/** The store has a head of the pool. */
	get hasStoredHead(): boolean {
		return this.#keeper.image.head !== "";
	}

	/** Those of which something was wanted. */
	get opened(): Iterable<LocalFile> {
		return this.#files.values();
	}

	/** It is stable that nothing of these slots is here. Throws an OperatorError. */
	tellAbsent(file: LocalFile): Promise<void> {
		return this.#table.save(file.number, file.row);
	}

	/** One more than the highest number of a file. */
	get count(): number {
		return this.#count;
	}

	get state(): StoreState {
		// (Nothing of what is only read here is to be brought anywhere.)
		const nothing = { bytes: 0, sinceMs: null };
		const { bytes, sinceMs } = this.#options.isView === true ? nothing : this.publisher.unshipped;
		return {
			unshippedBytes: bytes,
			unshippedMs: sinceMs === null ? null : this.#options.clock.now() - sinceMs,
			objects: this.#image.objects.size,
			storedBytes: this.#image.storedBytes,
			fetchedBytes: this.#fetcher.fetchedBytes,
			trouble: this.publisher.trouble ?? this.#fetcher.trouble,
		};
	}

	async open(number: number): Promise<BlockDevice> {
		return new StoreFile(await this.#local(number), this);
	}

	async #local(number: number): Promise<LocalFile> {
		return this.#files.get(number) ?? this.#make(number);
	}

	async #make(number: number): Promise<LocalFile> {
		const { local, path } = this.#options;
		const name = fileName(number);
		// (A host that is new to the pool makes those alone of which it has something.)
		const device = this.#there.has(number)
			? await local.open(name)
			: new LateFile(deviceInfo({ sizeBytes: FILE_BYTES, writeCache: true }), () =>
					local.create(name, FILE_BYTES),
				);
		const file = new LocalFile(number, device, `${path}/${name}`);
		this.#files.set(number, file);
		this.#count = Math.max(this.#count, number + 1);
		const row = this.#rows.get(number);
		if (row !== undefined) this.#restore(file, row);
		return file;
	}

	/** What was here when the process ended, or the power. */
	#restore(file: LocalFile, row: LocalRow): void {
		file.restore(row);
		for (const { from, to } of file.intended())
			this.publisher.changed(file, { from: from * PIECE_BLOCKS, to: to * PIECE_BLOCKS });
	}

	async fetch(file: LocalFile, pieces: Span): Promise<void> {
		await file.pinned(pieces, () => this.#fetcher.fetch(file, pieces));
	}

	get hasRoom(): boolean {
		return this.publisher.hasRoom;
	}

	async prepare(file: LocalFile, offsetBytes: number, lengthBytes: number): Promise<void> {
		await this.publisher.room();
		const pieces = piecesOf(offsetBytes, lengthBytes);
		if (file.isReady(pieces)) return;
		const wanted = this.#widened(file, pieces);
		await file.pinned(wanted, () => this.#prepare(file, wanted));
	}

	async #prepare(file: LocalFile, wanted: Span): Promise<void> {
		for (let from = file.nextPresent(wanted.from, wanted.to, false); from < wanted.to; ) {
			const to = file.nextPresent(from, wanted.to, true);
			await this.#complete(file, { from, to });
			from = file.nextPresent(to, wanted.to, false);
		}
		// (Of what came from the store all must be here before it is said that what is here counts.)
		if (!this.#isNothing(rangeOf(file, wanted))) await file.sync();
		file.intend(wanted);
		await this.#table.save(file.number, file.row);
		file.ready(wanted);
	}

	/** All of a slot, if the store has nothing of it: the log goes on in it. */
	#widened(file: LocalFile, { from, to }: Span): Span {
		const slot = Math.floor(from / SLOT_PIECES);
		const whole = { from: slot * SLOT_PIECES, to: (slot + 1) * SLOT_PIECES };
		return to <= whole.to && this.#isNothing(rangeOf(file, whole)) ? whole : { from, to };
	}

	/** The store has nothing there that anybody wants. */
	#isNothing(range: ImageRange): boolean {
		return this.#dropped.has(slotKey(range)) || !this.#image.has(range);
	}

	/** Absent pieces are here when it resolves. */
	async #complete(file: LocalFile, pieces: Span): Promise<void> {
		const isNowhere = this.#isNothing(rangeOf(file, pieces)) && !this.#fetcher.isComing(file, pieces);
		if (isNowhere) file.arrived(pieces);
		else await this.#fetcher.fetch(file, pieces);
	}

	/** What the store has of a range is written there once more, as if it had been changed. */
	async #rewrite({ file: number, first, blocks }: ImageRange): Promise<void> {
		const file = await this.#local(number);
		await this.prepare(file, first * IMAGE_BLOCK_BYTES, blocks * IMAGE_BLOCK_BYTES);
		this.publisher.changed(file, { from: first, to: first + blocks });
	}

	rescue(file: LocalFile, blocks: Span): Promise<void> {
		return this.publisher.rescue(file, blocks);
	}

	changed(file: LocalFile, blocks: Span): void {
		this.publisher.changed(file, blocks);
	}

	/** A slot is given back. */
	drop(range: ImageRange): void {
		const file = this.#files.get(range.file);
		const blocks = { from: range.first, to: range.first + range.blocks };
		if (!this.#image.has(range) && file?.holds(blocks) !== true) return;
		this.#dropped.add(slotKey(range));
		this.publisher.drop(file, range);
	}

	get isStableInStore(): boolean {
		return this.#options.stable === "store";
	}

	stored(): Promise<void> {
		return this.publisher.request();
	}

	lacksRoom(): void {
		this.#upkeep.squeeze();
	}

	/** What is here alone is brought there, unless the store is away: then it is gone on with the next time. */
	async close(): Promise<void> {
		await this.#reclaim?.close();
		await this.#upkeep.close();
		const isStored = await this.within.ship();
		await this.publisher.close();
		await this.#fetcher.close();
		for (const file of this.#files.values()) {
			if (isStored && this.#reclaim !== null) file.settle();
			if (file.isHere) await this.save(file);
			await file.device.close();
		}
		await this.#table.close();
	}

	/** What is here is stable, and that it is. */
	async save(file: LocalFile): Promise<void> {
		await file.sync();
		await this.#table.save(file.number, file.row);
	}
}
