/** What of an export by iSCSI makes it another one, so that it is removed and added anew rather than changed while it is served. Used by `iscsi-exporter.ts`. */

import type { IscsiExportSpec } from "../spec/spec.js";

/** Where one is found: no two are there. */
export function unitOf({ target, lun }: IscsiExportSpec): string {
	return `${lun} ${target}`;
}

/** But for what can be changed. */
export function isAlike(one: IscsiExportSpec, other: IscsiExportSpec): boolean {
	const names = (spec: IscsiExportSpec) => spec.listen?.map(({ name }) => name).join("\n");
	return (
		one.disk === other.disk &&
		unitOf(one) === unitOf(other) &&
		one.removable === other.removable &&
		names(one) === names(other)
	);
}
