/**
 * One connection of an initiator, from its first byte to its last: the login (`login.ts`), within a limit, then, when a session has begun
 * (`sessions.ts`), the full feature phase (`transmission.ts`). What is to be sent leaves when the pump comes by. Made by `server.ts` for each
 * initiator that connects.
 */

import type { Clock } from "../clock.js";
import { SendQueue } from "../stream/send-queue.js";
import { BROKEN, type ByteStream, NOTHING_NOW, type StreamUser } from "../stream/stream.js";
import { turn } from "../turn.js";
import type { Memory } from "../wire/memory.js";
import { login } from "./login.js";
import { BHS_BYTES } from "./pdu.js";
import type { Session, SessionConnection } from "./session.js";
import type { Agreed, LoginEnd, LoginRefusal, Offers, Pause, Refused, Steps } from "./talk.js";
import { talkOf } from "./talk.js";
import { type Line, type Shared, Transmission } from "./transmission.js";
import { WINDOW } from "./window.js";

/** A login takes no longer. */
export const LOGIN_LIMIT_MS = 15_000;
/** Nor does an end in good order: what was answered last may be on its way for so long. */
const END_LIMIT_MS = 5000;
/** Calls of the kernel for one turn of the loop, however fast an initiator sends requests. */
const RECEIVES_A_TURN = 16;
/** More than this of answers waits for nobody: who doesn't read them asks for no more. */
const ANSWERS_MAX = 256 * 1024;
/**
 * Looks at it (`look`) without a sign of life until it is asked whether anybody is there, and until it is given up: later than after a minute, which
 * programs sleep that do nothing else meanwhile (the suite of libiscsi does).
 */
const LOOKS_TO_PING = 6;
const LOOKS_TO_END = 15;
const NOTHING = Buffer.alloc(0);

/** What a connection needs of the server. */
export interface ConnectionHome extends Shared {
	readonly clock: Clock;
	allocate(byteLength: number): Memory;
	/** It has something to send: `flush` is called when the pump comes by. */
	queued(connection: IscsiConnection): void;
	/** A session begins with what was agreed on, when the earlier one is over. Never rejects. */
	begin(connection: IscsiConnection, agreed: Agreed): Promise<Session | LoginRefusal>;
	/** The initiator is told of it after that. */
	begun(session: Session): void;
	refused(connection: IscsiConnection, refused: Refused): void;
	/** It is over; `why`: that was not in good order. What it had under way may not be. */
	closed(connection: IscsiConnection, why: string | null): void;
	/** Nothing of its session is under way any more. */
	idle(session: Session): void;
}

export class IscsiConnection implements StreamUser, Line, SessionConnection {
	readonly queue: SendQueue;
	readonly #login: Steps<LoginEnd>;
	#transmission: Transmission | null = null;
	#session: Session | null = null;
	/** What the login wants next, and what of that has come. */
	#wanted: Memory;
	#wantedBytes = 0;
	#cameBytes = 0;
	#forgetLimit: () => void;
	/** A session is being begun, or the login pauses, within its limit: nothing is received. */
	#isWaiting = false;
	#isPausing = false;
	#isEnding = false;
	#isClosed = false;
	/** Why it ends, in good order as far as the wire goes. */
	#why: string | null = null;
	readonly #whenIdle: (() => void)[] = [];
	#isIdle = true;
	#looks = 0;
	/** Waiting to be flushed: kept by the server. */
	isQueued = false;
	nextQueued: IscsiConnection | null = null;

	constructor(
		readonly stream: ByteStream,
		readonly home: ConnectionHome,
		readonly offers: Offers,
	) {
		this.queue = new SendQueue(
			stream,
			home.rooms,
			(bytes) => home.allocate(bytes),
			() => this.#queued(),
		);
		this.#login = login(talkOf(offers, { send: (bytes) => this.queue.putCopy(bytes), window: WINDOW }));
		this.#wanted = home.allocate(BHS_BYTES);
		this.#forgetLimit = home.clock.after(LOGIN_LIMIT_MS, () => this.#tooLate());
		stream.attach(this);
		this.#next(this.#login.next());
	}

	get peer(): string {
		return this.stream.peer;
	}

	/** Null: it has not begun one. */
	get session(): Session | null {
		return this.#session;
	}

	/** Commands and requests that have begun and not ended. */
	get underWay(): number {
		return this.#transmission?.underWay ?? 0;
	}

	/** Null: the login is not over. */
	get transmission(): Transmission | null {
		return this.#transmission;
	}

	readable(): void {
		if (this.#transmission !== null) this.#transmission.receive();
		else this.#converse();
	}

	writable(): void {
		this.#queued();
		this.home.runPump();
	}

	broken(): void {
		this.close("the connection has broken");
	}

	#queued(): void {
		if (!this.isQueued) this.home.queued(this);
	}

	/** Called by the server when the pump comes by. */
	flush(): void {
		if (this.#isClosed) return;
		if (!this.queue.flush()) {
			this.close("the connection has broken");
			return;
		}
		this.#transmission?.goOn();
		if (this.#isEnding && this.queue.waitingBytes === 0) this.close(this.#why);
	}

	/** What was answered leaves yet. */
	ended(why: string | null): void {
		if (this.#isClosed || this.#isEnding) return;
		this.#why = why;
		this.#isEnding = true;
		this.stream.wantReadable(false);
		this.#forgetLimit();
		this.#forgetLimit = this.home.clock.after(END_LIMIT_MS, () =>
			this.close(why ?? "it does not take its last answers"),
		);
		this.#queued();
	}

	end(why: string): Promise<void> {
		this.close(why);
		if (this.#isIdle) return Promise.resolve();
		return new Promise((resolve) => {
			this.#whenIdle.push(resolve);
		});
	}

	/** Now; nobody is answered any more. */
	close(why: string | null = null): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#forgetLimit();
		this.stream.close();
		this.queue.drop();
		this.home.closed(this, why);
		if (this.#session === null) return;
		if (this.#transmission === null) this.#idle(this.#session);
		else this.#transmission.close(() => this.#idle(this.#session!));
	}

	/** Nothing of it can change a disk any more. */
	#idle(session: Session): void {
		this.#isIdle = true;
		this.home.idle(session);
		for (const resolve of this.#whenIdle.splice(0)) resolve();
	}

	#tooLate(): void {
		if (this.#isWaiting) return;
		this.home.refused(this, { ...NOBODY, why: "it took too long to log in" });
		this.close("it took too long to log in");
	}

	/** Exactly what the login wants is received, as much as one turn has time for: what is behind it comes with the next. */
	#converse(): void {
		turn.begin();
		for (let left = RECEIVES_A_TURN; left > 0 && !turn.isSpent && this.#isAgreeing; left--) {
			const missing = this.#wantedBytes - this.#cameBytes;
			const count = this.stream.receive(this.#wanted, this.#cameBytes, missing);
			if (count === NOTHING_NOW) break;
			if (count === BROKEN || count === 0) {
				// (Who looks whether somebody is here does nothing wrong.)
				this.close(count === 0 ? null : "the connection has broken");
				return;
			}
			this.#cameBytes += count;
			if (this.#cameBytes < this.#wantedBytes) continue;
			const bytes = Buffer.from(this.#wanted.bytes.subarray(0, this.#wantedBytes));
			this.#next(this.#login.next(bytes));
		}
		this.home.runPump();
	}

	get #isAgreeing(): boolean {
		const isOver = this.#isClosed || this.#isEnding;
		return !isOver && !this.#isWaiting && !this.#isPausing && this.#transmission === null;
	}

	#next(step: IteratorResult<number | Pause, LoginEnd>): void {
		if (this.queue.waitingBytes > ANSWERS_MAX) {
			this.close("it does not read the answers to its login");
			return;
		}
		if (!step.done) {
			if (typeof step.value === "number") this.#want(step.value);
			else this.#pause(step.value);
			return;
		}
		if (step.value.kind === "agreed") void this.#begin(step.value);
		else {
			this.home.refused(this, step.value);
			this.ended(step.value.why);
		}
	}

	#want(bytes: number): void {
		this.#wantedBytes = bytes;
		this.#cameBytes = 0;
		if (this.#wanted.bytes.length < bytes) this.#wanted = this.home.allocate(bytes);
	}

	#pause({ pauseMs }: Pause): void {
		this.#isPausing = true;
		this.stream.wantReadable(false);
		this.home.clock.after(pauseMs, () => {
			if (this.#isClosed || this.#isEnding) return;
			this.#isPausing = false;
			this.stream.wantReadable(true);
			this.#next(this.#login.next(NOTHING));
			this.#converse();
		});
	}

	async #begin(agreed: Agreed): Promise<void> {
		this.#isWaiting = true;
		this.stream.wantReadable(false);
		const session = await this.home.begin(this, agreed);
		this.#isWaiting = false;
		if ("why" in session) {
			if (this.#isClosed) return;
			this.queue.putCopy(agreed.refuse(session.status));
			const { identity, target } = agreed;
			const { initiatorName } = identity;
			this.home.refused(this, {
				...NOBODY,
				...session,
				initiatorName,
				targetName: target?.scsi.name ?? null,
			});
			this.ended(session.why);
			return;
		}
		if (this.#isClosed) {
			this.home.idle(session);
			return;
		}
		this.#forgetLimit();
		this.#forgetLimit = () => {};
		this.#session = session;
		this.#isIdle = false;
		this.#transmission = new Transmission(this.home, this, session, agreed);
		this.home.begun(session);
		this.queue.putCopy(agreed.accept(session.tsih));
		this.stream.wantReadable(true);
		// (What came meanwhile.)
		this.#transmission.receive();
		this.home.runPump();
	}

	/** From time to time: whoever is silent for long is asked, and given up if that does not help. */
	look(): void {
		const transmission = this.#transmission;
		if (transmission === null || this.#isClosed) return;
		this.#looks = transmission.moved() ? 0 : this.#looks + 1;
		if (this.#looks >= LOOKS_TO_END) this.close("it is silent, though it was asked");
		else if (this.#looks === LOOKS_TO_PING) {
			// (A discovery session is for a moment, and knows no pings.)
			if (this.#session?.of === null) this.close(null);
			else transmission.ping();
		}
	}
}

const NOBODY = { kind: "refused", status: null, initiatorName: null, targetName: null } as const;
