/**
 * What a server sends behind the handshake: simple and structured replies (the specification's "Transmission phase"). Data goes straight
 * to where the call wants it, what is wrong ends the connection: no byte is taken for data that the server has not sent as such, once.
 * Used by `line.ts`.
 */

import { BROKEN, type ByteStream, NOTHING_NOW } from "../../stream/stream.js";
import type { Memory } from "../../wire/memory.js";
import {
	AllocationFlag,
	CHUNK_BYTES,
	ChunkFlag,
	ChunkType,
	Command,
	NbdError,
	SIMPLE_REPLY_BYTES,
	SIMPLE_REPLY_MAGIC,
	STRUCTURED_REPLY_MAGIC,
} from "../protocol.js";
import type { Call } from "./call.js";
import { ToldExtents } from "./told-extents.js";

const RECEIVE_BYTES = 64 * 1024;
/** Calls of the kernel for one turn of the loop. */
const RECEIVES_A_TURN = 8;
/** So much of an answer is a sign of life; a server that drips has none. */
const PROGRESS_BYTES = 64 * 1024;
/** Of a type that is not known, this says that it is an error. */
const ERROR_BIT = 0x8000;
const DESCRIPTOR_BYTES = 8;

export interface RepliesUser {
	/** The call under way that the server calls so; null: there is none. */
	callOf(cookieHigh: number, cookieLow: number): Call | null;
	/** It is answered: `call.error` says how. */
	answered(call: Call): void;
	/** A good part of answers has come. */
	progressed(): void;
	/** The connection is. */
	broken(): void;
	/** Nothing more comes, or it makes no sense. */
	ended(why: string): void;
}

/** What the bytes are that come next. */
const Next = { head: 0, data: 1, descriptors: 2, nothing: 3 } as const;
type Next = (typeof Next)[keyof typeof Next];

export class Replies {
	readonly #user: RepliesUser;
	readonly #stream: ByteStream;
	readonly #isStructured: boolean;
	readonly #allocationContext: number;
	/** What has come, from `#at` to `#to`. */
	readonly #received: Memory;
	#at = 0;
	#to = 0;
	#next: Next = Next.head;
	#call: Call | null = null;
	/** The chunk is the call's last. */
	#isLast = false;
	/** Bytes of the chunk that are still to come, and where in the call's memory data goes. */
	#left = 0;
	#target = 0;
	/** Bytes of data since there was a sign of life. */
	#cameBytes = 0;
	readonly #extents = new ToldExtents();
	#isEnded = false;

	constructor(
		user: RepliesUser,
		stream: ByteStream,
		allocate: (byteLength: number) => Memory,
		agreed: { readonly isStructured: boolean; readonly allocationContext: number },
	) {
		this.#user = user;
		this.#stream = stream;
		this.#isStructured = agreed.isStructured;
		this.#allocationContext = agreed.allocationContext;
		this.#received = allocate(RECEIVE_BYTES);
	}

	/** Takes what has come, as much as a turn has time for. */
	receive(): void {
		for (let left = RECEIVES_A_TURN; left > 0 && !this.#isEnded; left--) {
			const count = this.#receiveOnce();
			if (count === NOTHING_NOW) return;
			if (count === BROKEN) this.#user.broken();
			else if (count === 0) this.#end("the server has hung up");
			while (!this.#isEnded && this.#takeNext());
		}
	}

	/** Nothing more is taken. */
	close(): void {
		this.#isEnded = true;
	}

	#end(why: string): void {
		this.#isEnded = true;
		this.#user.ended(why);
	}

	#nonsense(what: string): false {
		this.#end(`what the server sends makes no sense: ${what}`);
		return false;
	}

	#receiveOnce(): number {
		if (this.#at === this.#to) {
			this.#at = 0;
			this.#to = 0;
			if (this.#next === Next.data) {
				const count = this.#stream.receive(this.#call!.memory, this.#target, this.#left);
				if (count > 0) this.#tookData(count);
				return count;
			}
		} else if (this.#at > 0) {
			this.#received.bytes.copyWithin(0, this.#at, this.#to);
			this.#to -= this.#at;
			this.#at = 0;
		}
		const count = this.#stream.receive(this.#received, this.#to, RECEIVE_BYTES - this.#to);
		if (count > 0) this.#to += count;
		return count;
	}

	/** False if more has to come first. */
	#takeNext(): boolean {
		const available = this.#to - this.#at;
		if (available === 0) return false;
		switch (this.#next) {
			case Next.head:
				return this.#takeHead(available);
			case Next.data: {
				const count = Math.min(available, this.#left);
				const { memory } = this.#call!;
				memory.bytes.set(this.#received.bytes.subarray(this.#at, this.#at + count), this.#target);
				this.#at += count;
				this.#tookData(count);
				return true;
			}
			case Next.descriptors:
				return this.#takeDescriptor(available);
			default: {
				const count = Math.min(available, this.#left);
				this.#at += count;
				this.#left -= count;
				if (this.#left === 0) this.#chunkOver();
				return true;
			}
		}
	}

	#tookData(count: number): void {
		this.#target += count;
		this.#left -= count;
		this.#cameBytes += count;
		if (this.#cameBytes >= PROGRESS_BYTES) {
			this.#cameBytes = 0;
			this.#user.progressed();
		}
		if (this.#left === 0) this.#chunkOver();
	}

	#takeHead(available: number): boolean {
		if (available < SIMPLE_REPLY_BYTES) return false;
		const magic = this.#received.view.getUint32(this.#at);
		if (magic === SIMPLE_REPLY_MAGIC) return this.#takeSimple();
		if (magic !== STRUCTURED_REPLY_MAGIC || !this.#isStructured) return this.#nonsense("no reply begins so");
		return available >= CHUNK_BYTES && this.#takeChunk(available);
	}

	#takeSimple(): boolean {
		const { view } = this.#received;
		const at = this.#at;
		const call = this.#user.callOf(view.getUint32(at + 8), view.getUint32(at + 12));
		if (call === null) return this.#nonsense("it answers what nobody has asked");
		this.#at += SIMPLE_REPLY_BYTES;
		call.error = view.getUint32(at + 4) as NbdError;
		const isRead = call.command === Command.read;
		this.#call = call;
		this.#isLast = true;
		if (!isRead || call.error !== NbdError.none) this.#chunkOver();
		else if (this.#isStructured) return this.#nonsense("a read is answered in the simple way");
		else this.#expectData(call, 0, call.lengthBytes);
		return true;
	}

	#takeChunk(available: number): boolean {
		const { view } = this.#received;
		const at = this.#at;
		const type = view.getUint16(at + 6);
		const length = view.getUint32(at + 16);
		const headWanted = (type & ERROR_BIT) > 0 ? ERROR_HEAD_BYTES : (HEAD_BYTES[type] ?? 0);
		const headBytes = Math.min(length, headWanted);
		if (available < CHUNK_BYTES + headBytes) return false;
		const call = this.#user.callOf(view.getUint32(at + 8), view.getUint32(at + 12));
		if (call === null) return this.#nonsense("it answers what nobody has asked");
		this.#at += CHUNK_BYTES + headBytes;
		this.#call = call;
		this.#isLast = (view.getUint16(at + 4) & ChunkFlag.done) > 0;
		this.#left = length - headBytes;
		this.#next = Next.nothing;
		if (headBytes < headWanted) return this.#nonsense("a chunk is too short");
		const isTaken = this.#begin(call, type, at + CHUNK_BYTES);
		if (isTaken && this.#left === 0) this.#chunkOver();
		return isTaken;
	}

	/** A chunk, whose own head is at `at`. False if it makes no sense. */
	#begin(call: Call, type: number, at: number): boolean {
		const { view } = this.#received;
		if ((type & ERROR_BIT) > 0) {
			call.error = (view.getUint32(at) as NbdError) || NbdError.EIO;
			return true;
		}
		const isRead = call.command === Command.read;
		switch (type) {
			case ChunkType.none:
				return (this.#left === 0 && this.#isLast) || this.#nonsense("a chunk of nothing");
			case ChunkType.offsetData:
			case ChunkType.offsetHole: {
				const offset = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4) - call.offsetBytes;
				if (!isRead) return this.#nonsense("data for what is no read");
				if (type === ChunkType.offsetData) return this.#expectData(call, offset, this.#left);
				return this.#hole(call, offset, view.getUint32(at + 8));
			}
			case ChunkType.blockStatus:
				if (call.command !== Command.blockStatus || this.#left % DESCRIPTOR_BYTES > 0)
					return this.#nonsense("extents that are none");
				if (view.getUint32(at) !== this.#allocationContext) return true;
				if (!this.#extents.begin(call)) return this.#nonsense("extents that have come before");
				this.#next = Next.descriptors;
				return true;
			default:
				return this.#nonsense(`a chunk of type ${type}`);
		}
	}

	#expectData(call: Call, offset: number, length: number): boolean {
		if (!call.cover(offset, length)) return this.#nonsense("data that was not asked for, or has come before");
		this.#next = Next.data;
		this.#target = call.memoryOffset + offset;
		this.#left = length;
		return true;
	}

	#hole(call: Call, offset: number, length: number): boolean {
		if (this.#left > 0 || !call.cover(offset, length))
			return this.#nonsense("a hole that was not asked for, or has come before");
		const from = call.memoryOffset + offset;
		call.memory.bytes.fill(0, from, from + length);
		return true;
	}

	#takeDescriptor(available: number): boolean {
		if (available < DESCRIPTOR_BYTES) return false;
		const { view } = this.#received;
		const lengthBytes = view.getUint32(this.#at);
		const isZero = (view.getUint32(this.#at + 4) & AllocationFlag.zero) > 0;
		this.#at += DESCRIPTOR_BYTES;
		this.#left -= DESCRIPTOR_BYTES;
		if (!this.#extents.add(lengthBytes, isZero)) return this.#nonsense("an extent of nothing");
		if (this.#extents.isFull) this.#next = Next.nothing;
		if (this.#left === 0) this.#chunkOver();
		return true;
	}

	#chunkOver(): void {
		const call = this.#call!;
		this.#next = Next.head;
		this.#call = null;
		if (!this.#isLast) return;
		this.#extents.finish(call);
		const isWhole = call.command !== Command.read || call.error !== NbdError.none || call.isCovered;
		if (isWhole) this.#user.answered(call);
		else this.#nonsense("a part of a read is missing");
	}
}

/** What all errors begin with: a number, and how long the words behind it are. */
const ERROR_HEAD_BYTES = 6;
/** What the payload of each other type of chunk begins with. */
const HEAD_BYTES: Readonly<Partial<Record<number, number>>> = {
	[ChunkType.offsetData]: 8,
	[ChunkType.offsetHole]: 12,
	[ChunkType.blockStatus]: 4,
};
