/**
 * A pool's files on disks of the daemon, each file on one of them, and its head on all. Made by whoever opens the pool
 * (`lib/daemon/chunk-pools.ts`), which says which disks these are.
 */

import type { BlockDevice } from "../../block/device.js";
import {
	fileName,
	fileNumber,
	HEAD_NAME,
	type MendedPlace,
	type PoolDisks,
	type PoolFolder,
} from "../folder.js";
import { Chunks, type ChunksWorld } from "./chunks.js";
import type { HeadCopies } from "./head-copies.js";
import { LostFile } from "./lost-file.js";
import { Membership, type MovePace } from "./membership.js";

export interface ChunkFolderOptions extends ChunksWorld {
	/** `requests`: those that the pool has made so far. */
	readonly pace: (requests: () => number) => MovePace;
	/** It is being used from now on, and not any more. */
	readonly onOpen?: () => void;
	readonly onClosed?: () => void;
}

export class ChunkFolder implements PoolFolder {
	/** There is nothing that a file system would have to note. */
	readonly fillsAhead = false;
	readonly #chunks: Chunks;
	readonly #membership: Membership;
	#head: HeadCopies | null = null;

	constructor({ pace, onOpen = () => {}, onClosed = () => {}, ...world }: ChunkFolderOptions) {
		this.#chunks = new Chunks(world);
		this.#membership = new Membership(
			this.#chunks,
			pace(() => this.#chunks.requests),
		);
		this.#chunks.whenClosing = () => this.#membership.close();
		this.#chunks.onOpen = onOpen;
		this.#chunks.onClosed = onClosed;
	}

	get path(): string {
		return this.#chunks.path;
	}

	get disks(): PoolDisks {
		return this.#membership;
	}

	async list(): Promise<readonly string[]> {
		if (!this.#chunks.isOpen && !(await this.#chunks.look())) return [];
		return [HEAD_NAME, ...this.#chunks.table.files.map((_, file) => fileName(file))];
	}

	/** Labels tell copies. */
	async site(): Promise<undefined> {}

	async free(): Promise<undefined> {}

	async most(): Promise<number> {
		return this.#chunks.most;
	}

	prepare(force: boolean): Promise<void> {
		return this.#chunks.format(force);
	}

	get copies(): number {
		return this.#chunks.copies;
	}

	async scrub(): Promise<readonly MendedPlace[]> {
		return (await this.#head?.scrub()) ?? [];
	}

	isLost(name: string): boolean {
		return this.#chunks.isLost(fileNumber(name) ?? -1);
	}

	async open(name: string): Promise<BlockDevice> {
		const file = fileNumber(name);
		if (file !== undefined && this.#chunks.isLost(file)) return new LostFile();
		if (file !== undefined) return this.#chunks.open(file, name);
		const head = await this.#chunks.openHead(false);
		this.#head = head;
		this.#membership.begin();
		return head;
	}

	async create(name: string): Promise<BlockDevice> {
		const file = fileNumber(name);
		if (file === undefined) {
			this.#head = await this.#chunks.openHead(true);
			return this.#head;
		}
		await this.#chunks.make(file);
		return this.#chunks.open(file, name);
	}
}
