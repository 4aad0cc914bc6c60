/**
 * One ATA command on its way through a disk: the registers it came with, how much data came along and how much may go back, and
 * the registers to answer with. It has one block request, which carries it out. Filled in and owned by a protocol, such as the AoE target's exchange; executed by `AtaDisk`.
 */

import { type BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import type { DiskState } from "./state.js";

/** Who has a command carried out. A command is given its owner when it is made, lives with it, and is used again and again. */
export interface CommandOwner {
	/** `command` is over; its reply fields say how. Called exactly once per `AtaDisk.execute`, perhaps before that returns. */
	answered(command: AtaCommand): void;
}

/** What carries out one kind of command: a row of the table in `disk.ts`. */
export interface Operation {
	/** Under which kind it is counted when it is done; undefined: under none. */
	readonly kind?: BlockOp;
	/** A command has arrived. */
	start(disk: DiskState, command: AtaCommand): void;
	/** The block request that this operation submitted is over; its `status` says how. */
	finished(disk: DiskState, command: AtaCommand): void;
}

export class AtaCommand implements RequestOwner {
	/**
	 * Registers as received. `lba` is 28 bits wide unless `extended`, then 48. `count` is one byte: AoE has
	 * no high byte.
	 */
	command = 0;
	feature = 0;
	count = 0;
	lba = 0;
	/** The device register, as far as AoE carries it: bits 4 and 6 of aflags. */
	device = 0;
	/** The LBA has 48 bits: the initiator said so (aflags bit E), and the command has as many. */
	extended = false;
	/** The initiator said that data comes with the command (aflags bit W). */
	writeFlag = false;

	/**
	 * Where the data is, is said here once for all: what came with the command is in its `memory`, until the pump has run; its
	 * `room` is for data of the answer. The answer to a write carries none, so its bytes may be parked there: give the room to
	 * every command, whatever it does.
	 */
	readonly request = new BlockRequest(this);
	/** Data that came with the command. */
	dataOutBytes = 0;
	/** Data that the room has space for. A command that would need more is aborted. */
	dataInCapacityBytes = 0;
	/** False if the answer's data must be in that room, because the link can't take it from anywhere else. */
	dataInMayBorrow = true;

	/** The answer: registers and how much data. Valid in `answered`. `replyLba` has as many bits as `lba`. */
	replyStatus = 0;
	replyError = 0;
	replyCount = 0;
	replyLba = 0;
	/** Bytes of data in the answer: at the request's `borrowedAddress` if that is not 0, else in its `room`. */
	dataInBytes = 0;

	/** Its disk was closed under it, to be opened again or for good: whoever can ask again is better not answered. */
	isGone = false;

	/** Who carries this command out, and what does; set by `AtaDisk.execute`. */
	operation: Operation | null = null;
	/** The kind of operation that it is; -1 if it is none that is counted. */
	kind = -1;
	disk: DiskState | null = null;

	constructor(readonly owner: CommandOwner) {}

	/** The block request is over. */
	finished(): void {
		this.operation!.finished(this.disk!, this);
	}

	/** The reply fields are as they shall be. The owner may use the command again at once: nobody touches it after this. */
	answer(): void {
		this.owner.answered(this);
	}
}
