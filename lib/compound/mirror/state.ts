/** How a mirror and its members stand, for whoever shows it: what `Mirror.state` hands out, and the events that it tells of. */

import { StorageStatus, storageStatusText } from "../../errors.js";
import type { Ledger } from "./ledger.js";
import type { Member } from "./member.js";

/**
 * `inSync`: it has all that was acknowledged. `resyncing`: it is being copied to. `behind`: it lacks something, and is being tried again.
 * `absent`: there is no device. `refused`: it takes no part until the operator does something, which `reason` says.
 */
export type MemberStanding = "inSync" | "resyncing" | "behind" | "absent" | "refused";

export interface MemberState {
	readonly name: string;
	readonly index: number;
	/** 32 hexadecimal digits. */
	readonly uuid: string;
	readonly state: MemberStanding;
	/** Why it is not in sync, if that is known: one line. */
	readonly reason: string | null;
	/** What it lacks at most, in bytes; 0 if it is in sync. */
	readonly behindBytes: number;
	/** Milliseconds since 1970: since when it lacks something; null if it is in sync. */
	readonly lacksSinceMs: number | null;
	/** Of a read, a moving average in milliseconds; 0 until one was measured. */
	readonly latencyMs: number;
	readonly reads: number;
	/** Requests that failed. */
	readonly errors: number;
	/** Ranges that were written again because they could not be read, or differed. */
	readonly repairs: number;
}

/** `inSync`: all members are. `degraded`: not all. Without those that were taken out of the configuration. */
export interface MirrorState {
	readonly uuid: string;
	readonly state: "inSync" | "degraded";
	readonly generation: number;
	readonly sizeBytes: number;
	readonly regionBytes: number;
	/** Where it has been written lately: so much would be compared after a crash. */
	readonly intentBytes: number;
	readonly members: readonly MemberState[];
}

export type MirrorEvent =
	/** A member stands otherwise than before. */
	| { readonly kind: "member"; readonly member: MemberState }
	/** What a member could not read was read from another one, and written there again. */
	| {
			readonly kind: "repaired";
			readonly name: string;
			readonly offsetBytes: number;
			readonly lengthBytes: number;
	  };

export function memberState(member: Member, dataBytes: number, regionBytes: number): MemberState {
	const { name, index, uuid, inSync, lacksSinceMs, latencyMs, reads, errors, repairs } = member;
	return {
		name,
		index,
		uuid,
		state: standing(member),
		reason: reasonOf(member),
		behindBytes: inSync ? 0 : Math.min(member.behind.size * regionBytes, dataBytes),
		lacksSinceMs: inSync ? null : lacksSinceMs,
		latencyMs,
		reads,
		errors,
		repairs,
	};
}

export function mirrorState(
	uuid: string,
	ledger: Ledger,
	dataBytes: number,
	regionBytes: number,
): MirrorState {
	const { generation, intents } = ledger;
	const members = ledger.members.filter(({ isNamed, held }) => isNamed || held !== null);
	return {
		uuid,
		state: members.every(({ inSync }) => inSync) ? "inSync" : "degraded",
		generation,
		sizeBytes: dataBytes,
		regionBytes,
		intentBytes: Math.min(intents.wanted.size * regionBytes, dataBytes),
		members: members.map((member) => memberState(member, dataBytes, regionBytes)),
	};
}

function standing(member: Member): MemberStanding {
	if (member.inSync) return "inSync";
	if (member.held === null) return "absent";
	if (member.isTarget) return "resyncing";
	return member.refusal === null ? "behind" : "refused";
}

function reasonOf(member: Member): string | null {
	if (member.inSync) return null;
	if (member.refusal !== null) return member.refusal;
	if (member.isSilent) return "does not answer";
	return member.lostWith === StorageStatus.ok ? null : storageStatusText(member.lostWith);
}
