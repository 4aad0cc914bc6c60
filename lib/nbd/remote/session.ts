/**
 * The calls to one export of a server, on one connection after the other (`line.ts`): what a broken one has left unanswered is sent again
 * on the next, behind what has to be replayed (`replay.ts`), so an outage that is shorter than `resend` times `interval` is a pause. After
 * a longer one calls fail, at once, until the server is back. Used by `device.ts`, which makes calls of requests.
 */

import type { Clock } from "../../clock.js";
import type { Pump, PumpStage } from "../../pump.js";
import type { ByteStream } from "../../stream/stream.js";
import type { Memory } from "../../wire/memory.js";
import { Command, CommandFlag, NbdError, TransmissionFlag } from "../protocol.js";
import type { Agreement } from "./agree.js";
import { Call, type CallOwner } from "./call.js";
import { CallTable } from "./call-table.js";
import { Connector } from "./connector.js";
import { Kept } from "./kept.js";
import { type LineUser, NbdLine } from "./line.js";
import { Replay } from "./replay.js";

/** Calls with the server at once, and bytes on their way to it. */
const SENT_MAX = 256;
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** What a ping reads. */
const PING_BYTES = 512;

export interface SessionOptions {
	/** Of the export; "": the server's default one. */
	readonly name: string;
	readonly connect: () => Promise<ByteStream>;
	readonly pump: Pump;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	/** An outage may take `resend` times `intervalMs`; an idle server is asked for a sign of life each `intervalMs`. */
	readonly resend: number;
	readonly intervalMs: number;
}

export interface SessionUser {
	/** Why an export as it is now can't be what it was; null: it can. */
	differs(agreement: Agreement): string | null;
}

/** How it stands with the server. `why`: what happened last. */
export interface SessionState {
	readonly state: "connected" | "connecting" | "unreachable" | "stopped" | "closed";
	/** Since when, on the session's clock. */
	readonly sinceMs: number;
	readonly why: string | null;
	/** Calls that were sent once more, and connections that broke, so far. */
	readonly resends: number;
	readonly losses: number;
	readonly waiting: number;
}

export class NbdSession implements LineUser, PumpStage, CallOwner {
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	readonly #options: SessionOptions;
	readonly #user: SessionUser;
	readonly #calls = new CallTable();
	readonly #kept: Kept;
	readonly #connector: Connector;
	#line: NbdLine | null = null;
	#replay: Replay | null = null;
	#agreement: Agreement | null = null;
	#sent = 0;
	/** Since when nothing was with the server, or nothing was heard. */
	#sentSinceMs = 0;
	/** Changes that are done but can't be kept before a flush, which is numbered as all that were sent. */
	#unkept: Call[] = [];
	#flushes = 0;
	readonly #flush = new Call();
	readonly #ping = new Call();
	/** What was answered before is perhaps lost, and nobody was told. */
	#isUnsafe = false;
	/** The outage has been too long: who comes is refused. */
	#isLate = false;
	#hasFilled = false;
	#isClosed = false;
	#whenIdle: (() => void) | null = null;
	#forgetLook: () => void = () => {};
	#resends = 0;

	constructor(options: SessionOptions, user: SessionUser) {
		this.#options = options;
		this.#user = user;
		this.clock = options.clock;
		this.allocate = options.allocate;
		this.#kept = new Kept(options.allocate);
		this.#connector = new Connector(options, {
			connected: (stream) => this.#begin(stream),
			late: () => this.#late(),
		});
		for (const call of [this.#flush, this.#ping]) call.owner = this;
		options.pump.addStorage(this);
	}

	/** Tries to reach the server for the first time. Resolves with what it says, or rejects with an OperatorError. */
	async open(): Promise<Agreement> {
		const agreement = await this.#connector.first();
		this.#look();
		return agreement;
	}

	get state(): SessionState {
		const { waiting } = this.#calls;
		return { ...this.#connector.state, resends: this.#resends, waiting: waiting + this.#sent };
	}

	#begin(stream: ByteStream): void {
		const { name, intervalMs } = this.#options;
		this.#line = new NbdLine(this, stream, name, intervalMs);
	}

	agreed(agreement: Agreement): void {
		const why = this.#agreement === null ? null : this.#user.differs(agreement);
		if (why !== null) {
			this.#line?.close();
			this.#line = null;
			this.#connector.stop(why);
			this.#late();
			return;
		}
		this.#agreement = agreement;
		this.#isLate = false;
		this.#connector.agreed(agreement);
		if (this.#kept.isEmpty) return;
		this.#replay = new Replay(this.#kept, this.#calls, (call) => this.#send(call));
		this.#replay.goOn();
	}

	/** Has it done. Its owner is told when it is over, maybe at once. */
	begin(call: Call): void {
		if (this.#isLate || this.#isClosed) {
			call.owner!.over(call, this.#isClosed ? NbdError.ESHUTDOWN : NbdError.EIO);
			return;
		}
		if (call.command === Command.flush && this.#isUnsafe) {
			this.#isUnsafe = false;
			call.owner!.over(call, NbdError.EIO);
			return;
		}
		call.renew();
		this.#calls.add(call);
		this.#sendMore();
	}

	/** Takes a call back that is not with the server: true if it is. */
	cancel(call: Call): boolean {
		return this.#calls.cancel(call);
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
		return this.#sent < SENT_MAX && this.#line.waitingBytes < WAITING_BYTES_MAX;
	}

	#send(call: Call): void {
		if (this.#sent++ === 0) this.#sentSinceMs = this.clock.now();
		call.isSent = true;
		if (call.command === Command.flush) {
			call.keptBefore = this.#kept.next;
			call.flushNumber = ++this.#flushes;
		}
		this.#line?.send(call);
	}

	callAt(index: number): Call | null {
		const call = this.#calls.at(index);
		return call?.isSent === true ? call : null;
	}

	answered(call: Call): void {
		if (call.error === NbdError.ESHUTDOWN) {
			this.#lineEnds("the server is closing the export");
			return;
		}
		this.#sent--;
		call.isSent = false;
		if (this.#replay?.answered(call) === true) {
			this.#replayed(this.#replay);
			return;
		}
		if (call.error === NbdError.none && this.#mustBeKept(call) && !this.#kept.keep(call)) {
			call.flushNumber = this.#flushes;
			this.#unkept.push(call);
		} else this.#over(call);
		if (this.#kept.isHalfFull || this.#unkept.length > 0) this.#flushNow();
	}

	#over(call: Call): void {
		this.#calls.remove(call);
		if (call.command === Command.flush && call.error === NbdError.none) this.#flushed(call);
		call.owner!.over(call, call.error);
		if (this.#calls.isEmpty) this.#whenIdle?.();
	}

	/** It has to be kept: it may be lost until a flush, or it is newer than what is kept, which would be replayed over it. */
	#mustBeKept({ command, flags }: Call): boolean {
		const hasCache = ((this.#agreement?.flags ?? 0) & TransmissionFlag.sendFlush) > 0;
		const changes = command === Command.write || command === Command.writeZeroes;
		return hasCache && changes && ((flags & CommandFlag.fua) === 0 || !this.#kept.isEmpty);
	}

	#flushed(flush: Call): void {
		this.#kept.safe(flush.keptBefore);
		const done = this.#unkept.filter(({ flushNumber }) => flushNumber < flush.flushNumber);
		this.#unkept = this.#unkept.filter((call) => !done.includes(call));
		for (const call of done) this.#over(call);
	}

	/** Before there is no room for what has to be kept. */
	#flushNow(): void {
		const flush = this.#flush;
		if (flush.index >= 0) return;
		flush.command = Command.flush;
		flush.renew();
		this.#calls.addFirst(flush);
		this.#sendMore();
	}

	/** One of its own. */
	over(call: Call, error: NbdError): void {
		if (call !== this.#flush) return;
		if (error !== NbdError.none) this.#giveUpKept();
		else if (this.#unkept.length > 0) this.#flushNow();
	}

	#replayed(replay: Replay): void {
		if (replay.hasFailed) this.#isUnsafe = true;
		if (!replay.isOver) replay.goOn();
		else {
			this.#replay = null;
			this.#sendMore();
		}
	}

	/** What was answered can't be made safe any more: the next flush says so. */
	#giveUpKept(): void {
		if (!this.#kept.isEmpty || this.#unkept.length > 0) this.#isUnsafe = true;
		this.#kept.forget();
		for (const call of this.#unkept.splice(0)) {
			call.error = NbdError.EIO;
			this.#over(call);
		}
	}

	lost(why: string, isFinal: boolean): void {
		this.#line = null;
		this.#replay?.end();
		this.#replay = null;
		this.#sent = 0;
		this.#unkept = [];
		if (this.#ping.index >= 0) this.#calls.remove(this.#ping);
		this.#resends += this.#calls.waitAgain();
		this.#connector.lost(why, isFinal);
	}

	#lineEnds(why: string): void {
		this.#line?.close();
		this.lost(why, false);
	}

	/** The outage has been too long, or never ends: nobody waits for its end. */
	#late(): void {
		if (this.#line !== null) this.#lineEnds("the server does not answer");
		this.#isLate = true;
		for (const call of this.#calls.takeAll()) call.owner!.over(call, NbdError.EIO);
		this.#giveUpKept();
		this.#whenIdle?.();
		this.#options.pump.wake();
	}

	/** Looks, each interval, whether the server is there. */
	#look(): void {
		const { intervalMs, resend } = this.#options;
		this.#forgetLook = this.clock.after(intervalMs, () => this.#look());
		if (this.#line === null || !this.#connector.isUp) return;
		const now = this.clock.now();
		const silentMs = now - Math.max(this.#line.heardMs, this.#sentSinceMs);
		if (this.#sent > 0 && silentMs >= resend * intervalMs) this.#late();
		else if (this.#sent === 0 && now - this.#line.heardMs >= intervalMs) this.#pingNow();
		this.#options.pump.run();
	}

	#pingNow(): void {
		const ping = this.#ping;
		if (ping.index >= 0 || (this.#agreement?.sizeBytes ?? 0) < PING_BYTES) return;
		if (ping.lengthBytes === 0) ping.memory = this.allocate(PING_BYTES);
		ping.lengthBytes = PING_BYTES;
		ping.renew();
		this.#calls.addFirst(ping);
		this.#sendMore();
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
		return this.#sent > 0;
	}

	drain(): void {
		this.#hasFilled = false;
		this.#line?.flush();
	}

	/** Waits for what is under way, at most so long, and puts what is kept on stable storage; false if it can't. */
	async close(limitMs: number): Promise<boolean> {
		if (!this.#kept.isEmpty && this.#connector.isUp) this.#flushNow();
		if (!this.#calls.isEmpty && this.#connector.isUp) {
			let forget = (): void => {};
			await new Promise<void>((resolve) => {
				this.#whenIdle = resolve;
				forget = this.clock.after(limitMs, resolve);
			});
			forget();
		}
		const isDone = this.#calls.isEmpty && this.#kept.isEmpty;
		this.#isClosed = true;
		this.#forgetLook();
		this.#connector.close();
		this.#sayGoodbye();
		for (const call of this.#calls.takeAll()) call.owner!.over(call, NbdError.ESHUTDOWN);
		this.#options.pump.remove(this);
		return isDone;
	}

	#sayGoodbye(): void {
		const line = this.#line;
		this.#line = null;
		if (line === null) return;
		if (this.#connector.wasUp) {
			const goodbye = new Call();
			goodbye.command = Command.disconnect;
			goodbye.index = 0;
			line.send(goodbye);
			line.flush();
		}
		line.close();
	}
}
