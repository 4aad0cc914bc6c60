/**
 * The SCSI commands of one session: each becomes a task of its target (`lib/scsi/`), gets its data (`writing.ts`), and is answered. What one
 * needs of the connection it asks here. Made by `transmission.ts`, which hands on what comes.
 */

import type { BlockOp } from "../block/request.js";
import { Asc, ScsiStatus, SenseKey, type TaskAttribute } from "../scsi/protocol.js";
import { illegal, type Sense, senseBytes } from "../scsi/sense.js";
import type { TaskHost } from "../scsi/task.js";
import type { Room, RoomHolder, Rooms } from "../stream/rooms.js";
import type { SendQueue } from "../stream/send-queue.js";
import { turn } from "../turn.js";
import { type CommandPool, type IscsiCommand, PIECE_BYTES } from "./command.js";
import { lunOf, readCdb } from "./headers.js";
import type { Intake, Taken } from "./intake.js";
import type { Parameters } from "./parameters.js";
import { CommandResponse, Field, Flag, isImmediate, RejectReason } from "./pdu.js";
import type { Replies } from "./replies.js";
import type { Session } from "./session.js";
import { Slots } from "./slots.js";
import type { Window } from "./window.js";
import { Writing, type WritingHost } from "./writing.js";

/** While more than this waits to be sent nothing more is read, and nothing taken. */
export const WAITING_BYTES_MAX = 1024 * 1024;

/** Of data whose digest says that it is broken (RFC 7143, 11.4.7.2). */
const CRC_ERROR: Sense = { key: SenseKey.abortedCommand, asc: Asc.protocolCrc };

/** The connection. */
export interface CommandsHost {
	readonly rooms: Rooms;
	readonly queue: SendQueue;
	readonly replies: Replies;
	readonly intake: Intake;
	readonly window: Window;
	readonly parameters: Parameters;
	readonly pool: CommandPool;
	readonly isClosed: boolean;
	readonly arrivedUs: number;
	/** What could not go on may be able to in the next turn. */
	resumeSoon(): void;
	reject(reason: RejectReason): void;
	rejectBroken(): void;
	violates(why: string): void;
	/** One is over. */
	commandEnded(): void;
}

export class Commands implements TaskHost, WritingHost, RoomHolder {
	roomsHeld = 0;
	waitsForRoom = false;
	readonly slots = new Slots();
	readonly writing: Writing;
	readonly #host: CommandsHost;
	readonly #session: Session;
	readonly #starving: IscsiCommand[] = [];

	constructor(host: CommandsHost, session: Session) {
		this.#host = host;
		this.#session = session;
		this.writing = new Writing(this);
	}

	get rooms(): Rooms {
		return this.#host.rooms;
	}
	get replies(): Replies {
		return this.#host.replies;
	}
	get intake(): Intake {
		return this.#host.intake;
	}
	get parameters(): Parameters {
		return this.#host.parameters;
	}
	get mayRead(): boolean {
		return this.#host.queue.waitingBytes < WAITING_BYTES_MAX && !turn.isSpent && !this.#host.isClosed;
	}

	/** A command: its header is there, and it is its turn. */
	begin(view: DataView, at: number, dataBytes: number): Taken {
		const flags = view.getUint8(at + Field.flags);
		const immediate = isImmediate(view, at);
		const isWrite = (flags & Flag.write) !== 0;
		const isFinal = !isWrite || (flags & Flag.final) !== 0;
		const expectedBytes =
			(flags & (Flag.read | Flag.write)) === 0 ? 0 : view.getUint32(at + Field.expectedLength);
		const reason = this.#refusalOf(immediate, isWrite, isFinal, expectedBytes, dataBytes);
		if (reason !== null) {
			if (!immediate) this.#host.window.passed();
			this.#host.reject(reason);
			return "taken";
		}
		const wantsRoom = isWrite && (dataBytes > 0 || !isFinal);
		const room = wantsRoom ? (this.rooms.take(this, Math.min(PIECE_BYTES, expectedBytes)) ?? null) : null;
		// (Who waits for data that is behind this command can't wait for a room for it, too.)
		const isCrowded = wantsRoom && room === null;
		if (isCrowded && !this.slots.holdsRoom) return "later";
		if (!immediate) this.#host.window.taken();
		const command = this.#take(view, at, flags, expectedBytes, immediate);
		command.room = room;
		this.#execute(command, isCrowded, readCdb(view, at, command.cdb));
		this.writing.begun(command, dataBytes, isFinal);
		return "taken";
	}

	/** Why it is none that was agreed on; null: it is. */
	#refusalOf(
		immediate: boolean,
		isWrite: boolean,
		isFinal: boolean,
		expectedBytes: number,
		dataBytes: number,
	): RejectReason | null {
		if (!this.slots.hasFree(immediate)) return RejectReason.tooManyImmediate;
		const { initialR2T, immediateData, firstBurstLength } = this.parameters;
		if (!isWrite) return dataBytes > 0 ? RejectReason.protocolError : null;
		if (dataBytes > 0 && !immediateData) return RejectReason.protocolError;
		if (!isFinal && (initialR2T || dataBytes >= expectedBytes)) return RejectReason.protocolError;
		const most = Math.min(expectedBytes, firstBurstLength);
		return dataBytes > most ? RejectReason.protocolError : null;
	}

	#take(view: DataView, at: number, flags: number, expectedBytes: number, immediate: boolean): IscsiCommand {
		const command = this.#host.pool.take();
		command.isImmediate = immediate;
		this.slots.take(command);
		command.host = this;
		command.nexus = this.#session.nexus;
		command.lunHigh = view.getInt32(at + Field.lun);
		command.lunLow = view.getInt32(at + Field.lun + 4);
		command.tag = view.getInt32(at + Field.itt);
		command.attribute = (flags & Flag.attributeMask) as TaskAttribute;
		command.expectedBytes = expectedBytes;
		command.dataOutBytes = (flags & Flag.write) !== 0 ? expectedBytes : 0;
		command.dataInBytes = (flags & Flag.read) !== 0 ? expectedBytes : 0;
		command.arrivedUs = this.#host.arrivedUs;
		command.lun = lunOf(command.lunHigh, command.lunLow);
		command.begin();
		return command;
	}

	#execute(command: IscsiCommand, isCrowded: boolean, isReadable: boolean): void {
		command.isBeginning = true;
		const isBidirectional = command.dataInBytes > 0 && command.dataOutBytes > 0;
		if (isCrowded) command.end(ScsiStatus.taskSetFull);
		else if (isBidirectional || !isReadable)
			command.end(ScsiStatus.checkCondition, illegal(Asc.invalidField));
		else this.#session.target.execute(command);
		command.isBeginning = false;
		if (command.isOver) this.writing.release(command);
	}

	starves(command: IscsiCommand): void {
		if (command.isStarving) return;
		command.isStarving = true;
		this.#starving.push(command);
		if (!this.waitsForRoom && this.#host.queue.waitingBytes < WAITING_BYTES_MAX) this.#host.resumeSoon();
	}

	waits(command: IscsiCommand): void {
		if (command.isAsking) return;
		command.isAsking = true;
		this.#starving.push(command);
	}

	roomFreed(): void {
		if (this.#host.isClosed) return;
		this.goOn();
		this.#host.resumeSoon();
	}

	get isStarving(): boolean {
		return this.#starving.length > 0;
	}

	/** Each gets as far as it comes; what starves again is in line again. */
	goOn(): void {
		for (let left = this.#starving.length; left > 0; left--) {
			const command = this.#starving.shift();
			if (command === undefined) return;
			const { isStarving, isAsking } = command;
			command.isStarving = false;
			command.isAsking = false;
			if (isAsking) this.writing.ask(command);
			if (isStarving) command.advance();
		}
	}

	dataIn(command: IscsiCommand, room: Room, offset: number, length: number): void {
		this.#leave(command);
		const count = Math.min(length, command.dataInBytes - command.sentBytes);
		if (count <= 0 || command.isAborted) {
			this.rooms.give(room);
			return;
		}
		if (command.sentBytes + count < command.dueInBytes) {
			this.replies.dataIn(command, room, offset, count, false);
			return;
		}
		command.last = room;
		command.lastOffset = offset;
		command.lastBytes = count;
	}

	/** What was to leave with the status does so without. */
	#leave(command: IscsiCommand): void {
		const { last } = command;
		if (last === null) return;
		command.last = null;
		this.replies.dataIn(command, last, command.lastOffset, command.lastBytes, false);
	}

	reply(command: IscsiCommand, bytes: Uint8Array): void {
		this.#leave(command);
		const count = Math.min(bytes.length, command.dataInBytes - command.sentBytes);
		if (count > 0 && !command.isAborted) this.replies.dataInCopy(command, bytes.subarray(0, count));
	}

	did(command: IscsiCommand, op: BlockOp, bytes: number): void {
		this.#session.use.did(command.lun, op, bytes, command.arrivedUs);
	}

	ended(command: IscsiCommand): void {
		command.isOver = true;
		if (command.isBeginning) return;
		this.writing.release(command);
		if (command.isAborted && !command.isBroken) this.#release(command);
		else if (!command.isOwed) this.settled(command);
	}

	/** It is over, and nothing of it is on its way any more. */
	settled(command: IscsiCommand): void {
		if (command.isBroken) {
			command.status = ScsiStatus.checkCondition;
			command.sense = CRC_ERROR;
		}
		if (!command.isImmediate) this.#host.window.over();
		this.#answer(command);
		this.#forget(command);
	}

	#answer(command: IscsiCommand): void {
		const { last, sense, status } = command;
		if (this.#host.isClosed) return;
		if (status !== ScsiStatus.good) this.#session.failed(sense);
		const isPlain = status === ScsiStatus.good && sense === null;
		if (last !== null && isPlain) {
			command.last = null;
			this.replies.dataIn(command, last, command.lastOffset, command.lastBytes, true);
			return;
		}
		this.#leave(command);
		const bytes = sense === null ? undefined : senseBytes(sense, command.unit?.modes.descriptorSense);
		this.replies.response(command, CommandResponse.completed, bytes);
	}

	/** Nobody is answered. */
	#release(command: IscsiCommand): void {
		if (!command.isImmediate) this.#host.window.over();
		this.#forget(command);
	}

	#forget(command: IscsiCommand): void {
		if (command.last !== null) this.rooms.give(command.last);
		command.last = null;
		if (command.isStarving || command.isAsking) this.#starving.splice(this.#starving.indexOf(command), 1);
		this.slots.give(command);
		this.#host.pool.give(command);
		this.#host.commandEnded();
	}

	/** Data of a command: see `Intake`. */
	violates(why: string): void {
		this.#host.violates(why);
	}

	rejectBroken(): void {
		this.#host.rejectBroken();
	}

	/** The command of that tag is over, and is answered only when its data has come: now it never is. */
	dropHeld(tag: number): boolean {
		const command = this.slots.all().find((each) => each.isOver && each.tag === tag);
		if (command === undefined) return false;
		this.#release(command);
		return true;
	}

	/** The connection is gone, or the session ends: what has not begun never does, and nobody is answered. */
	abort(): void {
		for (const command of this.slots.all()) {
			if (command.isOver) this.#release(command);
			else command.abort();
		}
	}
}
