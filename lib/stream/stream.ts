/**
 * A connection as bytes: what a protocol on TCP or a unix socket receives from and sends to. Nothing waits here: who finds nothing
 * to receive, or no room to send, is told when there is some. `socket-stream.ts` is one of the system's, `memory-stream.ts` a pair for
 * tests and simulations. Used by `lib/nbd/`; what is to be sent is kept in a `SendQueue` (`send-queue.ts`).
 */

import type { Memory } from "../wire/memory.js";

/** What is to be sent: so many bytes of a memory. */
export interface StreamPart {
	readonly memory: Memory;
	readonly offset: number;
	readonly length: number;
}

export interface StreamUser {
	/** There may be something to receive, or the end has come. */
	readable(): void;
	/** More can be sent. */
	writable(): void;
	/** The connection has broken: nothing that is sent arrives. */
	broken(): void;
}

/** Nothing now: `readable`, or `writable`, says when. */
export const NOTHING_NOW = -1;
/** The connection has broken. */
export const BROKEN = -2;

export interface ByteStream {
	/** Who it is, for messages: an address and port, or what the system knows of a unix socket's other end. */
	readonly peer: string;
	/** The end that is here, likewise; undefined: nobody knows, or it has none. */
	readonly local?: string | undefined;
	/** Whom the other end has proved to be, by TLS: `cn:backup`, `psk:alice`; null: it has not. */
	readonly identity: string | null;
	/** By what it is encrypted, `TLSv1.3 TLS_AES_256_GCM_SHA384`; null: by nothing. */
	readonly encryption: string | null;
	/** What has broken it, as the system calls it (`ECONNRESET`); null: that is not known, or it has not. */
	readonly trouble: string | null;
	/** From now on `user` is told. Called once. */
	attach(user: StreamUser): void;
	/**
	 * Bytes that came, at most `length`, into `memory` from `offset` on; 0: the other end has sent its last; else `NOTHING_NOW` or `BROKEN`. What
	 * ought to come at once may be watched for, so many microseconds (0..1000), without sleeping.
	 */
	receive(memory: Memory, offset: number, length: number, watchUs?: number): number;
	/**
	 * How many bytes are on their way, of `parts` from number `from` on, the first of them without its first `skip` bytes; or
	 * `NOTHING_NOW` (then `writable` is called), or `BROKEN`.
	 */
	send(parts: readonly StreamPart[], from: number, skip: number): number;
	/** Whether `readable` is called: not while there is no room for more. */
	wantReadable(wanted: boolean): void;
	/** Ends it at once: what is on its way may still arrive. Nobody is told of anything any more. May be called again. */
	close(): void;
}
