/**
 * One HTTP server, asked by connections that are kept and are few: what is sent leaves in slices, what is received is in memory once
 * and never more than was asked for, and whatever goes wrong below HTTP is `unavailable`. Status codes are for who asked. Used by
 * `s3-door.ts`, `swift-door.ts` and `head-etcd.ts`.
 */

import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import { Pool } from "undici";
import type { Clock } from "../clock.js";
import { codeOf } from "../errors.js";
import { lengthOf, slicesOf } from "./bytes.js";
import type { ObjectOp, RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";

/** Of answers that say what went wrong, and of others of which not much is expected. */
const WORDS_MAX_BYTES = 64 * 1024;
/** Nobody was asked. */
const NO_CONNECTION: ReadonlySet<string> = new Set([
	"EAI_AGAIN",
	"ECONNREFUSED",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"ENOTFOUND",
	"UND_ERR_CONNECT_TIMEOUT",
]);
/** What is copied to a socket in one turn, if it takes so much: a fraction of a millisecond. */
const SENT_BYTES = 512 * 1024;
const CONNECT_MS = 5_000;
const OK_BELOW = 300;

export interface Ask {
	readonly op: ObjectOp;
	readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
	/** With the query, encoded. */
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: readonly Buffer[];
	/** A good answer has no more bytes; one that says what went wrong may have 64 KiB. */
	readonly mostBytes?: number;
}

export interface Answer {
	readonly status: number;
	/** Of a header that came several times the first; names in lower case. */
	header(name: string): string | undefined;
	readonly body: Buffer;
}

/** Texts, in PEM. */
export interface HttpTls {
	/** Who is trusted; left out: whom the system trusts. */
	readonly ca?: string | undefined;
	/** What the server is shown. */
	readonly certificate?: string | undefined;
	readonly key?: string | undefined;
}

export interface HttpOptions {
	readonly clock: Clock;
	readonly counts: RequestCounts;
	/** Sockets at most. */
	readonly sockets?: number | undefined;
	/** How hosts are found; left out: as the system does, which a process that has given up its rights may not. */
	readonly lookup?: LookupFunction | undefined;
	readonly tls?: HttpTls | undefined;
}

const SOCKETS = 32;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export class HttpDoor {
	readonly #pool: Pool;
	readonly #clock: Clock;
	readonly #counts: RequestCounts;

	/** @param origin `http://host:port` */
	constructor(
		readonly origin: string,
		{ clock, counts, sockets = SOCKETS, lookup, tls = {} }: HttpOptions,
	) {
		this.#clock = clock;
		this.#counts = counts;
		const { ca, certificate: cert, key } = tls;
		const secure = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
		const connect = { timeout: CONNECT_MS, ...(lookup === undefined ? {} : { lookup }), ...secure };
		// Each request has a limit by our clock; so undici needs none.
		const untimed = { headersTimeout: 0, bodyTimeout: 0, connect };
		this.#pool = new Pool(origin, { connections: sockets, pipelining: 1, ...untimed });
	}

	/** Rejects with an `ObjectError` if no whole answer came, or with the reason of `signal`. */
	async ask(ask: Ask, signal: AbortSignal): Promise<Answer> {
		const beganMs = this.#clock.now();
		const told = (code: string): void => this.#counts.record(ask.op, code, beganMs, this.#clock);
		try {
			const answer = await this.#ask(ask, signal);
			told(String(answer.status));
			return answer;
		} catch (error) {
			if (signal.aborted) {
				told(signal.reason instanceof ObjectError ? "timeout" : "aborted");
				throw signal.reason;
			}
			if (error instanceof ObjectError) {
				told(error.kind);
				throw error;
			}
			const code = codeOf(error);
			told(code ?? "error");
			const why = error instanceof Error ? error.message : String(error);
			throw new ObjectError(
				ObjectFault.unavailable,
				`${this.origin}: ${ask.op}: ${why || code}`,
				NO_CONNECTION.has(code ?? ""),
			);
		}
	}

	async #ask({ method, path, headers, body, mostBytes }: Ask, signal: AbortSignal): Promise<Answer> {
		const sized = body === undefined ? headers : { ...headers, "content-length": String(lengthOf(body)) };
		const answer = await this.#pool.request({
			method,
			path,
			headers: sized,
			body: body === undefined || lengthOf(body) === 0 ? null : streamOf(body),
			signal,
		});
		const { statusCode: status, headers: found } = answer;
		const most = status < OK_BELOW ? (mostBytes ?? WORDS_MAX_BYTES) : WORDS_MAX_BYTES;
		const length = method === "HEAD" ? 0 : lengthIn(found);
		const whole = await received(answer.body, most, length, `${this.origin}: ${method} ${path}`);
		return { status, header: (name) => headerIn(found, name), body: whole };
	}

	/** Ends what is under way. */
	close(): Promise<void> {
		return this.#pool.destroy();
	}
}

/** In slices, each when the one before has gone. */
function streamOf(body: readonly Buffer[]): Readable {
	return Readable.from(slicesOf(body, SENT_BYTES), { objectMode: false, highWaterMark: SENT_BYTES });
}

function headerIn(headers: Headers, name: string): string | undefined {
	const value = headers[name];
	return typeof value === "string" ? value : value?.[0];
}

function lengthIn(headers: Headers): number | undefined {
	const text = headerIn(headers, "content-length");
	return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Throws an `ObjectError` if there is more than `most`; then the connection ends, for nobody reads the rest. */
async function received(
	body: AsyncIterable<Buffer>,
	most: number,
	length: number | undefined,
	what: string,
): Promise<Buffer> {
	const tooLong = (): ObjectError =>
		new ObjectError(ObjectFault.damaged, `${what}: the answer has more than ${most} bytes`);
	// Where the length is known, each byte is copied once, and no second copy is made of all of them.
	const whole = length === undefined || length > most ? undefined : Buffer.allocUnsafe(length);
	const chunks: Buffer[] = [];
	let at = 0;
	for await (const chunk of body) {
		if (at + chunk.length > (whole?.length ?? most)) throw tooLong();
		if (whole === undefined) chunks.push(chunk);
		else chunk.copy(whole, at);
		at += chunk.length;
	}
	if (whole !== undefined && at < whole.length)
		throw new ObjectError(
			ObjectFault.damaged,
			`${what}: the answer ended after ${at} of ${whole.length} bytes`,
		);
	return whole ?? Buffer.concat(chunks);
}
