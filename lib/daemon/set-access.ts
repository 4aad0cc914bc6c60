/**
 * What initiators have set on an export, and how long it holds: over every restart, until what it replaced is configured to be something
 * else. Worked out here alone, for exports that are changed (`aoe-exporter.ts`), served again after a fence (`worker-disks.ts`),
 * and added by control with what it has kept.
 */

import { isDeepStrictEqual } from "node:util";
import type { AccessSpec, AoeExportSpec } from "../spec/spec.js";

/** What they have set, and what was configured in its place. */
export interface SetAccess {
	readonly macs: readonly number[] | null;
	readonly configString: string | null;
	readonly access: AccessSpec;
}

/** By name of the export. */
export type SetOnDisk = Readonly<Record<string, SetAccess>>;

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
