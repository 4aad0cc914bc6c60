/**
 * Whether a request was signed by somebody who has the secret (AWS Signature Version 4, in the header): computed again of what has come,
 * and compared. Called by `server.ts` for each request, before anything of its body is read.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ALGORITHM, encode, queryText, type Signed, signatureOf, stampOf } from "../object/sigv4.js";
import { S3Fault } from "./fault.js";
import type { Target } from "./target.js";

export interface Keys {
	readonly accessKey: string;
	readonly secret: string;
}

/** Who asks may have a clock that is so much off; and what somebody else has heard is worth nothing after that. */
const SKEW_MS = 15 * 60_000;
const HASH = /^(?:[0-9a-f]{64}|UNSIGNED-PAYLOAD)$/;
const AUTHORIZATION =
	/^AWS4-HMAC-SHA256\s+Credential=([^,\s]{1,300}),\s*SignedHeaders=([a-z0-9;_-]{1,4000}),\s*Signature=([0-9a-f]{64})$/;
const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Takes as long, whatever is different. */
function isSame(one: string, other: string): boolean {
	const [a, b] = [one, other].map((text) => createHash("sha256").update(text).digest());
	return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

function only(request: IncomingMessage, name: string): string | undefined {
	const values = request.headersDistinct[name] ?? [];
	if (values.length > 1) throw new S3Fault("InvalidArgument", `${name} has come more than once`);
	return values[0];
}

interface Claim {
	readonly accessKey: string;
	readonly day: string;
	readonly region: string;
	readonly names: readonly string[];
	readonly signature: string;
}

function claimIn(request: IncomingMessage, { query }: Target): Claim {
	const text = only(request, "authorization");
	if (text === undefined && query.some(([name]) => /^x-amz-signature$/i.test(name)))
		throw new S3Fault("NotImplemented", "addresses that are signed are not understood: sign the header");
	if (text === undefined) throw new S3Fault("AccessDenied", "requests have to be signed");
	if (!text.startsWith(ALGORITHM))
		throw new S3Fault("NotImplemented", `nothing but ${ALGORITHM} is understood`);
	const [, credential = "", names = "", signature = ""] = AUTHORIZATION.exec(text) ?? [];
	const parts = credential.split("/");
	const [accessKey = "", day = "", region = "", service, end] = parts.splice(-5);
	if (parts.length > 0 || service !== "s3" || end !== "aws4_request" || region === "")
		throw new S3Fault("AuthorizationHeaderMalformed", "the header Authorization can't be understood");
	return { accessKey, day, region, names: names.split(";"), signature };
}

/** When it was signed, as the client says. */
function stampIn(request: IncomingMessage, today: Date): string {
	const stamp = only(request, "x-amz-date") ?? "";
	const [, year, month, day, hour, minute, second] = STAMP.exec(stamp) ?? [];
	const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
	if (Number.isNaN(date.getTime()) || stampOf(date) !== stamp)
		throw new S3Fault("AccessDenied", "the header x-amz-date is missing, or no date");
	const offMs = Math.abs(date.getTime() - today.getTime());
	if (offMs <= SKEW_MS) return stamp;
	throw new S3Fault(
		"RequestTimeTooSkewed",
		`signed ${Math.round(offMs / 1000)} s off the clock of this server, which is ${stampOf(today)}`,
	);
}

/** All that says what is to be done has to be signed. */
function checkNames(request: IncomingMessage, names: readonly string[]): void {
	const wanted = ["host", ...Object.keys(request.headers).filter((name) => name.startsWith("x-amz-"))];
	const lacking = wanted.find((name) => !names.includes(name));
	if (lacking !== undefined) throw new S3Fault("AccessDenied", `the header ${lacking} is not signed`);
	const sorted = names.toSorted();
	if (names.some((name, index) => name === "" || sorted[index] !== name || sorted[index + 1] === name))
		throw new S3Fault("AuthorizationHeaderMalformed", "signed headers are to be named in order, each once");
}

/**
 * What the body has to be, by what was signed: its SHA-256 in hexadecimal, or undefined where the client leaves that to TLS. Throws an
 * `S3Fault` for a request that is not signed as it has to be.
 */
export function verify(
	request: IncomingMessage,
	target: Target,
	keys: Keys,
	today: Date,
): string | undefined {
	const claim = claimIn(request, target);
	const stamp = stampIn(request, today);
	if (!stamp.startsWith(`${claim.day}T`))
		throw new S3Fault("AuthorizationHeaderMalformed", "signed for another day than x-amz-date says");
	checkNames(request, claim.names);
	const bodyHash = only(request, "x-amz-content-sha256") ?? "";
	const signed: Signed = {
		method: request.method ?? "",
		path: target.path.split("/").map(encode).join("/"),
		query: queryText(target.query),
		headers: claim.names.map((name) => [name, (request.headersDistinct[name] ?? []).join(",")]),
		bodyHash,
		stamp,
	};
	// Both are looked at, whichever is wrong.
	const isKnown = isSame(claim.accessKey, keys.accessKey);
	const isRight = isSame(signatureOf({ ...keys, region: claim.region }, signed), claim.signature);
	if (!isKnown) throw new S3Fault("InvalidAccessKeyId", "there is no such access key");
	if (!isRight) throw new S3Fault("SignatureDoesNotMatch", "not what the secret would have signed");
	if (!HASH.test(bodyHash))
		throw new S3Fault(
			"NotImplemented",
			"x-amz-content-sha256 has to be the SHA-256 of the body, or UNSIGNED-PAYLOAD; bodies in signed chunks are not understood",
		);
	return bodyHash === "UNSIGNED-PAYLOAD" ? undefined : bodyHash;
}
