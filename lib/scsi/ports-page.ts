/**
 * SCSI ports (SPC-4, 7.8.15): the ports by which a unit is reached, by number and name, the other host's among them where two serve it: as REPORT TARGET
 * PORT GROUPS has them. A page of `vpd.ts`.
 */

import { portDesignator } from "./designators.js";
import type { Units } from "./operation.js";
import type { GroupPort } from "./port-group.js";
import { portsOf } from "./port-groups.js";
import type { LogicalUnit } from "./unit.js";

/** What each has before its names; of the initiator's port there is nothing to tell. */
const HEAD_BYTES = 12;

export function portsPage(unit: LogicalUnit, units: Units): Uint8Array {
	return Buffer.concat(portsOf(units, unit).map(descriptor));
}

function descriptor(port: GroupPort): Buffer {
	const name = portDesignator(port.name);
	const head = Buffer.alloc(HEAD_BYTES);
	head.writeUInt16BE(port.relative, 2);
	head.writeUInt16BE(name.length, 10);
	return Buffer.concat([head, name]);
}
