/**
 * What one end of TLS has, and what is said between the loop and the threads in which TLS runs (`threads.ts`, `tls-thread.ts`). Types
 * only: plain data, which goes from process to process and from thread to thread.
 */

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

/** One end, for any number of connections. `id`: those of a process that have the same have the same material. */
export type TlsSide =
	| { readonly kind: "server"; readonly id: number; readonly material: TlsMaterial }
	| {
			readonly kind: "client";
			readonly id: number;
			readonly material: TlsMaterial;
			/** Whom the server's certificate has to name; null: a unix socket has no name. */
			readonly host: string | null;
			/** By which of `material.psk` it makes itself known; null: there is none. */
			readonly identity: string | null;
	  };

/** To a thread. */
export type ToThread =
	/** It has both descriptors from now on: of the connection, and of what comes out of TLS. */
	| {
			readonly kind: "secure";
			readonly id: number;
			readonly socket: number;
			readonly plain: number;
			readonly side: TlsSide;
	  }
	/** Nobody wants that connection any more. */
	| { readonly kind: "drop"; readonly id: number }
	/** To be answered with `alive`. */
	| { readonly kind: "ask" };

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

export type FromThread =
	/** It has the descriptors. */
	| { readonly kind: "taken"; readonly id: number }
	| { readonly kind: "up"; readonly id: number; readonly agreement: TlsAgreement }
	/** Nothing has come of it; both descriptors are closed. */
	| { readonly kind: "failed"; readonly id: number; readonly why: string }
	/** It has broken after it was up: closed when the thread is told `drop`. */
	| { readonly kind: "broken"; readonly id: number; readonly why: string }
	/** It is over. */
	| { readonly kind: "over"; readonly id: number }
	| { readonly kind: "alive" };
