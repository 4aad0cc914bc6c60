/** REPORT LUNS (SPC-4, 6.33): which units a target has, and how LUNs are written. In the table of operations; `lunField` is what transports carry. */

import { uint32 } from "./cdb.js";
import type { Row, Units } from "./operation.js";
import { refuse, succeedWith } from "./reply.js";
import { invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";

/** What is asked for: units that are plainly addressed, well known ones (of which there are none), all. */
const Select = { addressed: 0x00, wellKnown: 0x01, all: 0x02 } as const;
const LUN_BYTES = 8;
/** Numbers above that are written in flat space (SAM-5, 4.7.7.3). */
const PERIPHERAL_MAX = 0xff;
const FLAT = 0x4000;
/** The least that an initiator must have room for (SPC-4, 6.33). */
const ALLOCATION_MIN = 16;

/** The first two bytes of a LUN, as a number. */
export function lunField(lun: number): number {
	return lun > PERIPHERAL_MAX ? FLAT | lun : lun;
}

function reportLuns(task: ScsiTask, units: Units): void {
	const { cdb } = task;
	const select = cdb[2]!;
	const allocation = uint32(cdb, 6);
	if (select > Select.all) refuse(task, invalidField(2));
	else if (allocation < ALLOCATION_MIN) refuse(task, invalidField(6));
	else {
		const luns = select === Select.wellKnown ? [] : units.luns();
		const bytes = Buffer.alloc(LUN_BYTES * (luns.length + 1));
		bytes.writeUInt32BE(LUN_BYTES * luns.length, 0);
		luns.forEach((lun, index) => {
			bytes.writeUInt16BE(lunField(lun), LUN_BYTES * (index + 1));
		});
		succeedWith(task, bytes, allocation);
	}
}

export const REPORT_LUNS_ROWS: readonly Row[] = [
	{
		usage: "a000ff000000ffffffff0000",
		operation: {
			ignoresAttention: true,
			start: (task, _unit, units) => reportLuns(task, units),
			startWithout: reportLuns,
		},
	},
];
