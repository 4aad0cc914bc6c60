/**
 * What a client is told that does not get what it asked for: a status of HTTP with a code of S3's and a sentence. Thrown by whoever finds
 * out, in this folder, and made an answer of by `server.ts`. What the file system says becomes one here.
 */

import { codeOf } from "../errors.js";

/** Each code with its status. */
const CODES = {
	AccessDenied: 403,
	AuthorizationHeaderMalformed: 400,
	BadDigest: 400,
	BucketAlreadyOwnedByYou: 409,
	BucketNotEmpty: 409,
	EntityTooLarge: 400,
	IncompleteBody: 400,
	InsufficientCapacity: 507,
	InternalError: 500,
	InvalidAccessKeyId: 403,
	InvalidArgument: 400,
	InvalidBucketName: 400,
	InvalidDigest: 400,
	InvalidRange: 416,
	InvalidURI: 400,
	KeyTooLongError: 400,
	MalformedXML: 400,
	MetadataTooLarge: 400,
	MethodNotAllowed: 405,
	MissingContentLength: 411,
	NoSuchBucket: 404,
	NoSuchKey: 404,
	NotImplemented: 501,
	PreconditionFailed: 412,
	RequestTimeout: 408,
	RequestTimeTooSkewed: 403,
	SignatureDoesNotMatch: 403,
	SlowDown: 503,
	XAmzContentSHA256Mismatch: 400,
} as const;
export type S3Code = keyof typeof CODES;

export class S3Fault extends Error {
	override name = "S3Fault";
	readonly status: number;

	constructor(
		readonly code: S3Code,
		message: string,
	) {
		super(message);
		this.status = CODES[code];
	}
}

const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
/** Of this process, or of the system: there will be some again. */
const NO_MEANS: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]);

/** Undefined: a defect of ours. What files are called here is not for clients. */
export function faultOf(error: unknown): S3Fault | undefined {
	if (error instanceof S3Fault) return error;
	const code = codeOf(error);
	if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return undefined;
	if (NO_ROOM.has(code)) return new S3Fault("InsufficientCapacity", `no room is left (${code})`);
	if (NO_MEANS.has(code)) return new S3Fault("SlowDown", `this server has no means left (${code})`);
	return new S3Fault("InternalError", `the directory can't be used (${code})`);
}
