/**
 * TLS of a process: the threads in which it runs, for clients of its disks and for servers of its remote disks. Made by `daemon.ts`; asked by
 * `nbd-exporter.ts` for those who connect.
 */

import { isDeepStrictEqual } from "node:util";
import { invariant } from "../errors.js";
import type { TlsSideHandle } from "../native.js";
import type { ServerTls } from "../nbd/server.js";
import type { NbdTlsSpec } from "../spec/spec.js";
import { TLS_THREADS } from "../spec/tls.js";
import { SocketStream } from "../stream/socket-stream.js";
import type { ByteStream } from "../stream/stream.js";
import { type TlsMaterial, type TlsSide, understood } from "../tls/side.js";
import { type Secured, TlsThreads } from "../tls/threads.js";

/** Makes TLS of a connection. Never rejects. */
export type Secure = (stream: ByteStream, signal: AbortSignal) => Promise<Secured>;

/** Kinds of keys that remote disks have: the latest, so that thousands with the same have them understood once. */
const MATERIALS_MAX = 16;

interface Known {
	readonly handle: TlsSideHandle;
	readonly material: TlsMaterial;
}

export class Tls {
	readonly #clients: Known[] = [];
	readonly #threads = new TlsThreads(TLS_THREADS);

	/** For those who connect from now on. */
	server({ isRequired, threads }: NbdTlsSpec, material: TlsMaterial): ServerTls {
		this.#threads.setCount(threads);
		const side: TlsSide = { handle: understood("server", material), host: null, identity: null };
		return { isRequired, begin: (stream, signal) => this.#secure(stream, side, signal) };
	}

	/** For other hosts of ours, who all have to know a key. */
	partners(material: TlsMaterial): ServerTls {
		const side: TlsSide = { handle: understood("server", material), host: null, identity: null };
		return { isRequired: true, begin: (stream, signal) => this.#secure(stream, side, signal) };
	}

	/** For connections to a server: whose certificate names `host`, if that is not null; we are `identity`, if there are keys. */
	client(material: TlsMaterial, host: string | null, identity: string | null): Secure {
		const side: TlsSide = { handle: this.#known(material).handle, host, identity };
		return (stream, signal) => this.#secure(stream, side, signal);
	}

	#known(material: TlsMaterial): Known {
		const known = this.#clients.find((each) => isDeepStrictEqual(each.material, material));
		if (known !== undefined) return known;
		const made = { handle: understood("client", material), material };
		this.#clients.push(made);
		if (this.#clients.length > MATERIALS_MAX) this.#clients.shift();
		return made;
	}

	#secure(stream: ByteStream, side: TlsSide, signal: AbortSignal): Promise<Secured> {
		invariant(stream instanceof SocketStream, "only a socket can be given to a thread");
		return this.#threads.secure(stream, side, signal);
	}

	/** Breaks what is left. */
	close(): void {
		this.#threads.close();
	}
}
