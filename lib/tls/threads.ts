/**
 * TLS beside the loop: a connection is given to a thread (`tls-thread.ts`), which makes the handshake and from then on encrypts, and a
 * stream comes back of what was encrypted. So nobody who serves disks waits for a handshake, or for anybody's cipher. Threads are
 * started when they are wanted, and again when one has died: only its own connections break with it. Made by `lib/daemon/`; used by
 * servers and clients of `lib/nbd/`.
 */

import { closeSync, fstatSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { isNativeError, native } from "../native.js";
import type { SocketStream } from "../stream/socket-stream.js";
import type { ByteStream } from "../stream/stream.js";
import { REASONS } from "./reasons.js";
import { SecuredStream } from "./secured-stream.js";
import type { FromThread, TlsAgreement, TlsSide, ToThread } from "./side.js";

/** A thread says something within this, or it is ended. */
const SILENCE_MS = 5000;
/** One that has died at its beginning is not tried again sooner. */
const PAUSE_MS = 1000;
const ENDED = "the thread of TLS has ended";

/** A connection behind TLS; or why there is none. */
export type Secured = ({ readonly stream: ByteStream } & TlsAgreement) | { readonly why: string };

let lastSideId = 0;

export function newSideId(): number {
	return ++lastSideId;
}

/** The text of the file that threads run: for who can't open it later. */
export function threadSource(): string {
	return readFileSync(new URL("./tls-thread.js", import.meta.url), "utf8");
}

/** A connection that a thread has. */
interface Passage {
	readonly id: number;
	readonly peer: string;
	/** Our end of what is not encrypted, until a stream has it. */
	plain: number | null;
	/** What the thread has not said to have taken: descriptors, and which sockets they are. */
	handed: readonly (readonly [descriptor: number, inode: number])[];
	stream: SecuredStream | null;
	readonly settle: (secured: Secured) => void;
}

class Thread {
	readonly passages = new Map<number, Passage>();
	readonly worker: Worker;
	/** Undefined: nobody has asked it whether it is alive. */
	silence: NodeJS.Timeout | undefined;

	constructor(source: string) {
		const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
		this.worker = new Worker(url, { name: "tls", execArgv: [], env: {}, workerData: REASONS });
		this.worker.unref();
	}

	post(message: ToThread): void {
		this.worker.postMessage(message);
	}
}

export class TlsThreads {
	readonly #source: string;
	#count: number;
	/** Threads that have ended without being told to. */
	deaths = 0;
	readonly #threads = new Set<Thread>();
	#lastId = 0;
	/** When one has died without having done anything. */
	#diedMs = Number.NEGATIVE_INFINITY;
	#isClosed = false;

	/** `source`: what threads run; at most `count` of them. */
	constructor(source: string, count: number) {
		this.#source = source;
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
		void thread.worker.terminate();
	}

	/** Connections that threads have. */
	get connectionCount(): number {
		return [...this.#threads].reduce((sum, { passages }) => sum + passages.size, 0);
	}

	/** Takes the connection, and resolves when TLS is up, or has come to nothing; when `signal` says so, at once. Never rejects. */
	secure(stream: SocketStream, side: TlsSide, signal: AbortSignal): Promise<Secured> {
		return new Promise((settle) => {
			try {
				const thread = this.#thread();
				if (typeof thread === "string") {
					stream.close();
					settle({ why: thread });
				} else this.#hand(thread, stream, side, signal, settle);
			} catch (error) {
				if (!isNativeError(error)) throw error;
				stream.close();
				settle({ why: `no descriptor is left for TLS (${error.message})` });
			}
		});
	}

	#hand(
		thread: Thread,
		stream: SocketStream,
		side: TlsSide,
		signal: AbortSignal,
		settle: (secured: Secured) => void,
	): void {
		const [plain, theirs] = native.socketPair();
		let socket: number;
		try {
			socket = stream.detach();
		} catch (error) {
			closeSync(plain);
			closeSync(theirs);
			throw error;
		}
		const id = ++this.#lastId;
		const handed = [socket, theirs].map((each) => [each, fstatSync(each).ino] as const);
		const passage: Passage = { id, peer: stream.peer, plain, handed, stream: null, settle };
		thread.passages.set(id, passage);
		thread.post({ kind: "secure", id, socket, plain: theirs, side });
		const callOff = (): void => {
			if (passage.plain === null) return;
			thread.post({ kind: "drop", id });
			this.#ask(thread);
			this.#failed(passage, "it took too long");
		};
		if (signal.aborted) callOff();
		else signal.addEventListener("abort", callOff, { once: true });
	}

	/** The one with the fewest connections, if no other may be started. */
	#thread(): Thread | string {
		if (this.#isClosed) return "the server is being closed";
		const threads = [...this.#threads].slice(0, this.#count);
		const [least] = threads.sort((one, other) => one.passages.size - other.passages.size);
		if (least !== undefined && (least.passages.size === 0 || threads.length === this.#count)) return least;
		if (performance.now() - this.#diedMs < PAUSE_MS) return least ?? ENDED;
		return this.#start();
	}

	#start(): Thread {
		const thread = new Thread(this.#source);
		let hasWorked = false;
		let why = ENDED;
		this.#threads.add(thread);
		thread.worker.on("message", (message: FromThread) => {
			hasWorked = true;
			clearTimeout(thread.silence);
			thread.silence = undefined;
			this.#heard(thread, message);
		});
		thread.worker.on("error", (error) => {
			why = `${ENDED}: ${error.message}`;
		});
		thread.worker.on("exit", () => {
			clearTimeout(thread.silence);
			if (this.#threads.delete(thread) && !this.#isClosed) this.deaths += 1;
			if (!hasWorked) this.#diedMs = performance.now();
			for (const passage of thread.passages.values()) this.#orphaned(passage, why);
			thread.passages.clear();
		});
		return thread;
	}

	#heard(thread: Thread, message: FromThread): void {
		const passage = "id" in message ? thread.passages.get(message.id) : undefined;
		if (passage === undefined) return;
		switch (message.kind) {
			case "taken":
				passage.handed = [];
				break;
			case "up":
				this.#up(thread, passage, message.agreement);
				break;
			case "failed":
				thread.passages.delete(passage.id);
				this.#failed(passage, message.why);
				this.#endIfSpare(thread);
				break;
			case "broken":
				passage.stream?.hasBroken(message.why);
				thread.post({ kind: "drop", id: passage.id });
				break;
			case "over":
				thread.passages.delete(passage.id);
				this.#endIfSpare(thread);
				break;
			case "alive":
				break;
		}
	}

	#up(thread: Thread, passage: Passage, agreement: TlsAgreement): void {
		const { plain, peer, settle } = passage;
		if (plain === null) return;
		passage.plain = null;
		try {
			passage.stream = new SecuredStream(plain, peer, agreement);
		} catch (error) {
			if (!isNativeError(error)) throw error;
			thread.post({ kind: "drop", id: passage.id });
			settle({ why: `no descriptor can be watched for TLS (${error.message})` });
			return;
		}
		settle({ ...agreement, stream: passage.stream });
	}

	#failed(passage: Passage, why: string): void {
		const { plain } = passage;
		if (plain === null) return;
		passage.plain = null;
		closeSync(plain);
		passage.settle({ why });
	}

	/** What the thread had it has closed at its end; what it had not taken yet is ours. */
	#orphaned(passage: Passage, why: string): void {
		for (const [descriptor, inode] of passage.handed)
			if (inodeOf(descriptor) === inode) closeSync(descriptor);
		passage.handed = [];
		passage.stream?.hasBroken(why);
		this.#failed(passage, why);
	}

	/** One that does not answer is ended. */
	#ask(thread: Thread): void {
		if (thread.silence !== undefined) return;
		thread.silence = setTimeout(() => void thread.worker.terminate(), SILENCE_MS);
		thread.silence.unref();
		thread.post({ kind: "ask" });
	}

	/** Breaks all connections. */
	async close(): Promise<void> {
		this.#isClosed = true;
		await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
	}
}

function inodeOf(descriptor: number): number | undefined {
	try {
		return fstatSync(descriptor).ino;
	} catch {
		return undefined;
	}
}
