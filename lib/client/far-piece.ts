/**
 * What goes into one frame of a call to a disk at the other end of a link: the query for it, the tags by which it was sent, and what the answer
 * comes to. Cut from calls by `Parted`; sent and looked after by `far-line.ts`.
 */

import { AoeFlag, aoeError, aoeVersionFlags } from "../aoe/header.js";
import { Opcode } from "../ata/opcodes.js";
import { Status } from "../ata/status.js";
import { invariant } from "../errors.js";
import { Command, NbdError } from "../nbd/protocol.js";
import type { Call } from "../nbd/remote/call.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { DiskError, InitiatorError, RefusedError } from "./errors.js";
import { type AtaAnswer, ataQuery, type Query, type TaskFile } from "./query.js";
import { trimList } from "./trim-list.js";

/** Error register: command aborted, no such address (ACS-3, 6.3). */
const ABORTED = 0x04;
const NOT_FOUND = 0x10;

export class Piece {
	/** Of each frame that is not answered: when it was sent. */
	readonly tags = new Map<number, number>();
	attempts = 0;
	lastSentMs = 0;
	/** When it is sent again, unless there is an answer. */
	dueMs = 0;
	/** It is done, and only copies of it may still be under way. */
	isAnswered = false;

	constructor(
		readonly whole: Parted,
		readonly query: Query<AtaAnswer>,
	) {}

	/** A copy of it that is carried out later could undo what came after it. */
	get changes(): boolean {
		return this.query.changes === true;
	}

	/** What an answer says. Throws a RefusedError; undefined: it makes no sense, and is none. */
	read(bytes: Uint8Array, at: number, frameBytes: number, peer: number): NbdError | undefined {
		if ((aoeVersionFlags.get(bytes, at) & AoeFlag.error) !== 0)
			throw new RefusedError(this.query.what, aoeError.get(bytes, at));
		try {
			this.query.decode(bytes, at, frameBytes, peer);
			return NbdError.none;
		} catch (error) {
			if (error instanceof DiskError) return errorOf(error, this.whole.call.command);
			if (error instanceof InitiatorError) return undefined;
			throw error;
		}
	}
}

/** What a disk's error is to whoever asked. */
function errorOf({ status, error }: DiskError, command: number): NbdError {
	if ((status & Status.df) !== 0) return NbdError.EIO;
	if ((error & NOT_FOUND) !== 0) return NbdError.EINVAL;
	if ((error & ABORTED) === 0) return NbdError.EIO;
	if (command === Command.write) return NbdError.EPERM;
	return command === Command.trim ? NbdError.ENOTSUP : NbdError.EIO;
}

/** A call that is with the target: cut into pieces as these are sent, so that a long one costs no more at once than a short one. */
export class Parted {
	error: NbdError = NbdError.none;
	/** Pieces that are not over. */
	left = 0;
	#cutBytes = 0;
	#isCut = false;

	constructor(
		readonly call: Call,
		/** `e9.0`, for messages. */
		readonly name: string,
		/** What the disk is told to flush by: its opcode. */
		readonly flushCommand: number,
	) {}

	/** There is no next piece. */
	get isCut(): boolean {
		return this.#isCut;
	}

	/** The next piece, of at most so many sectors, at least one. */
	next(sectorsMax: number): Piece {
		const { command, offsetBytes, lengthBytes } = this.call;
		const lba = (offsetBytes + this.#cutBytes) / SECTOR_BYTES;
		if (command === Command.flush)
			return this.#last({
				command: this.flushCommand,
				extended: this.flushCommand === Opcode.flushCacheExt,
			});
		if (command === Command.trim) {
			const dataOut = trimList(lba, lengthBytes / SECTOR_BYTES);
			const count = dataOut.length / SECTOR_BYTES;
			return this.#last({ command: Opcode.dataSetManagement, feature: 1, count, dataOut });
		}
		invariant(command === Command.read || command === Command.write, "a call that was never agreed on");
		const bytes = Math.min(sectorsMax * SECTOR_BYTES, lengthBytes - this.#cutBytes);
		const at = this.call.memoryOffset + this.#cutBytes;
		const data = this.call.memory.bytes.subarray(at, at + bytes);
		this.#cutBytes += bytes;
		this.#isCut = this.#cutBytes === lengthBytes;
		const where = { lba, count: bytes / SECTOR_BYTES };
		return command === Command.read
			? this.#piece({ command: Opcode.readSectorsExt, ...where, dataIn: data })
			: this.#piece({ command: Opcode.writeSectorsExt, ...where, dataOut: data });
	}

	#last(file: TaskFile): Piece {
		this.#isCut = true;
		return this.#piece(file);
	}

	#piece(file: TaskFile): Piece {
		this.left++;
		const what = `${this.name}: LBA ${file.lba ?? 0}`;
		return new Piece(this, ataQuery({ extended: true, what, ...file }));
	}
}
