/**
 * Takes secrets out of what goes into a report: values of keys that are called like one, and passwords in URLs. Files that hold secrets are
 * never read; their names stay. Pure.
 */

import type { Json } from "./daemon.js";

export const LEFT_OUT = "(left out)";

const SECRET_KEY = /(?:token|secret|key|password|passphrase|psk|credential)s?$/i;
/** `user:password@` in a URL. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/)[^/?#\s"'@]*@/gi;

/** A tree of values without its secrets. */
export function redact(value: unknown): Json {
	if (typeof value === "string") return value.replace(URL_PASSWORD, `$1${LEFT_OUT}@`);
	if (typeof value === "number" || typeof value === "boolean") return value;
	if (typeof value === "bigint") return String(value);
	if (value instanceof Date) return value.toISOString();
	if (Array.isArray(value)) return value.map(redact);
	if (typeof value !== "object" || value === null) return null;
	return Object.fromEntries(
		Object.entries(value).map(([key, inner]) => [key, SECRET_KEY.test(key) ? LEFT_OUT : redact(inner)]),
	);
}
