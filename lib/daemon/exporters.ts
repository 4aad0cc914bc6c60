/** The table of exporters of a daemon, by protocol: made, and asked for what disks are to be added to all of them. Used by `daemon.ts`. */

import { Departures } from "../departures.js";
import type { Pump } from "../pump.js";
import type { ExportSpec, LinkSpec } from "../spec/spec.js";
import { AoeExporter } from "./aoe-exporter.js";
import type { DaemonOptions } from "./daemon-options.js";
import type { Addition, Exporter } from "./exporter.js";
import { IscsiExporter } from "./iscsi-exporter.js";
import { NbdExporter } from "./nbd-exporter.js";
import type { PastOptions } from "./nbd-pasts.js";
import type { Tls } from "./tls.js";

/** What is asked of all of them is the same; what is added to one has that one's form. */
export interface Exporters extends Readonly<Record<ExportSpec["protocol"], Exporter>> {
	readonly aoe: AoeExporter;
	readonly nbd: NbdExporter;
	readonly iscsi: IscsiExporter;
}

export type Additions = Readonly<Record<ExportSpec["protocol"], Addition>>;

/** What a daemon has for them beside its options. */
interface Ground {
	readonly pump: Pump;
	readonly tls: Tls;
	readonly past: PastOptions;
}

export function makeExporters(options: DaemonOptions, { pump, tls, past }: Ground): Exporters {
	const { log, version, onSet, helpers, nbdWays, iscsiWays, isShared = false } = options;
	const departures = new Departures(pump);
	const outlets = { pump, log, version, departures, isShared, ...(helpers && { helpers }) };
	return {
		aoe: new AoeExporter(outlets, onSet),
		nbd: new NbdExporter({ pump, log, departures, past, tls, ...nbdWays }),
		iscsi: new IscsiExporter({ pump, log, departures, ...iscsiWays }),
	};
}

/** Throws an OperatorError if these can't all be. */
export function additionsOf(
	{ aoe, nbd, iscsi }: Exporters,
	exports: readonly ExportSpec[],
	links: readonly LinkSpec[],
): Additions {
	const blades = exports.filter((each) => each.protocol === "aoe");
	return {
		aoe: aoe.plan(blades, links),
		nbd: nbd.plan(exports.filter((each) => each.protocol === "nbd")),
		iscsi: iscsi.plan(exports.filter((each) => each.protocol === "iscsi")),
	};
}
