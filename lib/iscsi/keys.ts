/**
 * Text of a login or a text request: pairs `key=value`, each behind the other with a zero between (RFC 7143, 6.1). What comes is believed in
 * nothing, and is limited in all. Used by `exchange.ts` and `text.ts`; what keys mean is in `negotiation.ts` and `chap.ts`.
 */

/** A text in all its parts (6.2: at least 8192; more than that needs requests that continue). */
export const TEXT_BYTES_MAX = 64 * 1024;
/** Pairs of one text, which all get an answer. */
const PAIRS_MAX = 256;
/** One element of a list, without its commas; numbers and binary values have limits of their own. */
const ELEMENT_BYTES_MAX = 255;
/** A value as it is written: a challenge of 1024 bytes in base 16 is the longest that means something. */
const VALUE_BYTES_MAX = 8192;
const KEY = /^[A-Za-z][A-Za-z0-9.+@_#-]{0,62}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is what it is for
const CONTROL = /[\u0000-\u001f\u007f]/;
/** The names of devices (RFC 7143, 4.2.7), in bytes. */
const NAME_BYTES_MAX = 223;
const DIGITS = /^(?:0|[1-9][0-9]{0,9}|0[xX][0-9a-fA-F]{1,8})$/;

/** Values that answer an offer, and are none. */
export const NOT_UNDERSTOOD = "NotUnderstood";
export const IRRELEVANT = "Irrelevant";
export const REJECT = "Reject";

export type Pairs = ReadonlyMap<string, string>;

/** In order; or, in words, why no sense is in it. */
export function parseText(bytes: Buffer): Pairs | string {
	const pairs = new Map<string, string>();
	for (let at = 0; at < bytes.length; ) {
		const zero = bytes.indexOf(0, at);
		const end = zero < 0 ? bytes.length : zero;
		const begin = at;
		at = end + 1;
		// (There may be several zeros behind a pair.)
		if (end === begin) continue;
		const pair = pairOf(bytes.subarray(begin, end));
		if (typeof pair === "string") return pair;
		const [key, value] = pair;
		if (pairs.has(key)) return `${key} is there twice`;
		pairs.set(key, value);
		if (pairs.size > PAIRS_MAX) return "there are too many keys";
	}
	return pairs;
}

function pairOf(bytes: Buffer): [string, string] | string {
	const equals = bytes.indexOf("=");
	if (equals < 0) return "a key has no value";
	const key = bytes.toString("latin1", 0, equals);
	if (!KEY.test(key)) return "a key has a name that none has";
	const value = bytes.toString("utf8", equals + 1);
	if (bytes.length - equals - 1 > VALUE_BYTES_MAX) return `the value of ${key} is too long`;
	if (CONTROL.test(value) || value.includes("\ufffd")) return `the value of ${key} is no text`;
	const hasLongElement =
		!isBinary(value) && value.split(",").some((element) => element.length > ELEMENT_BYTES_MAX);
	return hasLongElement ? `the value of ${key} is too long` : [key, value];
}

/** Base 16 or 64. */
function isBinary(value: string): boolean {
	return /^0[xXbB]/.test(value);
}

/** Pairs as bytes, with a zero behind each. */
export function textOf(pairs: Iterable<readonly [string, string]>): Buffer {
	return Buffer.from([...pairs].map(([key, value]) => `${key}=${value}\0`).join(""));
}

/** A number of 32 bits, in base 10 or 16 (6.1); undefined: it is none. */
export function numberOf(value: string): number | undefined {
	if (!DIGITS.test(value)) return undefined;
	const number = Number(value);
	return number < 2 ** 32 ? number : undefined;
}

/** A name of a device in small letters, as such names are compared; undefined: it is none. */
export function deviceNameOf(value: string): string | undefined {
	const name = value.normalize("NFKC").toLowerCase();
	const isName = /^(?:iqn\.|eui\.|naa\.)[^\s,]+$/u.test(name) && Buffer.byteLength(name) <= NAME_BYTES_MAX;
	return isName ? name : undefined;
}

/** A binary value (6.1): `0x...` or `0b...`; undefined: it is none, or has not 1 to `bytesMax` bytes. */
export function binaryOf(value: string, bytesMax: number): Buffer | undefined {
	const digits = value.slice(2);
	let bytes: Buffer | undefined;
	if (/^0[xX][0-9a-fA-F]+$/.test(value))
		bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
	else if (/^0[bB][A-Za-z0-9+/]+={0,2}$/.test(value)) bytes = Buffer.from(digits, "base64");
	return bytes !== undefined && bytes.length > 0 && bytes.length <= bytesMax ? bytes : undefined;
}
