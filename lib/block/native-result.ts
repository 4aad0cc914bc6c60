/** What the addon says of an operation, as the end of the request that it was for. Used by `engine.ts`. */

import { StorageStatus } from "../errors.js";
import { Errno, RESULT_CANCELLED, RESULT_SYNC_FAILED, RESULT_SYNCED } from "../native.js";
import { BlockOp, type BlockRequest } from "./request.js";

/** Completes a request with what the addon said; where it failed is `fields[at]`. */
export function finish(request: BlockRequest, result: number, fields: Float64Array, at: number): void {
	if (result === RESULT_SYNCED) request.synced = true;
	if (result >= 0) {
		request.complete(result === RESULT_CANCELLED ? StorageStatus.cancelled : StorageStatus.ok);
		return;
	}
	const failedOffsetBytes = fields[at]!;
	if (result < RESULT_SYNC_FAILED)
		request.complete(StorageStatus.syncFailed, RESULT_SYNC_FAILED - result, failedOffsetBytes);
	else request.complete(statusOf(request.op, -result), -result, failedOffsetBytes);
}

/** What an errno means for an operation. A failed flush is always `syncFailed`: nobody knows what was lost. */
function statusOf(op: BlockOp, errno: number): StorageStatus {
	if (op === BlockOp.flush) return StorageStatus.syncFailed;
	switch (errno) {
		case Errno.ERANGE:
			return StorageStatus.outOfRange;
		case Errno.ENOSPC:
		case Errno.EDQUOT:
		case Errno.EFBIG:
			return StorageStatus.noSpace;
		case Errno.EROFS:
		case Errno.EPERM:
		case Errno.ETXTBSY:
			return StorageStatus.writeProtected;
		case Errno.EOPNOTSUPP:
			return StorageStatus.unsupported;
		default:
			return StorageStatus.mediumError;
	}
}
