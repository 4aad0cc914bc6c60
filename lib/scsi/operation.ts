/**
 * What carries out one kind of SCSI command: its form alone, for the tables that `operations.ts` is made of. Asked by `target.ts`, which has
 * looked at unit attentions and reservations before.
 */

import type { DiskIdentity } from "../disk.js";
import type { PortGroup } from "./port-group.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** The target, for the few operations that are about more than one logical unit. */
export interface Units {
	/** Of the device: an iqn. */
	readonly name: string;
	/** At least one. */
	readonly portGroups: readonly PortGroup[];
	unit(lun: number): LogicalUnit | undefined;
	/** What there is none of now, and soon may be; undefined: nobody is to come by that number. */
	awaited(lun: number): AwaitedUnit | undefined;
	/** In ascending order, with those awaited that initiators know. */
	luns(): number[];
}

/** A unit that is not there: its disk is being opened, or fenced, or waits for what it is on. */
export interface AwaitedUnit {
	/** Of the disk that there was last by that number; null: initiators have seen none. */
	readonly identity: DiskIdentity | null;
}

export interface Operation {
	/** Carried out while a unit attention waits, which goes on waiting: INQUIRY, REPORT LUNS, REQUEST SENSE (SAM-5, 5.14). */
	readonly ignoresAttention?: boolean;
	/** Carried out though the last SANITIZE has failed: another one, and what makes an end of that. */
	readonly mayFollowFailure?: boolean;
	/** Ends the task, or gives it a work that does. */
	start(task: ScsiTask, unit: LogicalUnit, units: Units): void;
	/** There is no unit of the number that was asked for. Left out: then the task is refused. */
	startWithout?(task: ScsiTask, units: Units): void;
}

/** A kind of command. */
export interface Row {
	/**
	 * Its CDB usage data (SPC-4, 6.27.3), two hexadecimal digits a byte: the operation code, then the bits that are looked at; so it says how long
	 * the CDB is, too.
	 */
	readonly usage: string;
	/** Of an operation code that several commands share; it is in the lower five bits of byte 1, or in bytes 8 and 9 of a CDB of 32. */
	readonly action?: number;
	readonly operation: Operation;
}
