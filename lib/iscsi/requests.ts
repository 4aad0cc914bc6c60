/**
 * What an initiator asks of the session itself: pings, texts, task management, logout (RFC 7143, 11.5, 11.10, 11.14, 11.18). All of it is
 * rare. Made and asked by `transmission.ts`.
 */

import type { Clock } from "../clock.js";
import type { TaskFunction } from "../scsi/protocol.js";
import type { Room, Rooms } from "../stream/rooms.js";
import { IMMEDIATE_MAX } from "./command.js";
import type { Commands } from "./commands.js";
import { FUNCTIONS, RESPONSES } from "./functions.js";
import { lunOf } from "./headers.js";
import type { Intake, Taken } from "./intake.js";
import type { Parameters } from "./parameters.js";
import {
	Field,
	Flag,
	isImmediate,
	LogoutReason,
	LogoutResponse,
	ManagementFunction,
	ManagementResponse,
	Opcode,
	RejectReason,
} from "./pdu.js";
import { NONE, type Replies } from "./replies.js";
import type { Session } from "./session.js";
import type { Texts } from "./text.js";
import type { Window } from "./window.js";

/** Storage that hangs never ends what is to be aborted. Initiators have given up by then (Linux: after 15 to 30 s), and do more than ask. */
const MANAGEMENT_LIMIT_MS = 60_000;

/** The connection. */
export interface RequestsHost {
	readonly rooms: Rooms;
	readonly commands: Commands;
	readonly intake: Intake;
	readonly window: Window;
	readonly replies: Replies;
	readonly parameters: Parameters;
	reject(reason: RejectReason): void;
	/** What was gathered last. */
	rejectKept(reason: RejectReason): void;
	violates(why: string): void;
	/** Nothing more is to be taken. */
	ending(): void;
	/** The connection ends when what is to be sent is sent; `why` for a log. */
	ended(why: string): void;
	/** The last answer was given. */
	loggedOut(): void;
	/** One that took its time is over. */
	requestEnded(): void;
}

/** What has data that is being gathered. */
interface Gathering {
	readonly room: Room;
	readonly opcode: typeof Opcode.nopOut | typeof Opcode.text;
	readonly length: number;
	readonly flags: number;
	readonly tag: number;
	readonly transferTag: number;
	readonly lunHigh: number;
	readonly lunLow: number;
}

export class Requests {
	readonly #host: RequestsHost;
	readonly #session: Session;
	readonly #texts: Texts;
	readonly #clock: Clock;
	#gathering: Gathering | null = null;
	/** Functions of task management that have not ended, and those of them that are immediate. */
	#managing = 0;
	#immediate = 0;
	/** What a logout is answered to, when all is over; null: nobody has logged out. */
	#loggingOut: number | null = null;
	#isClosed = false;

	constructor(host: RequestsHost, session: Session, texts: Texts, clock: Clock) {
		this.#host = host;
		this.#session = session;
		this.#texts = texts;
		this.#clock = clock;
	}

	get underWay(): number {
		return this.#managing;
	}

	/** What is gathered is one of these. */
	get isGathering(): boolean {
		return this.#gathering !== null;
	}

	/** One has come, and it is its turn. */
	came(opcode: number, view: DataView, at: number, dataBytes: number): Taken {
		const isDiscovery = this.#session.of === null;
		switch (opcode) {
			case Opcode.nopOut:
				return this.#withData(Opcode.nopOut, view, at, dataBytes);
			case Opcode.text:
				return this.#withData(Opcode.text, view, at, dataBytes);
			case Opcode.logout:
				this.#take(view, at);
				return this.#logout(view, at);
			case Opcode.management:
				if (isDiscovery) return this.#reject(view, at, RejectReason.protocolError);
				return this.#manage(view, at);
			case Opcode.snack:
				this.#host.reject(RejectReason.snack);
				return "taken";
			case Opcode.command:
				return this.#reject(view, at, RejectReason.protocolError);
			case Opcode.login:
				this.#host.violates("it logs in once more");
				return "over";
			default:
				this.#host.reject(RejectReason.unsupported);
				return "taken";
		}
	}

	/** Its number is used; it takes no time. */
	#take(view: DataView, at: number): void {
		if (!isImmediate(view, at)) this.#host.window.passed();
	}

	#reject(view: DataView, at: number, reason: RejectReason): Taken {
		this.#take(view, at);
		this.#host.reject(reason);
		return "taken";
	}

	#withData(
		opcode: typeof Opcode.nopOut | typeof Opcode.text,
		view: DataView,
		at: number,
		dataBytes: number,
	): Taken {
		const { rooms, commands, intake, parameters } = this.#host;
		const tag = view.getInt32(at + Field.itt);
		const isPing = opcode === Opcode.nopOut;
		// (Our ping is answered; or it is said which status has come.)
		if (isPing && tag === NONE) {
			if (!isImmediate(view, at)) return this.#reject(view, at, RejectReason.protocolError);
			return "taken";
		}
		const flags = view.getUint8(at + Field.flags);
		const transferTag = view.getInt32(at + Field.ttt);
		const lunHigh = view.getInt32(at + Field.lun);
		const lunLow = view.getInt32(at + Field.lun + 4);
		const length = isPing ? Math.min(dataBytes, parameters.maxRecvDataSegmentLength) : dataBytes;
		if (length === 0) {
			this.#take(view, at);
			if (isPing) this.#host.replies.nopIn(tag, lunHigh, lunLow, null, 0);
			else this.#text(flags, tag, transferTag, Buffer.alloc(0));
			return "taken";
		}
		const room = rooms.take(commands, length) ?? null;
		if (room === null) {
			// (Who waits for data that is behind this can't wait for a room for it, too.)
			if (!commands.slots.holdsRoom) return "later";
			return this.#reject(view, at, RejectReason.longOperation);
		}
		this.#take(view, at);
		this.#gathering = { room, opcode, length, flags, tag, transferTag, lunHigh, lunLow };
		intake.gather(room, 0, length, false);
		return "taken";
	}

	/** All its data is in its room. */
	gathered(isIntact: boolean): void {
		const { room, opcode, length, flags, tag, transferTag, lunHigh, lunLow } = this.#gathering!;
		this.#gathering = null;
		const { rooms, replies } = this.#host;
		if (opcode === Opcode.nopOut && isIntact) {
			replies.nopIn(tag, lunHigh, lunLow, room, length);
			return;
		}
		const data = Buffer.from(room.memory.bytes.subarray(0, length));
		rooms.give(room);
		if (isIntact) this.#text(flags, tag, transferTag, data);
		else this.#host.rejectKept(RejectReason.dataDigest);
	}

	#text(flags: number, tag: number, transferTag: number, data: Buffer): void {
		const answer = this.#texts.answer({ flags, itt: tag >>> 0, ttt: transferTag >>> 0, data });
		if (typeof answer === "number") this.#host.rejectKept(answer);
		else this.#host.replies.text(tag, answer.ttt | 0, answer.flags, answer.text);
	}

	#manage(view: DataView, at: number): Taken {
		const { replies, commands } = this.#host;
		const immediate = isImmediate(view, at);
		const isCrowded = immediate && this.#immediate >= IMMEDIATE_MAX;
		if (isCrowded) return this.#reject(view, at, RejectReason.tooManyImmediate);
		const wanted = view.getUint8(at + Field.flags) & Flag.functionMask;
		const tag = view.getInt32(at + Field.itt);
		const referenced = view.getInt32(at + Field.referencedTag);
		const task = FUNCTIONS[wanted];
		const isHeld = wanted === ManagementFunction.abortTask && commands.dropHeld(referenced);
		if (task === undefined || isHeld) {
			this.#take(view, at);
			const isReassignment = wanted === ManagementFunction.taskReassign;
			const not = isReassignment ? ManagementResponse.noReassignment : ManagementResponse.unsupported;
			replies.managed(tag, isHeld ? ManagementResponse.complete : not);
			return "taken";
		}
		const lun = lunOf(view.getInt32(at + Field.lun), view.getInt32(at + Field.lun + 4));
		if (!immediate) this.#host.window.taken();
		void this.#carryOut(task, lun, referenced, tag, immediate);
		return "taken";
	}

	async #carryOut(
		task: TaskFunction,
		lun: number,
		referenced: number,
		tag: number,
		immediate: boolean,
	): Promise<void> {
		const { target, nexus } = this.#session;
		this.#managing += 1;
		if (immediate) this.#immediate += 1;
		const forget = this.#clock.after(MANAGEMENT_LIMIT_MS, () => this.#tooLate(tag));
		const response = await target.manage(nexus, task, lun, referenced);
		forget();
		this.#managing -= 1;
		if (immediate) this.#immediate -= 1;
		else this.#host.window.over();
		if (!this.#isClosed && this.#loggingOut === null) this.#host.replies.managed(tag, RESPONSES[response]);
		this.#host.requestEnded();
	}

	/** What it was to abort may change the disk yet: that is never called done. Its session waits for that before another one takes its place. */
	#tooLate(tag: number): void {
		if (this.#isClosed || this.#loggingOut !== null) return;
		const { replies, commands } = this.#host;
		replies.managed(tag, ManagementResponse.rejected);
		this.#host.ending();
		commands.abort();
		this.#host.ended("what it wants to have aborted does not come to an end");
	}

	#logout(view: DataView, at: number): Taken {
		const tag = view.getInt32(at + Field.itt);
		const reason = view.getUint8(at + Field.flags) & Flag.functionMask;
		const { replies, commands } = this.#host;
		const cid = view.getUint16(at + Field.cid);
		if (reason === LogoutReason.recovery) {
			replies.loggedOut(tag, LogoutResponse.noRecovery);
			return "taken";
		}
		if (reason !== LogoutReason.session && cid !== this.#session.identity.cid) {
			replies.loggedOut(tag, LogoutResponse.noConnection);
			return "taken";
		}
		this.#loggingOut = tag;
		this.#host.ending();
		commands.abort();
		this.commandEnded();
		return "over";
	}

	/** A logout waits until nothing is under way. */
	commandEnded(): void {
		const { commands, replies } = this.#host;
		if (this.#loggingOut === null || this.#isClosed || commands.slots.count > 0) return;
		const tag = this.#loggingOut;
		this.#loggingOut = null;
		replies.loggedOut(tag, LogoutResponse.closed);
		this.#host.loggedOut();
	}

	/** The connection is gone. */
	close(): void {
		this.#isClosed = true;
		if (this.#gathering !== null) this.#host.rooms.give(this.#gathering.room);
		this.#gathering = null;
	}
}
