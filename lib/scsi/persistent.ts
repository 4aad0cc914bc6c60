/**
 * Persistent reservations (SPC-4, 5.13) as values: who is registered at a unit, by which key, and who of them has it reserved in which way.
 * What a service action of PERSISTENT RESERVE OUT makes of that is in `reserve-out.ts`; `reservations.ts` has the one that counts, and what is told of it.
 */

import { Hold } from "../holds.js";

/** SPC-4, table 66: what others may not do, and who these are. */
export const ReservationType = {
	writeExclusive: 1,
	exclusiveAccess: 3,
	writeExclusiveRegistrants: 5,
	exclusiveAccessRegistrants: 6,
	writeExclusiveAll: 7,
	exclusiveAccessAll: 8,
} as const;
export type ReservationType = (typeof ReservationType)[keyof typeof ReservationType];

const TYPES: readonly number[] = Object.values(ReservationType);

export function isReservationType(type: number): type is ReservationType {
	return TYPES.includes(type);
}

/** Everybody who is registered holds it. */
export function isOfAll(type: ReservationType): boolean {
	return type === ReservationType.writeExclusiveAll || type === ReservationType.exclusiveAccessAll;
}

/** Who is registered may do everything. */
export function letsRegistrants(type: ReservationType): boolean {
	return type >= ReservationType.writeExclusiveRegistrants;
}

/** What it keeps from others. */
export function holdOf(type: ReservationType): Hold {
	switch (type) {
		case ReservationType.writeExclusive:
		case ReservationType.writeExclusiveRegistrants:
		case ReservationType.writeExclusiveAll:
			return Hold.writing;
		default:
			return Hold.all;
	}
}

/** A nexus that has registered, or was: `nexus.ts` has what names it. */
export interface Registrant {
	/** Of both ports: `Nexus.key`. */
	readonly nexus: string;
	readonly initiatorPort: string;
	readonly relativePort: number;
}

export interface Registration extends Registrant {
	/** Not `NO_KEY`. */
	readonly key: bigint;
}

export const NO_KEY = 0n;
/** At one unit. */
export const REGISTRATIONS_MAX = 128;

export interface Reservation {
	readonly type: ReservationType;
	/** Key of the nexus that holds it; empty if all who are registered do. */
	readonly holder: string;
}

export interface Persistent {
	/** Changes with whoever registers or is no longer (PRGENERATION); modulo 2^32. */
	readonly generation: number;
	/** By key of the nexus. */
	readonly registrations: ReadonlyMap<string, Registration>;
	readonly reservation: Reservation | null;
	/** It is to outlive a loss of power (APTPL). */
	readonly isKept: boolean;
}

export const NOTHING_RESERVED: Persistent = {
	generation: 0,
	registrations: new Map(),
	reservation: null,
	isKept: false,
};

export function isHolder({ reservation, registrations }: Persistent, nexus: string): boolean {
	if (reservation === null) return false;
	return isOfAll(reservation.type) ? registrations.has(nexus) : reservation.holder === nexus;
}

/** What that nexus may not do. */
export function holdAgainst(state: Persistent, nexus: string): Hold {
	const { reservation, registrations } = state;
	if (reservation === null || isHolder(state, nexus)) return Hold.none;
	if (letsRegistrants(reservation.type) && registrations.has(nexus)) return Hold.none;
	return holdOf(reservation.type);
}
