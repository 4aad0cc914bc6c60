/** READ CAPACITY (10) and (16) (SBC-3, 5.15 and 5.16): how many blocks, how large, and what becomes of those that are not needed any more. */

import { uint32 } from "./cdb.js";
import type { Operation } from "./operation.js";
import { refuse, succeedWith } from "./reply.js";
import { invalidField } from "./sense.js";
import type { TaskUnit } from "./task.js";

const SHORT_BYTES = 8;
const LONG_BYTES = 32;
const UINT32_MAX = 0xffffffff;
/** Logical block provisioning is managed: UNMAP frees; and what is unmapped reads as zeros. */
const LBPME = 0x80;
const LBPRZ = 0x40;

/** Blocks of the unit. */
export function capacityOf({ disk }: TaskUnit): number {
	const { sizeBytes, logicalBlockBytes } = disk.device.info;
	return Math.floor(sizeBytes / logicalBlockBytes);
}

export const readCapacity10: Operation = {
	start(task, unit) {
		const isPartial = (task.cdb[8]! & 1) > 0;
		if (!isPartial && uint32(task.cdb, 2) > 0) {
			refuse(task, invalidField(2));
			return;
		}
		const data = Buffer.alloc(SHORT_BYTES);
		data.writeUInt32BE(Math.min(capacityOf(unit) - 1, UINT32_MAX), 0);
		data.writeUInt32BE(unit.disk.device.info.logicalBlockBytes, 4);
		succeedWith(task, data, SHORT_BYTES);
	},
};

export const readCapacity16: Operation = {
	start(task, unit) {
		const { logicalBlockBytes, physicalBlockBytes, canTrim } = unit.disk.device.info;
		const data = Buffer.alloc(LONG_BYTES);
		data.writeBigUInt64BE(BigInt(capacityOf(unit) - 1), 0);
		data.writeUInt32BE(logicalBlockBytes, 8);
		data[13] = Math.max(0, Math.floor(Math.log2(physicalBlockBytes / logicalBlockBytes)));
		if (canTrim) data[14] = LBPME | LBPRZ;
		succeedWith(task, data, uint32(task.cdb, 10));
	},
};
