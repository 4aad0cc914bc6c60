/**
 * What one end of TLS has: certificates, keys and ciphers, as texts, and what the threads in which TLS runs (`native/tls/`) have understood of
 * them. Made by `lib/daemon/` of what `material.ts` has read; given to `threads.ts` with each connection.
 */

import { DEFAULT_CIPHERS } from "node:tls";
import { native, type TlsSideHandle } from "../native.js";

/** Texts of files, in PEM but for `psk`. Secrets: never shown. */
export interface TlsMaterial {
	readonly certificate?: string;
	readonly key?: string;
	/** Whom the other end's certificate has to be of. */
	readonly ca?: string;
	/** Names and keys (in hexadecimal digits) that both ends have. */
	readonly psk?: readonly (readonly [name: string, key: string])[];
	/** As OpenSSL names them; undefined: its own choice. */
	readonly ciphers?: string;
}

/** One end, for any number of connections. */
export interface TlsSide {
	readonly handle: TlsSideHandle;
	/** Of a client: whom the server's certificate has to name; null: a unix socket has no name, and a client none that is known. */
	readonly host: string | null;
	/** Of a client: by which of `psk` it makes itself known; null: there is none. */
	readonly identity: string | null;
}

/** What both ends have agreed on. */
export interface TlsAgreement {
	/** `TLSv1.3` */
	readonly protocol: string;
	/** As OpenSSL calls it. */
	readonly cipher: string;
	/** Whom the other end has proved to be: `cn:` and the one common name in its certificate, or `psk:` and a name; null: it has not. */
	readonly identity: string | null;
	/** Why it must have nothing, though TLS is up: what it has shown is not good; null: it may go on. */
	readonly refusal: string | null;
}

/** Names and keys in TLS 1.3 go with SHA-256, so these come first. */
const PSK_CIPHERS =
	"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES256-GCM-SHA384:DHE-PSK-AES128-GCM-SHA256:DHE-PSK-CHACHA20-POLY1305:PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256";
/** Certificates have their ciphers of TLS 1.2, too, where there is one beside keys. */
const CERTIFICATE_CIPHERS =
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";

/** What all connections of an end share: understood once, by the first of them. */
export function understood(kind: "server" | "client", material: TlsMaterial): TlsSideHandle {
	const { certificate = "", key = "", ca = "", psk, ciphers = ciphersFor(kind, material) } = material;
	// (OpenSSL takes those of TLS 1.3 apart from all others.)
	const named = ciphers.split(":");
	const suites = named.filter((name) => name.startsWith("TLS_"));
	const others = named.filter((name) => !name.startsWith("TLS_"));
	const keys = (psk ?? []).map((each) => each.join(":")).join("\n");
	return native.tlsSide(
		kind === "server" ? 1 : 0,
		certificate,
		key,
		ca,
		keys,
		others.join(":"),
		suites.join(":"),
	);
}

/** A client with a key wants nothing else. */
function ciphersFor(kind: "server" | "client", { certificate, psk }: TlsMaterial): string {
	if (psk === undefined) return DEFAULT_CIPHERS;
	return kind === "server" && certificate !== undefined
		? `${PSK_CIPHERS}:${CERTIFICATE_CIPHERS}`
		: PSK_CIPHERS;
}
