/**
 * The application: takes a request through the guard, reads its parts by the schemas of its route, and has the route answer. Whatever
 * is thrown on the way becomes a problem (RFC 9457). Made by `control.ts`, run by `server.ts`; knows no sockets.
 */

import { type Context, Hono } from "hono";
import type { z } from "zod";
import { OperatorError } from "../errors.js";
import { type Caller, type Guard, wantsToken } from "./guard.js";
import type { Problem } from "./model.js";
import { openApiDocument } from "./openapi.js";
import { pointerTo, problemResponse, Refusal } from "./problem.js";
import { json, type Route } from "./routes.js";

/** What a request comes with beside itself: `server.ts` fills it in. */
export interface Surroundings {
	readonly caller: Caller;
	disconnect(): void;
}

/** A file of the page, in memory: this process can open none. */
export interface Asset {
	readonly mediaType: string;
	readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface AppOptions {
	readonly routes: readonly Route[];
	readonly guard: Guard;
	readonly version: string;
	/** By path: `/`, `/app.js`. */
	readonly assets: ReadonlyMap<string, Asset>;
	/** Something was thrown that no handler should throw. */
	readonly onBug: (error: unknown) => void;
}

/** `isTrusted`: what the guard has found out. */
type Environment = { Bindings: Surroundings; Variables: { isTrusted: boolean } };
type App = Hono<Environment>;
type Request_ = Context<Environment>;

const BODY_MAX_BYTES = 2 ** 20;
const BODY_MAX_DEPTH = 32;

/** A page of ours loads nothing from elsewhere, is in no frame, and is what we say it is. */
const SAFE_HEADERS: Readonly<Record<string, string>> = {
	"content-security-policy":
		"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'",
	"x-content-type-options": "nosniff",
	"x-frame-options": "DENY",
	"referrer-policy": "no-referrer",
	"cross-origin-resource-policy": "same-origin",
	"cross-origin-opener-policy": "same-origin",
};

export function createApp(options: AppOptions): App {
	const app: App = new Hono();
	app.use(async (c, next) => {
		const { guard, assets } = options;
		const isPage = assets.has(c.req.path);
		c.set(
			"isTrusted",
			guard.admit(c.req.method, isPage, c.env.caller, (name) => c.req.header(name)),
		);
		await next();
		for (const [name, value] of Object.entries(SAFE_HEADERS)) c.res.headers.set(name, value);
	});
	for (const [path, asset] of options.assets) addAsset(app, path, asset);
	let document: unknown;
	app.get("/openapi.json", () => {
		document ??= openApiDocument(options.routes, options.version);
		return json(document);
	});
	for (const route of options.routes) app.on(route.method, honoPath(route.path), (c) => answer(route, c));
	refuseOtherMethods(app, options);
	app.notFound(() => problemResponse(new Refusal(404, "there is nothing at this address")));
	app.onError((error) => {
		const response = problemResponse(refusalOf(error, options.onBug));
		for (const [name, value] of Object.entries(SAFE_HEADERS)) response.headers.set(name, value);
		return response;
	});
	return app;
}

const honoPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

function addAsset(app: App, path: string, { mediaType, bytes }: Asset): void {
	app.get(
		path,
		() => new Response(bytes, { headers: { "content-type": mediaType, "cache-control": "no-cache" } }),
	);
}

function refuseOtherMethods(app: App, { routes, assets }: AppOptions): void {
	const methods = new Map<string, string[]>(
		[...assets.keys(), "/openapi.json"].map((path) => [path, ["GET"]]),
	);
	for (const { path, method } of routes) methods.set(path, [...(methods.get(path) ?? []), method]);
	for (const [path, known] of methods) {
		const allow = [...known, ...(known.includes("GET") ? ["HEAD"] : [])].join(", ");
		app.all(honoPath(path), () => {
			throw new Refusal(405, `here only ${allow} can be asked for`, { headers: { allow } });
		});
	}
}

function refusalOf(error: unknown, onBug: (error: unknown) => void): Refusal {
	if (error instanceof Refusal) return error;
	if (error instanceof OperatorError) return new Refusal(409, error.message);
	onBug(error);
	return new Refusal(500, "this is a bug in vblade; its events say more");
}

async function answer(route: Route, c: Request_): Promise<Response> {
	const header = (name: string): string | undefined => c.req.header(name);
	if (route.isSecret && !c.get("isTrusted")) throw wantsToken();
	if (route.ifMatch === "required" && header("if-match") === undefined)
		throw new Refusal(428, 'a change wants "If-Match" with the ETag of what it changes, or "*"');
	const query = route.query ? read(route.query, queryOf(c), 400, "query") : undefined;
	const body = route.body ? read(route.body, await readBody(c.req.raw), 422, "body") : undefined;
	return route.handle({
		caller: c.env.caller,
		trusted: c.get("isTrusted"),
		name: c.req.param("name") ?? "",
		query,
		body,
		header,
		signal: c.req.raw.signal,
		disconnect: c.env.disconnect,
	});
}

function queryOf(c: Request_): Record<string, string> {
	const query: Record<string, string> = {};
	for (const [name, values] of Object.entries(c.req.queries())) {
		if (values.length > 1) throw new Refusal(400, `"${name}" is given more than once`);
		query[name] = values[0] ?? "";
	}
	return query;
}

function read<T>(schema: z.ZodType<T>, value: unknown, status: 400 | 422, what: string): T {
	const { success, data, error } = schema.safeParse(value);
	if (success) return data;
	const errors: NonNullable<Problem["errors"]> = error.issues.map(({ path, message }) => ({
		pointer: pointerTo(path),
		detail: message,
	}));
	const [first] = error.issues;
	const where = first === undefined || first.path.length === 0 ? "" : `${first.path.map(String).join(".")}: `;
	throw new Refusal(status, `the ${what} is not what it should be: ${where}${first?.message ?? ""}`, {
		errors,
	});
}

async function readBody(request: Request): Promise<unknown> {
	const tooLong = new Refusal(413, `a body may have ${BODY_MAX_BYTES} bytes`, {
		headers: { connection: "close" },
	});
	if (Number(request.headers.get("content-length") ?? 0) > BODY_MAX_BYTES) throw tooLong;
	const chunks: Uint8Array[] = [];
	let length = 0;
	try {
		for await (const chunk of request.body ?? []) {
			length += chunk.length;
			if (length > BODY_MAX_BYTES) throw tooLong;
			chunks.push(chunk);
		}
	} catch (error) {
		// Whoever sent it is gone, most likely.
		throw error === tooLong ? error : new Refusal(400, "the body has not come whole");
	}
	let body: unknown;
	try {
		body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
	} catch {
		throw new Refusal(400, "the body is not JSON");
	}
	if (isDeeper(body, BODY_MAX_DEPTH)) throw new Refusal(400, `a body may be nested ${BODY_MAX_DEPTH} deep`);
	return body;
}

/** Than anything that is asked for: whoever goes through it need not be afraid for the stack. */
function isDeeper(value: unknown, depth: number): boolean {
	if (typeof value !== "object" || value === null) return false;
	return depth === 0 || Object.values(value).some((each) => isDeeper(each, depth - 1));
}
