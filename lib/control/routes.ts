/**
 * What a route is: a row with its method, path, what it takes and answers, and the function that does it. The application and the
 * OpenAPI document are made of the same rows, so neither can say what the other does not do. Rows are in `api/`.
 */

import type { z } from "zod";
import type { Caller } from "./guard.js";

/** A request whose parts have been read by the schemas of its route. */
export interface Call<Query, Body> {
	readonly caller: Caller;
	/** May change things, and see what only those may who can. */
	readonly trusted: boolean;
	/** What the path has in place of `{name}`. */
	readonly name: string;
	readonly query: Query;
	readonly body: Body;
	/** Whether there is this header, and what it says. */
	header(name: string): string | undefined;
	/** Of the connection: it is aborted when the caller is gone. */
	readonly signal: AbortSignal;
	/** Ends the connection, whatever is still to be sent. */
	disconnect(): void;
}

export interface Answer {
	readonly description: string;
	/** JSON of this form; or something else of this media type. */
	readonly schema?: z.ZodType;
	readonly mediaType?: string;
	/** It comes with an ETag, which a change has to name. */
	readonly tagged?: boolean;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

export interface Route<Query = unknown, Body = unknown> {
	readonly method: Method;
	/** As OpenAPI writes it: `/api/v1/disks/{name}`. */
	readonly path: string;
	readonly summary: string;
	readonly query?: z.ZodType<Query>;
	readonly body?: z.ZodType<Body>;
	/** What the body is to be, where that is found out later than by `body`. */
	readonly bodyForm?: z.ZodType;
	readonly answers: Readonly<Record<number, Answer>>;
	/** What else it may be refused with, beside what any route may. */
	readonly refusals?: readonly number[];
	/** A change wants If-Match, so that nobody changes what he has not seen. */
	readonly ifMatch?: "required" | "optional";
	/** What it tells is only for those who may change things. */
	readonly isSecret?: boolean;
	handle(call: Call<Query, Body>): Response | Promise<Response>;
}

/** A row of a table of routes: what its handler gets follows from its schemas. */
export function route<Query = undefined, Body = undefined>(row: Route<Query, Body>): Route {
	return row as Route;
}

export function json(
	value: unknown,
	init: { status?: number; headers?: Record<string, string> } = {},
): Response {
	return new Response(`${JSON.stringify(value)}\n`, {
		status: init.status ?? 200,
		headers: { "content-type": "application/json", "cache-control": "no-store", ...init.headers },
	});
}
