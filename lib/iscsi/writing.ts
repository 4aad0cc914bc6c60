/**
 * Data that goes to commands: what comes with them, what follows without being asked for, and what is asked for by R2T, a room at a time
 * (RFC 7143, 4.2.5.2 and 11.7). Data comes in order, command by command: so was it agreed. A task gets it in pieces. Used by
 * `commands.ts`; the bytes themselves are received by `intake.ts`.
 */

import { invariant } from "../errors.js";
import type { RoomHolder, Rooms } from "../stream/rooms.js";
import type { Memory } from "../wire/memory.js";
import type { IscsiCommand } from "./command.js";
import { PIECE_BYTES } from "./command.js";
import type { Intake } from "./intake.js";
import type { Parameters } from "./parameters.js";
import { Field, Flag } from "./pdu.js";
import { NONE, type Replies } from "./replies.js";
import type { Slots } from "./slots.js";

/** R2Ts of one command that wait for data at once: each has a room. */
const R2TS_MAX = 2;

export interface WritingHost extends RoomHolder {
	readonly rooms: Rooms;
	readonly replies: Replies;
	readonly intake: Intake;
	readonly parameters: Parameters;
	readonly slots: Slots;
	/** It waits for a room, and `ask` is called when there may be one. */
	waits(command: IscsiCommand): void;
	/** All data has come that was on its way, of a command whose task is over. */
	settled(command: IscsiCommand): void;
	/** The PDU that was handed on last makes no sense, and with it all that follows. */
	violates(why: string): void;
	/** Its data is broken. */
	rejectBroken(): void;
}

export class Writing {
	readonly #host: WritingHost;
	/** Whose data is being gathered. */
	#current: IscsiCommand | null = null;
	/** Whether that is the last of a sequence; where the PDU's data ends. */
	#isFinal = false;
	#endOffset = 0;
	/** PDUs with data for commands that are gone. */
	strays = 0;

	constructor(host: WritingHost) {
		this.#host = host;
		invariant(
			host.parameters.firstBurstLength <= PIECE_BYTES,
			"what comes without being asked for is more than a piece",
		);
	}

	/** A command has come, `dataBytes` with it; its task has begun, and is over already if it wanted no data. */
	begun(command: IscsiCommand, dataBytes: number, isFinal: boolean): void {
		command.wantedBytes = command.isOver ? 0 : command.awaitedBytes;
		command.isUnsolicited = !isFinal;
		this.#follow(command, dataBytes, isFinal);
	}

	/** Data-Out. False if nothing behind it makes sense. */
	came(view: DataView, at: number, dataBytes: number): boolean {
		const transferTag = view.getInt32(at + Field.ttt);
		const { slots } = this.#host;
		const tag = view.getInt32(at + Field.itt);
		const command = transferTag === NONE ? slots.unsolicited(tag) : slots.asking(transferTag);
		if (command === null || command.tag !== tag) {
			this.strays += 1;
			return true;
		}
		const isFinal = (view.getUint8(at + Field.flags) & Flag.final) !== 0;
		if (command.isBroken || view.getUint32(at + Field.dataSN) !== command.dataSN) {
			this.#lost(command, isFinal);
			return true;
		}
		const why = this.#wrongIn(command, transferTag, dataBytes, isFinal, view, at);
		if (why !== null) {
			this.#host.violates(why);
			return false;
		}
		command.dataSN += 1;
		this.#follow(command, dataBytes, isFinal);
		return true;
	}

	/** Some of its data has not come, or came broken, so that it is not carried out; what is on its way yet is awaited (RFC 7143, 7.8 and 7.9). */
	#lost(command: IscsiCommand, isFinal: boolean): void {
		this.#isFinal = isFinal;
		this.#endOffset = isFinal && command.r2tsWaiting > 0 ? command.firstEnd : command.nextOffset;
		this.#account(command);
		if (!command.isBroken && !command.isOver) this.#break(command);
		else if (command.isOver && !command.isOwed) this.#host.settled(command);
	}

	#break(command: IscsiCommand): void {
		command.isBroken = true;
		command.abort();
	}

	/** Why Data-Out makes no sense; null: it does. */
	#wrongIn(
		command: IscsiCommand,
		transferTag: number,
		dataBytes: number,
		isFinal: boolean,
		view: DataView,
		at: number,
	): string | null {
		const end = command.nextOffset + dataBytes;
		if (view.getUint32(at + Field.bufferOffset) !== command.nextOffset) return "Data-Out is not in order";
		if (end > command.expectedBytes) return "there is more Data-Out than the command was to have";
		if (transferTag === NONE)
			return end > this.#host.parameters.firstBurstLength
				? "more Data-Out than the first burst came without being asked for"
				: null;
		const isOfFirst = transferTag === command.tagOf(command.r2tSN - command.r2tsWaiting);
		if (command.isUnsolicited || command.r2tsWaiting === 0 || !isOfFirst) return "Data-Out was not asked for";
		if (end > command.firstEnd) return "there is more Data-Out than was asked for";
		return isFinal === (end === command.firstEnd) ? null : "Data-Out ends elsewhere than was asked for";
	}

	/** The next data of a command, in one PDU. */
	#follow(command: IscsiCommand, dataBytes: number, isFinal: boolean): void {
		const { nextOffset } = command;
		const useful =
			command.isOver || command.isBroken ? 0 : Math.min(dataBytes, command.wantedBytes - nextOffset);
		this.#isFinal = isFinal;
		this.#endOffset = nextOffset + dataBytes;
		if (useful <= 0) {
			this.#passed(command);
			return;
		}
		this.#current = command;
		const offset = nextOffset - command.pieceStart;
		const isWhole = offset === 0 && nextOffset + useful === command.pieceEnd;
		this.#host.intake.gather(command.room!, offset, useful, isWhole);
	}

	/** The data is there: at `memory`'s byte `offset`. (What comes of it may end the command at once: all else is settled before.) */
	gathered(memory: Memory, offset: number, isIntact: boolean): void {
		const command = this.#current!;
		this.#current = null;
		const { pieceStart, pieceEnd } = command;
		this.#account(command);
		if (!isIntact) this.#broken(command);
		else if (command.nextOffset >= pieceEnd) this.#handOn(command, memory, offset, pieceEnd - pieceStart);
		this.ask(command);
	}

	/** A piece is complete. */
	#handOn(command: IscsiCommand, memory: Memory, offset: number, length: number): void {
		const room = command.room!;
		command.room = command.nextRoom;
		command.nextRoom = null;
		const begin = memory === room.memory ? 0 : offset;
		if (command.dataOut(room, memory, begin, length)) this.#host.rooms.give(room);
	}

	/** So much is carried out as had come before. */
	#broken(command: IscsiCommand): void {
		this.#host.rejectBroken();
		this.#break(command);
	}

	/** A PDU has come of which nobody wants the data. */
	#passed(command: IscsiCommand): void {
		this.#account(command);
		if (command.isOver && !command.isOwed) this.#host.settled(command);
		else this.ask(command);
	}

	/** The data of a PDU is done with. */
	#account(command: IscsiCommand): void {
		command.nextOffset = this.#endOffset;
		if (!this.#isFinal) return;
		command.dataSN = 0;
		if (command.r2tsWaiting === 0) {
			command.isUnsolicited = false;
			command.askedBytes = command.nextOffset;
		} else {
			command.r2tsWaiting -= 1;
			command.firstEnd = command.secondEnd;
		}
	}

	/** As much as there are rooms for. */
	ask(command: IscsiCommand): void {
		const { parameters, rooms } = this.#host;
		const most = Math.min(parameters.maxOutstandingR2T, R2TS_MAX);
		while (!command.isOver && !command.isBroken && !command.isUnsolicited && command.r2tsWaiting < most) {
			const { askedBytes, wantedBytes } = command;
			if (askedBytes >= wantedBytes) return;
			const begin = askedBytes - (askedBytes % PIECE_BYTES);
			const end = Math.min(begin + PIECE_BYTES, wantedBytes);
			// (What is asked for lies in the room that is being filled, or in the one after it.)
			const isNext = begin > command.pieceStart;
			if ((isNext ? command.nextRoom : command.room) === null) {
				const room = rooms.take(this.#host, end - begin) ?? null;
				if (room === null) {
					this.#host.waits(command);
					return;
				}
				if (isNext) command.nextRoom = room;
				else command.room = room;
			}
			this.#askFor(command, Math.min(end - askedBytes, parameters.maxBurstLength));
		}
	}

	#askFor(command: IscsiCommand, length: number): void {
		const { askedBytes } = command;
		this.#host.replies.r2t(command, askedBytes, length);
		command.r2tSN += 1;
		command.r2tsWaiting += 1;
		command.askedBytes += length;
		if (command.r2tsWaiting === 1) command.firstEnd = command.askedBytes;
		else command.secondEnd = command.askedBytes;
	}

	/** Its task is over: its rooms go back, and what comes of it yet is passed by. */
	release(command: IscsiCommand): void {
		const { rooms, intake } = this.#host;
		if (command.room !== null) {
			intake.forget(command.room);
			if (this.#current === command) {
				// (The PDU that is coming counts as come.)
				this.#current = null;
				this.#account(command);
			}
			rooms.give(command.room);
		}
		if (command.nextRoom !== null) rooms.give(command.nextRoom);
		command.room = null;
		command.nextRoom = null;
	}
}
