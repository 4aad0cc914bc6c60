/**
 * What is said of an object, and its bytes or a part of them: read piece by piece, as fast as the client takes them. Called by
 * `object-routes.ts`.
 */

import type { ServerResponse } from "node:http";
import { S3Fault } from "./fault.js";
import type { Found } from "./object-file.js";
import { Pace, type PaceLimit } from "./pace.js";

const PIECE_BYTES = 128 * 1024;

interface Part {
	readonly begin: number;
	readonly bytes: number;
}

/** Undefined: all of it, as for whatever is no range of bytes. Throws an `S3Fault` for one that is outside. */
export function partOf(range: string | undefined, bytes: number): Part | undefined {
	const [, first, last] = /^bytes=(?:(?=\d|-\d))(\d{0,15})-(\d{0,15})$/.exec(range ?? "") ?? [];
	if (first === undefined || last === undefined) return undefined;
	if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
	const begin = first === "" ? Math.max(bytes - Number(last), 0) : Number(first);
	const end = first === "" || last === "" ? bytes : Math.min(Number(last) + 1, bytes);
	if (begin < end) return { begin, bytes: end - begin };
	throw new S3Fault("InvalidRange", `the range is outside of what there is: ${bytes} bytes`);
}

function etagsIn(text: string): string[] {
	return text.split(",").map((each) => each.trim().replaceAll(/^(?:W\/)?"|"$/g, ""));
}

/** What a condition names, of headers that name ETags: without quotes, which some clients leave out. */
export function matchOf(text: string | undefined): string[] | undefined {
	return text === undefined ? undefined : etagsIn(text);
}

/** Answers with the object, or says that it is as the client has it. The handle stays the caller's. */
export async function answerObject(
	response: ServerResponse,
	found: Found,
	asked: { readonly isHead: boolean; readonly headers: NodeJS.Dict<string | string[]> },
	limit: PaceLimit,
): Promise<void> {
	const { "if-match": match, "if-none-match": none, range } = asked.headers;
	const has = (text: string): boolean => ["*", found.etag].some((each) => etagsIn(text).includes(each));
	if (typeof match === "string" && !has(match))
		throw new S3Fault("PreconditionFailed", "it is not what it was to be (If-Match)");
	for (const [name, value] of Object.entries(found.headers)) response.setHeader(name, value);
	response.setHeader("etag", `"${found.etag}"`);
	response.setHeader("last-modified", found.modified.toUTCString());
	response.setHeader("accept-ranges", "bytes");
	if (typeof none === "string" && has(none)) {
		response.writeHead(304).end();
		return;
	}
	const part = partOf(typeof range === "string" ? range : undefined, found.bytes);
	const { begin, bytes } = part ?? { begin: 0, bytes: found.bytes };
	response.setHeader("content-length", bytes);
	if (part !== undefined)
		response.setHeader("content-range", `bytes ${begin}-${begin + bytes - 1}/${found.bytes}`);
	response.writeHead(part === undefined ? 200 : 206);
	if (!asked.isHead) await send(response, found, { begin, bytes }, limit);
	response.end();
}

async function send(
	response: ServerResponse,
	{ handle }: Found,
	{ begin, bytes }: Part,
	limit: PaceLimit,
): Promise<void> {
	for (let at = 0; at < bytes && !response.destroyed; ) {
		const length = Math.min(PIECE_BYTES, bytes - at);
		// (Another piece each time: what was handed over is sent later.)
		const piece = Buffer.allocUnsafe(length);
		const { bytesRead } = await handle.read(piece, 0, length, begin + at);
		if (bytesRead === 0) throw new Error("an object's file has become shorter");
		at += bytesRead;
		if (!response.write(piece.subarray(0, bytesRead))) await drained(response, limit);
	}
}

/** Until the client has taken what waits, or is gone. */
function drained(response: ServerResponse, limit: PaceLimit): Promise<void> {
	return new Promise((resolve) => {
		const pace = new Pace(limit, () => response.destroy());
		const done = (): void => {
			pace.stop();
			response.off("drain", done).off("close", done);
			resolve();
		};
		response.on("drain", done).on("close", done);
	});
}
