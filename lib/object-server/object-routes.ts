/** What can be asked of an object: to be put, on conditions, to be told, in parts, and to be removed. Called by `server.ts`. */

import { answerEmpty, type Context, inSlot, refuseOthers } from "./context.js";
import { answerObject, matchOf } from "./download.js";
import { S3Fault } from "./fault.js";
import { fileOf } from "./names.js";
import type { Conditions } from "./shelf.js";
import { OBJECT_MAX_BYTES, receive, wantedOf } from "./upload.js";

const NO_QUERY: ReadonlySet<string> = new Set();
/** What is kept with an object, and said with it again. */
const KEPT = [
	"cache-control",
	"content-disposition",
	"content-encoding",
	"content-language",
	"content-type",
	"expires",
];

export async function objectRoute(context: Context): Promise<void> {
	refuseOthers(context, NO_QUERY);
	// (A name that can't be had is said to be that, whatever is asked.)
	fileOf(context.target.key);
	switch (context.request.method) {
		case "PUT":
			return putObject(context);
		case "GET":
		case "HEAD":
			return getObject(context);
		case "DELETE": {
			const { shelf, target, request } = context;
			if (request.headers["if-match"] !== undefined)
				throw new S3Fault("NotImplemented", "conditions are kept by PUT alone");
			await shelf.remove(target.bucket, [target.key]);
			return answerEmpty(context, 204);
		}
		default:
			throw new S3Fault("MethodNotAllowed", "an object can be put, told and removed");
	}
}

async function getObject({ shelf, target, request, response, pace }: Context): Promise<void> {
	const found = await shelf.find(target.bucket, target.key);
	try {
		const isHead = request.method === "HEAD";
		await answerObject(response, found, { isHead, headers: request.headers }, pace);
	} finally {
		await found.handle.close();
	}
}

function conditionsOf({ request }: Context): Conditions {
	const { "if-none-match": none, "if-match": match } = request.headers;
	if (none !== undefined && none !== "*")
		throw new S3Fault("NotImplemented", "If-None-Match can be * when something is put");
	return { isNew: none !== undefined, match: matchOf(match) };
}

async function putObject(context: Context): Promise<void> {
	const { shelf, target, request, response, bodyHash, pace } = context;
	const wanted = wantedOf(request, bodyHash, OBJECT_MAX_BYTES);
	const conditions = conditionsOf(context);
	await shelf.checkBucket(target.bucket);
	await shelf.checkConditions(target.bucket, target.key, conditions);
	const kept = Object.entries(request.headers).flatMap(([name, text]) =>
		typeof text === "string" && (KEPT.includes(name) || name.startsWith("x-amz-meta-")) ? [[name, text]] : [],
	);
	await inSlot(context.bodies, async () => {
		const draft = await shelf.draft();
		try {
			context.goOn();
			await receive(request, (piece) => draft.write(piece), pace);
			const whole = { draft, wanted, headers: Object.fromEntries(kept) };
			const { etag } = await shelf.put(target.bucket, target.key, whole, conditions);
			response.setHeader("etag", `"${etag}"`);
		} finally {
			await draft.discard();
		}
	});
	answerEmpty(context, 200);
}
