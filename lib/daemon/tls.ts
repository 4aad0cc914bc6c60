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
	readonly #threads: TlsThreads;

	/** `source`: what its threads run, for a process that can read nothing any more; by default it is read now. */
	constructor(source: string = threadSource()) {
		this.#threads = new TlsThreads(source, TLS_THREADS);
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

	/** Connections that threads have, and threads that had to be started again. */
	get figures(): { readonly connections: number; readonly deaths: number } {
		return { connections: this.#threads.connectionCount, deaths: this.#threads.deaths };
	}

	/** Breaks what is left. */
	close(): Promise<void> {
		return this.#threads.close();
	}
}
