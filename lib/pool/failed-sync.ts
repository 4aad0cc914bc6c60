/**
 * What a failed sync means for a pool: nobody knows what is on storage, and the kernel tells that once, whoever asked. So when a sync of any of its
 * files has failed, of nodes, of moved pages or of the head, no later one of the same pool succeeds: else the log's would, for records that were lost.
 * Put under a pool by `pool.ts`, and under the parts of a block device, which share a descriptor, by `directory.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { DeviceLayer } from "../block/layer.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Traces } from "./boot-trace.js";
import type { MendedPlace, MissingFile, PoolFolder, PoolWorld, StoredParts } from "./folder.js";

/** Of all that share a fate. */
class FailedSync {
	/** Null: none has failed. */
	errno: number | null = null;
}

export class FailedSyncLayer extends DeviceLayer {
	readonly #failed: FailedSync;

	constructor(device: BlockDevice, failed = new FailedSync()) {
		super(device);
		this.#failed = failed;
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush || request.maySync) request.push(this);
		this.device.submit(request);
	}

	/** (One that was under way when another one failed may have succeeded for that alone.) */
	below(request: BlockRequest): void {
		const { status, errno, op, synced } = request;
		if (status === StorageStatus.syncFailed) this.#failed.errno ??= errno;
		const isSync = status === StorageStatus.ok && (op === BlockOp.flush || synced);
		if (isSync && this.#failed.errno !== null) request.complete(StorageStatus.syncFailed, this.#failed.errno);
		else request.resume();
	}
}

/** The same folder, all of whose files share one fate. */
class FailedSyncFolder implements PoolFolder {
	readonly #folder: PoolFolder;
	readonly #failed = new FailedSync();
	/** Not of a folder that loses none: a pool of thousands of files is not asked for each of them. */
	readonly isLost?: (name: string) => boolean;

	constructor(folder: PoolFolder) {
		this.#folder = folder;
		if (folder.isLost !== undefined) this.isLost = folder.isLost.bind(folder);
	}

	get copies(): number {
		return this.#folder.copies ?? 1;
	}

	get path(): string {
		return this.#folder.path;
	}

	get fillsAhead(): boolean {
		return this.#folder.fillsAhead;
	}

	list(): Promise<readonly string[]> {
		return this.#folder.list();
	}

	site(): Promise<string | undefined> {
		return this.#folder.site();
	}

	async open(name: string): Promise<BlockDevice> {
		return new FailedSyncLayer(await this.#folder.open(name), this.#failed);
	}

	get traces(): Traces | undefined {
		return this.#folder.traces;
	}

	get stored(): StoredParts | undefined {
		return this.#folder.stored;
	}

	freed(slot: number): void {
		this.#folder.freed?.(slot);
	}

	async scrub(): Promise<readonly MendedPlace[]> {
		return (await this.#folder.scrub?.()) ?? [];
	}

	async missing(): Promise<MissingFile | undefined> {
		return this.#folder.missing?.();
	}

	most(): Promise<number | undefined> {
		return this.#folder.most();
	}

	free(): Promise<number | undefined> {
		return this.#folder.free();
	}

	prepare(force: boolean): Promise<void> {
		return this.#folder.prepare(force);
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		return new FailedSyncLayer(await this.#folder.create(name, sizeBytes), this.#failed);
	}
}

/** The same world, where no sync of the pool succeeds after one that has failed. */
export function ofOneFate(world: PoolWorld): PoolWorld {
	return { ...world, folder: new FailedSyncFolder(world.folder) };
}
