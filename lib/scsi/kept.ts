/**
 * What of a unit is to outlive a loss of power, as it is kept: persistent reservations, if whoever registers wants that (APTPL), and that a SANITIZE is not done. Where
 * two hosts serve a unit all of it is, to be handed over. Plain values, for whoever has a place for
 * them beside what other protocols keep there (`lib/daemon/`), and back again.
 */

import {
	type Check,
	isCount,
	isEither,
	isFlag,
	isList,
	isMissing,
	isNull,
	isShape,
	isText,
} from "../channel/checks.js";
import { nexusKey } from "./nexus.js";
import {
	isOfAll,
	isReservationType,
	NOTHING_RESERVED,
	type Persistent,
	REGISTRATIONS_MAX,
	type Registration,
} from "./persistent.js";

export interface KeptRegistration {
	/** The names of both ports. */
	readonly initiator: string;
	readonly target: string;
	/** Relative target port identifier. */
	readonly port: number;
	/** Sixteen hexadecimal digits. */
	readonly key: string;
}

export interface KeptUnit {
	readonly registrations: readonly KeptRegistration[];
	readonly type: number | null;
	/** Which of the registrations holds it; null if all do, or nobody. */
	readonly holder: number | null;
	/** Of one that another host may have in a moment, to which it is handed over; left out: of none. */
	readonly along?: KeptAlong | undefined;
	/** Left out: no SANITIZE is under way, or has failed. */
	readonly sanitizing?: KeptSanitizing | undefined;
}

/** What is so as long as no power is lost. */
export interface KeptAlong {
	/** All of it is to outlive a loss of power (APTPL); else it is forgotten then. */
	readonly isKept: boolean;
	/** PRGENERATION. */
	readonly generation: number;
}

/** Of a SANITIZE that has begun and not succeeded. */
export interface KeptSanitizing {
	/** The unit may be used all the same, when somebody says so. */
	readonly mayLeave: boolean;
}

export const NOTHING_KEPT: KeptUnit = { registrations: [], type: null, holder: null };

/** As JSON. What would be longer is refused: there is no room for it, with what else is kept. */
const KEPT_CHARACTERS_MAX = 24 * 1024;
/** An iqn has at most 223 characters; what follows names the port. */
const NAME_MAX = 250;

const isKey: Check = (value) => isText(16)(value) && /^[0-9a-f]{16}$/.test(String(value));
const isIndex = isEither(isNull, isCount(REGISTRATIONS_MAX - 1));
const isRegistration = isShape({
	initiator: isText(NAME_MAX),
	target: isText(NAME_MAX),
	port: isCount(0xffff),
	key: isKey,
});

/** What was kept somewhere, made sure of. */
export const isKeptUnit = isShape({
	registrations: isList(isRegistration, REGISTRATIONS_MAX),
	type: isEither(isNull, isCount(8)),
	holder: isIndex,
	along: isEither(isMissing, isShape({ isKept: isFlag, generation: isCount(2 ** 32 - 1) })),
	sanitizing: isEither(isMissing, isShape({ mayLeave: isFlag })),
});

/** What is to be kept of `state`: nothing, unless that is wanted, or it `goesAlong` to another host. */
export function keptOf(
	{ isKept, registrations, reservation, generation }: Persistent,
	goesAlong = false,
): KeptUnit {
	if (!isKept && !goesAlong) return NOTHING_KEPT;
	const all = [...registrations.values()];
	const index = all.findIndex(({ nexus }) => nexus === reservation?.holder);
	return {
		registrations: all.map(keptRegistration),
		type: reservation?.type ?? null,
		holder: index < 0 ? null : index,
		...(goesAlong && { along: { isKept, generation } }),
	};
}

function keptRegistration({ nexus, initiatorPort, relativePort, key }: Registration): KeptRegistration {
	return {
		initiator: initiatorPort,
		target: nexus.slice(initiatorPort.length + 1),
		port: relativePort,
		key: key.toString(16).padStart(16, "0"),
	};
}

export function canBeKept(state: Persistent, goesAlong: boolean): boolean {
	return JSON.stringify(keptOf(state, goesAlong)).length <= KEPT_CHARACTERS_MAX;
}

/** As after power on, or, of what was handed over, as it was. */
export function persistentOf(kept: KeptUnit, isHandedOver = false): Persistent {
	const { registrations, type, holder, along } = kept;
	const isKept = along?.isKept ?? registrations.length > 0;
	const nothing = { ...NOTHING_RESERVED, generation: isHandedOver ? (along?.generation ?? 0) : 0 };
	if (registrations.length === 0 || !(isKept || isHandedOver)) return nothing;
	const all = registrations.map(({ initiator, target, port, key }): Registration => {
		const nexus = nexusKey(initiator, target);
		return { nexus, initiatorPort: initiator, relativePort: port, key: BigInt(`0x${key}`) };
	});
	const isType = type !== null && isReservationType(type);
	const by = isType && isOfAll(type) ? "" : all[holder ?? -1]?.nexus;
	return {
		...nothing,
		registrations: new Map(all.map((each) => [each.nexus, each])),
		reservation: isType && by !== undefined ? { type, holder: by } : null,
		isKept,
	};
}
