/**
 * Ethernet frames on a byte stream, as QEMU's `-netdev stream` has them: before each frame its length, 4 bytes,
 * big-endian. `FrameSplitter` takes a stream apart, `FrameJoiner` puts one together. Neither knows sockets: `unix.ts` does.
 *
 *    0               4                      4 + length      8 + length
 *    +---------------+-----------------------+---------------+------
 *    |    length     |         frame         |    length     | ...
 *    +---------------+-----------------------+---------------+------
 */

import { native, nativeMemory } from "../native.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import { Field32 } from "../wire/fields.js";
import type { Memory } from "../wire/memory.js";
import type { QueuedFrame } from "./outbox.js";

const frameLength = new Field32(0);
const LENGTH_BYTES = 4;
/** Longest frame that a peer may announce; what is longer is not a stream of frames. */
const FRAME_MAX_BYTES = 65535;

/** Told each frame of a stream: at `memory.bytes[offset]`, `frameBytes` long. */
export type FrameReceiver = (memory: Memory, offset: number, frameBytes: number) => void;

export class FrameSplitter {
	readonly #receiver: FrameReceiver;
	/** A frame that came in pieces, its length before it. */
	readonly #assembly = nativeMemory(LENGTH_BYTES + FRAME_MAX_BYTES);
	#assembledBytes = 0;

	constructor(receiver: FrameReceiver) {
		this.#receiver = receiver;
	}

	/**
	 * Hands on every frame that ends in `chunk`, in place where the whole frame is in it.
	 * @returns the index in `chunk.bytes` of the part frame at its end, for `keep`; -1 if this is no stream of frames: the
	 * rest of it means nothing
	 */
	split(chunk: Memory): number {
		const { bytes } = chunk;
		let at = this.#assembledBytes > 0 ? this.#assemble(bytes) : 0;
		while (at >= 0 && bytes.length - at >= LENGTH_BYTES) {
			const frameBytes = frameLength.get(bytes, at);
			if (!isLength(frameBytes)) return -1;
			if (bytes.length - at - LENGTH_BYTES < frameBytes) break;
			this.#receiver(chunk, at + LENGTH_BYTES, frameBytes);
			at += LENGTH_BYTES + frameBytes;
		}
		return at;
	}

	/** Keeps the part frame from `at` on until the rest of it comes. What `split` handed on no longer holds. */
	keep(chunk: Memory, at: number): void {
		if (at === chunk.bytes.length) return;
		this.#assembly.bytes.set(chunk.bytes.subarray(at));
		this.#assembledBytes = chunk.bytes.length - at;
	}

	/** Adds the beginning of a chunk to the part frame before it. Returns how much it took, or -1. */
	#assemble(bytes: Uint8Array): number {
		let at = this.#append(bytes, 0, LENGTH_BYTES);
		if (this.#assembledBytes < LENGTH_BYTES) return at;
		const frameBytes = frameLength.get(this.#assembly.bytes, 0);
		if (!isLength(frameBytes)) return -1;
		at = this.#append(bytes, at, LENGTH_BYTES + frameBytes);
		if (this.#assembledBytes < LENGTH_BYTES + frameBytes) return at;
		this.#assembledBytes = 0;
		this.#receiver(this.#assembly, LENGTH_BYTES, frameBytes);
		return at;
	}

	/** Brings the assembly up to `wantedBytes`, as far as there are bytes from `at` on. Returns where they end. */
	#append(bytes: Uint8Array, at: number, wantedBytes: number): number {
		const count = Math.min(wantedBytes - this.#assembledBytes, bytes.length - at);
		if (count <= 0) return at;
		this.#assembly.bytes.set(bytes.subarray(at, at + count), this.#assembledBytes);
		this.#assembledBytes += count;
		return at + count;
	}
}

/** Shorter than a header is no frame. */
function isLength(frameBytes: number): boolean {
	return frameBytes >= ETH_HEADER_BYTES && frameBytes <= FRAME_MAX_BYTES;
}

/**
 * Frames for one peer. While those of the last `take` are on their way, the next ones gather in a second buffer; when that
 * is full too, the peer does not read, and frames for it are lost as on a wire.
 */
export class FrameJoiner {
	#filling: Memory;
	#leaving: Memory;
	#filledBytes = 0;
	readonly #frameBytes: number;

	/** Each of the two buffers holds `frameCount` frames of at most `frameBytes`. Memory is taken as it is filled. */
	constructor(frameCount: number, frameBytes: number) {
		this.#frameBytes = LENGTH_BYTES + frameBytes;
		this.#filling = nativeMemory(frameCount * this.#frameBytes);
		this.#leaving = nativeMemory(frameCount * this.#frameBytes);
	}

	/** Each holds so many from now on. What waits stays, and what is on its way is its reader's. */
	grow(frameCount: number): void {
		const waiting = this.#filling.bytes.subarray(0, this.#filledBytes);
		this.#filling = nativeMemory(frameCount * this.#frameBytes);
		this.#filling.bytes.set(waiting);
		this.#leaving = nativeMemory(frameCount * this.#frameBytes);
	}

	/** Bytes that wait for `take`. */
	get waitingBytes(): number {
		return this.#filledBytes;
	}

	/** Copies a frame behind those that wait. False if there is no room, or its data is gone (the file under it shrank). */
	add(frame: QueuedFrame): boolean {
		const frameBytes = frame.frameBytes + frame.dataBytes;
		const { bytes, address } = this.#filling;
		const head = this.#filledBytes + LENGTH_BYTES;
		if (head + frameBytes > bytes.length) return false;
		native.copy(address + head, frame.memory.address + frame.offset, frame.frameBytes);
		if (frame.dataBytes > 0) {
			const data = address + head + frame.frameBytes;
			if (!native.copy(data, frame.dataAddress, frame.dataBytes)) return false;
		}
		frameLength.set(bytes, this.#filledBytes, frameBytes);
		this.#filledBytes = head + frameBytes;
		return true;
	}

	/** The same with bytes of JavaScript's, from `begin` to before `end`. */
	put(frame: Uint8Array, begin = 0, end = frame.length): boolean {
		const { bytes } = this.#filling;
		const head = this.#filledBytes + LENGTH_BYTES;
		if (head + end - begin > bytes.length) return false;
		frameLength.set(bytes, this.#filledBytes, end - begin);
		bytes.set(frame.subarray(begin, end), head);
		this.#filledBytes = head + end - begin;
		return true;
	}

	/** Everything that waits, to be sent. It holds until the next `take`. */
	take(): Uint8Array {
		const full = this.#filling;
		const joined = full.bytes.subarray(0, this.#filledBytes);
		this.#filling = this.#leaving;
		this.#leaving = full;
		this.#filledBytes = 0;
		return joined;
	}
}
