/**
 * A connection in memory: two ends, each a `ByteStream`. Nobody is told of anything before the next turn of the event loop; how much goes
 * at once, and when the connection is cut, a test says, so that one seed makes the same connection again. For tests and simulations.
 */

import type { Random } from "../random.js";
import { BROKEN, type ByteStream, NOTHING_NOW, type StreamPart, type StreamUser } from "../stream/stream.js";
import type { Memory } from "../wire/memory.js";

/** Bytes on their way in one direction. */
const CAPACITY_BYTES = 64 * 1024;

export interface MemoryStreamOptions {
	/** Deals with bytes in pieces of random size. */
	readonly random?: Random;
	/** The connection is cut when so many bytes have come through it, in both directions together. */
	readonly cutAfterBytes?: number;
	/**
	 * When it is cut the second end does not hear of it, and what is on its way there comes when this calls `deliver`, as of a peer whose machine is
	 * gone while the network still has what it had sent. Default: that is lost, and both ends are told.
	 */
	readonly late?: (deliver: () => void) => void;
}

/** What both ends have in common. */
interface Cable {
	readonly random: Random | undefined;
	leftBytes: number;
	isCut: boolean;
	readonly late: MemoryStreamOptions["late"];
}

class MemoryEnd implements ByteStream {
	other!: MemoryEnd;
	readonly trouble = null;
	readonly identity = null;
	readonly encryption = null;
	readonly #cable: Cable;
	#user: StreamUser | null = null;
	#isReadableWanted = true;
	#isWritableWanted = false;
	#isScheduled = false;
	#isClosed = false;
	/** What has been sent here comes later. */
	#isHeldUp = false;
	/** What has been sent here, and not been received. */
	#incoming: Buffer = Buffer.alloc(0);

	constructor(
		readonly peer: string,
		cable: Cable,
		readonly isSecond: boolean,
	) {
		this.#cable = cable;
	}

	get roomBytes(): number {
		return CAPACITY_BYTES - this.#incoming.length;
	}

	attach(user: StreamUser): void {
		this.#user = user;
		this.schedule();
	}

	/** Nothing of the cut has come here. */
	get #isUnaware(): boolean {
		return this.#cable.late !== undefined && this.isSecond;
	}

	get #isBroken(): boolean {
		return this.#isClosed || (this.#cable.isCut && !this.#isUnaware);
	}

	receive(memory: Memory, offset: number, length: number): number {
		if (this.#isBroken) return BROKEN;
		if (this.#isHeldUp) return NOTHING_NOW;
		if (this.#incoming.length === 0) return this.other.#isClosed ? 0 : NOTHING_NOW;
		const count = this.#some(Math.min(length, this.#incoming.length));
		memory.bytes.set(this.#incoming.subarray(0, count), offset);
		this.#incoming = this.#incoming.subarray(count);
		this.other.schedule();
		return count;
	}

	send(parts: readonly StreamPart[], from: number, skip: number): number {
		if (this.#isBroken || (this.other.#isClosed && !this.#isHeldUp)) return BROKEN;
		const pieces = parts.slice(from).map(({ memory, offset, length }, i) => {
			const skipped = i === 0 ? skip : 0;
			return memory.bytes.subarray(offset + skipped, offset + length);
		});
		const bytes = Buffer.concat(pieces);
		const room = Math.min(this.other.roomBytes, bytes.length);
		this.#isWritableWanted = room === 0;
		if (room === 0) return NOTHING_NOW;
		const count = this.#some(room);
		const through = Math.min(count, this.#cable.leftBytes);
		this.other.#incoming = Buffer.concat([this.other.#incoming, bytes.subarray(0, through)]);
		this.#cable.leftBytes -= through;
		if (this.#cable.leftBytes === 0) this.cut();
		this.other.schedule();
		return count;
	}

	#some(most: number): number {
		return this.#cable.random === undefined ? most : 1 + this.#cable.random.below(most);
	}

	wantReadable(wanted: boolean): void {
		this.#isReadableWanted = wanted;
		this.schedule();
	}

	close(): void {
		this.#isClosed = true;
		this.#user = null;
		this.other.schedule();
	}

	/** Nothing comes through any more, and both ends are told. */
	cut(): void {
		const cable = this.#cable;
		if (cable.isCut) return;
		cable.isCut = true;
		this.schedule();
		this.other.schedule();
		const second = this.isSecond ? this : this.other;
		if (cable.late === undefined) return;
		second.#isHeldUp = true;
		cable.late(() => {
			second.#isHeldUp = false;
			second.schedule();
		});
	}

	/** In the next turn it is looked what there is to tell. */
	schedule(): void {
		if (this.#isScheduled) return;
		this.#isScheduled = true;
		setImmediate(() => {
			this.#isScheduled = false;
			this.#tell();
		});
	}

	#tell(): void {
		if (this.#isHeldUp) return;
		if (this.#cable.isCut && !this.#isUnaware) {
			this.#user?.broken();
			return;
		}
		if (this.#isWritableWanted && (this.other.roomBytes > 0 || this.other.#isClosed)) {
			this.#isWritableWanted = false;
			this.#user?.writable();
		}
		const hasSome = this.#incoming.length > 0 || this.other.#isClosed;
		if (!this.#isReadableWanted || !hasSome || this.#user === null) return;
		this.#user.readable();
		if (this.#incoming.length > 0) this.schedule();
	}
}

/** Both ends of a connection, and what cuts it. */
export function memoryStreamPair(options: MemoryStreamOptions = {}): {
	readonly ends: readonly [ByteStream, ByteStream];
	cut(): void;
} {
	const { random, cutAfterBytes: leftBytes = Infinity, late } = options;
	const cable = { random, leftBytes, isCut: false, late };
	const one = new MemoryEnd("one end", cable, false);
	const other = new MemoryEnd("the other end", cable, true);
	one.other = other;
	other.other = one;
	return { ends: [one, other], cut: () => one.cut() };
}
