/** What the routes are given of a request, and of the server: made by `server.ts` for each one that is signed as it has to be. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Slots } from "../object/slots.js";
import { S3Fault } from "./fault.js";
import type { PaceLimit } from "./pace.js";
import type { Shelf } from "./shelf.js";
import type { Target } from "./target.js";

export interface Context {
	readonly shelf: Shelf;
	readonly target: Target;
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	/** SHA-256 of the body in hexadecimal; undefined: it is not signed. */
	readonly bodyHash: string | undefined;
	/** How slowly bodies and answers may move. */
	readonly pace: PaceLimit;
	/** How many bodies are received at once, and how many lists made. */
	readonly bodies: Slots;
	readonly lists: Slots;
	/** Has the client send its body, if it has waited to be told. */
	goOn(): void;
}

/** For one of them at a time; who waits for too long is told to come again. */
const SLOT_WAIT_MS = 20_000;

export async function inSlot<T>(slots: Slots, act: () => Promise<T>): Promise<T> {
	const over = new AbortController();
	const timer = setTimeout(() => over.abort(), SLOT_WAIT_MS);
	const give = await slots.take(over.signal).catch(() => {
		throw new S3Fault("SlowDown", "too much is asked for at once");
	});
	clearTimeout(timer);
	try {
		return await act();
	} finally {
		give();
	}
}

export function answerXml({ response }: Context, xml: string): void {
	const body = Buffer.from(xml);
	response.writeHead(200, { "content-type": "application/xml", "content-length": body.length }).end(body);
}

export function answerEmpty({ response }: Context, status: 200 | 204): void {
	// Without a body there is no length to be told either.
	response.writeHead(status, status === 200 ? { "content-length": 0 } : {}).end();
}

/** What S3 has and this has not is refused: done otherwise than it was asked for would be worse. */
export function refuseOthers({ target, request }: Context, known: ReadonlySet<string>): void {
	const stranger = target.query.find(([name]) => !known.has(name) && name !== "x-id");
	if (stranger !== undefined)
		throw new S3Fault("NotImplemented", `${stranger[0].slice(0, 40)}: nothing of this kind is done here`);
	const header = REFUSED_HEADERS.find((name) => request.headers[name] !== undefined);
	if (header !== undefined) throw new S3Fault("NotImplemented", `${header}: this is not done here`);
	const acl = request.headers["x-amz-acl"];
	if (acl !== undefined && acl !== "private")
		throw new S3Fault("NotImplemented", "x-amz-acl: whatever is here is private");
}

const REFUSED_HEADERS = [
	"x-amz-copy-source",
	"x-amz-object-lock-mode",
	"x-amz-object-lock-legal-hold",
	"x-amz-server-side-encryption",
	"x-amz-server-side-encryption-customer-algorithm",
	"x-amz-tagging",
	"x-amz-website-redirect-location",
	"x-amz-write-offset-bytes",
];
