/**
 * Who may ask what. On the unix socket its mode decides: whoever gets in may do everything. On TCP, reading from this machine is
 * free; all else, and every change, wants the token. A browser is a caller that others can use: so Host must be an address or
 * name of ours (a name that an attacker has pointed at this address is none), Origin, where there is one, the same, and changes
 * must be of a media type that no form can send. Whoever guesses tokens is slowed (`guesses.ts`). Called by `app.ts` before anything
 * of a request is looked at.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { isLoopback } from "../spec/values.js";
import { Guesses } from "./guesses.js";
import { Refusal } from "./problem.js";

/** Where a request came from. */
export interface Caller {
	readonly transport: "unix" | "tcp";
	/** Addresses of both ends, on TCP. */
	readonly localAddress: string;
	readonly remoteAddress: string;
}

export interface GuardOptions {
	/** What changes want on TCP; none: nobody can change anything there. */
	readonly token: string | undefined;
	/** Names that this machine is asked by, beside its addresses. */
	readonly names: readonly string[];
	/** Milliseconds, of a clock that only goes on. */
	readonly now?: () => number;
}

type HeaderGetter = (name: string) => string | undefined;

const CHALLENGE = { headers: { "www-authenticate": 'Bearer realm="vblade"' } };

export class Guard {
	readonly #names: ReadonlySet<string>;
	readonly #guesses: Guesses;
	#tokenDigest: Buffer | undefined;

	constructor({ token, names, now = () => performance.now() }: GuardOptions) {
		this.#guesses = new Guesses(now);
		this.#names = new Set(names.map((name) => name.toLowerCase()));
		this.setToken(token);
	}

	setToken(token: string | undefined): void {
		this.#tokenDigest = token === undefined ? undefined : digest(token);
	}

	/**
	 * Throws a Refusal unless the caller may do this. Returns whether he may do everything. Once for each request: a wrong token counts.
	 * @param isPage one of the page's own files: they show nothing, and ask for the token
	 */
	admit(method: string, isPage: boolean, caller: Caller, header: HeaderGetter): boolean {
		this.#checkHost(caller, header("host"));
		checkOrigin(header("host"), header("origin"));
		const reads = method === "GET" || method === "HEAD";
		if (!reads && method !== "DELETE") checkMediaType(method, header("content-type"));
		if (isPage && reads) return false;
		const trust = this.#trustIn(caller, header);
		if (trust.isTrusted) return true;
		if (reads && isLocal(caller, header)) return false;
		if (trust.waitMs > 0) throw tooManyGuesses(trust.waitMs);
		if (this.#tokenDigest === undefined)
			throw new Refusal(
				403,
				"there is no [http] token_file: here nobody can do more than read from this machine",
			);
		throw wantsToken();
	}

	/** `waitMs`: he brings a token, which is not looked at, for he has guessed too often. */
	#trustIn(
		{ transport, remoteAddress }: Caller,
		header: HeaderGetter,
	): { isTrusted: boolean; waitMs: number } {
		if (transport === "unix") return { isTrusted: true, waitMs: 0 };
		const [, token] = /^Bearer +(\S+)$/i.exec(header("authorization") ?? "") ?? [];
		if (token === undefined || this.#tokenDigest === undefined) return { isTrusted: false, waitMs: 0 };
		const address = plainAddress(remoteAddress);
		const waitMs = this.#guesses.waitMs(address);
		if (waitMs > 0) return { isTrusted: false, waitMs };
		// Digests are of equal length, and how far they agree says nothing of the token.
		const given = digest(token);
		const isTrusted = timingSafeEqual(given, this.#tokenDigest);
		if (isTrusted) this.#guesses.right(address);
		else this.#guesses.wrong(address, given.toString("base64"));
		return { isTrusted, waitMs: 0 };
	}

	#checkHost({ transport, localAddress }: Caller, host: string | undefined): void {
		const name = hostName(host ?? "");
		const ok =
			transport === "unix"
				? // Whoever forwards the socket to a port brings browsers; a name of the net has a dot.
					isHere(name) || (name !== "" && !/[.:]/.test(name))
				: sameAddress(name, localAddress) ||
					this.#names.has(name) ||
					(name === "localhost" && isHere(localAddress));
		if (!ok) throw new Refusal(421, "the Host header names neither an address nor a name of this machine");
	}
}

function tooManyGuesses(waitMs: number): Refusal {
	const seconds = Math.ceil(waitMs / 1000);
	return new Refusal(
		429,
		`too many wrong tokens came from this address: the next is looked at in ${seconds} s`,
		{
			headers: { "retry-after": String(seconds) },
		},
	);
}

function checkOrigin(host: string | undefined, origin: string | undefined): void {
	if (origin === undefined) return;
	const { host: from } = URL.canParse(origin) ? new URL(origin) : { host: "" };
	if (from === "" || from !== host?.toLowerCase())
		throw new Refusal(403, "the request comes from a page of another site");
}

/** What bodies are written in: a merge patch (RFC 7396) is JSON by another name. None of these can a form of another site send. */
export function mediaTypesOf(method: string): readonly string[] {
	return method === "PATCH" ? ["application/json", "application/merge-patch+json"] : ["application/json"];
}

function checkMediaType(method: string, type: string | undefined): void {
	const [essence = ""] = (type ?? "").split(";");
	const taken = mediaTypesOf(method);
	if (taken.includes(essence.trim().toLowerCase())) return;
	const shown = taken.map((each) => `"Content-Type: ${each}"`).join(" or ");
	const headers = method === "PATCH" ? { "accept-patch": taken.join(", ") } : {};
	throw new Refusal(415, `changes are taken with ${shown} only`, { headers });
}

/** Asked from this machine, and for itself: a proxy says for whom it asks. */
function isLocal({ remoteAddress }: Caller, header: HeaderGetter): boolean {
	return (
		isHere(remoteAddress) &&
		["forwarded", "x-forwarded-for", "x-real-ip", "via"].every((name) => header(name) === undefined)
	);
}

/** `[::1]:9470` and `example.org:80` without brackets and port. */
function hostName(host: string): string {
	const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host) ?? [];
	return (bracketed ?? plain ?? "").toLowerCase();
}

/** An address of IPv4 as IPv4 has it, also if it came over a socket of both. */
function plainAddress(address: string): string {
	return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
}

function sameAddress(name: string, address: string): boolean {
	return isIP(name) !== 0 && plainAddress(name) === plainAddress(address);
}

function isHere(address: string): boolean {
	const plain = plainAddress(address);
	return plain === "localhost" || isLoopback(plain);
}

function digest(token: string): Buffer {
	return createHash("sha256").update(token).digest();
}

/** What is not for everybody who may read. */
export function wantsToken(): Refusal {
	return new Refusal(
		401,
		'this wants "Authorization: Bearer TOKEN", with the token of [http] token_file',
		CHALLENGE,
	);
}
