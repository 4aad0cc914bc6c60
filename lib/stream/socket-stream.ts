/** A `ByteStream` on a socket of the system's, TCP or unix, by its descriptor. Made by `listener.ts` for who connects, and by `connect.ts` for whom we connect to. */

import { closeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { invariant } from "../errors.js";
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
	readonly #descriptor: number;
	readonly identity: string | null = null;
	readonly encryption: string | null = null;
	#user: StreamUser | null = null;
	#wanted = EVENT_READABLE;
	#isOpen = true;
	/** It took less than there was: nothing more until it is `writable` again. */
	#isFull = false;
	#errno = 0;
	/** Who waits until it is connected, or can't be. */
	#whenConnected: ((errno: number) => void) | null = null;

	/** Has the descriptor from now on. Throws a NativeError if that is not a connected stream socket, or can't be watched: it is closed then. */
	constructor(
		descriptor: number,
		readonly peer: string,
		readonly local?: string,
	) {
		this.#descriptor = descriptor;
		try {
			this.#handle = native.streamOpen(descriptor, (events) => this.#ready(events));
		} catch (error) {
			closeSync(descriptor);
			throw error;
		}
		this.#want(0);
	}

	get trouble(): string | null {
		return this.#errno === 0 ? null : getSystemErrorName(-this.#errno);
	}

	/** 0 when a socket that connects is connected, or the errno that it comes to. Before `attach`. */
	connected(): Promise<number> {
		this.#want(EVENT_WRITABLE);
		return new Promise((resolve) => {
			this.#whenConnected = resolve;
		});
	}

	attach(user: StreamUser): void {
		this.#user = user;
		this.#want(EVENT_READABLE);
	}

	receive(memory: Memory, offset: number, length: number, watchUs = 0): number {
		if (!this.#isOpen) return BROKEN;
		const received = native.streamReceive(this.#handle, memory.bytes, offset, length, watchUs);
		return received >= 0 ? received : this.#statusOf(-received);
	}

	send(parts: readonly StreamPart[], from: number, skip: number): number {
		if (!this.#isOpen) return BROKEN;
		if (this.#isFull) return NOTHING_NOW;
		const count = Math.min(parts.length - from, STREAM_PARTS_MAX);
		let total = -skip;
		for (let i = 0; i < count; i++) {
			const part = parts[from + i]!;
			const skipped = i === 0 ? skip : 0;
			vector[2 * i] = part.memory.address + part.offset + skipped;
			vector[2 * i + 1] = part.length - skipped;
			total += part.length;
		}
		const sent = native.streamSend(this.#handle, vector, count);
		const status = sent >= 0 ? sent : this.#statusOf(-sent);
		if (status === NOTHING_NOW || (status >= 0 && status < total)) {
			this.#isFull = true;
			this.#want(this.#wanted | EVENT_WRITABLE);
		}
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

	/** The connection as a descriptor, which the caller has from now on: this is closed. Throws a NativeError if there is none left for it. */
	detach(): number {
		invariant(this.#isOpen, "the stream is closed");
		try {
			return native.duplicate(this.#descriptor);
		} finally {
			this.close();
		}
	}

	#want(events: number): void {
		if (events === this.#wanted) return;
		this.#wanted = events;
		native.streamWant(this.#handle, events);
	}

	#ready(events: number): void {
		const isFailed = (events & EVENT_FAILED) > 0;
		if (isFailed) this.#errno = native.streamError(this.#handle);
		if (this.#whenConnected !== null) {
			const whenConnected = this.#whenConnected;
			this.#whenConnected = null;
			this.#want(0);
			whenConnected(this.#errno);
			return;
		}
		if (isFailed) {
			this.#user?.broken();
			return;
		}
		if ((events & EVENT_WRITABLE) > 0) {
			this.#isFull = false;
			this.#user?.writable();
			// (Who sends much fills it again and again: so it is asked about until there was room for all.)
			if (this.#isOpen && !this.#isFull) this.#want(this.#wanted & ~EVENT_WRITABLE);
		}
		if ((events & EVENT_READABLE) > 0) this.#user?.readable();
	}

	#statusOf(errno: number): number {
		if (errno === Errno.EAGAIN) return NOTHING_NOW;
		this.#errno = errno;
		return BROKEN;
	}
}
