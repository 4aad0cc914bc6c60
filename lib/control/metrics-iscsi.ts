/** The part of the metrics that is of initiators over iSCSI. Used by `metrics.ts`. */

import type { IscsiReport } from "../daemon/iscsi-state.js";
import { escaped, type Writer } from "./metrics-writer.js";

export interface IscsiMetrics {
	readonly name: string;
	/** Null: it is not served over iSCSI. */
	readonly iscsi: {
		readonly target: string;
		readonly lun: number;
		readonly sessionCount: number;
		readonly refused: number;
	} | null;
}

export interface IscsiSource {
	readonly disks: readonly IscsiMetrics[];
	readonly iscsi: Pick<IscsiReport, "refusals" | "errors" | "headerDigestErrors" | "dataDigestErrors">;
}

export function* aboutIscsi(writer: Writer, { disks, iscsi }: IscsiSource): Iterable<void> {
	yield* aboutTargets(writer, disks);
	const { refusals, errors, headerDigestErrors, dataDigestErrors } = iscsi;
	writer.family("vblade_iscsi_logins_refused", "counter", "Logins of initiators that came to nothing.");
	for (const [reason, count] of Object.entries(refusals))
		writer.line("vblade_iscsi_logins_refused_total", `reason="${reason}"`, count);
	writer.family("vblade_iscsi_errors", "counter", "Commands that ended with sense data.");
	for (const [sense, count] of Object.entries(errors))
		writer.line("vblade_iscsi_errors_total", `sense="${escaped(sense)}"`, count);
	writer.family("vblade_iscsi_digest_errors", "counter", "PDUs that came with a wrong digest.");
	writer.line("vblade_iscsi_digest_errors_total", 'part="header"', headerDigestErrors);
	writer.line("vblade_iscsi_digest_errors_total", 'part="data"', dataDigestErrors);
}

function* aboutTargets(writer: Writer, disks: readonly IscsiMetrics[]): Iterable<void> {
	writer.family("vblade_disk_iscsi_sessions", "gauge", "Sessions of initiators with the disk's target.");
	for (const { name, iscsi } of disks) {
		if (iscsi !== null)
			writer.line(
				"vblade_disk_iscsi_sessions",
				`disk="${escaped(name)}",target="${escaped(iscsi.target)}",lun="${iscsi.lun}"`,
				iscsi.sessionCount,
			);
		yield;
	}
	const targets = new Map<string, NonNullable<IscsiMetrics["iscsi"]>>();
	for (const { iscsi } of disks) if (iscsi !== null) targets.set(iscsi.target, iscsi);
	writer.family("vblade_iscsi_sessions", "gauge", "Sessions of initiators.");
	for (const { target, sessionCount } of targets.values()) {
		writer.line("vblade_iscsi_sessions", `target="${escaped(target)}"`, sessionCount);
		yield;
	}
	writer.family("vblade_iscsi_target_refused", "counter", "Initiators that were refused by the target.");
	for (const { target, refused } of targets.values()) {
		writer.line("vblade_iscsi_target_refused_total", `target="${escaped(target)}"`, refused);
		yield;
	}
}
