/**
 * Readers of single values that an operator writes: numbers, sizes, limits, lists of MAC addresses. The same for whatever they are
 * written in; used by the command line, and by whoever reads a configuration. Each returns the value, or throws an
 * `OperatorError` of one line that names what is wrong and says what is allowed. Pure.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { parseMac } from "../wire/mac.js";
import type { LimitSpec } from "./spec.js";

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

/** Least that a limit may be. Linux gives a disk up that has not answered for three minutes: a full queue takes half of that. */
const OPERATIONS_FORM: NumberForm = { min: 1, max: 1e9, called: "a number of operations per second" };
const BANDWIDTH_MIN = 4096;
const BANDWIDTH_MAX = 2 ** 50;

type LimitReader = (what: string, text: string) => number;

const readOperations: LimitReader = (what, text) => readNumber(what, text, OPERATIONS_FORM);

const readBandwidth: LimitReader = (what, text) => {
	const bytes = sizeBytes(text);
	if (bytes !== undefined && bytes >= BANDWIDTH_MIN && bytes <= BANDWIDTH_MAX) return bytes;
	throw new OperatorError(
		`${what} ${quote(text)}: a number of bytes per second is allowed, such as 4096, 512K or 100M, at least 4K and at most 1024T`,
	);
};

const LIMITS = new Map<string, [keyof LimitSpec, LimitReader]>([
	["iops", ["iops", readOperations]],
	["bandwidth", ["bandwidth", readBandwidth]],
	["read_iops", ["readIops", readOperations]],
	["write_iops", ["writeIops", readOperations]],
	["read_bandwidth", ["readBandwidth", readBandwidth]],
	["write_bandwidth", ["writeBandwidth", readBandwidth]],
]);

/** The keys that `readLimit` knows. */
export const LIMIT_KEYS: readonly string[] = [...LIMITS.keys()];

/** The limit of a disk, by the names and values that an operator gives it. Undefined if there are none. */
export function readLimit(
	what: string,
	values: Readonly<Record<string, string | number>>,
): LimitSpec | undefined {
	const limit: { -readonly [Key in keyof LimitSpec]: number } = {};
	for (const [key, value] of Object.entries(values)) {
		const known = LIMITS.get(key);
		if (known === undefined)
			throw new OperatorError(`${what} ${quote(key)}: there are only ${LIMIT_KEYS.join(", ")}`);
		const [name, read] = known;
		limit[name] = read(`${what} ${key}`, String(value));
	}
	return Object.keys(limit).length === 0 ? undefined : limit;
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
