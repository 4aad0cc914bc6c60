/** Disks over NBD, as a configuration asks for them: their exports, and what nobody could connect to. Asked by `config.ts`. */

import type { DiskConfig } from "./configuration.js";
import { nbdExportOf } from "./exports.js";
import type { NbdExportValues, NbdValues } from "./nbd-schema.js";
import { PlacedError } from "./place.js";
import type { NbdExportSpec } from "./spec.js";

/** Without a name of its own it has the disk's. */
export function nbdExportSpecOf(disk: string, values: NbdExportValues): NbdExportSpec {
	const { name = disk, description = "", clients, readers } = values;
	return {
		protocol: "nbd",
		name: `nbd:${disk}`,
		disk,
		exportName: name,
		description,
		...(clients !== undefined && { clients }),
		...(readers !== undefined && { readers }),
	};
}

/** Disks that nobody can connect to, for nothing listens. */
export function unheardOf(disks: readonly DiskConfig[], { listen = [] }: NbdValues): PlacedError[] {
	if (listen.length > 0) return [];
	return disks
		.filter(({ exports }) => nbdExportOf(exports) !== undefined)
		.map(
			({ name, placeOf }) =>
				new PlacedError(placeOf(["nbd"]), `disk ${name}: nobody can connect to it: [nbd] listen is missing`),
		);
}
