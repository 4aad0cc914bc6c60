/**
 * TLS of a process: the threads in which it runs, for clients of its disks and for servers of its remote disks. Made by `daemon.ts`; asked by
 * `nbd-exporter.ts` for those who connect.
 */

import { isDeepStrictEqual } from "node:util";
import { invariant } from "../errors.js";
import type { ServerTls } from "../nbd/server.js";
import type { NbdTlsSpec } from "../spec/spec.js";
import { TLS_THREADS } from "../spec/tls.js";
import { SocketStream } from "../stream/socket-stream.js";
import type { ByteStream } from "../stream/stream.js";
import type { TlsMaterial, TlsSide } from "../tls/side.js";
import { newSideId, type Secured, TlsThreads, threadSource } from "../tls/threads.js";

/** Makes TLS of a connection. Never rejects. */
export type Secure = (stream: ByteStream, signal: AbortSignal) => Promise<Secured>;

/** Kinds of keys that remote disks have: the latest, so that thousands with the same have them understood once. */
const MATERIALS_MAX = 16;

export class Tls {
	readonly #source: string | undefined;
	readonly #clients: { readonly id: number; readonly material: TlsMaterial }[] = [];
	#made: TlsThreads | null = null;

	/** `source`: what its threads run, for a process that can read nothing any more; by default it is read when it is wanted. */
	constructor(source?: string) {
		this.#source = source;
	}

	get #threads(): TlsThreads {
		this.#made ??= new TlsThreads(this.#source ?? threadSource(), TLS_THREADS);
		return this.#made;
	}

	/** For those who connect from now on. */
	server({ isRequired, threads }: NbdTlsSpec, material: TlsMaterial): ServerTls {
		this.#threads.setCount(threads);
		const side: TlsSide = { kind: "server", id: newSideId(), material };
		return { isRequired, begin: (stream, signal) => this.#secure(stream, side, signal) };
	}

	/** For connections to a server: whose certificate names `host`, if that is not null; we are `identity`, if there are keys. */
	client(material: TlsMaterial, host: string | null, identity: string | null): Secure {
		const side: TlsSide = { kind: "client", ...this.#known(material), host, identity };
		return (stream, signal) => this.#secure(stream, side, signal);
	}

	#known(material: TlsMaterial): { readonly id: number; readonly material: TlsMaterial } {
		const known = this.#clients.find((each) => isDeepStrictEqual(each.material, material));
		if (known !== undefined) return known;
		const made = { id: newSideId(), material };
		this.#clients.push(made);
		if (this.#clients.length > MATERIALS_MAX) this.#clients.shift();
		return made;
	}

	#secure(stream: ByteStream, side: TlsSide, signal: AbortSignal): Promise<Secured> {
		invariant(stream instanceof SocketStream, "only a socket can be given to a thread");
		return this.#threads.secure(stream, side, signal);
	}

	/** Breaks what is left. */
	async close(): Promise<void> {
		await this.#made?.close();
	}
}
