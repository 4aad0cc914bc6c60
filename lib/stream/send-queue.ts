/**
 * What waits to be sent on one connection: parts of rooms, one behind the other. Short answers are gathered in rooms of their own, data
 * is sent from where it is, all that has come together in one call. When a room's last byte has left it is given back. Filled by
 * protocols (`lib/nbd/`), emptied when the pump comes by and whenever the stream can take more.
 */

import { invariant } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import type { Room, Rooms } from "./rooms.js";
import { BROKEN, type ByteStream, NOTHING_NOW, type StreamPart } from "./stream.js";

/** What is used again when the last byte of a part has left. */
type Leaving = Room | Memory | null;

class Part implements StreamPart {
	offset = 0;
	length = 0;
	leaving: Leaving = null;

	constructor(public memory: Memory) {}
}

/** Of which short answers are gathered in. */
const GATHERED_BYTES = 4096;
/** The longest of these. */
export const SHORT_BYTES_MAX = 1024;

/** Parts that have left are forgotten when there are so many. */
const FORGOTTEN = 64;

export class SendQueue {
	readonly #stream: ByteStream;
	readonly #rooms: Rooms;
	readonly #allocate: (byteLength: number) => Memory;
	readonly #filled: () => void;
	readonly #parts: Part[] = [];
	readonly #unused: Part[] = [];
	/** Where short answers are gathered now, up to there; and what was used for that before. */
	#gathering: Memory;
	#gatheredBytes = 0;
	readonly #spare: Memory[] = [];
	#first = 0;
	/** Bytes of the first part that have left. */
	#skip = 0;
	#waitingBytes = 0;
	#isBroken = false;

	/** `filled` is called whenever there is something to be sent: `flush` should be called some time afterwards. */
	constructor(
		stream: ByteStream,
		rooms: Rooms,
		allocate: (byteLength: number) => Memory,
		filled: () => void,
	) {
		this.#filled = filled;
		this.#stream = stream;
		this.#rooms = rooms;
		this.#allocate = allocate;
		this.#gathering = allocate(GATHERED_BYTES);
	}

	/** Bytes that have not left. */
	get waitingBytes(): number {
		return this.#waitingBytes;
	}

	/** Where `reserve` has made room. */
	get gathering(): Memory {
		return this.#gathering;
	}

	/** So many bytes of a room, which is given back afterwards. */
	put(room: Room, offset: number, length: number): void {
		if (this.#isBroken) this.#rooms.give(room);
		else this.#add(room.memory, offset, length).leaving = room;
	}

	/** Bytes that are their owner's, and stay as they are until they have left or the queue is dropped. */
	putLent(memory: Memory, offset: number, length: number): void {
		if (!this.#isBroken && length > 0) this.#add(memory, offset, length);
	}

	/** Some bytes, which are copied: for what is rare. */
	putCopy(bytes: Uint8Array): void {
		if (this.#isBroken || bytes.length === 0) return;
		const memory = this.#allocate(bytes.length);
		memory.bytes.set(bytes);
		this.#add(memory, 0, bytes.length);
	}

	/** A short answer of at most `SHORT_BYTES_MAX` is the next to leave: to be written now, into `gathering` from what is returned on. */
	reserve(length: number): number {
		invariant(length > 0 && length <= SHORT_BYTES_MAX, "no short answer");
		if (this.#gatheredBytes + length > GATHERED_BYTES) this.#gatherElsewhere();
		const offset = this.#gatheredBytes;
		if (this.#isBroken) return 0;
		this.#gatheredBytes += length;
		const last = this.#parts.at(-1);
		if (last?.memory === this.#gathering) {
			last.length += length;
			this.#waitingBytes += length;
			this.#filled();
		} else this.#add(this.#gathering, offset, length);
		return offset;
	}

	/** What was gathered so far is used again when the last of it has left. */
	#gatherElsewhere(): void {
		const gathered = this.#gathering;
		// (Not much has to be looked at: answers between are few where these are many.)
		const last = this.#parts.findLastIndex(({ memory }) => memory === gathered);
		this.#gatheredBytes = 0;
		if (last < this.#first) return;
		this.#parts[last]!.leaving = gathered;
		this.#gathering = this.#spare.pop() ?? this.#allocate(GATHERED_BYTES);
	}

	#add(memory: Memory, offset: number, length: number): Part {
		const part = this.#unused.pop() ?? new Part(memory);
		part.memory = memory;
		part.offset = offset;
		part.length = length;
		part.leaving = null;
		this.#parts.push(part);
		this.#waitingBytes += length;
		this.#filled();
		return part;
	}

	/** Sends as much as the stream takes. False if it has broken: then all that waited is forgotten. */
	flush(): boolean {
		while (this.#first < this.#parts.length) {
			const sent = this.#stream.send(this.#parts, this.#first, this.#skip);
			if (sent === NOTHING_NOW) return true;
			if (sent === BROKEN) this.drop();
			else this.#left(sent);
		}
		return !this.#isBroken;
	}

	#left(bytes: number): void {
		this.#waitingBytes -= bytes;
		this.#skip += bytes;
		while (this.#first < this.#parts.length && this.#skip >= this.#parts[this.#first]!.length) {
			const part = this.#parts[this.#first++]!;
			this.#skip -= part.length;
			this.#forget(part);
		}
		if (this.#first === this.#parts.length) {
			this.#parts.length = 0;
			this.#first = 0;
			this.#gatheredBytes = 0;
		} else if (this.#first >= FORGOTTEN) {
			this.#parts.splice(0, this.#first);
			this.#first = 0;
		}
	}

	#forget(part: Part): void {
		const { leaving } = part;
		part.leaving = null;
		this.#unused.push(part);
		if (leaving === null) return;
		if ("holder" in leaving) this.#rooms.give(leaving);
		else this.#spare.push(leaving);
	}

	/** Nobody gets anything any more. */
	drop(): void {
		this.#isBroken = true;
		this.#waitingBytes = 0;
		const left = this.#parts.splice(0).slice(this.#first);
		this.#first = 0;
		this.#skip = 0;
		for (const part of left) this.#forget(part);
	}
}
