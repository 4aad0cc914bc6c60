/**
 * Readers of single values that an operator writes: numbers, sizes, lists of MAC addresses. The same for whatever they are
 * written in; used by the command line. Each returns the value, or throws an `OperatorError` of one line that names what
 * is wrong and says what is allowed. Pure.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { parseMac } from "../wire/mac.js";

export interface NumberForm {
	readonly min: number;
	readonly max: number;
	/** What the message calls such a number: "a shelf". */
	readonly called?: string;
	/** Digits after a decimal point are allowed. */
	readonly fraction?: boolean;
}

/** A decimal number, digits only, in the range of what it stands for. */
export function readNumber(what: string, text: string, { min, max, called, fraction }: NumberForm): number {
	const digits = fraction ? /^[0-9]+(\.[0-9]+)?$/ : /^[0-9]+$/;
	const value = digits.test(text) ? Number(text) : Number.NaN;
	if (value >= min && value <= max) return value;
	const range = `a number from ${min} to ${max}`;
	const allowed = called === undefined ? `${range} is allowed` : `${called} is ${range}`;
	throw new OperatorError(`${what} ${quote(text)}: ${allowed}`);
}

/** Longest path of a unix socket (`sun_path` of unix(7), without the final zero byte). What is longer would be cut, silently. */
export const SOCKET_PATH_MAX_BYTES = 107;

const UNIT_BYTES: Readonly<Record<string, number>> = {
	"": 1,
	K: 2 ** 10,
	M: 2 ** 20,
	G: 2 ** 30,
	T: 2 ** 40,
};

/**
 * The bytes that `512`, `4k` or `64M` mean. Undefined for everything else, and for more bytes than can be counted exactly:
 * what is allowed differs from size to size, so the message is the caller's.
 */
export function sizeBytes(text: string): number | undefined {
	const [, digits, unit = ""] = /^([0-9]+)([A-Za-z]?)$/.exec(text) ?? [];
	const unitBytes = UNIT_BYTES[unit.toUpperCase()];
	if (digits === undefined || unitBytes === undefined) return undefined;
	const bytes = Number(digits) * unitBytes;
	return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The addresses of lists with commas in between, each once; at most `max` of them. */
export function readMacs(lists: readonly string[], max: number): number[] {
	const macs = new Set<number>();
	for (const text of lists.flatMap((list) => list.split(","))) {
		const mac = parseMac(text);
		if (mac === undefined)
			throw new OperatorError(
				`mac ${quote(text)}: an address is 6 pairs of hexadecimal digits, such as 00:1b:21:3a:4c:5d`,
			);
		macs.add(mac);
	}
	if (macs.size > max)
		throw new OperatorError(`mac: ${macs.size} addresses are given; at most ${max} are allowed`);
	return [...macs];
}
