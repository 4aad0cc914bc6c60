/** What all workers have to say of iSCSI, as one. Used by `whole.ts`. */

import { type IscsiReport, LOGIN_REFUSALS } from "../../daemon/iscsi-state.js";
import type { IscsiStatus } from "../model.js";
import type { Look } from "../seams.js";
import type { Inside } from "./inside.js";

/** Where no worker has been heard. */
const NOBODY = Object.fromEntries(LOGIN_REFUSALS.map((reason) => [reason, 0])) as IscsiReport["refusals"];
/** As many as one worker tells. */
const TOLD = 8;

export function iscsiOf({ desired, observed }: Inside): IscsiStatus {
	// (Disks of one target have the same sessions.)
	const targets = new Map<string, number>();
	for (const { disk } of desired.stewards()) {
		const iscsi = observed.disk(disk.name)?.view?.iscsi;
		if (iscsi != null) targets.set(iscsi.target, iscsi.sessionCount);
	}
	const sessions = [...targets.values()].reduce((sum, each) => sum + each, 0);
	const report = reportIn(observed.looks());
	return { ...report, sessions, latest: [...report.latest] };
}

function reportIn(looks: readonly Look[]): IscsiReport {
	const all = looks.map(({ iscsi }) => iscsi);
	const latest = all.flatMap((each) => each.latest).sort((one, other) => other.at.localeCompare(one.at));
	const sum = (count: (report: IscsiReport) => number): number =>
		all.reduce((total, each) => total + count(each), 0);
	return {
		refusals: summed([NOBODY, ...all.map(({ refusals }) => refusals)]),
		latest: latest.slice(0, TOLD),
		errors: summed(all.map(({ errors }) => errors)),
		headerDigestErrors: sum(({ headerDigestErrors }) => headerDigestErrors),
		dataDigestErrors: sum(({ dataDigestErrors }) => dataDigestErrors),
	};
}

function summed<Key extends string>(all: readonly Readonly<Record<Key, number>>[]): Record<Key, number> {
	const sums: Partial<Record<Key, number>> = {};
	for (const each of all)
		for (const [key, count] of Object.entries(each) as [Key, number][]) sums[key] = (sums[key] ?? 0) + count;
	return sums as Record<Key, number>;
}
