/**
 * What a login (`login.ts`) says, hears and ends with, and what it needs of whoever runs it. Answered by `connection.ts`.
 */

import type { Parameters } from "./parameters.js";
import type { LoginStatus } from "./pdu.js";
import type { ProofGate } from "./proof-delays.js";
import type { ChapAccount, Initiator, IscsiTarget } from "./target.js";

/** Why not, for the initiator as a number and for people in words. */
export interface LoginRefusal {
	readonly status: LoginStatus;
	readonly why: string;
}

/** What is there, for whoever is at the other end of one connection. */
export interface Offers {
	/** An address and port. */
	readonly peer: string;
	/** All that there are; others may come and go between two. */
	targets(): Iterable<IscsiTarget>;
	/** `name` is in small letters. Why not, if it is known and not to be had now; undefined if there is none. */
	find(name: string, initiator: Initiator): IscsiTarget | LoginRefusal | undefined;
	/** It has asked what there is, and may have nothing of that; `why`: one of them is not for it. */
	shownNothing(initiator: Initiator, why: string): void;
	/** Addresses and ports under which a target is, as `TargetAddress` has them, but for the group: `192.0.2.1:3260`, `[2001:db8::1]:3260`. */
	portals(): readonly string[];
	/** Asked before a proof is looked at. */
	readonly proofs: ProofGate;
	/**
	 * What was agreed on for a session that there is, which this connection wants to be part of (its TSIH is not 0), in place of the connection
	 * that it had, whose CID is the same (RFC 7143, 6.3.4).
	 */
	session(identity: SessionIdentity, target: IscsiTarget): Parameters | LoginRefusal;
}

/** What a login needs of its connection. */
export interface Talk extends Offers {
	/** A PDU, wholly. */
	send(bytes: Uint8Array): void;
	/** How many commands an initiator may send ahead: for MaxCmdSN. */
	readonly window: number;
}

export interface SessionIdentity {
	readonly initiatorName: string;
	/** 12 digits of base 16: `00023d000001`. */
	readonly isid: string;
	/** 0: it is a new one. */
	readonly tsih: number;
	readonly cid: number;
}

/** How it ends. */
export type LoginEnd = Agreed | Refused;

/** It is agreed, but not said yet: when there is a session, `accept` makes the last response of it; what may stand in the way is told by `refuse`. */
export interface Agreed {
	readonly kind: "agreed";
	readonly identity: SessionIdentity;
	/** Null: a discovery session. */
	readonly target: IscsiTarget | null;
	/** For people, or null. */
	readonly initiatorAlias: string | null;
	/** By CHAP, with the secret that it was proved by; null: nothing was. */
	readonly proved: ChapAccount | null;
	readonly parameters: Parameters;
	/** Of the first command that is to come. */
	readonly cmdSN: number;
	/** The next one, after the last response. */
	readonly statSN: number;
	accept(tsih: number): Uint8Array;
	refuse(status: LoginStatus): Uint8Array;
}

/** The initiator was told, if it could be. Null: it went, and has done nothing wrong. */
export interface Refused {
	readonly kind: "refused";
	readonly status: LoginStatus | null;
	readonly why: string;
	/** As far as it has said. */
	readonly initiatorName: string | null;
	readonly targetName: string | null;
}

/** For so long nothing is heard. */
export interface Pause {
	readonly pauseMs: number;
}

/** Yields how many bytes it wants next, and gets those; or a pause, and gets nothing. */
export type Steps<Result> = Generator<number | Pause, Result, Buffer>;

/** (An object with getters is not copied as it is.) */
export function talkOf(offers: Offers, own: Pick<Talk, "send" | "window">): Talk {
	return {
		...own,
		peer: offers.peer,
		targets: () => offers.targets(),
		find: (name, initiator) => offers.find(name, initiator),
		shownNothing: (initiator, why) => offers.shownNothing(initiator, why),
		portals: () => offers.portals(),
		proofs: offers.proofs,
		session: (identity, target) => offers.session(identity, target),
	};
}
