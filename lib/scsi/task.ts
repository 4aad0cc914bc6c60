/**
 * One SCSI command, from its CDB to its status (SAM-5, 5): what a transport fills in, what it is asked for while the command is carried
 * out, and what it then tells the initiator. Pooled by the transport; handed to `ScsiTarget.execute` (`target.ts`).
 */

import type { BlockOp } from "../block/request.js";
import type { Disk } from "../disk.js";
import type { Room, RoomHolder, Rooms } from "../stream/rooms.js";
import type { Memory } from "../wire/memory.js";
import { usesMedium } from "./access.js";
import type { Nexus } from "./nexus.js";
import { ScsiStatus, TaskAttribute } from "./protocol.js";
import { BECOMING_READY, COMES_HERE, type Sense } from "./sense.js";

/** The longest CDB that is understood. */
export const CDB_BYTES_MAX = 32;
/** A LUN field in which there is no number of ours. */
export const NO_LUN = -1;

/** The transport, for a task: a connection. */
export interface TaskHost extends RoomHolder {
	readonly rooms: Rooms;
	/** False while too much waits to be sent: nothing more is read then. */
	readonly mayRead: boolean;
	/**
	 * `task.advance()` is called when there is a room, and what waited has been sent. If the task ends before that, since it is aborted, it is not in
	 * line any more.
	 */
	starves(task: ScsiTask): void;
	/** The next bytes for the initiator, `length` of the room from `offset` on. In order. The room is the host's from now on, and given back by it. */
	dataIn(task: ScsiTask, room: Room, offset: number, length: number): void;
	/** The next bytes for the initiator, which are copied: for what is short and rare. */
	reply(task: ScsiTask, bytes: Uint8Array): void;
	/** It has been done, for a count: an operation, and its bytes. */
	did(task: ScsiTask, op: BlockOp, bytes: number): void;
	/** It is over, and nothing of it is under way any more: its `status` is for the initiator, unless it `isAborted`. The host may use it again. */
	ended(task: ScsiTask): void;
}

/** What carries out a task: made of its CDB (`operations.ts`). */
export interface TaskWork {
	/** Bytes of data-out that are still to come, of those that the command wants and the initiator has. */
	readonly awaitedBytes: number;
	/** See `ScsiTask.dataOut`. */
	dataOut(task: ScsiTask, room: Room, memory: Memory, offset: number, length: number): boolean;
	/** There may be a room now, or space to send. */
	advance(task: ScsiTask): void;
	/** Nobody wants it any more: what has not begun never does; `task.end` is called when nothing is under way. */
	abort(task: ScsiTask): void;
}

/** What a task is for, as far as it knows: a unit (`unit.ts`). */
export interface TaskUnit {
	readonly disk: Disk;
	/** In which form sense data is wanted. */
	readonly modes: { readonly descriptorSense: boolean };
}

/** The tasks that it is under way with (`task-set.ts`). */
export interface TaskCompany {
	mayGo(task: ScsiTask, bytes: number): boolean;
	leave(task: ScsiTask): void;
	goOn(): void;
}

export class ScsiTask {
	host!: TaskHost;
	nexus!: Nexus;
	/** 0..16383, or `NO_LUN`. */
	lun = 0;
	readonly cdb = new Uint8Array(CDB_BYTES_MAX);
	attribute: TaskAttribute = TaskAttribute.simple;
	/** What the initiator calls it: 32 bits, its own on its nexus. */
	tag = 0;
	/** Bytes that the initiator has for the command at most; 0: none. */
	dataOutBytes = 0;
	/** Bytes that it takes at most; 0: none. */
	dataInBytes = 0;
	arrivedUs = 0;

	/** Bytes that the command is about, whatever the initiator expects: what remains of the one or the other it is told. */
	transferBytes = 0;
	status: ScsiStatus = ScsiStatus.good;
	/** Of a check condition; else null. */
	sense: Sense | null = null;
	isAborted = false;
	#isTold = false;
	/** Null before it begins and after it has ended. */
	work: TaskWork | null = null;

	/** Whom it is for, if there is one of its number. */
	unit: TaskUnit | null = null;
	/** The one that it is in, while it is under way on a unit. The fields that follow are kept there. */
	set: TaskCompany | null = null;
	index = 0;
	/** It may not begin yet: it advances when it may. */
	isHeld = false;
	heldBytes = 0;
	/** What its work has besides is given back. */
	onEnd: (() => void) | null = null;

	/** As new, after the fields of the transport have been filled in. */
	begin(): void {
		this.transferBytes = 0;
		this.status = ScsiStatus.good;
		this.sense = null;
		this.isAborted = false;
		this.work = null;
		this.unit = null;
		this.set = null;
		this.isHeld = false;
	}

	/** Bytes of data-out that are to come yet: the transport asks for those that the initiator has not sent by itself. */
	get awaitedBytes(): number {
		return this.work?.awaitedBytes ?? 0;
	}

	/**
	 * The next `length` bytes of data-out: `memory` from `offset` on, lent until the pump has run, or in `room` itself. Whole blocks of the
	 * disk, but for the last that are awaited; never more than those. True if nothing more is to be done with them (it has failed, or they were
	 * copied): the room is the caller's still.
	 */
	dataOut(room: Room, memory: Memory, offset: number, length: number): boolean {
		return this.work?.dataOut(this, room, memory, offset, length) ?? true;
	}

	advance(): void {
		this.work?.advance(this);
	}

	/**
	 * Nobody is told how it ends, unless `isTold`: `host.ended` is called when nothing of it can change the disk any more, before or after this
	 * returns.
	 */
	abort(isTold = false): void {
		this.isAborted = true;
		this.#isTold = isTold;
		this.work?.abort(this);
	}

	/** By its work: it is over. */
	end(status: ScsiStatus, sense: Sense | null = null): void {
		// (That a unit is not ready is an error of the disk to QEMU; what is busy everybody asks again, after a while.)
		const isBusy = sense === COMES_HERE || (sense === BECOMING_READY && usesMedium(this.cdb));
		this.status = isBusy ? ScsiStatus.busy : status;
		this.sense = isBusy ? null : sense;
		if (this.#isTold) this.isAborted = false;
		this.#isTold = false;
		this.work = null;
		const { set, onEnd } = this;
		this.set = null;
		this.onEnd = null;
		onEnd?.();
		if (set !== null) {
			this.unit!.disk.underWay -= 1;
			set.leave(this);
		}
		this.host.ended(this);
		set?.goOn();
	}
}
