/**
 * What each service action of PERSISTENT RESERVE OUT makes of the reservations of a unit (SPC-4, 5.13.5 to 5.13.11, and 6.16): of one state another,
 * with what has to be told to whom, or a refusal. Nothing is changed here. Asked by `reservations.ts`.
 */

import { ReserveOut } from "./opcodes.js";
import {
	isHolder,
	isOfAll,
	isReservationType,
	letsRegistrants,
	NO_KEY,
	type Persistent,
	REGISTRATIONS_MAX,
	type Registrant,
	type Registration,
	type Reservation,
	type ReservationType,
} from "./persistent.js";
import { Asc } from "./protocol.js";
import { illegal, invalidField, invalidParameter, type Sense } from "./sense.js";

/** A command, read. */
export interface OutRequest {
	readonly action: number;
	readonly scope: number;
	readonly type: number;
	/** The one by which whoever asks is registered. */
	readonly key: bigint;
	/** What the action is about: a new key, or that of others. */
	readonly actionKey: bigint;
	/** Who asks. */
	readonly registrant: Registrant;
	/** Register: also those, beside him; or that one, with a move. */
	readonly others: readonly Registrant[];
	readonly isKept: boolean;
	/** Move: he who asks is registered no longer. */
	readonly unregisters: boolean;
}

export type Told = readonly [nexus: string, asc: Asc];

export type OutOutcome =
	| "conflict"
	| { readonly sense: Sense }
	| {
			readonly state: Persistent;
			readonly told: readonly Told[];
			/** Keys of nexuses whose tasks are to be aborted. */
			readonly aborted?: readonly string[];
	  };

export function carryOut(state: Persistent, request: OutRequest): OutOutcome {
	const { action, key, registrant } = request;
	const registration = state.registrations.get(registrant.nexus);
	switch (action) {
		case ReserveOut.register:
			if (key !== (registration?.key ?? NO_KEY)) return "conflict";
			return register(state, request);
		case ReserveOut.registerAndIgnore:
			return register(state, request);
		default:
	}
	if (registration === undefined || registration.key !== key) return "conflict";
	switch (action) {
		case ReserveOut.reserve:
			return reserve(state, request);
		case ReserveOut.release:
			return release(state, request);
		case ReserveOut.clear:
			return clear(state, request);
		case ReserveOut.preempt:
		case ReserveOut.preemptAndAbort:
			return preempt(state, request);
		case ReserveOut.registerAndMove:
			return move(state, request);
		default:
			return { sense: invalidField(1, 4) };
	}
}

/** With other registrations: one generation later. */
function later(state: Persistent, change: Partial<Persistent>): Persistent {
	return { ...state, generation: (state.generation + 1) >>> 0, ...change };
}

function register(state: Persistent, request: OutRequest): OutOutcome {
	const { actionKey, registrant, others, isKept } = request;
	const isKnown = state.registrations.has(registrant.nexus);
	if (actionKey === NO_KEY) {
		if (isKnown) return unregister(state, registrant.nexus, isKept);
		return { state: later(state, { isKept }), told: [] };
	}
	if (others.some(({ nexus }) => isKnown || state.registrations.has(nexus))) {
		// (Who is registered changes his key for himself alone.)
		return { sense: isKnown ? invalidField(1, 4) : invalidParameter(28) };
	}
	const registrations = new Map(state.registrations);
	for (const each of [registrant, ...others]) registrations.set(each.nexus, { ...each, key: actionKey });
	if (registrations.size > REGISTRATIONS_MAX) return { sense: illegal(Asc.insufficientRegistration) };
	return { state: later(state, { registrations, isKept }), told: [] };
}

function unregister(state: Persistent, nexus: string, isKept: boolean): OutOutcome {
	const registrations = without(state.registrations, ({ nexus: each }) => each === nexus);
	const reservation = leftOf(state.reservation, registrations);
	const isReleased = state.reservation !== null && reservation === null;
	const asks = isReleased && letsRegistrants(state.reservation!.type);
	const told = asks ? tell(registrations.keys(), Asc.reservationsReleased) : [];
	return { state: later(state, { registrations, reservation, isKept }), told };
}

function without(
	registrations: ReadonlyMap<string, Registration>,
	isGone: (registration: Registration) => boolean,
): Map<string, Registration> {
	return new Map([...registrations].filter(([, registration]) => !isGone(registration)));
}

/** A reservation without its holder, or its last one, is none. */
function leftOf(
	reservation: Reservation | null,
	registrations: ReadonlyMap<string, Registration>,
): Reservation | null {
	if (reservation === null) return null;
	const isHeld = isOfAll(reservation.type) ? registrations.size > 0 : registrations.has(reservation.holder);
	return isHeld ? reservation : null;
}

function tell(nexuses: Iterable<string>, asc: Asc, but = ""): Told[] {
	return [...nexuses].filter((nexus) => nexus !== but).map((nexus) => [nexus, asc]);
}

/** Scope and type of a CDB, which must be of a logical unit, and one that there is. */
function wrongType({ scope, type }: OutRequest): Sense | undefined {
	return scope !== 0 || !isReservationType(type) ? invalidField(2) : undefined;
}

function reservationFor({ registrant, type }: OutRequest): Reservation {
	const known = type as ReservationType;
	return { type: known, holder: isOfAll(known) ? "" : registrant.nexus };
}

function reserve(state: Persistent, request: OutRequest): OutOutcome {
	const sense = wrongType(request);
	if (sense !== undefined) return { sense };
	const { reservation } = state;
	if (reservation === null) return { state: { ...state, reservation: reservationFor(request) }, told: [] };
	const isSame = isHolder(state, request.registrant.nexus) && reservation.type === request.type;
	return isSame ? { state, told: [] } : "conflict";
}

function release(state: Persistent, request: OutRequest): OutOutcome {
	const { reservation, registrations } = state;
	const { registrant, scope, type } = request;
	if (reservation === null || !isHolder(state, registrant.nexus)) return { state, told: [] };
	if (scope !== 0 || type !== reservation.type) return { sense: illegal(Asc.invalidRelease) };
	const asks = letsRegistrants(reservation.type);
	const told = asks ? tell(registrations.keys(), Asc.reservationsReleased, registrant.nexus) : [];
	return { state: { ...state, reservation: null }, told };
}

function clear(state: Persistent, { registrant }: OutRequest): OutOutcome {
	const told = tell(state.registrations.keys(), Asc.reservationsPreempted, registrant.nexus);
	return { state: later(state, { registrations: new Map(), reservation: null }), told };
}

/** Takes the reservation over, or only the registrations of a key away (SPC-4, 5.13.11.2). */
function preempt(state: Persistent, request: OutRequest): OutOutcome {
	const { reservation, registrations } = state;
	const { actionKey } = request;
	const isAll = reservation !== null && isOfAll(reservation.type);
	if (actionKey === NO_KEY && !isAll) return { sense: invalidParameter(8) };
	const holderKey = isAll ? NO_KEY : registrations.get(reservation?.holder ?? "")?.key;
	const takesOver = reservation !== null && actionKey === holderKey;
	if (!takesOver) return removeKey(state, request);
	const sense = wrongType(request);
	return sense === undefined ? takeOver(state, reservation, request) : { sense };
}

function removeKey(state: Persistent, request: OutRequest): OutOutcome {
	const gone = [...state.registrations.values()].filter(({ key }) => key === request.actionKey);
	if (gone.length === 0) return "conflict";
	const registrations = without(state.registrations, ({ key }) => key === request.actionKey);
	const reservation = leftOf(state.reservation, registrations);
	const nexuses = gone.map(({ nexus }) => nexus);
	return {
		state: later(state, { registrations, reservation }),
		told: tell(nexuses, Asc.registrationsPreempted, request.registrant.nexus),
		...abortedBy(request, nexuses),
	};
}

function takeOver(state: Persistent, before: Reservation, request: OutRequest): OutOutcome {
	const own = request.registrant.nexus;
	const isGone = ({ nexus, key }: Registration): boolean =>
		nexus !== own && (isOfAll(before.type) || key === request.actionKey);
	const registrations = without(state.registrations, isGone);
	const gone = [...state.registrations.keys()].filter((nexus) => !registrations.has(nexus));
	const reservation = reservationFor(request);
	const told = tell(gone, Asc.registrationsPreempted);
	if (reservation.type !== before.type)
		told.push(...tell(registrations.keys(), Asc.reservationsReleased, own));
	return { state: later(state, { registrations, reservation }), told, ...abortedBy(request, gone) };
}

function abortedBy(
	{ action, registrant }: OutRequest,
	nexuses: readonly string[],
): { aborted?: readonly string[] } {
	if (action !== ReserveOut.preemptAndAbort) return {};
	return { aborted: nexuses.filter((nexus) => nexus !== registrant.nexus) };
}

function move(state: Persistent, request: OutRequest): OutOutcome {
	const { reservation } = state;
	const { registrant, others, actionKey, isKept, unregisters } = request;
	if (reservation === null || isOfAll(reservation.type) || !isHolder(state, registrant.nexus))
		return "conflict";
	if (actionKey === NO_KEY) return { sense: invalidParameter(8) };
	const other = others[0]!;
	if (other.nexus === registrant.nexus) return { sense: invalidParameter(24) };
	const registrations = new Map(state.registrations);
	registrations.set(other.nexus, { ...other, key: actionKey });
	if (unregisters) registrations.delete(registrant.nexus);
	if (registrations.size > REGISTRATIONS_MAX) return { sense: illegal(Asc.insufficientRegistration) };
	const moved: Reservation = { type: reservation.type, holder: other.nexus };
	return { state: later(state, { registrations, reservation: moved, isKept }), told: [] };
}
