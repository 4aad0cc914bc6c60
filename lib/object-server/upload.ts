/**
 * Bodies of requests: taken in as they come, straight to a file or, where they are short, to memory, with a limit on how many bytes there
 * are and on how slowly they may come. Called by the routes.
 */

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Wanted } from "./draft.js";
import { S3Fault } from "./fault.js";
import { Pace, type PaceLimit } from "./pace.js";

/** Of objects; those of pools have 16 MiB. Without uploads in parts nobody expects more. */
export const OBJECT_MAX_BYTES = 5 * 1024 ** 3;

function lengthIn({ headers }: IncomingMessage, most: number): number {
	const { "content-length": text, "transfer-encoding": coding } = headers;
	if (coding !== undefined || text === undefined)
		throw new S3Fault("MissingContentLength", "how long the body is has to be said before (Content-Length)");
	// (The parser of HTTP takes nothing but digits.)
	const bytes = Number(text);
	if (bytes <= most) return bytes;
	throw new S3Fault("EntityTooLarge", `${bytes} bytes are too many: ${most} is the most`);
}

/** What was said of the body before it comes. Throws an `S3Fault`. */
export function wantedOf(request: IncomingMessage, sha256: string | undefined, most: number): Wanted {
	const bytes = lengthIn(request, most);
	const md5 = request.headersDistinct["content-md5"]?.[0];
	if (md5 !== undefined && !/^[A-Za-z0-9+/]{22}==$/.test(md5))
		throw new S3Fault("InvalidDigest", "Content-MD5 is no MD5 in base64");
	return { bytes, sha256, md5 };
}

/** Calls `take` for one piece after the other, each when the one before is done with. Throws an `S3Fault` if it breaks off. */
export async function receive(
	request: IncomingMessage,
	take: (piece: Buffer) => Promise<void> | void,
	limit: PaceLimit,
): Promise<void> {
	const pace = new Pace(limit, () =>
		request.destroy(new S3Fault("RequestTimeout", "the body comes too slowly")),
	);
	try {
		// (Whoever is refused in the middle has to be told.)
		for await (const piece of request.iterator({ destroyOnReturn: false })) {
			pace.stop();
			await take(piece);
			pace.moved(piece.length);
		}
	} catch (error) {
		// A connection that ends in the middle: there is nobody left who could be told.
		if (request.errored === error && !(error instanceof S3Fault))
			throw new S3Fault("IncompleteBody", "the connection has ended");
		throw error;
	} finally {
		pace.stop();
	}
}

/** All of a short body. Throws an `S3Fault` if it is not what it was to be. */
export async function receiveShort(
	request: IncomingMessage,
	{ bytes, sha256, md5 }: Wanted,
	limit: PaceLimit,
): Promise<Buffer> {
	const pieces: Buffer[] = [];
	await receive(request, (piece) => void pieces.push(piece), limit);
	const body = Buffer.concat(pieces);
	if (body.length !== bytes)
		throw new S3Fault("IncompleteBody", `${body.length} bytes have come, of ${bytes}`);
	if (sha256 !== undefined && createHash("sha256").update(body).digest("hex") !== sha256)
		throw new S3Fault("XAmzContentSHA256Mismatch", "the body is not what was signed");
	if (md5 !== undefined && createHash("md5").update(body).digest("base64") !== md5)
		throw new S3Fault("BadDigest", "the body is not what Content-MD5 says");
	return body;
}
