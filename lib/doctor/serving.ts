/**
 * Who serves here: a daemon that answers, servers that were started by themselves, or nobody; and what the daemon itself knows to be
 * wrong: disks that can't be served, initiators that have to ask again.
 */

import type { DiskList, InitiatorList, Status } from "../control/model.js";
import { counted } from "../text.js";
import { type Check, type Finding, fault, note, ok, warn } from "./check.js";
import type { DaemonReport } from "./daemon.js";

/** States of a disk that nobody wants. */
const BAD_STATES: readonly string[] = ["failed", "abandoned"];
/** An initiator that asks again for more of its requests than this loses frames, or waits for a disk that is too slow. */
const RESENDS_SHARE = 0.001;
/** Of what there may be thousands, only so many are told. */
const TOLD_MAX = 20;

export const serving: Check = {
	name: "daemon",
	limitMs: 1000,
	run({ daemon, servers }) {
		if (daemon !== undefined) return ofDaemon(daemon);
		const others = servers.map(({ pid }) => pid).join(", ");
		return others === ""
			? [note("no server runs here that can be seen")]
			: [ok(`servers run here: processes ${others}`)];
	},
};

/** The API's forms take many descriptors to load, which a machine that is looked at may not have: only if there is a daemon. */
async function ofDaemon({ socket, answers, failures }: DaemonReport): Promise<Finding[]> {
	const { DiskList, InitiatorList, Status } = await import("../control/model.js");
	const found: Finding[] = [];
	const disks = DiskList.safeParse(answers.disks).data;
	if (failures.length > 0)
		found.push(warn(`${socket}: the daemon did not answer all that it was asked`, failures.join("; ")));
	found.push(
		...ofStatus(Status.safeParse(answers.status).data, disks),
		...ofDisks(disks),
		...ofInitiators(InitiatorList.safeParse(answers.initiators).data),
	);
	return found.length > 0 ? found : [ok(`${socket}: the daemon answers, and has nothing to complain of`)];
}

function ofStatus(data: Status | undefined, list: DiskList | undefined): Finding[] {
	// Each of these is a fault of its own, below.
	const bad = new Set(
		(list?.disks ?? [])
			.filter(({ state }) => BAD_STATES.includes(state))
			.map(({ name, reason }) => `disk ${name}: ${reason}`),
	);
	const problems = (data?.problems ?? []).filter((problem) => !bad.has(problem));
	const again = data?.processes.filter(({ restarts }) => restarts > 0) ?? [];
	return [
		...problems.map((problem) => warn(`the daemon says: ${problem}`)),
		...again.map(({ kind, index, restarts }) =>
			note(
				`${kind} ${index} of the daemon was started again ${counted(restarts, "time")}`,
				undefined,
				"vblade events says why",
			),
		),
	];
}

function ofDisks(data: DiskList | undefined): Finding[] {
	const bad = (data?.disks ?? []).flatMap(({ name, state, reason, errors }) => {
		if (BAD_STATES.includes(state)) return [fault(`disk ${name}: is ${state}`, reason ?? undefined)];
		return errors > 0
			? [
					warn(
						`disk ${name}: ${counted(errors, "request")} ended with an error`,
						undefined,
						`vblade disk show ${name}`,
					),
				]
			: [];
	});
	return shortened(bad, "disks");
}

/** What can be known of the way to an initiator, which answers nothing: it asks again for answers that did not arrive. */
function ofInitiators(data: InitiatorList | undefined): Finding[] {
	const bad = (data?.initiators ?? []).flatMap(({ mac, link, counters: { reads, writes, resends } }) => {
		if (resends <= (reads + writes) * RESENDS_SHARE) return [];
		return [
			warn(
				`${link}: ${mac} has sent ${resends} of ${reads + writes} requests again`,
				"they, or the answers to them, were lost on the way, or took longer than it waits",
				"vblade doctor --peer=ADDRESS tries the way to its host; vblade disk show tells how long requests take",
			),
		];
	});
	return shortened(bad, "initiators");
}

function shortened(findings: readonly Finding[], what: string): Finding[] {
	if (findings.length <= TOLD_MAX) return [...findings];
	return [...findings.slice(0, TOLD_MAX), note(`and ${findings.length - TOLD_MAX} more ${what}`)];
}
