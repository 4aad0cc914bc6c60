/** A `ByteStream` on a socket of the system's, TCP or unix, by its descriptor. Made by `listener.ts` for who connects. */

import {
	Errno,
	EVENT_FAILED,
	EVENT_READABLE,
	EVENT_WRITABLE,
	native,
	STREAM_PARTS_MAX,
	type StreamHandle,
} from "../native.js";
import type { Memory } from "../wire/memory.js";
import { BROKEN, type ByteStream, NOTHING_NOW, type StreamPart, type StreamUser } from "./stream.js";

/** Only between two lines of `send`. */
const vector = new Float64Array(2 * STREAM_PARTS_MAX);

export class SocketStream implements ByteStream {
	readonly #handle: StreamHandle;
	#user: StreamUser | null = null;
	#wanted = EVENT_READABLE;
	#isOpen = true;

	/** Has the descriptor from now on. Throws a NativeError if it is not a connected stream socket: then it is the caller's still. */
	constructor(
		descriptor: number,
		readonly peer: string,
	) {
		this.#handle = native.streamOpen(descriptor, (events) => this.#ready(events));
		this.#want(0);
	}

	attach(user: StreamUser): void {
		this.#user = user;
		this.#want(EVENT_READABLE);
	}

	receive(memory: Memory, offset: number, length: number): number {
		if (!this.#isOpen) return BROKEN;
		const received = native.streamReceive(this.#handle, memory.bytes, offset, length);
		return received >= 0 ? received : statusOf(-received);
	}

	send(parts: readonly StreamPart[], from: number, skip: number): number {
		if (!this.#isOpen) return BROKEN;
		const count = Math.min(parts.length - from, STREAM_PARTS_MAX);
		for (let i = 0; i < count; i++) {
			const part = parts[from + i]!;
			const skipped = i === 0 ? skip : 0;
			vector[2 * i] = part.memory.address + part.offset + skipped;
			vector[2 * i + 1] = part.length - skipped;
		}
		const sent = native.streamSend(this.#handle, vector, count);
		const status = sent >= 0 ? sent : statusOf(-sent);
		const isFull = status === NOTHING_NOW;
		if (isFull !== (this.#wanted & EVENT_WRITABLE) > 0)
			this.#want((this.#wanted & ~EVENT_WRITABLE) | (isFull ? EVENT_WRITABLE : 0));
		return status;
	}

	wantReadable(wanted: boolean): void {
		if (!this.#isOpen) return;
		this.#want((this.#wanted & EVENT_WRITABLE) | (wanted ? EVENT_READABLE : 0));
	}

	close(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#user = null;
		native.streamClose(this.#handle);
	}

	#want(events: number): void {
		if (events === this.#wanted) return;
		this.#wanted = events;
		native.streamWant(this.#handle, events);
	}

	#ready(events: number): void {
		if ((events & EVENT_FAILED) > 0) {
			this.#user?.broken();
			return;
		}
		if ((events & EVENT_WRITABLE) > 0) {
			this.#want(this.#wanted & ~EVENT_WRITABLE);
			this.#user?.writable();
		}
		if ((events & EVENT_READABLE) > 0) this.#user?.readable();
	}
}

function statusOf(errno: number): number {
	return errno === Errno.EAGAIN ? NOTHING_NOW : BROKEN;
}
