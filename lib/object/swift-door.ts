/**
 * Requests to one container of Swift: with a token, asked for anew when the store does not take it any more, and what is wrong with an
 * answer put into one of the four kinds of error. Used by `swift.ts`.
 */

import type { LookupFunction } from "node:net";
import { type Clock, systemClock } from "../clock.js";
import { type ObjectOp, RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import { type Answer, type Ask, HttpDoor, type HttpOptions, type HttpTls } from "./http.js";
import { encode } from "./sigv4.js";
import { type SwiftAccount, SwiftLogin, type SwiftSession } from "./swift-login.js";

export interface SwiftOptions {
	readonly account: SwiftAccount;
	readonly container: string;
	/** Before all names: `pools/gold/`. */
	readonly prefix?: string;
	readonly clock?: Clock;
	readonly sockets?: number;
	readonly lookup?: LookupFunction;
	readonly tls?: HttpTls | undefined;
}

export interface SwiftAsk {
	readonly op: ObjectOp;
	readonly method: Ask["method"];
	/** Behind the account's address: `containerPath`, a name's path, or nothing. */
	readonly path: string;
	/** Encoded. */
	readonly query?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: readonly Buffer[];
	readonly mostBytes?: number;
}

const STATUS = { unauthorized: 401, notFound: 404, rangeNotSatisfiable: 416, garbled: 422, server: 500 };
const STATUS_NO_SPACE = 507;
/** "Timeout", "again", "too many", "went away": each of them says nothing of the object. */
const AGAIN: ReadonlySet<number> = new Set([408, 409, 412, 425, 429, 498, 499]);

export class SwiftDoor {
	readonly name: string;
	readonly prefix: string;
	readonly counts = new RequestCounts();
	readonly containerPath: string;
	readonly #login: SwiftLogin;
	/** Of whichever door. */
	readonly #http: HttpOptions;
	/** To where the login says that the storage is. */
	#door: HttpDoor | undefined;

	constructor({ account, container, prefix = "", clock = systemClock, ...how }: SwiftOptions) {
		const { sockets, lookup, tls } = how;
		this.name = `${account.auth} ${container}`;
		this.prefix = prefix;
		this.containerPath = `/${encode(container)}`;
		this.#http = { clock, counts: this.counts, sockets, lookup, tls };
		this.#login = new SwiftLogin(account, this.#http);
	}

	pathOf(name: string): string {
		return `${this.containerPath}/${this.prefix}${name}`;
	}

	/** Any answer that came whole, but that of a store that does not take our tokens. */
	async ask(asked: SwiftAsk, signal: AbortSignal): Promise<Answer> {
		const session = await this.#login.session(signal);
		const answer = await this.#ask(asked, session, signal);
		if (answer.status !== STATUS.unauthorized) return answer;
		// Tokens come to an end, and are forgotten by stores that start again.
		return this.#ask(asked, await this.#login.session(signal, session), signal);
	}

	#ask(asked: SwiftAsk, { storage, token }: SwiftSession, signal: AbortSignal): Promise<Answer> {
		const { path, query = "", headers, ...rest } = asked;
		const whole = `${storage.pathname.replace(/\/$/, "")}${path}${query === "" ? "" : `?${query}`}`;
		const all = { "x-auth-token": token, ...headers };
		return this.#doorTo(storage.origin).ask({ ...rest, path: whole, headers: all }, signal);
	}

	#doorTo(origin: string): HttpDoor {
		if (this.#door?.origin === origin) return this.#door;
		// The storage has moved: nothing is to be had where it was.
		void this.#door?.close();
		this.#door = new HttpDoor(origin, this.#http);
		return this.#door;
	}

	/** What an answer that is not good means. */
	error(what: string, { status }: Answer): ObjectError {
		return new ObjectError(faultOf(status), `${this.name}: ${what}: ${status}`);
	}

	async close(): Promise<void> {
		await Promise.all([this.#login.close(), this.#door?.close()]);
	}
}

function faultOf(status: number): ObjectFault {
	if (status === STATUS.notFound) return ObjectFault.absent;
	if (status === STATUS.rangeNotSatisfiable || status === STATUS.garbled) return ObjectFault.damaged;
	if (status === STATUS_NO_SPACE) return ObjectFault.refused;
	return status >= STATUS.server || AGAIN.has(status) ? ObjectFault.unavailable : ObjectFault.refused;
}
