/**
 * What a request is about: bucket, object and query, taken from its first line as it came. Not by `URL`, which would make of `a/../b`
 * something else than what was signed. Called by `server.ts`.
 */

import { S3Fault } from "./fault.js";

export interface Target {
	/** Decoded, with the first slash. */
	readonly path: string;
	/** Decoded, in the order in which it came. */
	readonly query: readonly (readonly [name: string, value: string])[];
	/** "": none, as when buckets are listed. */
	readonly bucket: string;
	/** "": the bucket. */
	readonly key: string;
}

/** More than a name of 1024 bytes, each encoded, and what a list asks for. */
const TARGET_MAX_CHARACTERS = 8192;

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		throw new S3Fault("InvalidURI", "the address is not encoded as addresses are (UTF-8, percent)");
	}
}

function queryIn(text: string): [string, string][] {
	if (text === "") return [];
	return text.split("&").map((pair) => {
		const at = pair.indexOf("=");
		return at < 0 ? [decoded(pair), ""] : [decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))];
	});
}

/** @param text the target of the request: `/gold/a%20b?list-type=2` */
export function targetOf(text: string): Target {
	if (text.length > TARGET_MAX_CHARACTERS) throw new S3Fault("InvalidURI", "the address is too long");
	if (!text.startsWith("/")) throw new S3Fault("InvalidURI", "the address has to begin with a slash");
	const at = text.indexOf("?");
	const raw = at < 0 ? text : text.slice(0, at);
	const path = decoded(raw);
	const [, bucket = "", ...rest] = path.split("/");
	return { path, query: queryIn(at < 0 ? "" : text.slice(at + 1)), bucket, key: rest.join("/") };
}

/** The value of one parameter; undefined: it was not given. */
export function valueIn({ query }: Target, name: string): string | undefined {
	return query.find(([each]) => each === name)?.[1];
}
