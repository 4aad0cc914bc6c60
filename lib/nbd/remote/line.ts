/**
 * One connection to a server, from its first byte to its last: what is agreed on (`agree.ts`), within a limit, then calls go out and
 * replies come in (`replies.ts`). It has no memory of calls: that is `session.ts`, which makes a line, and another when that breaks.
 */

import { Rooms } from "../../stream/rooms.js";
import { SendQueue } from "../../stream/send-queue.js";
import { BROKEN, type ByteStream, NOTHING_NOW, type StreamUser } from "../../stream/stream.js";
import type { Memory } from "../../wire/memory.js";
import { Command, NbdError, REQUEST_BYTES, REQUEST_MAGIC } from "../protocol.js";
import { type Agreeing, type Agreement, agree, type Refused, type Wish } from "./agree.js";
import { Call } from "./call.js";
import type { Connection, Line, LineUser } from "./carrier.js";
import { Replies, type RepliesUser } from "./replies.js";

/** The high half of what calls are called by begins here, and is one more for each that is sent: an answer that comes twice is none of the next call. */
const COOKIE_HIGH = 0x76626c64;

/** Whom a line is to. */
export interface LineOptions extends Wish {
	/** What is to be agreed on takes no longer. */
	readonly limitMs: number;
}

export function nbdConnection(stream: ByteStream, options: LineOptions): Connection {
	return {
		begin: (user) => new NbdLine(user, stream, options),
		close: () => stream.close(),
	};
}

export class NbdLine implements Line, StreamUser, RepliesUser {
	readonly #user: LineUser;
	readonly #stream: ByteStream;
	readonly #queue: SendQueue;
	readonly #agreeing: Agreeing;
	#wanted: Memory;
	#wantedBytes = 0;
	#cameBytes = 0;
	#replies: Replies | null = null;
	#forgetLimit: () => void;
	#isClosed = false;
	#cookie = COOKIE_HIGH;
	/** When anything was answered last, or a good part of an answer had come, on the user's clock. */
	heardMs: number;

	constructor(user: LineUser, stream: ByteStream, { limitMs, ...wish }: LineOptions) {
		this.#user = user;
		this.#stream = stream;
		this.heardMs = user.clock.now();
		const rooms = new Rooms(user.allocate, 0);
		this.#queue = new SendQueue(stream, rooms, user.allocate, () => user.filled());
		// (Behind TLS there is no greeting: that was before.)
		const isSecured = stream.encryption !== null;
		this.#agreeing = agree(wish, (bytes) => this.#queue.putCopy(bytes), isSecured);
		this.#wanted = user.allocate(64);
		this.#forgetLimit = user.clock.after(limitMs, () => this.#lose("the server does not answer", false));
		stream.attach(this);
		this.#step(this.#agreeing.next());
	}

	readable(): void {
		if (this.#isClosed) return;
		if (this.#replies === null) this.#converse();
		if (!this.#isClosed) this.#replies?.receive();
		this.#user.settled();
	}

	writable(): void {
		this.#user.filled();
		this.#user.settled();
	}

	broken(): void {
		this.#broken();
		this.#user.settled();
	}

	#converse(): void {
		while (!this.#isClosed && this.#replies === null) {
			const left = this.#wantedBytes - this.#cameBytes;
			const count = this.#stream.receive(this.#wanted, this.#cameBytes, left);
			if (count === NOTHING_NOW) return;
			if (count === BROKEN || count === 0) {
				if (count === 0) this.#lose(`the server has hung up${this.#trouble}`, false);
				else this.#broken();
				return;
			}
			this.#cameBytes += count;
			if (this.#cameBytes < this.#wantedBytes) continue;
			this.#step(this.#agreeing.next(Buffer.from(this.#wanted.bytes.subarray(0, this.#wantedBytes))));
		}
	}

	#step(step: IteratorResult<number, Agreement | Refused>): void {
		if (step.done !== true) {
			this.#wantedBytes = step.value;
			this.#cameBytes = 0;
			if (this.#wanted.bytes.length < step.value) this.#wanted = this.#user.allocate(step.value);
			return;
		}
		if ("refused" in step.value) {
			this.#lose(step.value.refused, step.value.isFinal);
			return;
		}
		this.#forgetLimit();
		this.progressed();
		this.#replies = new Replies(this, this.#stream, this.#user.allocate, step.value);
		this.#user.agreed(step.value);
	}

	/** Bytes that have not left yet. */
	get waitingBytes(): number {
		return this.#queue.waitingBytes;
	}

	send(call: Call): void {
		const queue = this.#queue;
		const at = queue.reserve(REQUEST_BYTES);
		const { view } = queue.gathering;
		view.setUint32(at, REQUEST_MAGIC);
		view.setUint16(at + 4, call.flags);
		view.setUint16(at + 6, call.command);
		this.#cookie = (this.#cookie + 1) % 2 ** 32;
		call.cookie = this.#cookie;
		view.setUint32(at + 8, call.cookie);
		view.setUint32(at + 12, call.index);
		view.setUint32(at + 16, Math.floor(call.offsetBytes / 2 ** 32));
		view.setUint32(at + 20, call.offsetBytes % 2 ** 32);
		view.setUint32(at + 24, call.lengthBytes);
		if (call.command === Command.write) queue.putLent(call.memory, call.memoryOffset, call.lengthBytes);
	}

	/** Nothing more is wanted of the server, if that can still be said. */
	goodbye(): void {
		const call = new Call();
		call.command = Command.disconnect;
		call.index = 0;
		this.send(call);
		this.#queue.flush();
	}

	/** Sends as much as the connection takes. */
	flush(): void {
		if (!this.#isClosed && !this.#queue.flush()) this.#broken();
	}

	callOf(cookieHigh: number, cookieLow: number): Call | null {
		const call = this.#user.callAt(cookieLow);
		return call?.cookie === cookieHigh ? call : null;
	}

	progressed(): void {
		this.heardMs = this.#user.clock.now();
	}

	answered(call: Call): void {
		this.progressed();
		if (call.error === NbdError.ESHUTDOWN) this.#lose("the server is closing the export", false);
		else this.#user.answered(call);
	}

	ended(why: string): void {
		this.#lose(why, false);
	}

	#broken(): void {
		this.#lose(`the connection has broken${this.#trouble}`, false);
	}

	get #trouble(): string {
		const { trouble } = this.#stream;
		return trouble === null ? "" : ` (${trouble})`;
	}

	#lose(why: string, isFinal: boolean): void {
		if (this.#isClosed) return;
		this.close();
		this.#user.lost(why, isFinal);
	}

	/** The user is not told. May be called again. */
	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#forgetLimit();
		this.#replies?.close();
		this.#stream.close();
		this.#queue.drop();
	}
}
