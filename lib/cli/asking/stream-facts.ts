/** How a disk stands with clients of NBD and initiators of iSCSI, for `vblade disk show`. Used by `disks.ts`. */

import type { Disk } from "../../control/model.js";
import { sizeText } from "../../text.js";

export type Pair = readonly [name: string, value: string];

export function some(name: string, value: string | null): Pair[] {
	return value === null ? [] : [[name, value]];
}

export function accessFacts({ access }: Disk): Pair[] {
	return access.flatMap(({ protocol, initiators, clients, readers, chapUser, mutualUser }): Pair[] => {
		const proof =
			mutualUser === null ? chapUser : `${chapUser}, and it is proved to them to be ${mutualUser}`;
		return [
			...some(`${protocol} initiators`, listText(initiators)),
			...some(`${protocol} from`, listText(clients)),
			...some(`${protocol} reads only`, listText(readers)),
			...some(`${protocol} chap`, proof),
		];
	});
}

/** Null: anybody. */
function listText(names: readonly string[] | null): string | null {
	return names === null ? null : names.join(", ") || "nobody";
}

export function nbdFacts({ nbd }: Disk): Pair[] {
	if (nbd === null) return [];
	const { name, description, refused, clientCount, clients } = nbd;
	const isMore = clientCount > clients.length;
	return [
		["nbd name", name === "" ? '""' : name],
		...some("nbd description", description || null),
		["nbd clients", `${clientCount}, refused ${refused}`],
		...clients.map(
			({
				peer,
				identity,
				encryption,
				past,
				readOnly,
				since,
				reads,
				readBytes,
				writes,
				writtenBytes,
			}): Pair => [
				"nbd client",
				`${[peer, identity, encryption].filter((word) => word !== null).join(", ")}${past === null ? "" : ` of ${past}`}${readOnly ? " (reads only)" : ""} since ${since}: ` +
					`${reads} reads (${sizeText(readBytes)}), ${writes} writes (${sizeText(writtenBytes)})`,
			],
		),
		...some("nbd client", isMore ? "and others" : null),
	];
}

export function iscsiFacts({ iscsi }: Disk): Pair[] {
	if (iscsi === null) return [];
	const { target, lun, removable, refused, unavailable, sessionCount, sessions } = iscsi;
	const isMore = sessionCount > sessions.length;
	return [
		["iscsi", `LUN ${lun} of ${target}${removable ? ", removable" : ""}`],
		...some("iscsi unavailable", unavailable),
		["iscsi sessions", `${sessionCount}, refused ${refused}`],
		...sessions.map((each): Pair => ["iscsi initiator", sessionText(each)]),
		...some("iscsi initiator", isMore ? "and others" : null),
	];
}

function sessionText(session: NonNullable<Disk["iscsi"]>["sessions"][number]): string {
	const { initiator, peer, user, headerDigest, dataDigest, since } = session;
	const { reads, readBytes, writes, writtenBytes, errors } = session;
	const digests = [...(headerDigest ? ["headers"] : []), ...(dataDigest ? ["data"] : [])];
	const how = [
		...(user === null ? [] : [`CHAP ${user}`]),
		...(digests.length === 0 ? [] : [`digests of ${digests.join(" and ")}`]),
	];
	return (
		`${[`${initiator} at ${peer}`, ...how].join(", ")} since ${since}: ` +
		`${reads} reads (${sizeText(readBytes)}), ${writes} writes (${sizeText(writtenBytes)})${errors === 0 ? "" : `, ${errors} errors`}`
	);
}
