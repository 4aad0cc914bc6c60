/**
 * The frames of a channel: a head, then an object as JSON or plain bytes, and descriptors that came along. What is no such
 * frame ends the channel, since nothing behind it can be understood. Used by `channel.ts`, which has the socket.
 *
 *     length of the body, 4 bytes    kind, 2 bytes    number of descriptors, 2 bytes    body     (least significant byte first)
 *
 * The descriptors of a frame are sent with its first byte, and the kernel hands them on no later than that.
 */

import { isUtf8 } from "node:buffer";
import { closeSync } from "node:fs";
import { counted } from "../text.js";

export const HEAD_BYTES = 8;
const KIND_JSON = 0;
const KIND_BYTES = 1;

export type Body = Readonly<Record<string, unknown>> | Uint8Array;

/** The head of a frame, and room behind it for so many bytes. */
export function startFrame(body: "json" | "bytes", bodyBytes: number, fileCount: number, room = 0): Buffer {
	const frame = Buffer.allocUnsafe(HEAD_BYTES + room);
	frame.writeUInt32LE(bodyBytes, 0);
	frame.writeUInt16LE(body === "json" ? KIND_JSON : KIND_BYTES, 4);
	frame.writeUInt16LE(fileCount, 6);
	return frame;
}

/** Descriptors that came with a message. Those that nobody takes are closed. */
export class Passed {
	#descriptors: readonly number[];

	constructor(
		descriptors: readonly number[],
		/** There were some, but this process can't have so many open (`ulimit -n`); then there is none. */
		readonly isLost = false,
	) {
		this.#descriptors = descriptors;
		if (isLost) this.close();
	}

	get count(): number {
		return this.#descriptors.length;
	}

	/** All of them. They are the caller's from now on. */
	take(): readonly number[] {
		const descriptors = this.#descriptors;
		this.#descriptors = [];
		return descriptors;
	}

	close(): void {
		for (const descriptor of this.take()) closeSync(descriptor);
	}
}

export const NOTHING_PASSED = new Passed([]);

/** What has come is no frame. Its message says why, in the words of a log. */
export class FrameError extends Error {
	override name = "FrameError";
}

export interface FrameLimits {
	/** Longest body. */
	readonly longestBytes: number;
	/** Of one that is an object: to understand it takes time, and many times its room. Default: as of bytes. */
	readonly longestTextBytes?: number;
	/** Most descriptors of one frame. */
	readonly mostFiles: number;
}

interface Head {
	readonly kind: number;
	readonly body: Buffer;
	readonly fileCount: number;
}

/** Takes a stream apart, however it was cut. */
export class FrameReader {
	readonly #limits: FrameLimits;
	readonly #deliver: (body: Body, files: Passed) => void;
	readonly #headBytes = Buffer.alloc(HEAD_BYTES);
	/** Of the frame that is coming, once its head is there. */
	#head: Head | null = null;
	/** Bytes of the head, or of the body, that are there. */
	#filled = 0;
	/** Descriptors that belong to frames that are coming, as they were sent together: those of one frame. */
	readonly #passed: Passed[] = [];

	constructor(limits: FrameLimits, deliver: (body: Body, files: Passed) => void) {
		this.#limits = limits;
		this.#deliver = deliver;
	}

	/** Whether a frame has begun, but not ended. */
	get isWithin(): boolean {
		return this.#head !== null || this.#filled > 0;
	}

	/** Takes what has come, with the descriptors that came along, if any did. Throws a FrameError. */
	take(bytes: Uint8Array, files: Passed): void {
		if (files.count > 0 || files.isLost) this.#passed.push(files);
		for (let at = 0; at < bytes.length; ) at += this.#takeSome(bytes, at);
		const expected = this.#head === null ? (this.isWithin ? 1 : 0) : Math.min(1, this.#head.fileCount);
		if (this.#passed.length > expected) throw new FrameError("descriptors that belong to nothing");
	}

	/** Closes what came for a frame that never came to its end. */
	close(): void {
		for (const passed of this.#passed.splice(0)) passed.close();
	}

	/** As many bytes as belong to what is coming; how many. */
	#takeSome(bytes: Uint8Array, from: number): number {
		const into = this.#head?.body ?? this.#headBytes;
		const count = Math.min(bytes.length - from, into.length - this.#filled);
		into.set(bytes.subarray(from, from + count), this.#filled);
		this.#filled += count;
		if (this.#filled < into.length) return count;
		this.#filled = 0;
		this.#head ??= this.#readHead();
		if (this.#head.body === into || this.#head.body.length === 0) this.#finish(this.#head);
		return count;
	}

	#readHead(): Head {
		const length = this.#headBytes.readUInt32LE(0);
		const kind = this.#headBytes.readUInt16LE(4);
		const fileCount = this.#headBytes.readUInt16LE(6);
		const { longestBytes, longestTextBytes = longestBytes, mostFiles } = this.#limits;
		if (kind > KIND_BYTES) throw new FrameError(`a frame of an unknown kind (${kind})`);
		const longest = kind === KIND_JSON ? longestTextBytes : longestBytes;
		if (length > longest) throw new FrameError(`a frame of ${length} bytes (at most ${longest})`);
		if (fileCount > mostFiles)
			throw new FrameError(`${fileCount} descriptors at once (at most ${mostFiles})`);
		return { kind, body: Buffer.alloc(length), fileCount };
	}

	#finish({ kind, body, fileCount }: Head): void {
		this.#head = null;
		const files = fileCount === 0 ? NOTHING_PASSED : this.#passed.shift();
		if (files === undefined || (files.count !== fileCount && !files.isLost)) {
			const count = files?.count ?? 0;
			files?.close();
			throw new FrameError(`${counted(count, "descriptor")} instead of ${fileCount}`);
		}
		try {
			this.#deliver(kind === KIND_JSON ? objectIn(body) : body, files);
		} finally {
			files.close();
		}
	}
}

function objectIn(body: Buffer): Body {
	if (!isUtf8(body)) throw new FrameError("text that is not UTF-8");
	let value: unknown;
	try {
		value = JSON.parse(body.toString());
	} catch {
		throw new FrameError("text that is not JSON");
	}
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw new FrameError("JSON that is not an object");
	return value as Body;
}
