/**
 * What a failed sync means for a pool: nobody knows what is on storage, and the kernel tells that once, whoever asked. So when a sync of any of its
 * files has failed, of nodes, of moved pages or of the head, no later one of the same pool succeeds: else the log's would, for records that were lost.
 * Put under a pool by `pool.ts`, and under the parts of a block device, which share a descriptor, by `directory.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { DeviceLayer } from "../block/layer.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { PoolWorld } from "./folder.js";
import { FolderLayer } from "./folder-layer.js";

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
class FailedSyncFolder extends FolderLayer {
	readonly #failed = new FailedSync();

	override async open(name: string): Promise<BlockDevice> {
		return new FailedSyncLayer(await this.folder.open(name), this.#failed);
	}

	override async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		return new FailedSyncLayer(await this.folder.create(name, sizeBytes), this.#failed);
	}
}

/** The same world, where no sync of the pool succeeds after one that has failed. */
export function ofOneFate(world: PoolWorld): PoolWorld {
	return { ...world, folder: new FailedSyncFolder(world.folder) };
}
