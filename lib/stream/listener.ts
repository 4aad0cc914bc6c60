/**
 * Takes in whoever connects to a socket that listens, TCP or unix. Sockets are made here, or by another process, which passes the
 * descriptor. When the process has no descriptor left clients wait a moment, in the kernel's line. Used by `lib/daemon/` for each
 * protocol on streams.
 */

import { OperatorError } from "../errors.js";
import { removeStale } from "../link/unix-socket.js";
import { Errno, isNativeError, native, type StreamHandle } from "../native.js";
import { quote } from "../text.js";
import { SocketStream } from "./socket-stream.js";
import type { ByteStream } from "./stream.js";

/** Clients that are taken in at once. */
const ACCEPTED_A_TURN = 64;
/** Until it is tried again where there is no descriptor. */
const RETRY_MS = 100;
/** The group stays as it is. */
const SAME_GROUP = 2 ** 32 - 1;

export class Listener {
	readonly #handle: StreamHandle;
	readonly #accept: (stream: ByteStream) => void;
	#retry: NodeJS.Timeout | undefined;
	#isClosed = false;
	/** What it is bound to: `unix:PATH`, `127.0.0.1:10809`. */
	readonly name: string;

	/** Has the descriptor, of a socket that listens, from now on. */
	constructor(descriptor: number, accept: (stream: ByteStream) => void) {
		this.#accept = accept;
		this.name = native.socketName(descriptor, false);
		this.#handle = native.streamOpen(descriptor, () => this.#acceptSome());
	}

	#acceptSome(): void {
		for (let left = ACCEPTED_A_TURN; left > 0 && !this.#isClosed; left--) {
			const descriptor = native.streamAccept(this.#handle);
			if (descriptor < 0) {
				if (LACKS.includes(-descriptor)) this.#rest();
				return;
			}
			const stream = this.#streamOf(descriptor);
			if (stream === null) return;
			this.#accept(stream);
		}
	}

	/** Null: the kernel has no room to watch it; the client is gone, and others wait. */
	#streamOf(descriptor: number): SocketStream | null {
		const peer = native.socketName(descriptor, true);
		try {
			return new SocketStream(descriptor, peer, native.socketName(descriptor, false));
		} catch (error) {
			if (!isNativeError(error)) throw error;
			this.#rest();
			return null;
		}
	}

	/** What lacks may be there later. */
	#rest(): void {
		native.streamWant(this.#handle, 0);
		this.#retry ??= setTimeout(() => {
			this.#retry = undefined;
			if (!this.#isClosed) native.streamWant(this.#handle, 1);
		}, RETRY_MS);
	}

	/** Nobody is taken in any more. */
	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		clearTimeout(this.#retry);
		native.streamClose(this.#handle);
	}
}

const LACKS: readonly number[] = [Errno.EMFILE, Errno.ENFILE, Errno.ENOBUFS, Errno.ENOMEM];

/**
 * A descriptor of a socket that listens on an address (a number) and port. Who connects is cut off when silent for `silenceMs`, though something was to be heard;
 * by default when the system thinks so, in about two hours. Throws an OperatorError.
 */
export function listenOnTcp(address: string, port: number, silenceMs = 0): number {
	try {
		return native.listenTcp(address, port, silenceMs);
	} catch (error) {
		throw cannotListen(`${address.includes(":") ? `[${address}]` : address}:${port}`, error);
	}
}

/**
 * The same of a unix socket, which only our own user may connect to. One that a dead process left behind is replaced, one that is in use
 * is not, and anything else of that name is not touched. Throws an OperatorError.
 */
export async function listenOnUnix(path: string, mode = 0o600): Promise<number> {
	const name = `unix:${path}`;
	try {
		return native.listenUnix(path, mode, SAME_GROUP);
	} catch (error) {
		if (!isNativeError(error) || error.errno !== Errno.EADDRINUSE) throw cannotListen(name, error);
	}
	await removeStale(path);
	try {
		return native.listenUnix(path, mode, SAME_GROUP);
	} catch (error) {
		throw cannotListen(name, error);
	}
}

function cannotListen(name: string, error: unknown): OperatorError {
	const code = error instanceof Error ? error.message : String(error);
	return new OperatorError(`${quote(name)}: can't listen there (${code})`);
}
