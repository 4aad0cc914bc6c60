/**
 * One tunnel process as its link sees it: a stream that brings frames and messages, and takes frames. A process that is silent for too
 * long, or says what one of ours would not, is ended. Used by `gre.ts`, which has one session after the other.
 */

import { native } from "../native.js";
import type { Memory } from "../wire/memory.js";
import { memoryOf } from "../wire/memory.js";
import { isMessage, readMessage, type TunnelState } from "./gre-messages.js";
import type { QueuedFrame } from "./outbox.js";
import { FrameJoiner, FrameSplitter } from "./stream-frames.js";
import { StreamPeer } from "./stream-peer.js";
import type { TunnelProcess } from "./tunnel-process.js";

/** It says something every second. */
const SILENCE_LIMIT_MS = 5000;

export interface SessionListener {
	/** Holds until `batchDone`. */
	frame(memory: Memory, offset: number, frameBytes: number): void;
	batchDone(): void;
	state(state: TunnelState): void;
	/** Once; nothing else comes from then on. */
	ended(why: string): void;
}

export class TunnelSession {
	readonly #process: TunnelProcess;
	readonly #listener: SessionListener;
	readonly #peer: StreamPeer;
	readonly #splitter: FrameSplitter;
	readonly #watch: NodeJS.Timeout;
	#heard = true;
	#ended = false;
	/** What it has said of why it ends. */
	#lastWords = "";

	/** Room for `rooms` frames of `frameBytes` each that are on their way to it. */
	constructor(process: TunnelProcess, rooms: number, frameBytes: number, listener: SessionListener) {
		this.#process = process;
		this.#listener = listener;
		const { stream } = process;
		this.#peer = new StreamPeer(stream, new FrameJoiner(rooms, frameBytes));
		this.#splitter = new FrameSplitter((memory, offset, bytes) => this.#took(memory, offset, bytes));
		stream.on("data", (bytes: Uint8Array) => this.#received(bytes));
		// "close" follows.
		stream.on("error", () => {});
		stream.on("close", () => this.end(this.#lastWords || "its process has ended"));
		// After what has come has been looked at: it may be we who have not listened.
		this.#watch = setInterval(() => setImmediate(() => this.#listen()), SILENCE_LIMIT_MS);
	}

	/** False if there is no room for it. It leaves at the next `flush`. */
	send(frame: QueuedFrame): boolean {
		return !this.#ended && this.#peer.joiner.add(frame);
	}

	flush(): void {
		if (!this.#ended) this.#peer.flush();
	}

	grow(rooms: number): void {
		this.#peer.joiner.grow(rooms);
	}

	/** Lets go of the process, which ends; at once if it still has something to do. */
	end(why: string): void {
		if (this.#ended) return;
		this.#stop();
		this.#peer.socket.destroy();
		this.#process.end();
		this.#listener.ended(why);
	}

	/** Lets it send what it has been given, as long as that takes no second; then the same, and nobody is told. */
	async finish(): Promise<void> {
		if (this.#ended) return;
		this.#stop();
		await this.#peer.finish();
		await this.#process.finish();
	}

	#stop(): void {
		this.#ended = true;
		clearInterval(this.#watch);
	}

	#listen(): void {
		if (!this.#heard && !this.#ended)
			this.end(`its process has been silent for ${SILENCE_LIMIT_MS / 1000} s`);
		this.#heard = false;
	}

	#received(bytes: Uint8Array): void {
		if (this.#ended) return;
		const chunk = memoryOf(bytes, native.addressOf(bytes));
		const rest = this.#splitter.split(chunk);
		this.#listener.batchDone();
		if (rest >= 0) this.#splitter.keep(chunk, rest);
		else this.end("its process sent something else than frames");
	}

	#took(memory: Memory, offset: number, frameBytes: number): void {
		if (this.#ended) return;
		if (!isMessage(memory.bytes, offset)) {
			this.#listener.frame(memory, offset, frameBytes);
			return;
		}
		const message = readMessage(memory.bytes, offset, frameBytes);
		this.#heard = true;
		if (message === undefined) this.end("its process said what it should not");
		else if (message.kind === "failed") this.#lastWords = message.why;
		else this.#listener.state(message);
	}
}
