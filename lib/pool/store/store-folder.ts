/**
 * A pool's files in an object store, of which this host has what was written or read lately. What is there is the pool at one instant (`publisher.ts`); what
 * is here goes on from that, and survives the process and the power; another host goes on from what is there. Made by whoever opens the pool
 * (`lib/daemon/store-pools.ts`), which says where all of it is.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { OperatorError } from "../../errors.js";
import { isFault, ObjectFault } from "../../object/errors.js";
import type { Traces } from "../boot-trace.js";
import { fileName, fileNumber, HEAD_NAME, openOrMake, type PoolFolder, type StoredParts } from "../folder.js";
import { FILE_SLOTS } from "../format.js";
import { HEAD_FILE_BYTES } from "../head.js";
import { run } from "../run.js";
import { IMAGE_BLOCK_BYTES, SLOT_BLOCKS, traceName } from "./layout.js";
import { type LocalBytes, LocalSizes } from "./local-sizes.js";
import { TABLE_FILE_BYTES, TABLE_FILES, TABLE_NAME } from "./local-table.js";
import { openStored } from "./open-stored.js";
import type { StoreFolderOptions, StoreState } from "./options.js";
import type { OwnImage } from "./own-image.js";
import { StoreHead } from "./store-head.js";
import type { StoredFiles } from "./stored-files.js";
import type { ObjectKey } from "./stored-image.js";

/** (Or it is somebody's who has chosen the same place.) */
const ALREADY =
	"is a pool already; another one in that store wants a container, or a prefix, that no pool has";

export class StoreFolder implements PoolFolder {
	/** Where nothing was is a hole here, and nothing there. */
	readonly fillsAhead = false;
	readonly #options: StoreFolderOptions;
	readonly #sizes: LocalSizes;
	#files: StoredFiles | null = null;
	/** What it was when it was closed. */
	#ended: StoreState | null = null;

	constructor(options: StoreFolderOptions) {
		this.#options = options;
		this.#sizes = new LocalSizes(options);
	}

	get path(): string {
		return this.#options.path;
	}

	get state(): StoreState | null {
		return this.#files?.state ?? this.#ended;
	}

	/** Objects beside the image, by what they are of: which one is there first stays. */
	get traces(): Traces {
		return {
			clock: this.#options.clock,
			load: async (name) => {
				try {
					return await this.#options.store.get(traceName(this.#opened.pool, name));
				} catch (error) {
					if (isFault(error, ObjectFault.absent)) return null;
					throw error;
				}
			},
			save: async (name, bytes) => {
				if (this.#options.isView === true) return;
				await this.#options.store.put(traceName(this.#opened.pool, name), bytes);
			},
		};
	}

	get stored(): StoredParts | undefined {
		return this.#options.isView === true ? undefined : this.#files?.scrub;
	}

	get ownImage(): OwnImage | undefined {
		return this.#options.isView === true ? undefined : this.#files?.own;
	}

	/** Something of that object may still be read. */
	wants(key: ObjectKey): boolean {
		return this.#files?.wants(key) === true;
	}

	/** What is on this host alone is in the store when it resolves, unless that does not get on. */
	async settle(): Promise<void> {
		await this.#files?.within.settle();
	}

	/** Whether the store has all that is written by now, within a moment. */
	async shipSoon(): Promise<boolean> {
		return (await this.#files?.within.soon()) === true;
	}

	/** Before it is open all that is known is whether there is a pool. */
	async list(): Promise<readonly string[]> {
		if (this.#files === null) return (await this.#options.keepers.isThere()) ? [HEAD_NAME] : [];
		return [HEAD_NAME, ...Array.from({ length: this.#files.count }, (_, file) => fileName(file))];
	}

	/** What tells copies apart is the superblock. */
	async site(): Promise<undefined> {}

	/** What the local table has room for. */
	async most(): Promise<number> {
		return Math.min(TABLE_FILES, (await this.#options.local.most()) ?? TABLE_FILES);
	}

	async free(): Promise<undefined> {}

	async prepare(): Promise<void> {
		if (await this.#options.keepers.isThere()) throw new OperatorError(`${this.path}: ${ALREADY}`);
	}

	isNothing(slot: number, offsetBytes: number, lengthBytes: number): boolean {
		const from = Math.floor(offsetBytes / IMAGE_BLOCK_BYTES);
		const to = Math.ceil((offsetBytes + lengthBytes) / IMAGE_BLOCK_BYTES);
		const first = (slot % FILE_SLOTS) * SLOT_BLOCKS + from;
		return this.#files?.isNowhere({ file: Math.floor(slot / FILE_SLOTS), first, blocks: to - from }) === true;
	}

	/** Nothing in a slot is wanted any more. */
	freed(slot: number): boolean {
		const first = (slot % FILE_SLOTS) * SLOT_BLOCKS;
		this.#files?.drop({ file: Math.floor(slot / FILE_SLOTS), first, blocks: SLOT_BLOCKS });
		return false;
	}

	/** All that is written by now is in the store when it resolves. Throws an OperatorError. */
	ship(): Promise<void> {
		return this.#opened.publisher.request();
	}

	/** So much of it may be on this host from now on. */
	resize(bytes: LocalBytes): void {
		this.#sizes.set(bytes);
		// (Who waits for room may have it now.)
		this.#files?.publisher.resized();
	}

	async open(name: string): Promise<BlockDevice> {
		const file = fileNumber(name);
		if (file !== undefined) return this.#opened.open(file);
		return this.#openHead(false);
	}

	async create(name: string): Promise<BlockDevice> {
		const file = fileNumber(name);
		if (file !== undefined) return this.#opened.open(file);
		return this.#openHead(true);
	}

	get #opened(): StoredFiles {
		if (this.#files === null) throw new OperatorError(`${this.path}: is not open`);
		return this.#files;
	}

	async #openHead(isNew: boolean): Promise<BlockDevice> {
		const { local, path, allocate, stable } = this.#options;
		const names = await local.list();
		const name = `${path}/${HEAD_NAME}`;
		// (Locked as long as it is open: what is here is one process's.)
		const device = await openOrMake(local, names, HEAD_NAME, HEAD_FILE_BYTES);
		const opened: BlockDevice[] = [device];
		try {
			const table = await openOrMake(local, names, TABLE_NAME, TABLE_FILE_BYTES);
			opened.push(table);
			const content = allocate(HEAD_FILE_BYTES);
			await run(device, BlockOp.read, 0, HEAD_FILE_BYTES, content, name);
			const files = await openStored({
				...this.#options,
				sizes: this.#sizes,
				isNew,
				table,
				head: device,
				content,
			});
			this.#files = files;
			return new StoreHead({
				device,
				name,
				content,
				changed: () => files.publisher.headChanged(),
				// (Of a pool that is new the store has none: nobody could open it.)
				flushed: () =>
					stable === "store" || !files.hasStoredHead ? files.publisher.request() : Promise.resolve(),
				close: () => this.#close(files, device),
			});
		} catch (error) {
			if (this.#files !== null) await this.#close(this.#files, device);
			else for (const each of opened.reverse()) await each.close();
			throw error;
		}
	}

	async #close(files: StoredFiles, head: BlockDevice): Promise<void> {
		this.#files = null;
		try {
			await files.close();
		} finally {
			this.#ended = files.state;
			await head.close();
			await this.#options.closed?.();
		}
	}
}
