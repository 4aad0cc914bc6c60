/**
 * Exports by protocol, for those that look after one of them: links are AoE's alone, names of exports NBD's, targets iSCSI's. Of a list that is as it was
 * the answer is as it was, too, down to the object. Asked wherever disks are compared and placed.
 */

import { unreachable } from "../errors.js";
import type { AoeExportSpec, ChapSpec, ExportSpec, IscsiExportSpec, NbdExportSpec } from "./spec.js";

type Exports = readonly ExportSpec[];

const aoe = new WeakMap<Exports, readonly AoeExportSpec[]>();

export function aoeExportsOf(exports: Exports): readonly AoeExportSpec[] {
	const found = aoe.get(exports) ?? exports.filter((each) => each.protocol === "aoe");
	aoe.set(exports, found);
	return found;
}

/** A disk has one at most. */
export function nbdExportOf(exports: Exports): NbdExportSpec | undefined {
	return exports.find((each) => each.protocol === "nbd");
}

/** The same. */
export function iscsiExportOf(exports: Exports): IscsiExportSpec | undefined {
	return exports.find((each) => each.protocol === "iscsi");
}

const addresses = new WeakMap<Exports, readonly string[]>();

/** What initiators and clients find it by: SHELF.SLOT, `nbd:NAME`, `iscsi:TARGET/LUN`. */
export function addressesOf(exports: Exports): readonly string[] {
	const found = addresses.get(exports) ?? exports.map(addressOf);
	addresses.set(exports, found);
	return found;
}

function addressOf(each: ExportSpec): string {
	switch (each.protocol) {
		case "aoe":
			return `${each.shelf}.${each.slot}`;
		case "nbd":
			return `nbd:${each.exportName}`;
		case "iscsi":
			return `iscsi:${each.target}/${each.lun}`;
		default:
			return unreachable(each);
	}
}

/** Files that hold what an initiator has to know, and what it is told in return. */
export function secretFilesOf({ secretFile, mutual }: ChapSpec): string[] {
	return mutual === undefined ? [secretFile] : [secretFile, mutual.secretFile];
}
