/**
 * A SCSI command as iSCSI carries it: the task (`lib/scsi/task.ts`), and how far its data has come and gone. Data-out comes in pieces of
 * a room each; for what is asked for there is a room before it is asked. Pooled; begun and moved on by `commands.ts` and `writing.ts`.
 */

import { ScsiTask } from "../scsi/task.js";
import { ROOM_BYTES_MAX, type Room } from "../stream/rooms.js";

/** Data of one piece: what a task gets at once. */
export const PIECE_BYTES = ROOM_BYTES_MAX;
/** Commands of one connection have one of so many slots each. */
export const SLOTS = 144;
/** Of which so many are for what is immediate, and so is not held back by the window. */
export const IMMEDIATE_MAX = 8;

export class IscsiCommand extends ScsiTask {
	/** Where it is in its connection, and how often that place was taken before: both are in its transfer tags. */
	slot = 0;
	generation = 0;
	isImmediate = false;
	/** The field as it came. */
	lunHigh = 0;
	lunLow = 0;
	/** Bytes that the initiator expects to be transferred, in whichever direction. */
	expectedBytes = 0;

	/** `ScsiTarget.execute` has not returned. */
	isBeginning = false;
	/** Its task has ended; it is answered when no more data is on its way. */
	isOver = false;
	/** Data has come broken: what ends the task is that, and not its status. */
	isBroken = false;
	/** Its host has it in line: it goes on when that says so. */
	isStarving = false;
	/** It waits for a room, to ask for data with. */
	isAsking = false;

	/** Bytes of data-out that its task wants, from the first on. */
	wantedBytes = 0;
	/** Where the next data begins. */
	nextOffset = 0;
	/** Data comes that was not asked for. */
	isUnsolicited = false;
	/** Data-Out PDUs of the sequence that comes now. */
	dataSN = 0;
	/** The room that is being filled, and the one after it; null: no data was asked for, or it has gone on. */
	room: Room | null = null;
	nextRoom: Room | null = null;
	/** Up to there data was asked for. */
	askedBytes = 0;
	/** R2Ts: how many there were, how many of them wait for data, and where the first of these ends. */
	r2tSN = 0;
	r2tsWaiting = 0;
	firstEnd = 0;
	secondEnd = 0;

	/** Bytes of data-in that were sent, and in how many PDUs. */
	sentBytes = 0;
	dataInSN = 0;
	/** The last of data-in, which leaves together with the status. */
	last: Room | null = null;
	lastOffset = 0;
	lastBytes = 0;

	/** As new; the fields of the task are filled in by then. */
	override begin(): void {
		super.begin();
		this.isBeginning = false;
		this.isOver = false;
		this.isBroken = false;
		this.isStarving = false;
		this.isAsking = false;
		this.wantedBytes = 0;
		this.nextOffset = 0;
		this.isUnsolicited = false;
		this.dataSN = 0;
		this.askedBytes = 0;
		this.r2tSN = 0;
		this.r2tsWaiting = 0;
		this.sentBytes = 0;
		this.dataInSN = 0;
		this.lastBytes = 0;
	}

	/** Bytes of data-in that will have been sent when all is well. */
	get dueInBytes(): number {
		return Math.min(this.transferBytes, this.dataInBytes);
	}

	/** Data is on its way, whether or not anybody wants it. */
	get isOwed(): boolean {
		return this.isUnsolicited || this.r2tsWaiting > 0;
	}

	/** Where the piece begins in which the next data lies, and where it ends. */
	get pieceStart(): number {
		return this.nextOffset - (this.nextOffset % PIECE_BYTES);
	}
	get pieceEnd(): number {
		return Math.min(this.wantedBytes, this.pieceStart + PIECE_BYTES);
	}

	/** What data is called that was asked for with the R2T of that number. */
	tagOf(r2tSN: number): number {
		return ((this.generation & 0x7fff) << 16) | ((r2tSN & 0xff) << 8) | this.slot;
	}
}

/** The slot in a transfer tag: whether there is anybody is another question. */
export function slotOf(tag: number): number {
	return tag & 0xff;
}

/** Commands that wait to be used again: as many as there have ever been at once. */
export class CommandPool {
	readonly #idle: IscsiCommand[] = [];
	#made = 0;

	take(): IscsiCommand {
		const command = this.#idle.pop();
		if (command !== undefined) return command;
		this.#made += 1;
		return new IscsiCommand();
	}

	give(command: IscsiCommand): void {
		this.#idle.push(command);
	}

	/** All that there are wait, each once. */
	get isWhole(): boolean {
		return this.#idle.length === this.#made && new Set(this.#idle).size === this.#made;
	}
}
