/** What an export is as a device, and what requests come to, of what the server says. Used by `device.ts`. */

import { constants } from "node:os";
import { type DeviceInfo, deviceInfo } from "../../block/device.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import { oneLine } from "../../text.js";
import { SECTOR_BYTES } from "../../wire/sector.js";
import { NbdError, TransmissionFlag } from "../protocol.js";
import type { Agreement } from "./agree.js";
import { type CallEnd, CLOSED, UNREACHABLE } from "./call.js";

/** Longest piece of a read or write. */
export const PIECE_BYTES = 1024 * 1024;

export function infoOf(
	{ sizeBytes, flags, allocationContext, preferredBytes, trimmedIsZero }: Agreement,
	readOnly: boolean,
): DeviceInfo {
	const has = (flag: number): boolean => (flags & flag) > 0;
	return deviceInfo({
		sizeBytes: sizeBytes - (sizeBytes % SECTOR_BYTES),
		readOnly: readOnly || has(TransmissionFlag.readOnly),
		canTrim: trimmedIsZero || has(TransmissionFlag.sendWriteZeroes),
		fastZeroes: has(TransmissionFlag.sendFastZero),
		knowsExtents: allocationContext >= 0,
		writeCache: has(TransmissionFlag.sendFlush),
		nonRotational: !has(TransmissionFlag.rotational),
		bestTransferBytes: Math.min(preferredBytes, PIECE_BYTES),
		// (Who else uses the export is not known.)
		guarded: "nobody",
	});
}

/** Who the disk is, if the server was to say it; null: not known. */
export function identityOf({
	serial,
	wwn,
}: Agreement): { readonly serial: string; readonly wwn: string } | null {
	return serial === null || wwn === null ? null : { serial, wwn };
}

/** What a request comes to, of what the server says. */
export function statusOf(end: CallEnd, op: BlockOp): [StorageStatus, number] {
	const { errno } = constants;
	switch (end) {
		case UNREACHABLE:
			return [StorageStatus.unreachable, errno.ETIMEDOUT];
		case CLOSED:
			return [StorageStatus.closed, 0];
		case NbdError.EPERM:
			return [StorageStatus.writeProtected, errno.EPERM];
		case NbdError.ENOSPC:
			return [op === BlockOp.read ? StorageStatus.mediumError : StorageStatus.noSpace, errno.ENOSPC];
		case NbdError.ENOTSUP:
			return [StorageStatus.unsupported, errno.EOPNOTSUPP];
		case NbdError.EINVAL:
		case NbdError.ENOMEM:
			return [StorageStatus.mediumError, end];
		default:
			return [StorageStatus.mediumError, errno.EIO];
	}
}

/** Whatever a server says is fit for one line. */
function serialOf({ serial }: Agreement): string {
	return serial === null ? "unknown" : oneLine(serial);
}

/** What makes an export another one than it was; null: nothing does. */
export function difference(before: Agreement, now: Agreement): string | null {
	if (now.sizeBytes !== before.sizeBytes)
		return `the export has ${now.sizeBytes} bytes now, and had ${before.sizeBytes}`;
	if (now.serial !== before.serial)
		return `it is another disk, with the serial number ${serialOf(now)} instead of ${serialOf(before)}`;
	if (((now.flags ^ before.flags) & TransmissionFlag.readOnly) > 0)
		return `the export is ${(now.flags & TransmissionFlag.readOnly) > 0 ? "read-only now" : "not read-only any more"}`;
	const isLess =
		(before.flags & ~now.flags) > 0 ||
		(before.isStructured && !now.isStructured) ||
		(before.trimmedIsZero && !now.trimmedIsZero);
	if (isLess || now.minimumBytes > SECTOR_BYTES || now.maximumBytes < before.maximumBytes)
		return "the server can do less now than it could";
	if (before.allocationContext >= 0 && now.allocationContext < 0)
		return "the server does not tell extents any more";
	return null;
}

/** The range that a byte of a trim with several is in, or the next one: where what is left of it begins and ends. */
export function rangeAt({ ranges, offsetBytes }: BlockRequest, cursor: number): [number, number] {
	for (let i = 0; i < ranges!.length; i += 2) {
		const begin = ranges![i]! - offsetBytes;
		const end = begin + ranges![i + 1]!;
		if (cursor < end) return [Math.max(cursor, begin), end];
	}
	return [cursor, cursor];
}
