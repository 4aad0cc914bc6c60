/**
 * The beginning of a connection to a server that is spoken to behind TLS: it is asked for, and nothing else is said in the clear. What a
 * server refuses, or does not know, is the end: it is never spoken to without. Called by whoever opens remote disks, before `line.ts`.
 */

import { OperatorError } from "../../errors.js";
import { Rooms } from "../../stream/rooms.js";
import { SendQueue } from "../../stream/send-queue.js";
import { BROKEN, type ByteStream, NOTHING_NOW, type StreamUser } from "../../stream/stream.js";
import { quote } from "../../text.js";
import type { Secured } from "../../tls/threads.js";
import type { Memory } from "../../wire/memory.js";
import { GREETING_BYTES, Option, OptionReply } from "../protocol.js";
import { flagsFor, lastReply, optionOf, type Refused, WORDS_MAX } from "./agree.js";

type Asking = Generator<number, Refused | null, Buffer>;

function* ask(send: (bytes: Uint8Array) => void): Asking {
	const ours = flagsFor(yield GREETING_BYTES);
	if ("refused" in ours) return ours;
	send(ours.flags);
	send(optionOf(Option.startTls));
	const reply = yield* lastReply(Option.startTls);
	if ("refused" in reply) return reply;
	if (reply.type === OptionReply.ack) return null;
	const words =
		reply.data.length === 0 ? "" : ` (it says: ${quote(reply.data.toString("utf8", 0, WORDS_MAX))})`;
	return { refused: `the server has no TLS for us${words}`, isFinal: true };
}

/** Until the server has said yes. */
class Beginning implements StreamUser {
	readonly #stream: ByteStream;
	readonly #queue: SendQueue;
	readonly #asking: Asking;
	readonly #settle: (why: string | null) => void;
	readonly #allocate: (byteLength: number) => Memory;
	#wanted: Memory;
	#wantedBytes = 0;
	#cameBytes = 0;
	#isOver = false;

	constructor(
		stream: ByteStream,
		allocate: (byteLength: number) => Memory,
		settle: (why: string | null) => void,
	) {
		this.#stream = stream;
		this.#allocate = allocate;
		this.#settle = settle;
		this.#queue = new SendQueue(stream, new Rooms(allocate, 0), allocate, () => {});
		this.#wanted = allocate(64);
		this.#asking = ask((bytes) => this.#queue.putCopy(bytes));
		stream.attach(this);
		this.#step(this.#asking.next());
	}

	readable(): void {
		while (!this.#isOver) {
			const left = this.#wantedBytes - this.#cameBytes;
			const count = this.#stream.receive(this.#wanted, this.#cameBytes, left);
			if (count === NOTHING_NOW) break;
			if (count === BROKEN || count === 0) {
				this.#end("the server has hung up before TLS");
				return;
			}
			this.#cameBytes += count;
			if (this.#cameBytes === this.#wantedBytes)
				this.#step(this.#asking.next(Buffer.from(this.#wanted.bytes.subarray(0, this.#wantedBytes))));
		}
		this.writable();
	}

	writable(): void {
		if (!this.#isOver && !this.#queue.flush()) this.broken();
	}

	broken(): void {
		this.#end("the connection has broken before TLS");
	}

	#step(step: IteratorResult<number, Refused | null>): void {
		if (step.done === true) {
			this.#end(step.value?.refused ?? null);
			return;
		}
		this.#wantedBytes = step.value;
		this.#cameBytes = 0;
		if (this.#wanted.bytes.length < step.value) this.#wanted = this.#allocate(step.value);
	}

	#end(why: string | null): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#settle(why);
	}
}

/** Makes TLS of a connection, `secure`. Throws an OperatorError that says why there is none: it is closed then. */
export async function startTls(
	stream: ByteStream,
	allocate: (byteLength: number) => Memory,
	secure: (stream: ByteStream, signal: AbortSignal) => Promise<Secured>,
	signal: AbortSignal,
): Promise<ByteStream> {
	const why = await new Promise<string | null>((resolve) => {
		signal.addEventListener("abort", () => resolve("the server does not answer"), { once: true });
		new Beginning(stream, allocate, resolve);
	});
	if (why !== null) {
		stream.close();
		throw new OperatorError(why);
	}
	const secured = await secure(stream, signal);
	if ("why" in secured) throw new OperatorError(`no TLS with the server: ${secured.why}`);
	return secured.stream;
}
