/**
 * The files of a pool in an object store while it is open: what of them is here, what is fetched when it is wanted, what is brought there. Opened by
 * `store-folder.ts`: what is here is gone on with if the superblock says that it is what the image was last changed from; else it is nothing,
 * unless it has what was never brought there.
 */

import { type BlockDevice, deviceInfo } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { OperatorError } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { fileName, fileNumber } from "../folder.js";
import { FILE_BYTES, FILE_SLOTS } from "../format.js";
import { HEAD_FILE_BYTES } from "../head.js";
import { LateFile } from "../late-file.js";
import { run } from "../run.js";
import { Fetcher } from "./fetcher.js";
import type { Image, ImageRange } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { FILE_PIECES, IMAGE_BLOCK_BYTES, PIECE_BLOCKS } from "./layout.js";
import { LocalFile, piecesOf, type Span } from "./local-file.js";
import { type LocalRow, LocalTable, TABLE_NAME } from "./local-table.js";
import type { StoreFolderOptions, StoreState } from "./options.js";
import { Publisher } from "./publisher.js";
import { StoreFile, type StoreFileHome } from "./store-file.js";
import { readImage } from "./stored-image.js";

const SLOT_PIECES = FILE_PIECES / FILE_SLOTS;
const SLOT_BLOCKS = SLOT_PIECES * PIECE_BLOCKS;
/** Of a store that is away when the pool is closed, for so long. */
const CLOSE_LIMIT_MS = 30_000;

export interface StoredFilesOptions extends StoreFolderOptions {
	readonly isNew: boolean;
	readonly table: BlockDevice;
	/** Where the pool's head is here, and as what. */
	readonly head: BlockDevice;
	readonly content: Memory;
}

/** Throws an OperatorError, a FailedError or an ObjectError: then nothing is open. */
export async function openStored(options: StoredFilesOptions): Promise<StoredFiles> {
	const { keepers, isNew, store, allocate, local, path, content } = options;
	const table = new LocalTable(options.table, `${path}/${TABLE_NAME}`, allocate);
	const here = await table.owner();
	const keeper = isNew ? await keepers.create() : await keepers.acquire(here?.life ?? "");
	const image = await readImage(store, keeper.pool, keeper.image);
	const names = (await local.list()).map(fileNumber).filter((number) => number !== undefined);
	const count = Math.max(-1, ...names, ...image.files) + 1;
	const rows = new Map<number, LocalRow>();
	if (here !== undefined) await table.read(count, (file, row) => rows.set(file, row));
	const goesOn = here !== undefined && here.pool === keeper.pool && here.life === keeper.image.life;
	if (!goesOn) {
		refuseLost(path, rows);
		rows.clear();
		// (First, so that whenever it is broken off what is here by then counts only if all of it is.)
		content.bytes.fill(0);
		content.bytes.set(Buffer.from(keeper.image.head, "base64").subarray(0, HEAD_FILE_BYTES));
		await run(options.head, BlockOp.write, 0, HEAD_FILE_BYTES, content, path);
		await run(options.head, BlockOp.flush, 0, 0, undefined, path);
		const life = options.identifier(16);
		await table.begin({ pool: keeper.pool, life });
		// Before anything is written here: whoever was here before knows then that he is not any more.
		await keeper.write((now) => ({ ...now, life }));
	}
	return new StoredFiles(options, { table, keeper, image, count, rows, there: new Set(names) });
}

/** What is here and nowhere else is not thrown away. */
function refuseLost(path: string, rows: ReadonlyMap<number, LocalRow>): void {
	const lost = [...rows.values()].some(({ intent }) => intent.some((word) => word !== 0));
	if (lost)
		throw new OperatorError(
			`${path}: another host has gone on with it, and here is what may not be in the store; move the directory of its log away to keep that`,
		);
}

interface Found {
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
	readonly #options: StoredFilesOptions;
	readonly #table: LocalTable;
	readonly #image: Image;
	readonly #rows: ReadonlyMap<number, LocalRow>;
	readonly #there: ReadonlySet<number>;
	readonly #fetcher: Fetcher;
	readonly #files = new Map<number, LocalFile>();
	/** Slots that the pool has given back, of which the store has something yet. */
	readonly #dropped = new Set<number>();
	#count: number;

	constructor(options: StoredFilesOptions, { table, keeper, image, count, rows, there }: Found) {
		const { store, clock, allocate, logBytes, content, tell = () => {} } = options;
		this.#options = options;
		this.#table = table;
		this.#image = image;
		this.#count = count;
		this.#rows = rows;
		this.#there = there;
		this.publisher = new Publisher({
			...{ store, keeper, image, clock, allocate },
			files: () => this.#files.values(),
			head: () => Buffer.from(content.bytes.subarray(0, HEAD_FILE_BYTES)),
			blocksMax: Math.floor(logBytes / IMAGE_BLOCK_BYTES),
			tell: (trouble) => tell("upload", trouble),
			published: (dropped) => {
				for (const range of dropped) this.#dropped.delete(slotKey(range));
			},
		});
		this.#fetcher = new Fetcher({
			...{ store, image, clock, allocate },
			pool: keeper.pool,
			tell: (trouble) => tell("fetch", trouble),
			arrived: () => {},
		});
	}

	/** One more than the highest number of a file. */
	get count(): number {
		return this.#count;
	}

	get state(): StoreState {
		const { bytes, sinceMs } = this.publisher.unshipped;
		return {
			unshippedBytes: bytes,
			unshippedMs: sinceMs === null ? null : this.#options.clock.now() - sinceMs,
			objects: this.#image.objects.size,
			fetchedBytes: this.#fetcher.fetchedBytes,
			trouble: this.publisher.trouble ?? this.#fetcher.trouble,
		};
	}

	async open(number: number): Promise<BlockDevice> {
		const file = this.#files.get(number) ?? (await this.#make(number));
		return new StoreFile(file, this);
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

	fetch(file: LocalFile, pieces: Span): Promise<void> {
		return this.#fetcher.fetch(file, pieces);
	}

	get hasRoom(): boolean {
		return this.publisher.hasRoom;
	}

	async prepare(file: LocalFile, offsetBytes: number, lengthBytes: number): Promise<void> {
		await this.publisher.room();
		const pieces = piecesOf(offsetBytes, lengthBytes);
		if (file.isReady(pieces)) return;
		const wanted = this.#widened(file, pieces);
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

	/** What is here alone is brought there, unless the store is away: then it is gone on with the next time. */
	async close(): Promise<void> {
		const isStored = await this.#storeAll();
		await this.publisher.close();
		await this.#fetcher.close();
		for (const file of this.#files.values()) {
			if (isStored) file.settle();
			await this.#save(file);
			await file.device.close();
		}
		await this.#table.close();
	}

	async #storeAll(): Promise<boolean> {
		let cancel = (): void => {};
		const late = new Promise<boolean>((resolve) => {
			cancel = this.#options.clock.after(CLOSE_LIMIT_MS, () => resolve(false));
		});
		const stored = this.publisher.request().then(
			() => true,
			() => false,
		);
		const isStored = await Promise.race([stored, late]);
		cancel();
		return isStored;
	}

	/** What is here is stable, and that it is. */
	async #save(file: LocalFile): Promise<void> {
		if (!file.isHere) return;
		await file.sync();
		await this.#table.save(file.number, file.row);
	}
}

/** Of what is in one slot. */
function slotKey({ file, first }: ImageRange): number {
	return file * FILE_SLOTS + Math.floor(first / SLOT_BLOCKS);
}

function rangeOf({ number }: LocalFile, { from, to }: Span): ImageRange {
	return { file: number, first: from * PIECE_BLOCKS, blocks: (to - from) * PIECE_BLOCKS };
}
