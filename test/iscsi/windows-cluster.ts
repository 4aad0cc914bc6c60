/**
 * Two nodes of a cluster of Windows, as the validation of clusters has them try persistent reservations: as bytes, from SPC-4, 5.9 and 6.15 to 6.16. Played
 * by `windows.test.ts`.
 */

import { ascii, number, type Vector, zeros } from "./by-hand.js";
import { TEST_UNIT_READY, UNIT_ATTENTION } from "./windows.js";

const CONFLICT = { status: 0x18 };
const KEY = { one: "000000006d736674", two: "000000016d736674" };
/** WRITE EXCLUSIVE - REGISTRANTS ONLY: what clusters of Windows have. */
const TYPE = "05";

const out = (what: string, action: string, keys: string, more: Partial<Vector> = {}): Vector => ({
	what,
	cdb: `5f ${action} ${TYPE} 0000 00000018 00`,
	sends: `${keys} 00000000 00 000000`,
	...more,
});
const readKeys = (generation: number, keys: string): Vector => ({
	what: "READ KEYS",
	cdb: "5e 00 00000000 00 0200 00",
	takes: 512,
	gives: `${number(generation)} ${number(keys.length / 2)} ${keys}`,
});
const reservedBy = (generation: number, key: string): Vector => ({
	what: "READ RESERVATION",
	cdb: "5e 01 00000000 00 0200 00",
	takes: 512,
	gives: `${number(generation)} 00000010 ${key} 00000000 00 ${TYPE} 0000`,
});
const WRITE = { what: "it writes", cdb: "2a 00 00003000 00 0001 00", sends: "77".repeat(512) };
const READ = { what: "it reads", cdb: "28 00 00004000 00 0001 00", takes: 512, gives: zeros(512) };
const NOBODY = zeros(8);

/** One registration with all that there is to say of it: who it is, by the name of its port. */
const full = (key: string, port: string, holds: boolean): string => {
	const digits = ascii(port);
	const id = `45 00 ${number(4 * Math.floor(port.length / 4) + 4, 2)} ${digits} ${zeros(4 - (port.length % 4))}`;
	const length = id.replaceAll(" ", "").length / 2;
	return `${key} 00000000 ${holds ? `01 ${TYPE}` : "00 00"} 00000000 0001 ${number(length)} ${id}`;
};

const NOBODY_HOLDS_IT: Vector = {
	what: "nobody holds it",
	cdb: "5e 01 00000000 00 0200 00",
	takes: 512,
	gives: "00000006 00000000",
};

/** The validation of a cluster with two nodes, as each of them in turn. */
export function cluster(ports: Record<"one" | "two", string>): readonly (readonly ["one" | "two", Vector])[] {
	const registrations = full(KEY.one, ports.one, true) + full(KEY.two, ports.two, false);
	const length = registrations.replaceAll(" ", "").length / 2;
	return [
		[
			"one",
			{
				what: "REPORT CAPABILITIES: kept if that is asked for, and six types",
				cdb: "5e 02 00000000 00 0200 00",
				takes: 512,
				gives: "0008 1d 80 ea01 0000",
			},
		],
		["one", readKeys(0, "")],
		["two", out("who has not registered does not reserve", "01", KEY.two + NOBODY, CONFLICT)],
		["one", out("REGISTER AND IGNORE EXISTING KEY", "06", NOBODY + KEY.one)],
		["two", out("nor registers with a key that it has not", "00", KEY.two + KEY.two, CONFLICT)],
		["two", out("REGISTER", "00", NOBODY + KEY.two)],
		["one", readKeys(2, KEY.one + KEY.two)],
		["one", out("RESERVE", "01", KEY.one + NOBODY)],
		["two", reservedBy(2, KEY.one)],
		["two", out("who does not hold it does not reserve", "01", KEY.two + NOBODY, CONFLICT)],
		[
			"two",
			{
				what: "READ FULL STATUS",
				cdb: "5e 03 00000000 00 0200 00",
				takes: 512,
				gives: `00000002 ${number(length)} ${registrations}`,
			},
		],
		["one", WRITE],
		["two", WRITE],
		["two", out("it unregisters", "00", KEY.two + NOBODY)],
		["two", { ...WRITE, ...CONFLICT, unused: 512 }],
		["two", READ],
		["two", { ...TEST_UNIT_READY }],
		["two", out("it is back", "06", NOBODY + KEY.two)],
		["two", out("PREEMPT", "04", KEY.two + KEY.one)],
		["two", reservedBy(5, KEY.two)],
		["one", { ...TEST_UNIT_READY, ...UNIT_ATTENTION("2a05") }],
		["one", { ...WRITE, ...CONFLICT, unused: 512 }],
		["one", READ],
		["one", out("it registers again", "06", NOBODY + KEY.one)],
		["one", WRITE],
		["two", out("RELEASE", "02", KEY.two + NOBODY)],
		["one", { ...TEST_UNIT_READY, ...UNIT_ATTENTION("2a04") }],
		["one", NOBODY_HOLDS_IT],
		["two", out("CLEAR", "03", KEY.two + NOBODY)],
		["one", { ...TEST_UNIT_READY, ...UNIT_ATTENTION("2a03") }],
		["one", readKeys(7, "")],
	];
}
