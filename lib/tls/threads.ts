/**
 * TLS beside the loop: a connection is given to a thread (`native/tls/`), which makes the handshake and from then on encrypts, and a stream
 * comes back of what was encrypted. So nobody who serves disks waits for a handshake, or for anybody's cipher. Threads are started when they are
 * wanted. Made by `lib/daemon/`; used by servers and clients of `lib/nbd/`.
 */

import { closeSync } from "node:fs";
import {
	isNativeError,
	native,
	TLS_BROKEN,
	TLS_FAILED,
	TLS_OVER,
	TLS_UP,
	type TlsNews,
	type TlsThreadHandle,
} from "../native.js";
import type { SocketStream } from "../stream/socket-stream.js";
import type { ByteStream } from "../stream/stream.js";
import { SecuredStream } from "./secured-stream.js";
import type { TlsAgreement, TlsSide } from "./side.js";

/** A connection behind TLS; or why there is none. */
export type Secured = ({ readonly stream: ByteStream } & TlsAgreement) | { readonly why: string };

/** A connection that a thread has. */
interface Passage {
	readonly id: number;
	readonly peer: string;
	/** Our end of what is not encrypted, until a stream has it. */
	plain: number | null;
	stream: SecuredStream | null;
	readonly settle: (secured: Secured) => void;
}

class Thread {
	readonly passages = new Map<number, Passage>();
	readonly handle: TlsThreadHandle;

	constructor(heard: (thread: Thread, news: TlsNews) => void) {
		this.handle = native.tlsStart(() => {
			for (let next = native.tlsNext(this.handle); next !== null; next = native.tlsNext(this.handle))
				heard(this, next);
		});
	}

	/** Nobody wants that connection any more. (Without memory for that it ends when its other end sees that ours is closed.) */
	drop(id: number): void {
		try {
			native.tlsDrop(this.handle, id);
		} catch (error) {
			if (!isNativeError(error)) throw error;
		}
	}
}

export class TlsThreads {
	#count: number;
	readonly #threads = new Set<Thread>();
	#lastId = 0;
	#isClosed = false;

	/** At most `count` threads. */
	constructor(count: number) {
		this.#count = count;
	}

	/** Those that are too many end with their connections. */
	setCount(count: number): void {
		this.#count = count;
		for (const thread of this.#threads) this.#endIfSpare(thread);
	}

	#endIfSpare(thread: Thread): void {
		const isSpare = [...this.#threads].indexOf(thread) >= this.#count;
		if (!isSpare || thread.passages.size > 0) return;
		this.#threads.delete(thread);
		// (Not while its news are being read.)
		setImmediate(() => native.tlsEnd(thread.handle));
	}

	/** Connections that threads have. */
	get connectionCount(): number {
		return [...this.#threads].reduce((sum, { passages }) => sum + passages.size, 0);
	}

	/** Takes the connection, and resolves when TLS is up, or has come to nothing; when `signal` says so, at once. Never rejects. */
	secure(stream: SocketStream, side: TlsSide, signal: AbortSignal): Promise<Secured> {
		return new Promise((settle) => {
			try {
				if (this.#isClosed) throw new Error("the server is being closed");
				this.#hand(this.#thread(), stream, side, signal, settle);
			} catch (error) {
				stream.close();
				if (isNativeError(error))
					settle({ why: `nothing is left for TLS (${error.step}: ${error.message})` });
				else settle({ why: error instanceof Error ? error.message : String(error) });
			}
		});
	}

	#hand(
		thread: Thread,
		stream: SocketStream,
		{ handle, host, identity }: TlsSide,
		signal: AbortSignal,
		settle: (secured: Secured) => void,
	): void {
		const id = ++this.#lastId;
		const descriptors = native.socketPair();
		try {
			const socket = stream.detach();
			descriptors.push(socket);
			native.tlsSecure(thread.handle, id, socket, descriptors[1], handle, host ?? "", identity ?? "");
		} catch (error) {
			for (const each of descriptors) closeSync(each);
			throw error;
		}
		const passage: Passage = { id, peer: stream.peer, plain: descriptors[0], stream: null, settle };
		thread.passages.set(id, passage);
		const callOff = (): void => {
			if (passage.plain === null) return;
			thread.drop(id);
			this.#failed(thread, passage, "it took too long");
		};
		if (signal.aborted) callOff();
		else signal.addEventListener("abort", callOff, { once: true });
	}

	/** The one with the fewest connections, if no other may be started. Throws a NativeError. */
	#thread(): Thread {
		const threads = [...this.#threads].slice(0, this.#count);
		const [least] = threads.sort((one, other) => one.passages.size - other.passages.size);
		if (least !== undefined && (least.passages.size === 0 || threads.length === this.#count)) return least;
		const thread = new Thread((thread, news) => this.#heard(thread, news));
		this.#threads.add(thread);
		return thread;
	}

	#heard(thread: Thread, [news, id, ...words]: TlsNews): void {
		const passage = thread.passages.get(id);
		if (passage === undefined) return;
		if (news === TLS_UP) this.#up(thread, passage, agreementOf(words));
		else if (news === TLS_FAILED) this.#failed(thread, passage, words[0]);
		else if (news === TLS_BROKEN) {
			passage.stream?.hasBroken(words[0]);
			thread.drop(id);
		} else if (news === TLS_OVER) this.#over(thread, passage);
	}

	#over(thread: Thread, { id }: Passage): void {
		thread.passages.delete(id);
		this.#endIfSpare(thread);
	}

	#up(thread: Thread, passage: Passage, agreement: TlsAgreement): void {
		const { plain, peer, settle } = passage;
		if (plain === null) return;
		passage.plain = null;
		try {
			passage.stream = new SecuredStream(plain, peer, agreement);
		} catch (error) {
			if (!isNativeError(error)) throw error;
			thread.drop(passage.id);
			settle({ why: `no descriptor can be watched for TLS (${error.message})` });
			return;
		}
		settle({ ...agreement, stream: passage.stream });
	}

	#failed(thread: Thread, passage: Passage, why: string): void {
		const { plain } = passage;
		this.#over(thread, passage);
		if (plain === null) return;
		passage.plain = null;
		closeSync(plain);
		passage.settle({ why });
	}

	/** Breaks all connections. */
	close(): void {
		this.#isClosed = true;
		for (const thread of this.#threads) {
			native.tlsEnd(thread.handle);
			for (const passage of thread.passages.values())
				this.#failed(thread, passage, "the server is being closed");
		}
		this.#threads.clear();
	}
}

function agreementOf([protocol, cipher, identity, refusal]: readonly [
	string,
	string,
	string,
	string,
]): TlsAgreement {
	return { protocol, cipher, identity: identity || null, refusal: refusal || null };
}
