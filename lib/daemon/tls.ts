/**
 * TLS of a process: the threads in which it runs, for clients of its disks and for servers of its remote disks. Made by `daemon.ts`; asked by
 * `nbd-exporter.ts` for those who connect.
 */

import { invariant } from "../errors.js";
import type { ServerTls } from "../nbd/server.js";
import type { NbdTlsSpec } from "../spec/spec.js";
import { TLS_THREADS } from "../spec/tls.js";
import { SocketStream } from "../stream/socket-stream.js";
import type { ByteStream } from "../stream/stream.js";
import type { TlsMaterial, TlsSide } from "../tls/side.js";
import { newSideId, type Secured, TlsThreads, threadSource } from "../tls/threads.js";

export class Tls {
	readonly #source: string | undefined;
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

	#secure(stream: ByteStream, side: TlsSide, signal: AbortSignal): Promise<Secured> {
		invariant(stream instanceof SocketStream, "only a socket can be given to a thread");
		return this.#threads.secure(stream, side, signal);
	}

	/** Breaks what is left. */
	async close(): Promise<void> {
		await this.#made?.close();
	}
}
