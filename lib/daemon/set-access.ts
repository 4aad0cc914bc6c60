/**
 * What initiators have set on an export, and how long it holds: over every restart, until what it replaced is configured to be something
 * else. Worked out here alone, for exports that are changed (`aoe-exporter.ts`), served again after a fence (`worker-disks.ts`),
 * and added by control with what it has kept.
 */

import { isDeepStrictEqual } from "node:util";
import { type Check, isCount, isEither, isList, isNull, isShape, isText } from "../channel/checks.js";
import type { AccessSpec, AoeExportSpec, ExportSpec, KeptReservations } from "../spec/spec.js";

/** What they have set, and what was configured in its place. */
export interface SetAccess {
	readonly macs: readonly number[] | null;
	readonly configString: string | null;
	readonly access: AccessSpec;
}

/** Of a mask or a list of who has reserved (AoEr11, 3.3 and 3.4). */
const MOST_MACS = 255;
const LONGEST_CONFIG = 1024;
const MAC_MAX = 2 ** 48 - 1;

export const isMac = isCount(MAC_MAX);
export const isMacs = isList(isMac, MOST_MACS);
/** A character for each byte. */
export const isConfigString: Check = (value) =>
	isText(LONGEST_CONFIG)(value) && Buffer.from(String(value), "latin1").toString("latin1") === value;
export const isAccess = isShape({ mask: isMacs, reserved: isMacs, configString: isConfigString });

/** What was kept somewhere, made sure of. */
export const isSetAccess = isShape({
	macs: isEither(isNull, isMacs),
	configString: isEither(isNull, isConfigString),
	access: isAccess,
});

/** By name of the export: of AoE, or of iSCSI. */
export type SetOnDisk = Readonly<Record<string, SetAccess | KeptReservations>>;

/** The export with what initiators have set on it; undefined: nothing. */
export function exportWithSet(
	exported: ExportSpec,
	set: SetAccess | KeptReservations | undefined,
): ExportSpec {
	if (exported.protocol === "aoe")
		return set !== undefined && "access" in set ? withSet(exported, set) : exported;
	const isKept = exported.protocol === "iscsi" && set !== undefined && "registrations" in set;
	return isKept ? { ...exported, kept: set } : exported;
}

export function setOn({ macs, configString }: AoeExportSpec, access: AccessSpec): SetAccess {
	return { macs: macs ?? null, configString: configString ?? null, access };
}

/** The export as it is configured, with what initiators have set on it. */
export function withSet(spec: AoeExportSpec, set: SetAccess | undefined): AoeExportSpec {
	if (set === undefined) return spec;
	const { mask, reserved, configString } = set.access;
	const macs = spec.macs ?? null;
	const isStringTheirs = spec.configString === undefined || spec.configString === set.configString;
	return {
		...spec,
		access: {
			mask: isDeepStrictEqual(macs, set.macs) ? mask : (macs ?? []),
			reserved,
			configString: isStringTheirs ? configString : (spec.configString ?? ""),
		},
	};
}
