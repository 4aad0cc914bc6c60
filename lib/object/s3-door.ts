/**
 * Requests to one bucket of S3: addressed by path or by host, signed, sent, and what is wrong with an answer put into one of the four
 * kinds of error. Used by `s3.ts` for objects and by `head-s3.ts` for heads.
 */

import type { LookupFunction } from "node:net";
import { type Clock, systemClock } from "../clock.js";
import { digestOf } from "./bytes.js";
import { type ObjectOp, RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import { type Answer, type Ask, HttpDoor, type HttpTls } from "./http.js";
import { Proofs } from "./proofs.js";
import { EMPTY_HASH, encode, queryText, type Signer, sign } from "./sigv4.js";
import { textIn } from "./xml.js";

export interface S3Options extends Signer {
	/** `https://objects.example.org` */
	readonly endpoint: string;
	readonly bucket: string;
	/** Before all names: `pools/gold/`. */
	readonly prefix?: string;
	/** Where the bucket's name is: in the path, which every store knows, or before the host. */
	readonly style?: "path" | "host";
	readonly clock?: Clock;
	readonly sockets?: number;
	readonly lookup?: LookupFunction;
	readonly tls?: HttpTls | undefined;
	/** The time of day, for signatures. */
	readonly today?: () => Date;
	/** What stores of this process have proved; default: nothing. */
	readonly proofs?: Proofs;
}

export interface S3Ask {
	readonly op: ObjectOp;
	readonly method: Ask["method"];
	/** Without the prefix; undefined: the bucket. */
	readonly name?: string;
	readonly query?: readonly (readonly [name: string, value: string])[];
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: readonly Buffer[];
	readonly mostBytes?: number;
}

export class S3Door {
	readonly name: string;
	readonly counts = new RequestCounts();
	readonly proofs: Proofs;
	readonly prefix: string;
	readonly region: string;
	readonly #door: HttpDoor;
	readonly #host: string;
	/** Before a name: of the bucket, if it is not in the host's name. */
	readonly #base: string;
	readonly #signer: Signer;
	readonly #today: () => Date;

	constructor(options: S3Options) {
		const {
			endpoint,
			bucket,
			prefix = "",
			style = "path",
			clock = systemClock,
			sockets,
			lookup,
			tls,
		} = options;
		const url = new URL(endpoint);
		if (style === "host") url.hostname = `${bucket}.${url.hostname}`;
		this.name = `${url.origin}/${bucket}`;
		this.prefix = prefix;
		this.region = options.region;
		this.#host = url.host;
		this.#base = `${url.pathname.replace(/\/$/, "")}${style === "path" ? `/${encode(bucket)}` : ""}`;
		this.#signer = options;
		this.#today = options.today ?? (() => new Date());
		this.proofs = options.proofs ?? new Proofs(clock);
		this.#door = new HttpDoor(url.origin, { clock, counts: this.counts, sockets, lookup, tls });
	}

	/** Any answer that came whole. */
	async ask(
		{ op, method, name, query = [], headers, body, mostBytes }: S3Ask,
		signal: AbortSignal,
	): Promise<Answer> {
		const key = name === undefined ? "" : `/${this.prefix}${name}`;
		// In the host's style the bucket itself is "/".
		const path = `${this.#base}${key}` || "/";
		const bodyHash = body === undefined ? EMPTY_HASH : await digestOf("sha256", body);
		const unsigned = { method, path, query, headers: { host: this.#host, ...headers }, bodyHash };
		const signed = sign(this.#signer, unsigned, this.#today());
		const asked = query.length === 0 ? path : `${path}?${queryText(query)}`;
		const rest = {
			...(body === undefined ? {} : { body }),
			...(mostBytes === undefined ? {} : { mostBytes }),
		};
		return this.#door.ask({ op, method, path: asked, headers: signed, ...rest }, signal);
	}

	/** What an answer that is not good means. */
	error(what: string, { status, body }: Answer): ObjectError {
		const text = body.toString("latin1");
		const code = textIn(text, "Code");
		const words = code === undefined && status === STATUS.forbidden ? FORBIDDEN : textIn(text, "Message");
		const said = [String(status), code, words].filter((word) => word !== undefined).join(" ");
		return new ObjectError(faultOf(status, code), `${this.name}: ${what}: ${said}`);
	}

	close(): Promise<void> {
		return this.#door.close();
	}
}

/** The network's doing, which the store has noticed. */
const GARBLED: ReadonlySet<string> = new Set([
	"BadDigest",
	"IncompleteBody",
	"InvalidDigest",
	"XAmzContentSHA256Mismatch",
]);
/** Words of a busy server, whatever the status is. */
const AGAIN: ReadonlySet<string> = new Set([
	"RequestTimeout",
	"SlowDown",
	"OperationAborted",
	"InternalError",
]);
/** "Again", "too many", "timeout": each of them says nothing of the object. */
const AGAIN_STATUS: ReadonlySet<number> = new Set([408, 409, 412, 425, 429]);
/** What an answer without words may mean. */
const FORBIDDEN =
	"(it refuses the access key, its secret, or what they are to be used for; or this host's clock is wrong)";
const STATUS = {
	forbidden: 403,
	notFound: 404,
	rangeNotSatisfiable: 416,
	server: 500,
	notImplemented: 501,
	noSpace: 507,
};

function faultOf(status: number, code: string | undefined): ObjectFault {
	if (code !== undefined && AGAIN.has(code)) return ObjectFault.unavailable;
	if (code !== undefined && GARBLED.has(code)) return ObjectFault.damaged;
	// An answer to HEAD has no words; that there is no bucket is another matter.
	if (status === STATUS.notFound && (code === undefined || code === "NoSuchKey")) return ObjectFault.absent;
	if (status === STATUS.rangeNotSatisfiable) return ObjectFault.damaged;
	if (status === STATUS.notImplemented || status === STATUS.noSpace) return ObjectFault.refused;
	return status >= STATUS.server || AGAIN_STATUS.has(status) ? ObjectFault.unavailable : ObjectFault.refused;
}
