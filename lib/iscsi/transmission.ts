/**
 * The full feature phase of one connection: what comes (`intake.ts`) becomes commands (`commands.ts`), data for them (`writing.ts`) or requests
 * of the session itself (`requests.ts`), by its opcode and number. While an initiator does not read, or there is no room, nothing is
 * received from it. Made by `connection.ts` when the login is over.
 */

import type { Clock } from "../clock.js";
import { Receiver, type ReceiverHome, type ReceiverUser } from "../stream/receiver.js";
import type { Rooms } from "../stream/rooms.js";
import type { SendQueue } from "../stream/send-queue.js";
import type { ByteStream } from "../stream/stream.js";
import type { Memory } from "../wire/memory.js";
import type { CommandPool } from "./command.js";
import { Commands, type CommandsHost, WAITING_BYTES_MAX } from "./commands.js";
import { Intake, type IntakeUser, type Taken } from "./intake.js";
import type { Parameters } from "./parameters.js";
import { BHS_BYTES, Field, isImmediate, Opcode, opcodeOf, RejectReason } from "./pdu.js";
import { Replies } from "./replies.js";
import { Requests, type RequestsHost } from "./requests.js";
import type { Session } from "./session.js";
import type { Agreed, Offers } from "./talk.js";
import { Texts } from "./text.js";
import { Window } from "./window.js";

/** What our pings are called: one at a time is enough. */
const PING_TAG = 1;

/** What all connections share. */
export interface Shared extends ReceiverHome {
	readonly rooms: Rooms;
	readonly pool: CommandPool;
	readonly clock: Clock;
	/** PDUs that came with a wrong digest, of whatever part: counted. */
	readonly broken: { header: number; data: number };
}

/** The connection. */
export interface Line {
	readonly stream: ByteStream;
	readonly queue: SendQueue;
	readonly offers: Offers;
	/** Nothing more is received; `why` for a log, if anything is wrong. */
	ended(why: string | null): void;
}

export class Transmission implements CommandsHost, IntakeUser, RequestsHost, ReceiverUser {
	readonly window: Window;
	readonly replies: Replies;
	readonly parameters: Parameters;
	readonly commands: Commands;
	readonly intake: Intake;
	readonly requests: Requests;
	readonly #shared: Shared;
	readonly #line: Line;
	readonly #session: Session;
	readonly #receiver: Receiver;
	/** The header of what comes now, for a rejection gives it back: where it lies, or as it was before its data took its place. */
	#view: DataView | null = null;
	#at = 0;
	readonly #header = new Uint8Array(BHS_BYTES);
	/** The initiator has logged out, or makes no sense. */
	#isEnding = false;
	#isClosed = false;
	#whenIdle: (() => void) | null = null;
	#lastArrivals = 0;
	#lastWaiting = 0;

	constructor(shared: Shared, line: Line, session: Session, agreed: Agreed) {
		this.#shared = shared;
		this.#line = line;
		this.#session = session;
		this.parameters = agreed.parameters;
		this.window = new Window(agreed.cmdSN, agreed.statSN);
		this.replies = new Replies(line.queue, this.window, agreed.parameters);
		this.commands = new Commands(this, session);
		this.intake = new Intake(this, shared.rooms, line.stream, agreed.parameters);
		this.#receiver = new Receiver(shared, line.stream, this.intake, this);
		const texts = new Texts(line.offers, agreed.identity.initiatorName, session.of, agreed.parameters);
		this.requests = new Requests(this, session, texts, shared.clock);
	}

	get queue(): SendQueue {
		return this.#line.queue;
	}
	get rooms(): Rooms {
		return this.#shared.rooms;
	}
	get pool(): CommandPool {
		return this.#shared.pool;
	}
	get isClosed(): boolean {
		return this.#isClosed;
	}

	/** When what is being taken has come. */
	get arrivedUs(): number {
		return this.#receiver.arrivedUs;
	}

	/** Takes what has come, as much as one turn has time for. Not to be called while the pump runs. */
	receive(): void {
		this.#receiver.receive();
	}

	get mayTake(): boolean {
		const isBusy = this.intake.lacksRoom || this.#isEnding || this.#isClosed;
		return !isBusy && this.queue.waitingBytes < WAITING_BYTES_MAX;
	}

	pdu(view: DataView, at: number, dataBytes: number): Taken {
		const opcode = opcodeOf(view, at);
		this.#view = view;
		this.#at = at;
		if (this.parameters.dataDigest || opcode === Opcode.text) this.#keepHeader();
		if (opcode === Opcode.dataOut) return this.commands.writing.came(view, at, dataBytes) ? "taken" : "over";
		if (opcode !== Opcode.snack && !isImmediate(view, at)) {
			const its = this.window.turnOf(view.getInt32(at + Field.cmdSN));
			if (its === "ignored") return "taken";
			if (its === "early") {
				this.violates("commands are missing before one that came");
				return "over";
			}
		}
		if (opcode === Opcode.command && this.#session.of !== null)
			return this.commands.begin(view, at, dataBytes);
		return this.requests.came(opcode, view, at, dataBytes);
	}

	#keepHeader(): void {
		for (let i = 0; i < BHS_BYTES; i++) this.#header[i] = this.#view!.getUint8(this.#at + i);
	}

	gathered(memory: Memory, offset: number, isIntact: boolean): void {
		if (this.requests.isGathering) this.requests.gathered(isIntact);
		else this.commands.writing.gathered(memory, offset, isIntact);
	}

	broken(what: "header" | "data"): void {
		this.#shared.broken[what] += 1;
	}

	/** While its header is still there. */
	reject(reason: RejectReason): void {
		this.#keepHeader();
		this.replies.reject(reason, this.#header);
	}

	/** When its data has come. */
	rejectKept(reason: RejectReason): void {
		this.replies.reject(reason, this.#header);
	}

	rejectBroken(): void {
		this.rejectKept(RejectReason.dataDigest);
	}

	/** It is told so, and all is over: at this level of recovery nothing else mends that (RFC 7143, 7.1.4). */
	violates(why: string): void {
		this.reject(RejectReason.protocolError);
		this.#isEnding = true;
		this.commands.abort();
		this.#line.ended(why);
	}

	/** (By the intake.) */
	ended(why: string | null = null): void {
		if (why !== null) this.#line.ended(why);
	}

	/** It has logged out, and all that it had under way is over. */
	loggedOut(): void {
		this.#line.ended(null);
	}

	/** Nothing more is taken. */
	ending(): void {
		this.#isEnding = true;
	}

	/** Something is over that it may have waited for. */
	goOn(): void {
		if (this.#receiver.isPaused || this.commands.isStarving) this.resumeSoon();
	}

	resumeSoon(): void {
		this.#receiver.resumeSoon();
	}

	resumed(): void {
		this.commands.goOn();
	}

	/** A command is over. */
	commandEnded(): void {
		if (this.#receiver.isPaused) this.resumeSoon();
		this.requests.commandEnded();
		this.#tellIdle();
	}

	get underWay(): number {
		return this.commands.slots.count + this.requests.underWay;
	}

	requestEnded(): void {
		this.#tellIdle();
	}

	#tellIdle(): void {
		if (!this.#isClosed || this.underWay > 0) return;
		this.#whenIdle?.();
		this.#whenIdle = null;
	}

	/** The connection is gone: what has not begun is taken back, and nobody is answered. `whenIdle`: when nothing is under way. */
	close(whenIdle: () => void): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#receiver.close();
		this.#whenIdle = whenIdle;
		this.intake.close();
		this.requests.close();
		this.commands.abort();
		this.rooms.leave(this.commands);
		this.#tellIdle();
	}

	/** Whoever is there answers. */
	ping(): void {
		if (!this.#isEnding) this.replies.ping(PING_TAG);
		// (That it waits is no sign of life.)
		this.#lastWaiting = this.queue.waitingBytes;
	}

	/** A sign of life since this was asked last: something has come, or a part of what waits has left. */
	moved(): boolean {
		const { arrivals } = this.intake;
		const { waitingBytes } = this.queue;
		const isLeaving = waitingBytes > 0 && waitingBytes !== this.#lastWaiting;
		const hasMoved = isLeaving || arrivals !== this.#lastArrivals;
		this.#lastArrivals = arrivals;
		this.#lastWaiting = waitingBytes;
		return hasMoved;
	}
}
