/**
 * Block limits and logical block provisioning (SBC-3, 6.6.4 and 6.6.5): how much may be asked for at once, and what becomes of blocks
 * that nobody needs. For `vpd.ts`; the limits themselves are in `limits.ts`, where operations hold to them.
 */

import type { DeviceInfo } from "../block/device.js";
import { COMPARE_BYTES_MAX, TRANSFER_BYTES_MAX, UNMAP_RANGES_MAX, WRITE_SAME_BYTES_MAX } from "./limits.js";

const BYTES = 60;
/** The granularity is aligned as it says. */
const ALIGNMENT_VALID = 0x8000_0000;
/** Unmapped by UNMAP, WRITE SAME (16), WRITE SAME (10); and reads as zeros then. */
const UNMAPS = 0x80 | 0x40 | 0x20 | 0x04;
const Provisioning = { full: 0, thin: 2 } as const;

/** (Zero in what is not told: there is no limit, or nothing to do it with.) */
export function blockLimits(info: DeviceInfo): Uint8Array {
	const { logicalBlockBytes, physicalBlockBytes, bestTransferBytes, canTrim } = info;
	const blocks = (bytes: number): number => Math.floor(bytes / logicalBlockBytes);
	const bytes = Buffer.alloc(BYTES);
	// WSNZ is 0: a number of 0 blocks means the rest.
	if (info.guarded !== "nobody") bytes[1] = Math.min(blocks(COMPARE_BYTES_MAX), 0xff);
	bytes.writeUInt16BE(Math.min(blocks(physicalBlockBytes), 0xffff), 2);
	bytes.writeUInt32BE(blocks(TRANSFER_BYTES_MAX), 4);
	bytes.writeUInt32BE(blocks(bestTransferBytes), 8);
	if (canTrim) {
		bytes.writeUInt32BE(0xffff_ffff, 16);
		bytes.writeUInt32BE(UNMAP_RANGES_MAX, 20);
		bytes.writeUInt32BE(blocks(info.trimGranularityBytes), 24);
		bytes.writeUInt32BE(ALIGNMENT_VALID + blocks(info.trimAlignmentBytes), 28);
	}
	bytes.writeBigUInt64BE(BigInt(blocks(WRITE_SAME_BYTES_MAX)), 32);
	if (info.atomicBytes > 0) {
		bytes.writeUInt32BE(blocks(info.atomicBytes), 40);
		bytes.writeUInt32BE(blocks(info.atomicUnitBytes), 44);
		bytes.writeUInt32BE(blocks(info.atomicUnitBytes), 48);
	}
	return bytes;
}

export function provisioning({ canTrim, readOnly }: DeviceInfo): Uint8Array {
	const bytes = Buffer.alloc(4);
	if (!canTrim) return bytes;
	if (!readOnly) bytes[1] = UNMAPS;
	bytes[2] = Provisioning.thin;
	return bytes;
}
