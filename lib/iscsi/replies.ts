/**
 * What goes to an initiator, as bytes: PDUs with their numbers and digests, put into a connection's queue. Called by the files of this room
 * that know what is to be said; nothing here knows why. Data leaves from the rooms that it is in.
 */

import { crc32c } from "../crc32c.js";
import type { Room } from "../stream/rooms.js";
import { type SendQueue, SHORT_BYTES_MAX } from "../stream/send-queue.js";
import type { Memory } from "../wire/memory.js";
import type { IscsiCommand } from "./command.js";
import type { Parameters } from "./parameters.js";
import {
	BHS_BYTES,
	beginPdu,
	DIGEST_BYTES,
	Field,
	Flag,
	type LogoutResponse,
	NO_TAG,
	Opcode,
	paddingOf,
	type RejectReason,
} from "./pdu.js";
import type { Window } from "./window.js";

/** No tag, as a number of 32 bits with a sign. */
export const NONE = NO_TAG | 0;
const NO_BYTES = new Uint8Array(0);

export class Replies {
	readonly #queue: SendQueue;
	readonly #window: Window;
	readonly #parameters: Parameters;
	/** PDUs that were put into the queue. */
	count = 0;

	constructor(queue: SendQueue, window: Window, parameters: Parameters) {
		this.#queue = queue;
		this.#window = window;
		this.#parameters = parameters;
	}

	/** A header with `dataBytes` behind it, of which `more` are to be written right behind: returns where it begins, in the queue's `gathering`. */
	#begin(opcode: number, flags: number, dataBytes: number, more: number): number {
		const at = this.#queue.reserve(BHS_BYTES + (this.#parameters.headerDigest ? DIGEST_BYTES : 0) + more);
		const { view } = this.#queue.gathering;
		beginPdu(view, at, opcode, flags, dataBytes);
		view.setInt32(at + Field.expCmdSN, this.#window.expCmdSN);
		view.setInt32(at + Field.maxCmdSN, this.#window.maxCmdSN);
		this.count += 1;
		return at;
	}

	/** All fields of the header are there: returns where the data goes. */
	#seal(at: number): number {
		const end = at + BHS_BYTES;
		if (!this.#parameters.headerDigest) return end;
		const { bytes, view } = this.#queue.gathering;
		view.setUint32(end, crc32c(bytes, at, end), true);
		return end + DIGEST_BYTES;
	}

	/** Bytes that follow so much short data: padding and digest. */
	#tailOf(dataBytes: number): number {
		if (dataBytes === 0) return 0;
		return paddingOf(dataBytes) + (this.#parameters.dataDigest ? DIGEST_BYTES : 0);
	}

	/** Behind short data, which begins there. */
	#closeShort(begin: number, dataBytes: number): void {
		if (dataBytes === 0) return;
		const { bytes, view } = this.#queue.gathering;
		const end = begin + dataBytes + paddingOf(dataBytes);
		bytes.fill(0, begin + dataBytes, end);
		if (this.#parameters.dataDigest) view.setUint32(end, crc32c(bytes, begin, end), true);
	}

	/** Behind data that is sent from where it is. */
	#closeLong(memory: Memory, offset: number, dataBytes: number): void {
		const tail = this.#tailOf(dataBytes);
		if (tail === 0) return;
		const padding = paddingOf(dataBytes);
		const at = this.#queue.reserve(tail);
		const { bytes, view } = this.#queue.gathering;
		bytes.fill(0, at, at + padding);
		if (!this.#parameters.dataDigest) return;
		const sum = crc32c(memory.bytes, offset, offset + dataBytes);
		view.setUint32(at + padding, crc32c(bytes, at, at + padding, sum), true);
	}

	/** PDU with data that is short, or copied. */
	#short(at: number, data: Uint8Array): void {
		const begin = this.#seal(at);
		this.#queue.gathering.bytes.set(data, begin);
		this.#closeShort(begin, data.length);
	}

	/** The last data that leaves with the status, or a status alone; `sense`: none, or data behind the status. */
	response(command: IscsiCommand, response: number, sense: Uint8Array = NO_BYTES): void {
		const dataBytes = sense.length === 0 ? 0 : 2 + sense.length;
		const at = this.#begin(
			Opcode.response,
			Flag.final | residualFlag(command),
			dataBytes,
			dataBytes + this.#tailOf(dataBytes),
		);
		const { bytes, view } = this.#queue.gathering;
		view.setUint8(at + Field.response, response);
		view.setUint8(at + Field.status, command.status);
		view.setInt32(at + Field.itt, command.tag);
		view.setInt32(at + Field.statSN, this.#window.nextStatSN());
		view.setUint32(at + Field.dataSN, command.dataInSN);
		view.setUint32(at + Field.residual, residualOf(command));
		const begin = this.#seal(at);
		if (dataBytes === 0) return;
		view.setUint16(begin, sense.length);
		bytes.set(sense, begin + 2);
		this.#closeShort(begin, dataBytes);
	}

	/** The next bytes for a command, in as many PDUs as the initiator wants. The room leaves with the last of them. */
	dataIn(command: IscsiCommand, room: Room, offset: number, length: number, hasStatus: boolean): void {
		let done = 0;
		while (done < length) {
			const count = this.#nextBytes(command, length - done);
			const isLast = done + count === length;
			this.#dataInHead(command, count, 0, isLast && hasStatus);
			if (isLast) this.#queue.put(room, offset + done, count);
			else this.#queue.putLent(room.memory, offset + done, count);
			this.#closeLong(room.memory, offset + done, count);
			done += count;
		}
	}

	/** The same of bytes that are copied. */
	dataInCopy(command: IscsiCommand, bytes: Uint8Array): void {
		let done = 0;
		while (done < bytes.length) {
			const count = Math.min(this.#nextBytes(command, bytes.length - done), SHORT_BYTES_MAX - 2 * BHS_BYTES);
			const begin = this.#dataInHead(command, count, count + this.#tailOf(count), false);
			this.#queue.gathering.bytes.set(bytes.subarray(done, done + count), begin);
			this.#closeShort(begin, count);
			done += count;
		}
	}

	/** Of so many bytes, in one PDU: not across the end of a burst (RFC 7143, 13.13). */
	#nextBytes(command: IscsiCommand, bytes: number): number {
		const { maxRecvDataSegmentLength, maxBurstLength } = this.#parameters;
		const left = maxBurstLength - (command.sentBytes % maxBurstLength);
		return Math.min(bytes, maxRecvDataSegmentLength, left);
	}

	#dataInHead(command: IscsiCommand, count: number, more: number, hasStatus: boolean): number {
		const end = command.sentBytes + count;
		const isEnd = hasStatus || end % this.#parameters.maxBurstLength === 0 || end >= command.dueInBytes;
		const flags = hasStatus ? Flag.status | residualFlag(command) : 0;
		const at = this.#begin(Opcode.dataIn, flags | (isEnd ? Flag.final : 0), count, more);
		const { view } = this.#queue.gathering;
		view.setInt32(at + Field.itt, command.tag);
		view.setInt32(at + Field.ttt, NONE);
		if (hasStatus) {
			view.setUint8(at + Field.status, command.status);
			view.setInt32(at + Field.statSN, this.#window.nextStatSN());
			view.setUint32(at + Field.residual, residualOf(command));
		}
		view.setUint32(at + Field.dataSN, command.dataInSN);
		view.setUint32(at + Field.bufferOffset, command.sentBytes);
		command.dataInSN += 1;
		command.sentBytes = end;
		return this.#seal(at);
	}

	/** Data is wanted, `length` bytes from `offset` on. */
	r2t(command: IscsiCommand, offset: number, length: number): void {
		const at = this.#begin(Opcode.r2t, Flag.final, 0, 0);
		const { view } = this.#queue.gathering;
		view.setInt32(at + Field.lun, command.lunHigh);
		view.setInt32(at + Field.lun + 4, command.lunLow);
		view.setInt32(at + Field.itt, command.tag);
		view.setInt32(at + Field.ttt, command.tagOf(command.r2tSN));
		view.setInt32(at + Field.statSN, this.#window.statSN);
		view.setUint32(at + Field.r2tSN, command.r2tSN);
		view.setUint32(at + Field.bufferOffset, offset);
		view.setUint32(at + Field.desiredLength, length);
		this.#seal(at);
	}

	/** A ping is answered: with what came with it, which is in a room that leaves, or with nothing. */
	nopIn(tag: number, lunHigh: number, lunLow: number, room: Room | null, length: number): void {
		const at = this.#begin(Opcode.nopIn, Flag.final, length, 0);
		const { view } = this.#queue.gathering;
		view.setInt32(at + Field.lun, lunHigh);
		view.setInt32(at + Field.lun + 4, lunLow);
		view.setInt32(at + Field.itt, tag);
		view.setInt32(at + Field.ttt, NONE);
		view.setInt32(at + Field.statSN, this.#window.nextStatSN());
		this.#seal(at);
		if (room === null) return;
		this.#queue.put(room, 0, length);
		this.#closeLong(room.memory, 0, length);
	}

	/** Is anybody there? Whoever is answers with this tag. */
	ping(tag: number): void {
		const at = this.#begin(Opcode.nopIn, Flag.final, 0, 0);
		const { view } = this.#queue.gathering;
		view.setInt32(at + Field.itt, NONE);
		view.setInt32(at + Field.ttt, tag);
		view.setInt32(at + Field.statSN, this.#window.statSN);
		this.#seal(at);
	}

	managed(tag: number, response: number): void {
		this.#plain(Opcode.managementResponse, tag, response);
	}

	loggedOut(tag: number, response: (typeof LogoutResponse)[keyof typeof LogoutResponse]): void {
		this.#plain(Opcode.logoutResponse, tag, response);
	}

	#plain(opcode: number, tag: number, response: number): void {
		const at = this.#begin(opcode, Flag.final, 0, 0);
		const { view } = this.#queue.gathering;
		view.setUint8(at + Field.response, response);
		view.setInt32(at + Field.itt, tag);
		view.setInt32(at + Field.statSN, this.#window.nextStatSN());
		this.#seal(at);
	}

	/** A part of an answer in text: with a transfer tag there is more, for which the initiator asks. */
	text(tag: number, transferTag: number, flags: number, bytes: Uint8Array): void {
		const long = bytes.length;
		const isShort = long <= SHORT_BYTES_MAX - 2 * BHS_BYTES;
		const at = this.#begin(Opcode.textResponse, flags, long, isShort ? long + this.#tailOf(long) : 0);
		const { view } = this.#queue.gathering;
		view.setInt32(at + Field.itt, tag);
		view.setInt32(at + Field.ttt, transferTag);
		view.setInt32(at + Field.statSN, this.#window.nextStatSN());
		if (isShort) {
			this.#short(at, bytes);
			return;
		}
		this.#seal(at);
		const tail = Buffer.alloc(this.#tailOf(long));
		const padding = tail.subarray(0, paddingOf(long));
		if (this.#parameters.dataDigest)
			tail.writeUInt32LE(crc32c(padding, 0, padding.length, crc32c(bytes)), padding.length);
		this.#queue.putCopy(bytes);
		this.#queue.putCopy(tail);
	}

	/** A PDU is not accepted: its header goes back. */
	reject(reason: RejectReason, header: Uint8Array): void {
		const at = this.#begin(Opcode.reject, Flag.final, BHS_BYTES, BHS_BYTES + this.#tailOf(BHS_BYTES));
		const { view } = this.#queue.gathering;
		view.setUint8(at + Field.response, reason);
		view.setInt32(at + Field.itt, NONE);
		view.setInt32(at + Field.statSN, this.#window.nextStatSN());
		this.#short(at, header);
	}
}

/** What the command is about is more than the initiator has expected, or less (11.4.5). */
function residualFlag(command: IscsiCommand): number {
	const more = command.transferBytes - command.expectedBytes;
	if (more === 0) return 0;
	return more > 0 ? Flag.overflow : Flag.underflow;
}

function residualOf(command: IscsiCommand): number {
	return Math.abs(command.transferBytes - command.expectedBytes);
}
