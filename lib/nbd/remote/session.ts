/**
 * The calls to one export of a server, on one connection after the other (`line.ts`): what a broken one has left unanswered is sent again
 * on the next, behind what has to be replayed (`replay.ts`), so an outage that is shorter than `resend` times `interval` is a pause. After
 * a longer one calls fail, at once, until the server is back. Used by `device.ts`, which makes calls of requests.
 */

import type { BlockRequest } from "../../block/request.js";
import type { Clock } from "../../clock.js";
import type { PumpStage } from "../../pump.js";
import type { Memory } from "../../wire/memory.js";
import { Command, NbdError } from "../protocol.js";
import type { Agreement } from "./agree.js";
import { Call, type CallEnd, type CallOwner, CLOSED, UNREACHABLE } from "./call.js";
import { CallTable } from "./call-table.js";
import type { Line, LineUser } from "./carrier.js";
import { Connector } from "./connector.js";
import { Lookout, type Watched } from "./lookout.js";
import type { SessionOptions, SessionState, SessionUser } from "./options.js";
import { atMost, Patience, SENT_MAX } from "./patience.js";
import { Replay } from "./replay.js";
import { Safety } from "./safety.js";

/** Bytes on their way to the server. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

export class NbdSession implements LineUser, PumpStage, CallOwner, Watched {
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	readonly #options: SessionOptions;
	readonly #user: SessionUser;
	readonly #calls = new CallTable();
	readonly #safety: Safety;
	readonly #connector: Connector;
	#line: Line | null = null;
	#replay: Replay | null = null;
	#agreement: Agreement | null = null;
	readonly #patience: Patience;
	readonly #flush = new Call();
	readonly #lookout: Lookout;
	/** The outage has been too long: who comes is refused. */
	#isLate = false;
	#hasFilled = false;
	#isClosed = false;
	#whenIdle: (() => void) | null = null;

	constructor(options: SessionOptions, user: SessionUser) {
		this.#options = options;
		this.#user = user;
		this.clock = options.clock;
		this.allocate = options.allocate;
		this.#safety = new Safety(options.allocate);
		this.#patience = new Patience(this.#calls, options);
		this.#connector = new Connector(options, {
			connected: (connection) => {
				this.#line = connection.begin(this);
			},
			late: () => this.late(),
		});
		this.#flush.owner = this;
		this.#lookout = new Lookout(options, options.allocate, this);
		options.pump.addStorage(this);
	}

	/** Tries to reach the server for the first time. Resolves with what it says, or rejects with an OperatorError. */
	async open(): Promise<Agreement> {
		const agreement = await this.#connector.first();
		this.#lookout.begin();
		return agreement;
	}

	get state(): SessionState {
		const { resends, sent } = this.#patience;
		return { ...this.#connector.state, resends, waiting: this.#calls.waiting + sent };
	}

	agreed(agreement: Agreement): void {
		const why = this.#agreement === null ? null : this.#user.differs(agreement);
		if (why !== null) {
			this.#line?.close();
			this.#line = null;
			this.#connector.stop(why);
			this.late();
			return;
		}
		this.#agreement = agreement;
		this.#isLate = false;
		this.#connector.agreed(agreement);
		if (this.#safety.kept.isEmpty) return;
		this.#replay = new Replay(this.#safety.kept, this.#calls, (call) => this.#send(call));
		this.#replay.goOn();
	}

	/** Has it done. Its owner is told when it is over, maybe at once. */
	begin(call: Call): void {
		const isFlush = call.command === Command.flush;
		if (this.#isLate || this.#isClosed || (isFlush && this.#safety.isBroken)) {
			if (isFlush) this.#safety.isBroken = false;
			call.owner!.over(call, this.#isClosed ? CLOSED : UNREACHABLE);
			return;
		}
		this.#patience.begins(call);
		this.#calls.add(call);
		this.#sendMore();
	}

	callOf(request: BlockRequest): Call | null {
		return this.#calls.of(request);
	}

	/** Takes a call back; false if the server has it. */
	cancel(call: Call): boolean {
		if (this.#calls.cancel(call)) return true;
		call.isUnwanted = this.#options.repeatsUnwanted === false;
		return false;
	}

	#sendMore(): void {
		while (this.#maySend) {
			const call = this.#calls.takeWaiting();
			if (call === null) return;
			this.#send(call);
		}
	}

	get #maySend(): boolean {
		if (this.#line === null || this.#replay !== null || !this.#connector.isUp) return false;
		return this.#patience.sent < SENT_MAX && this.#line.waitingBytes < WAITING_BYTES_MAX;
	}

	#send(call: Call): void {
		this.#patience.leaves(call);
		if (call.command === Command.flush) this.#safety.flushSent(call);
		this.#line?.send(call);
	}

	callAt(index: number): Call | null {
		const call = this.#calls.at(index);
		return call?.isSent === true ? call : null;
	}

	answered(call: Call): void {
		this.#patience.answered(call);
		if (this.#replay?.answered(call) === true) {
			this.#replayed(this.#replay);
			return;
		}
		const isBad = call.error !== NbdError.none;
		if (isBad || this.#safety.answered(call, this.#agreement!.flags)) this.#over(call);
		if (this.#safety.wantsFlush) this.#flushNow();
	}

	#over(call: Call): void {
		this.#calls.remove(call);
		if (call.command === Command.flush && call.error === NbdError.none)
			for (const done of this.#safety.flushed(call)) this.#over(done);
		call.owner!.over(call, call.error);
		if (this.#calls.isEmpty) this.#whenIdle?.();
	}

	/** Before there is no room for what has to be kept. */
	#flushNow(): void {
		this.#flush.command = Command.flush;
		if (this.#flush.index < 0) this.beginFirst(this.#flush);
	}

	beginFirst(call: Call): void {
		this.#patience.begins(call);
		this.#calls.addFirst(call);
		this.#sendMore();
		this.#options.pump.wake();
	}

	/** Its own flush is. */
	over(_: Call, end: CallEnd): void {
		if (end !== NbdError.none) this.#giveUpKept();
		else if (this.#safety.wantsFlush) this.#flushNow();
	}

	#replayed(replay: Replay): void {
		if (replay.hasFailed) this.#safety.isBroken = true;
		if (!replay.isOver) replay.goOn();
		else {
			this.#replay = null;
			this.#sendMore();
		}
	}

	/** What was answered can't be made safe any more: the next flush that fails says so, and one does. */
	#giveUpKept(): void {
		for (const call of this.#safety.giveUp()) {
			this.#calls.remove(call);
			call.owner!.over(call, UNREACHABLE);
		}
	}

	lost(why: string, isFinal: boolean): void {
		const replay = this.#replay;
		this.#line = null;
		replay?.end();
		this.#replay = null;
		this.#safety.lost();
		if (this.#lookout.ping.index >= 0) this.#calls.remove(this.#lookout.ping);
		this.#patience.lost();
		const worn = this.#connector.isUp ? this.#patience.takeWorn() : [];
		this.#connector.lost(why, isFinal);
		// (What is replayed may be what ends the connections.)
		if (worn.length > 0 && replay !== null) this.#giveUpKept();
		worn.push(...this.#calls.takeUnwanted());
		for (const call of worn) call.owner!.over(call, UNREACHABLE);
		if (worn.length > 0) this.#options.pump.wake();
		if (this.#calls.isEmpty) this.#whenIdle?.();
	}

	#lineEnds(why: string): void {
		this.#line?.close();
		this.lost(why, false);
	}

	/** The outage has been too long, or never ends: nobody waits for its end. */
	late(): void {
		if (this.#line !== null) this.#lineEnds("the server does not answer");
		this.#isLate = true;
		this.#giveUpKept();
		for (const call of this.#calls.takeAll()) {
			if (call.command === Command.flush && call !== this.#flush) this.#safety.isBroken = false;
			call.owner!.over(call, UNREACHABLE);
		}
		this.#whenIdle?.();
		this.#options.pump.wake();
	}

	waitedMs(nowMs: number): number | null {
		if (this.#patience.hasForgotten(nowMs))
			this.#lineEnds("the server has answered others, and one request never");
		if (this.#calls.isEmpty) return null;
		const idleMs = this.idleMs(nowMs);
		return idleMs === null ? nowMs - this.#connector.state.sinceMs : this.#patience.waitedMs(nowMs, idleMs);
	}

	idleMs(nowMs: number): number | null {
		return this.#line === null || !this.#connector.isUp ? null : nowMs - this.#line.heardMs;
	}

	stalled(waitedMs: number): void {
		const call = this.#calls.first();
		if (call !== null) this.#user.stalled(call, waitedMs);
	}

	resumed(waitedMs: number): void {
		this.#user.resumed(waitedMs);
	}

	resent(): void {
		this.#patience.resends++;
	}

	filled(): void {
		this.#hasFilled = true;
		this.#options.pump.wake();
	}

	settled(): void {
		this.#sendMore();
		this.#options.pump.run();
	}

	get hasWork(): boolean {
		return this.#hasFilled;
	}

	get expects(): boolean {
		return this.#patience.sent > 0;
	}

	drain(): void {
		this.#hasFilled = false;
		this.#sendMore();
		this.#line?.flush();
	}

	/** Waits for what is under way, at most so long, and puts what is kept on stable storage; false if it can't. */
	async close(limitMs: number): Promise<boolean> {
		if (!this.#safety.isEmpty && this.#connector.isUp) this.#flushNow();
		if (!this.#calls.isEmpty && this.#connector.isUp) {
			await atMost(this.clock, limitMs, (resolve) => {
				this.#whenIdle = resolve;
			});
		}
		const isDone = this.#calls.isEmpty && this.#safety.isEmpty;
		this.#isClosed = true;
		this.#lookout.end();
		this.#connector.close();
		if (this.#connector.wasUp) this.#line?.goodbye();
		this.#line?.close();
		this.#line = null;
		for (const call of this.#calls.takeAll()) call.owner!.over(call, CLOSED);
		this.#options.pump.remove(this);
		return isDone;
	}
}
