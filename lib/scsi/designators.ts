/**
 * Device identification (SPC-4, 7.8.6, with designators of 7.8.6.3 to 7.8.6.11): the names of a unit, of the port by which it is asked, and
 * of the target. Given by `vpd.ts`, that of ports by `ports-page.ts`; copies name units by them.
 */

import type { DiskIdentity } from "../disk.js";
import { VENDOR } from "./inquiry-text.js";
import type { Nexus } from "./nexus.js";
import type { Units } from "./operation.js";
import { groupOf } from "./port-groups.js";
import type { LogicalUnit } from "./unit.js";

const CodeSet = { binary: 1, ascii: 2, utf8: 3 } as const;
const Association = { unit: 0, port: 1, device: 2 } as const;
const Type = { vendor: 1, naa: 3, relativePort: 4, portGroup: 5, name: 8 } as const;
const ISCSI = 5;

/** A name of a unit, as others give it. */
interface Named {
	readonly codeSet: number;
	readonly association: number;
	readonly type: number;
	readonly designator: Buffer;
}

/** It is that unit's world wide name: the one of its names that is short enough for others to give it (SPC-4, 6.4.5.1.5: 20 bytes). */
export function isDesignated(
	{ disk }: LogicalUnit,
	{ codeSet, association, type, designator }: Named,
): boolean {
	const isName = association === Association.unit && type === Type.naa && codeSet === CodeSet.binary;
	return isName && designator.equals(naaOf(disk.identity));
}

export function deviceDesignators(identity: DiskIdentity, { target }: Nexus, units: Units): Uint8Array {
	const vendor = Buffer.from(`${VENDOR.padEnd(8)}${identity.serial}`, "latin1");
	return Buffer.concat([
		designator(CodeSet.binary, Association.unit, Type.naa, naaOf(identity)),
		designator(CodeSet.ascii, Association.unit, Type.vendor, vendor),
		designator(CodeSet.binary, Association.port, Type.relativePort, number(target.relative)),
		designator(CodeSet.binary, Association.port, Type.portGroup, number(groupOf(units, target.name).id)),
		portDesignator(target.name),
		designator(CodeSet.utf8, Association.device, Type.name, name(units.name)),
	]);
}

/** The name of a port. */
export function portDesignator(port: string): Uint8Array {
	return designator(CodeSet.utf8, Association.port, Type.name, name(port));
}

/** The world wide name. */
function naaOf({ wwn }: DiskIdentity): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64BE(wwn);
	return bytes;
}

function designator(codeSet: number, association: number, type: number, value: Uint8Array): Uint8Array {
	const isOfUnit = association === Association.unit;
	// (Which protocol it is of is valid with ports and devices only.)
	const head = isOfUnit
		? [codeSet, type, 0, value.length]
		: [(ISCSI << 4) | codeSet, 0x80 | (association << 4) | type, 0, value.length];
	return Buffer.concat([Buffer.from(head), value]);
}

/** In the last two of four bytes. */
function number(value: number): Uint8Array {
	return Uint8Array.of(0, 0, value >> 8, value & 0xff);
}

/** Ends with at least one zero, and is whole words long. */
function name(text: string): Uint8Array {
	const bytes = Buffer.from(text, "utf8");
	return Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))]);
}
