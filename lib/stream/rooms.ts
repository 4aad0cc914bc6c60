/**
 * Memory for what is under way on connections: requests that come in pieces, data that is written or sent. Rooms have a few sizes and
 * are used again; all that are taken together have no more bytes than a budget, whatever clients do. Who finds none waits in line. So
 * that those who hold what they have without end stop nobody, each `RoomHolder` gets its first two even then.
 */

import { invariant } from "../errors.js";
import { turn } from "../turn.js";
import type { Memory } from "../wire/memory.js";

/** Sizes of rooms, in bytes. */
const SIZES = [4, 16, 64, 128].map((kib) => kib * 1024);
/** The largest that there are: what wants more asks for several, one after the other. */
export const ROOM_BYTES_MAX = SIZES.at(-1)!;
/** Rooms that each holder gets whatever others have: one to receive in, and one for what that asks for. */
const CERTAIN_ROOMS = 2;
/** Not used rooms of each size are kept up to so many bytes. */
const IDLE_BYTES = 16 * 1024 * 1024;

export interface Room {
	readonly memory: Memory;
	/** Its holder, while it is taken. */
	holder: RoomHolder | null;
}

/** Somebody who takes rooms: a connection. */
export interface RoomHolder {
	/** Rooms that it has. Kept here by `Rooms`. */
	roomsHeld: number;
	/** It waits in line. */
	waitsForRoom: boolean;
	/** There may be one now. */
	roomFreed(): void;
}

export class Rooms {
	readonly #allocate: (byteLength: number) => Memory;
	readonly #budgetBytes: number;
	readonly #idle: Room[][] = SIZES.map(() => []);
	readonly #waiting: RoomHolder[] = [];
	#takenBytes = 0;
	/** Those who wait are told in the next turn. */
	#wakes = false;
	/** Whose turn it is, of those who waited. */
	#served: RoomHolder | null = null;

	constructor(allocate: (byteLength: number) => Memory, budgetBytes: number) {
		this.#allocate = allocate;
		this.#budgetBytes = budgetBytes;
	}

	/** Bytes of rooms that are taken. At most the budget, and two rooms for each holder. */
	get takenBytes(): number {
		return this.#takenBytes;
	}

	/** A room of at least so many bytes, at most `ROOM_BYTES_MAX`; undefined if there is none: `holder.roomFreed` is called when there may be. */
	take(holder: RoomHolder, bytes: number): Room | undefined {
		const size = SIZES.findIndex((each) => each >= bytes);
		invariant(size >= 0, "a room is too large");
		const isCertain = holder.roomsHeld < CERTAIN_ROOMS;
		// (Who comes later does not pass those who wait.)
		const isTurn = this.#waiting.length === 0 || this.#served === holder;
		const isFree = isTurn && this.#takenBytes + SIZES[size]! <= this.#budgetBytes;
		if (!isCertain && !isFree) {
			this.#wait(holder);
			return undefined;
		}
		const room = this.#idle[size]!.pop() ?? { memory: this.#allocate(SIZES[size]!), holder: null };
		room.holder = holder;
		holder.roomsHeld++;
		this.#takenBytes += SIZES[size]!;
		return room;
	}

	give(room: Room): void {
		const { holder, memory } = room;
		invariant(holder !== null, "a room is given back twice");
		room.holder = null;
		holder.roomsHeld--;
		const bytes = memory.bytes.length;
		this.#takenBytes -= bytes;
		const idle = this.#idle[SIZES.indexOf(bytes)]!;
		if (idle.length * bytes < IDLE_BYTES) idle.push(room);
		this.#wakeSoon();
	}

	/** It wants none any more. */
	leave(holder: RoomHolder): void {
		if (!holder.waitsForRoom) return;
		holder.waitsForRoom = false;
		const index = this.#waiting.indexOf(holder);
		if (index >= 0) this.#waiting.splice(index, 1);
		this.#wakeSoon();
	}

	#wait(holder: RoomHolder): void {
		if (holder.waitsForRoom) return;
		holder.waitsForRoom = true;
		this.#waiting.push(holder);
	}

	/** Not at once: whoever gives a room is in the middle of something, and may be the one who waits. */
	#wakeSoon(): void {
		if (this.#wakes || this.#waiting.length === 0) return;
		this.#wakes = true;
		setImmediate(this.#wake);
	}

	readonly #wake = (): void => {
		this.#wakes = false;
		turn.begin();
		this.#wakeCertain();
		// In line, when the largest room would be free: so it is not taken from under anybody by many small ones.
		for (let left = this.#waiting.length; left > 0 && !turn.isSpent; left--) {
			if (this.#takenBytes + ROOM_BYTES_MAX > this.#budgetBytes) return;
			this.#serve(this.#waiting.shift()!);
		}
		if (turn.isSpent) this.#wakeSoon();
	};

	/** Who has fewer than are certain again waits for nobody: others may hold on to the whole budget for ever. */
	#wakeCertain(): void {
		for (const holder of this.#waiting.filter(({ roomsHeld }) => roomsHeld < CERTAIN_ROOMS)) {
			if (turn.isSpent) return;
			const index = this.#waiting.indexOf(holder);
			if (index < 0) continue;
			this.#waiting.splice(index, 1);
			this.#serve(holder);
		}
	}

	#serve(holder: RoomHolder): void {
		holder.waitsForRoom = false;
		this.#served = holder;
		holder.roomFreed();
		this.#served = null;
	}
}
