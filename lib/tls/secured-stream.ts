/**
 * A connection behind TLS, as the loop has it: one end of a socket pair, at whose other end a thread encrypts. Made by `threads.ts`, which
 * tells it what has broken it.
 */

import { SocketStream } from "../stream/socket-stream.js";
import type { TlsAgreement } from "./side.js";

export class SecuredStream extends SocketStream {
	override readonly identity: string | null;
	/** `TLSv1.3 TLS_AES_256_GCM_SHA384` */
	override readonly encryption: string;
	#why: string | null = null;

	/** Has the descriptor from now on, as `SocketStream` has. */
	constructor(descriptor: number, peer: string, { identity, protocol, cipher }: TlsAgreement) {
		super(descriptor, peer);
		this.identity = identity;
		this.encryption = `${protocol} ${cipher}`;
	}

	override get trouble(): string | null {
		return this.#why ?? super.trouble;
	}

	/** Told before its end comes. */
	hasBroken(why: string): void {
		this.#why = why;
	}
}
