/**
 * Signatures of requests to S3 (AWS Signature Version 4), made with `node:crypto`. What is sent is signed with its SHA-256, so that a
 * store notices what the network has done to it. Called by `s3-door.ts`, and by `lib/object-server/`, which computes again what others have signed; `test/object/sigv4.test.ts` compares with another implementation.
 */

import { createHash, createHmac } from "node:crypto";

export interface Signer {
	readonly region: string;
	readonly accessKey: string;
	readonly secret: string;
}

export interface Unsigned {
	readonly method: string;
	/** As it is sent: encoded. */
	readonly path: string;
	readonly query: readonly (readonly [name: string, value: string])[];
	/** Names in lower case. */
	readonly headers: Readonly<Record<string, string>>;
	/** SHA-256 of the body, in hexadecimal. */
	readonly bodyHash: string;
}

export const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "s3";
/** Caches on the way ask for other parts than we did; so nobody signs that. */
const UNSIGNED = "range";
const DAY_CHARACTERS = 8;

/** SHA-256 of nothing. */
export const EMPTY_HASH = createHash("sha256").digest("hex");

function hmac(key: string | Buffer, text: string): Buffer {
	return createHmac("sha256", key).update(text).digest();
}

/** As RFC 3986 has it: more is encoded than by `encodeURIComponent`. */
export function encode(text: string): string {
	return encodeURIComponent(text).replace(
		/[!'()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}

export function queryText(query: Unsigned["query"]): string {
	return query
		.map(([name, value]) => `${encode(name)}=${encode(value)}`)
		.sort()
		.join("&");
}

/** `20261128T152600Z` */
export function stampOf(date: Date): string {
	return `${date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

/** What a signature is of, besides who signs. */
export interface Signed {
	readonly method: string;
	/** Encoded. */
	readonly path: string;
	/** As `queryText` makes it. */
	readonly query: string;
	/** In the order of their names, which are in lower case. */
	readonly headers: readonly (readonly [name: string, value: string])[];
	readonly bodyHash: string;
	/** As `stampOf` makes it. */
	readonly stamp: string;
}

/** For which day, region and service a signature is. */
export function scopeOf(stamp: string, region: string): string {
	return `${stamp.slice(0, DAY_CHARACTERS)}/${region}/${SERVICE}/aws4_request`;
}

/** In hexadecimal. */
export function signatureOf({ region, secret }: Signer, signed: Signed): string {
	const { method, path, query, headers, bodyHash, stamp } = signed;
	const canonical = [
		method,
		path,
		query,
		...headers.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, " ")}`),
		"",
		headers.map(([name]) => name).join(";"),
		bodyHash,
	].join("\n");
	const scope = scopeOf(stamp, region);
	const hash = createHash("sha256").update(canonical).digest("hex");
	const key = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${secret}`);
	return hmac(key, [ALGORITHM, stamp, scope, hash].join("\n")).toString("hex");
}

/** The headers that are to be sent: those that were given, and what signing adds. */
export function sign(signer: Signer, unsigned: Unsigned, date: Date): Record<string, string> {
	const { method, path, bodyHash } = unsigned;
	const stamp = stampOf(date);
	const headers = { ...unsigned.headers, "x-amz-content-sha256": bodyHash, "x-amz-date": stamp };
	const rows = Object.entries(headers)
		.filter(([name]) => name !== UNSIGNED)
		.toSorted(([one], [other]) => (one < other ? -1 : 1));
	const query = queryText(unsigned.query);
	const signature = signatureOf(signer, { method, path, query, headers: rows, bodyHash, stamp });
	const names = rows.map(([name]) => name).join(";");
	const authorization = `${ALGORITHM} Credential=${signer.accessKey}/${scopeOf(stamp, signer.region)}, SignedHeaders=${names}, Signature=${signature}`;
	return { ...headers, authorization };
}
