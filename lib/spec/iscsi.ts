/** Disks over iSCSI, as a configuration asks for them: their exports, what no two of one target can have, and what nobody could connect to. Asked by `config.ts`. */

import { isDeepStrictEqual } from "node:util";
import type { DiskConfig } from "./configuration.js";
import { iscsiExportOf } from "./exports.js";
import { derivedTarget } from "./iscsi-name.js";
import type { IscsiExportValues, IscsiValues } from "./iscsi-schema.js";
import { ISCSI_DEFAULTS } from "./keys.js";
import { PlacedError } from "./place.js";
import type { IscsiExportSpec } from "./spec.js";

/** Without a target it is one of its own, called after `host` and the disk. */
export function iscsiExportSpecOf(disk: string, values: IscsiExportValues, host: string): IscsiExportSpec {
	const { target, lun, removable, initiators, clients, chap } = values;
	return {
		protocol: "iscsi",
		name: `iscsi:${disk}`,
		disk,
		target: target ?? derivedTarget(host, disk),
		lun: lun ?? ISCSI_DEFAULTS.lun,
		removable: removable ?? ISCSI_DEFAULTS.removable,
		...(initiators && { initiators }),
		...(clients && { clients }),
		...(chap && { chap }),
	};
}

/** What is of a whole target, so that all of its disks have to say the same. */
const OF_TARGETS = ["initiators", "clients", "chap"] as const;

/** What a disk of a target can't be beside one before it: its key, and why. */
export function clashInTarget(
	one: IscsiExportSpec,
	other: IscsiExportSpec,
): { key: keyof IscsiExportValues; why: string } | undefined {
	if (one.lun === other.lun) return { key: "lun", why: `is LUN ${one.lun} of ${one.target} already` };
	const key = OF_TARGETS.find((each) => !isDeepStrictEqual(one[each], other[each]));
	if (key === undefined) return undefined;
	return { key, why: `is of the same target, which has the same ${key} for all of its disks` };
}

export function unreachedOf(disks: readonly DiskConfig[], { listen = [] }: IscsiValues): PlacedError[] {
	if (listen.length > 0) return [];
	return disks
		.filter(({ exports }) => iscsiExportOf(exports) !== undefined)
		.map(
			({ name, placeOf }) =>
				new PlacedError(
					placeOf(["iscsi"]),
					`disk ${name}: no initiator can connect to it: [iscsi] listen is missing`,
				),
		);
}
