/**
 * INQUIRY (SPC-4, 6.6): what a logical unit is, or that there is none of that number. Built anew each time, since what a disk can do
 * may change. Every bit set here is one that some operation keeps. In the table of operations; pages of vital product data are in `vpd.ts`.
 */

import type { DiskIdentity } from "../disk.js";
import { uint16 } from "./cdb.js";
import { putText, VENDOR } from "./inquiry-text.js";
import type { Row, Units } from "./operation.js";
import { refuse, succeedWith } from "./reply.js";
import { invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";
import { vitalPage } from "./vpd.js";

/** A disk that is not there for now, of which nobody knows anything yet (SPC-4, table 175). */
const NOT_CONNECTED = 0x20;
/** No unit of that number, nor can there be one while it is not added (SPC-4, table 175). */
const NO_UNIT = 0x7f;
const STANDARD_BYTES = 96;
const REMOVABLE = 0x80;
const SPC4 = 0x06;
const FORMAT = 0x02;
/** Implicit asymmetric access, and third-party copies. */
const TPGS_IMPLICIT = 0x10;
const THIRD_PARTY_COPY = 0x08;
const COMMAND_QUEUE = 0x02;
/** SAM-5, iSCSI, SPC-4 and SBC-3, no version claimed (SPC-4, table 178). */
const VERSIONS = [0x00a0, 0x0960, 0x0460, 0x04c0];

const PRODUCT = "virtual disk";

function inquiry(task: ScsiTask, unit: LogicalUnit | undefined, units: Units): void {
	const { cdb } = task;
	const isVital = (cdb[1]! & 0x01) > 0;
	// (CMDDT of standards before.)
	if ((cdb[1]! & 0xfe) > 0) refuse(task, invalidField(1, 1));
	else if (!isVital && cdb[2] !== 0) refuse(task, invalidField(2));
	else {
		const awaited = unit === undefined ? units.awaited(task.lun) : undefined;
		const identity = awaited?.identity ?? null;
		const page = cdb[2]!;
		const bytes = isVital
			? vitalPage(unit, task.nexus, units, page, identity)
			: standardInquiry(unit, identity);
		if (bytes === undefined) refuse(task, invalidField(2));
		else {
			if (unit === undefined && identity === null) bytes[0] = awaited ? NOT_CONNECTED : NO_UNIT;
			succeedWith(task, bytes, uint16(cdb, 3));
		}
	}
}

/** `identity`: of one that is not there, and was. */
function standardInquiry(unit: LogicalUnit | undefined, identity: DiskIdentity | null): Uint8Array {
	const bytes = Buffer.alloc(STANDARD_BYTES);
	if (unit?.isRemovable) bytes[1] = REMOVABLE;
	bytes[2] = SPC4;
	bytes[3] = FORMAT;
	bytes[4] = STANDARD_BYTES - 5;
	bytes[5] = TPGS_IMPLICIT | THIRD_PARTY_COPY;
	bytes[7] = COMMAND_QUEUE;
	putText(bytes, 8, 8, VENDOR);
	putText(bytes, 16, 16, PRODUCT);
	putText(bytes, 32, 4, (unit?.disk.identity ?? identity)?.firmware ?? "");
	VERSIONS.forEach((version, index) => {
		bytes.writeUInt16BE(version, 58 + 2 * index);
	});
	return bytes;
}

export const INQUIRY_ROWS: readonly Row[] = [
	{
		usage: "1201ffffff00",
		operation: {
			ignoresAttention: true,
			start: inquiry,
			startWithout: (task, units) => inquiry(task, undefined, units),
		},
	},
];
