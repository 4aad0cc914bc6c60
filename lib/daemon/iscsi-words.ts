/** What the server of iSCSI counts and has, in the words in which it is told: sessions, errors by sense key, why a login came to nothing. Used by `iscsi-exporter.ts`. */

import { LoginStatus } from "../iscsi/pdu.js";
import type { Session } from "../iscsi/session.js";
import { SenseKey } from "../scsi/protocol.js";
import { SANITIZE_FAILED } from "../scsi/sanitization.js";
import type { LogicalUnit } from "../scsi/unit.js";
import type { IscsiSessionState, LoginRefusalReason } from "./iscsi-state.js";

export function sessionState(session: Session): IscsiSessionState {
	const { identity, connection, user, use, hasHeaderDigest, hasDataDigest } = session;
	const { reads, readBytes, writes, writtenBytes, errors } = use.counts;
	return {
		...{ peer: connection.peer, initiator: identity.initiatorName, user, isid: identity.isid },
		...{ headerDigest: hasHeaderDigest, dataDigest: hasDataDigest, since: use.since.toISOString() },
		...{ underWay: connection.underWay, reads, readBytes, writes, writtenBytes, errors },
	};
}

/** `illegalRequest` as `illegal request`. */
const SENSES = Object.entries(SenseKey).map(
	([name, key]) => [key, name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)] as const,
);

/** By words; those that there were. */
export function sensesOf(errors: ArrayLike<number>): Readonly<Record<string, number>> {
	const found = SENSES.flatMap(([key, words]) => {
		const count = errors[key] ?? 0;
		return count === 0 ? [] : [[words, count] as const];
	});
	return Object.fromEntries(found);
}

export function reasonOf(status: LoginStatus): LoginRefusalReason {
	switch (status) {
		case LoginStatus.authenticationFailed:
			return "authentication";
		case LoginStatus.forbidden:
			return "forbidden";
		case LoginStatus.notFound:
		case LoginStatus.removed:
			return "not-found";
		case LoginStatus.unavailable:
			return "unavailable";
		case LoginStatus.tooManyConnections:
		case LoginStatus.outOfResources:
			return "crowded";
		default:
			return "protocol";
	}
}

/** Why initiators can't use a disk that is served. */
export function troublesOf(disk: string, { sanitization }: LogicalUnit): string[] {
	if (sanitization.sense !== SANITIZE_FAILED) return [];
	return [`disk ${disk}: a SANITIZE was interrupted: no initiator can use it before another one succeeds`];
}
