/** A file of a pool's log whose disk is missing: nothing of it can be read, and nothing is written to it. Made by `chunk-folder.ts`. */

import type { CloseEnd } from "../../block/close.js";
import { type BlockDevice, deviceInfo, refuse } from "../../block/device.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import { FILE_BYTES } from "../format.js";

export class LostFile implements BlockDevice {
	readonly info = deviceInfo({ sizeBytes: FILE_BYTES, writeCache: true });

	/** There is nothing to sync. */
	submit(request: BlockRequest): void {
		const isSync = request.op === BlockOp.flush;
		request.complete(isSync ? StorageStatus.ok : (refuse(this.info, request) ?? StorageStatus.mediumError));
	}

	setWriteCache(enabled: boolean): boolean {
		return enabled;
	}

	cancel(): void {}

	listen(): () => void {
		return () => {};
	}

	async close(): Promise<CloseEnd> {
		return "closed";
	}
}
