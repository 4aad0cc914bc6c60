/**
 * How a request is refused: an error that handlers throw, and the answer that is made of it (RFC 9457). Used by the guard, the
 * routes and the server; `app.ts` turns what is thrown into the answer.
 */

import { STATUS_CODES } from "node:http";
import { OperatorError } from "../errors.js";
import { askedHere } from "../pool/store/words.js";
import { PROBLEM_TYPE, type Problem } from "./model.js";

export type RefusalStatus =
	| 400
	| 401
	| 403
	| 404
	| 405
	| 408
	| 409
	| 412
	| 413
	| 415
	| 421
	| 422
	| 428
	| 429
	| 431
	| 500
	| 503;

/** The request is not carried out; `message` is one line for people. Nothing has been changed. */
export class Refusal extends Error {
	override name = "Refusal";

	constructor(
		readonly status: RefusalStatus,
		message: string,
		readonly more: {
			readonly errors?: Problem["errors"];
			readonly headers?: Readonly<Record<string, string>>;
		} = {},
	) {
		super(message);
	}
}

export function problemOf({ status, message, more }: Refusal): Problem {
	return {
		type: "about:blank",
		title: STATUS_CODES[status] ?? "",
		status,
		detail: message,
		...(more.errors && { errors: more.errors }),
	};
}

export function problemResponse(refusal: Refusal): Response {
	return new Response(`${JSON.stringify(problemOf(refusal))}\n`, {
		status: refusal.status,
		headers: { "content-type": PROBLEM_TYPE, "cache-control": "no-store", ...refusal.more.headers },
	});
}

/** Throws a Refusal with what a worker, or the state, says. */
export async function orRefuse<T>(asked: Promise<T>): Promise<T> {
	try {
		return await asked;
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		throw new Refusal(422, askedHere(error.message));
	}
}

/** RFC 6901, as the fragment of an address. */
export function pointerTo(path: readonly PropertyKey[]): string {
	return `#${path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")}`;
}

/** Throws a Refusal if whoever asks has named another one. */
export function demandTag(ifMatch: string | undefined, tag: string): void {
	if (ifMatch === undefined || ifMatch.trim() === "*") return;
	const tags = ifMatch.split(",").map((each) => each.trim());
	if (!tags.includes(tag)) throw new Refusal(412, "it has been changed since: look at it again");
}
