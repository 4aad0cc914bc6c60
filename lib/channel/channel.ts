/**
 * A way between two processes of this program: messages, each an object or bytes, and descriptors that travel with them. Both
 * ends are made at once (`native.socketPair`), one of them for a process that is started. `asking.ts` makes questions and answers
 * of it. An end that breaks its rules is cut off; so is one that does not read what it is sent, before that fills the memory.
 */

import { closeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { invariant } from "../errors.js";
import {
	CHANNEL_FILES_MAX,
	type ChannelHandle,
	Errno,
	EVENT_WRITABLE,
	native,
	ReceivedFiles,
} from "../native.js";
import {
	type Body,
	FrameError,
	FrameReader,
	HEAD_BYTES,
	NOTHING_PASSED,
	Passed,
	startFrame,
} from "./frames.js";

/** Calls of the kernel for one turn of the loop: a peer that never pauses must not keep it for itself. */
const RECEIVES_A_TURN = 4;
const RECEIVE_BYTES = 64 * 1024;
/** What a descriptor that waits counts for, beside its frame: what the kernel keeps of an open file. */
const FILE_COST_BYTES = 1024;
/** Until what the kernel had no room for is tried again, where it does not tell when there is some. */
const RETRY_MS = 10;

export interface ChannelUser {
	/** Whoever wants the descriptors takes them before this returns. */
	message(body: Body, files: Passed): void;
	/** Nothing comes any more, and nothing can be sent; `why` is for a log. Not called after `close`. */
	ended(why: string): void;
}

export interface ChannelOptions {
	/** Longest message that is taken, in bytes. */
	readonly longestBytes?: number;
	/** Of one that is an object; default: as of bytes. */
	readonly longestTextBytes?: number;
	/** Most descriptors that are taken with one message. */
	readonly mostFiles?: number;
	/** Most bytes that may wait for the other end to read. */
	readonly mostWaitingBytes?: number;
}

/** What waits to be sent: a frame or a part of it, with the descriptors of the frame. */
interface Part {
	bytes: Uint8Array;
	files: Int32Array;
	readonly cost: number;
	/** Called when the kernel has all of it. */
	sent?: (() => void) | undefined;
}

const NO_FILES = new Int32Array(0);
/** Only between two lines of `#receive`: whoever keeps bytes has them copied by then. */
const received = new Uint8Array(RECEIVE_BYTES);
const receivedFiles = new Int32Array(ReceivedFiles.first + CHANNEL_FILES_MAX);

export class Channel {
	readonly #handle: ChannelHandle;
	readonly #user: ChannelUser;
	readonly #reader: FrameReader;
	readonly #mostWaitingBytes: number;
	readonly #waiting: Part[] = [];
	#waitingBytes = 0;
	#isOpen = true;
	/** The other end takes no more; what it has said may still be here. */
	#isMute = false;
	#wantsWritable = false;
	#retry: NodeJS.Timeout | undefined;

	/** Has the descriptor from now on. */
	constructor(descriptor: number, user: ChannelUser, options: ChannelOptions = {}) {
		const { longestBytes = 1024 * 1024, mostFiles = 0, mostWaitingBytes = 64 * 1024 * 1024 } = options;
		this.#user = user;
		this.#mostWaitingBytes = mostWaitingBytes;
		this.#reader = new FrameReader(
			{ longestBytes, longestTextBytes: options.longestTextBytes ?? longestBytes, mostFiles },
			(body, files) => {
				// A message before it may have been the last one that anybody wanted.
				if (this.#isOpen) user.message(body, files);
			},
		);
		this.#handle = native.channelOpen(descriptor, (events) => this.#ready(events));
	}

	/** Bytes, descriptors counted, that wait for the other end. */
	get waitingBytes(): number {
		return this.#waitingBytes;
	}

	/**
	 * Sends a message, now or as soon as there is room. The descriptors are the channel's from now on, whatever becomes of the
	 * message: it closes them when they have been sent. False if there is nobody to send to any more.
	 * @param sent called when the kernel has all of it, perhaps before this returns; never, if it can't be sent
	 */
	send(body: object, files: readonly number[] = [], sent?: () => void): boolean {
		invariant(files.length <= CHANNEL_FILES_MAX, "too many descriptors for one message");
		const passed = files.length === 0 ? NO_FILES : Int32Array.from(files);
		if (!this.#isOpen || this.#isMute) {
			closeAll(passed);
			return false;
		}
		if (body instanceof Uint8Array) {
			this.#put(startFrame("bytes", body.length, files.length), passed);
			// What can't be sent at once has to stay as it is.
			const part = this.#put(body, NO_FILES, sent);
			if (part.bytes.length > 0) part.bytes = new Uint8Array(part.bytes);
		} else {
			const text = JSON.stringify(body);
			const bytes = Buffer.byteLength(text);
			const frame = startFrame("json", bytes, files.length, bytes);
			frame.write(text, HEAD_BYTES);
			this.#put(frame, passed, sent);
		}
		if (this.#waitingBytes > this.#mostWaitingBytes) this.#end("the other end does not read");
		return this.#isOpen && !this.#isMute;
	}

	/** Ends it at once: what waits is not sent any more. May be called again. */
	close(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#drop();
		this.#reader.close();
		native.channelClose(this.#handle);
	}

	#put(bytes: Uint8Array, files: Int32Array, sent?: () => void): Part {
		const part = { bytes, files, cost: bytes.length + files.length * FILE_COST_BYTES, sent };
		this.#waiting.push(part);
		this.#waitingBytes += part.cost;
		if (this.#isMute) this.#drop();
		else if (this.#waiting.length === 1) this.#flush();
		return part;
	}

	#flush(): void {
		for (let part = this.#waiting[0]; part !== undefined; part = this.#waiting[0]) {
			if (part.bytes.length > 0) {
				const sent = native.channelSend(this.#handle, part.bytes, part.files);
				if (sent < 0) {
					this.#cannotSend(-sent);
					return;
				}
				closeAll(part.files);
				part.files = NO_FILES;
				part.bytes = part.bytes.subarray(sent);
			}
			if (part.bytes.length > 0) continue;
			this.#waiting.shift();
			this.#waitingBytes -= part.cost;
			part.sent?.();
		}
		this.#wantWritable(false);
	}

	#cannotSend(errno: number): void {
		switch (errno) {
			case Errno.EAGAIN:
				this.#wantWritable(true);
				break;
			case Errno.EPIPE:
			case Errno.ECONNRESET:
				// What it said before is still to be read, up to its end.
				this.#isMute = true;
				this.#drop();
				break;
			case Errno.ENOBUFS:
			case Errno.ENOMEM:
			case Errno.ETOOMANYREFS:
				this.#retry ??= setTimeout(() => {
					this.#retry = undefined;
					this.#flush();
				}, RETRY_MS);
				break;
			default:
				this.#end(getSystemErrorName(-errno));
		}
	}

	#wantWritable(wanted: boolean): void {
		if (wanted === this.#wantsWritable) return;
		this.#wantsWritable = wanted;
		native.channelWantWritable(this.#handle, wanted);
	}

	#ready(events: number): void {
		if (events & EVENT_WRITABLE && this.#waiting.length > 0) this.#flush();
		for (let i = 0; i < RECEIVES_A_TURN && this.#isOpen && this.#receive(); i++);
	}

	/** Takes some of what has come. False if there is no more for now. */
	#receive(): boolean {
		const count = native.channelReceive(this.#handle, received, receivedFiles);
		if (count === -Errno.EAGAIN) return false;
		if (count < 0) this.#end(getSystemErrorName(count));
		else if (count === 0) this.#end(this.#reader.isWithin ? "ended within a message" : "ended");
		else this.#take(received.subarray(0, count));
		return true;
	}

	#take(bytes: Uint8Array): void {
		try {
			this.#reader.take(bytes, filesReceived());
		} catch (error) {
			if (!(error instanceof FrameError)) throw error;
			this.#end(`the other end breaks the rules: ${error.message}`);
		}
	}

	#end(why: string): void {
		if (!this.#isOpen) return;
		this.close();
		// Not while somebody is in the middle of sending.
		process.nextTick(() => this.#user.ended(why));
	}

	/** Nothing that waits is going to be sent. */
	#drop(): void {
		clearTimeout(this.#retry);
		for (const { files } of this.#waiting.splice(0)) closeAll(files);
		this.#waitingBytes = 0;
	}
}

function filesReceived(): Passed {
	const count = receivedFiles[ReceivedFiles.count] ?? 0;
	const isLost = receivedFiles[ReceivedFiles.lost] !== 0;
	if (count === 0 && !isLost) return NOTHING_PASSED;
	return new Passed([...receivedFiles.subarray(ReceivedFiles.first, ReceivedFiles.first + count)], isLost);
}

function closeAll(files: Int32Array): void {
	for (const file of files) closeSync(file);
}
