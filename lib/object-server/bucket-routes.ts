/** What can be asked of a bucket, and of all of them: to be made, listed, removed, and to have many objects removed. Called by `server.ts`. */

import { textIn, textsIn } from "../object/xml.js";
import { answerEmpty, answerXml, type Context, inSlot, refuseOthers } from "./context.js";
import { faultOf, S3Fault } from "./fault.js";
import { list, listAsked } from "./list.js";
import { checkBucket } from "./names.js";
import { valueIn } from "./target.js";
import { receiveShort, wantedOf } from "./upload.js";
import { bucketsXml, LOCATION_XML, listXml, type Removed, removedXml, VERSIONING_XML } from "./xml.js";

/** A thousand names, the longest there may be, each character written as an entity. */
const BODY_MAX_BYTES = 2 * 1024 * 1024;
const REMOVED_AT_ONCE = 1000;
const LIST_QUERY: ReadonlySet<string> = new Set([
	"continuation-token",
	"delimiter",
	"encoding-type",
	"fetch-owner",
	"list-type",
	"marker",
	"max-keys",
	"prefix",
	"start-after",
]);
const NO_QUERY: ReadonlySet<string> = new Set();
const DELETE_QUERY: ReadonlySet<string> = new Set(["delete"]);

export async function allRoute(context: Context): Promise<void> {
	refuseOthers(context, NO_QUERY);
	if (context.request.method !== "GET")
		throw new S3Fault("MethodNotAllowed", "buckets can be listed, and nothing else done with all of them");
	answerXml(context, bucketsXml(await context.shelf.buckets()));
}

export async function bucketRoute(context: Context): Promise<void> {
	const { shelf, target, request } = context;
	checkBucket(target.bucket);
	switch (request.method) {
		case "HEAD":
			await shelf.checkBucket(target.bucket);
			return answerEmpty(context, 200);
		case "GET":
			return getBucket(context);
		case "PUT":
			return makeBucket(context);
		case "POST":
			return removeMany(context);
		case "DELETE":
			refuseOthers(context, NO_QUERY);
			await shelf.removeBucket(target.bucket);
			return answerEmpty(context, 204);
		default:
			throw new S3Fault("MethodNotAllowed", "a bucket can be made, listed and removed");
	}
}

async function getBucket(context: Context): Promise<void> {
	const { shelf, target } = context;
	const [first] = target.query;
	if (first?.[0] === "location" || first?.[0] === "versioning") {
		await shelf.checkBucket(target.bucket);
		answerXml(context, first[0] === "location" ? LOCATION_XML : VERSIONING_XML);
		return;
	}
	refuseOthers(context, LIST_QUERY);
	const asked = listAsked(target);
	const listing = await inSlot(context.lists, () => list(shelf, target.bucket, asked));
	answerXml(context, listXml(target.bucket, listing));
}

async function shortBody(context: Context): Promise<Buffer> {
	const wanted = wantedOf(context.request, context.bodyHash, BODY_MAX_BYTES);
	return inSlot(context.bodies, () => {
		context.goOn();
		return receiveShort(context.request, wanted, context.pace);
	});
}

async function makeBucket(context: Context): Promise<void> {
	refuseOthers(context, NO_QUERY);
	const { headers } = context.request;
	// It may have a body, which names a region: that means nothing here.
	if (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined)
		await shortBody(context);
	if (!(await context.shelf.makeBucket(context.target.bucket)))
		throw new S3Fault("BucketAlreadyOwnedByYou", "there is such a bucket already");
	context.response.setHeader("location", `/${context.target.bucket}`);
	answerEmpty(context, 200);
}

async function removeMany(context: Context): Promise<void> {
	refuseOthers(context, DELETE_QUERY);
	const { shelf, target } = context;
	if (valueIn(target, "delete") === undefined)
		throw new S3Fault("NotImplemented", "nothing but ?delete can be posted");
	await shelf.checkBucket(target.bucket);
	const xml = (await shortBody(context)).toString();
	const keys = textsIn(xml, "Key");
	if (!/<Delete[\s>]/.test(xml) || !xml.includes("</Delete>") || keys.length === 0)
		throw new S3Fault("MalformedXML", "the body names nothing to be deleted");
	if (keys.length > REMOVED_AT_ONCE)
		throw new S3Fault("MalformedXML", `at most ${REMOVED_AT_ONCE} objects can be deleted at once`);
	if (textIn(xml, "VersionId") !== undefined)
		throw new S3Fault("NotImplemented", "there is one version of everything");
	const removed: Removed[] = [];
	for (const key of keys)
		removed.push({ key, fault: await shelf.remove(target.bucket, [key]).then(() => undefined, known) });
	answerXml(context, removedXml(removed, textIn(xml, "Quiet") === "true"));
}

function known(error: unknown): S3Fault {
	const fault = faultOf(error);
	if (fault === undefined) throw error;
	return fault;
}
