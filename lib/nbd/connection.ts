/**
 * One connection of a client, from its first byte to its last: the handshake (`handshake.ts`), within a limit, and then the transmission
 * (`transmission.ts`). What is to be sent leaves when the pump comes by. Made by `server.ts` for each client that connects.
 */

import type { Clock } from "../clock.js";
import { invariant } from "../errors.js";
import { SendQueue } from "../stream/send-queue.js";
import { BROKEN, type ByteStream, NOTHING_NOW, type StreamUser } from "../stream/stream.js";
import { turn } from "../turn.js";
import type { Memory } from "../wire/memory.js";
import type { Access, ChangesSince, Earlier, NbdExport, Opened, Refusal } from "./export.js";
import { handshake } from "./handshake.js";
import type { Found, Handshake, HandshakeEnd, Talk, Want } from "./talk.js";
import { type Line, type Shared, Transmission } from "./transmission.js";
import { ClientUse } from "./use.js";

/** A handshake takes no longer. */
export const HANDSHAKE_LIMIT_MS = 10_000;
/** Nor does an end in good order: what was answered last may be on its way for so long. */
const END_LIMIT_MS = 5000;
/** Calls of the kernel for one turn of the loop, however fast a client sends options. */
const RECEIVES_A_TURN = 16;
/** More than this of answers to options waits for nobody: who doesn't read them asks for no more. */
const OPTION_ANSWERS_MAX = 4 * 1024 * 1024;

/** What a connection needs of the server. */
export interface ConnectionHome extends Shared {
	readonly clock: Clock;
	allocate(byteLength: number): Memory;
	/** It has something to send: `flush` is called when the pump comes by. */
	queued(connection: NbdConnection): void;
	/** An export was agreed on, which the client is told only after that. */
	agreed(connection: NbdConnection, exported: NbdExport): void;
	/** TLS begins: the connection is over as such, and its stream is for the next one. */
	secure(connection: NbdConnection): void;
	/** It is over; `why`: that was not in good order. */
	closed(connection: NbdConnection, why: string | null): void;
}

/** What a connection needs of whoever has the exports. */
export interface Offers extends Omit<Talk, "send" | "find" | "changesSince" | "dropChanges"> {
	/** A promise: it is opened for this client, who gives it back. That never rejects. */
	find(name: string): Found | Promise<Opened | Refusal>;
}

export class NbdConnection implements StreamUser, Line {
	readonly queue: SendQueue;
	#use: ClientUse | null = null;
	#transmission: Transmission | null = null;
	#exported: NbdExport | null = null;
	#access: Access | null = null;
	#session: string | null = null;
	readonly #handshake: Handshake;
	/** What it wants next, and what of that has come. */
	#wanted: Memory;
	#wantedBytes = 0;
	#cameBytes = 0;
	#forgetLimit: () => void;
	/** What was opened for it, by the name that it has asked for. */
	#held: (Opened & { readonly asked: string }) | null = null;
	readonly #changes: ChangesSince[] = [];
	/** That is being opened: nothing is received. */
	#isWaiting = false;
	#isEnding = false;
	/** TLS begins when the last answer has left; what comes meanwhile is no option, and stays where it is. */
	#isSecuring = false;
	#isClosed = false;
	/** Waiting to be flushed: kept by the server. */
	isQueued = false;

	constructor(
		readonly stream: ByteStream,
		readonly home: ConnectionHome,
		offers: Offers,
		readonly sinceMs: number,
	) {
		const allocate = (bytes: number): Memory => home.allocate(bytes);
		this.queue = new SendQueue(stream, home.rooms, allocate, () => this.#queued());
		const talk = {
			...offers,
			find: (name: string) => this.#find(name, offers),
			send: (bytes: Uint8Array) => this.queue.putCopy(bytes),
			changesSince: (earlier: Earlier, name: string) => this.#changesSince(earlier, name),
			dropChanges: () => this.#dropChanges(),
		};
		this.#handshake = handshake(talk, offers.tls === "on");
		this.#wanted = home.allocate(16);
		this.#forgetLimit = home.clock.after(Math.max(0, sinceMs + HANDSHAKE_LIMIT_MS - home.clock.now()), () =>
			this.ended("it took too long to agree"),
		);
		stream.attach(this);
		this.#next(this.#handshake.next());
	}

	/** What it uses; null: nothing yet. */
	get exported(): NbdExport | null {
		return this.#exported;
	}

	/** What was agreed on; null: nothing yet. */
	get access(): Access | null {
		return this.#access;
	}

	/** What the client calls itself by, with all its connections; null: by nothing. */
	get session(): string | null {
		return this.#session;
	}

	/** What has been asked of that. Not before something was agreed on. */
	get use(): ClientUse {
		invariant(this.#use !== null, "nothing was agreed on");
		return this.#use;
	}

	get underWay(): number {
		return this.#transmission?.underWay ?? 0;
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
		this.ended("the connection has broken");
	}

	#queued(): void {
		if (!this.isQueued) this.home.queued(this);
	}

	/** Called by the server when the pump comes by. */
	flush(): void {
		if (this.#isClosed) return;
		if (!this.queue.flush()) {
			this.ended("the connection has broken");
			return;
		}
		if (this.#isSecuring && this.queue.waitingBytes === 0) {
			this.#isClosed = true;
			this.#release();
			this.home.secure(this);
			return;
		}
		this.#transmission?.goOn();
		this.#endIfDone();
	}

	/** In good order: after what is under way has been answered. Else at once. */
	ended(why: string | null): void {
		if (why !== null || this.#isClosed) {
			this.close(why);
			return;
		}
		this.#transmission?.takeNoMore();
		this.#isEnding = true;
		this.stream.wantReadable(false);
		this.#forgetLimit();
		this.#forgetLimit = this.home.clock.after(END_LIMIT_MS, () =>
			this.close("it does not take its last answers"),
		);
		this.#queued();
	}

	/** Now; nobody is answered any more. */
	close(why: string | null = null): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.stream.close();
		this.#release();
		this.home.closed(this, why);
	}

	#release(): void {
		this.#forgetLimit();
		this.queue.drop();
		this.#transmission?.close();
		this.#dropChanges();
		this.#hold(null);
	}

	/** Whatever else it asks about that name is about the same. */
	#find(name: string, offers: Offers): Found | Promise<Found> {
		if (this.#held?.asked === name) return this.#held.exported;
		const found = offers.find(name);
		if (!(found instanceof Promise)) return found;
		return found.then((opened) => {
			if ("why" in opened) return opened;
			if (this.#isClosed) opened.release();
			else this.#hold({ ...opened, asked: name });
			return opened.exported;
		});
	}

	async #changesSince(earlier: Earlier, name: string): Promise<ChangesSince | undefined> {
		const changes = await earlier.since(name);
		if (changes === undefined) return undefined;
		if (this.#isClosed) changes.release();
		else this.#changes.push(changes);
		return changes;
	}

	#dropChanges(): void {
		for (const changes of this.#changes.splice(0)) changes.release();
	}

	/** One at a time. */
	#hold(held: (Opened & { readonly asked: string }) | null): void {
		this.#held?.release();
		this.#held = held;
	}

	#endIfDone(): void {
		const isBusy = this.underWay > 0 || this.queue.waitingBytes > 0;
		if (this.#isEnding && !isBusy) this.close();
	}

	/** Exactly what the handshake wants is received, as much as one turn has time for: what is behind it comes with the next. */
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
			this.#next(this.#handshake.next(bytes));
		}
		this.home.runPump();
	}

	get #isAgreeing(): boolean {
		const isOver = this.#isClosed || this.#isEnding || this.#isSecuring;
		return !isOver && !this.#isWaiting && this.#transmission === null;
	}

	#next(step: IteratorResult<Want, HandshakeEnd>): void {
		if (this.queue.waitingBytes > OPTION_ANSWERS_MAX) {
			this.close("it does not read the answers to its options");
			return;
		}
		if (step.done) {
			this.#agreed(step.value);
			return;
		}
		const { value } = step;
		if (typeof value !== "number") return void this.#wait(value);
		this.#wantedBytes = value;
		this.#cameBytes = 0;
		if (this.#wanted.bytes.length < value) this.#wanted = this.home.allocate(value);
	}

	async #wait(found: Exclude<Want, number>): Promise<void> {
		this.#isWaiting = true;
		this.stream.wantReadable(false);
		const given = await found;
		this.#isWaiting = false;
		if (this.#isClosed || this.#isEnding) return;
		this.stream.wantReadable(true);
		turn.begin();
		this.#next(this.#handshake.next(given));
		// (What came meanwhile.)
		if (!this.#isClosed && !this.#isEnding) this.readable();
	}

	#agreed(end: HandshakeEnd): void {
		if (end.kind === "over") {
			this.ended(end.why);
			return;
		}
		if (end.kind === "tls") {
			this.#isSecuring = true;
			this.stream.wantReadable(false);
			this.#queued();
			return;
		}
		this.#forgetLimit();
		this.#forgetLimit = () => {};
		if (this.#held?.exported !== end.exported) this.#hold(null);
		this.#exported = end.exported;
		this.#access = end.access;
		this.#session = end.session;
		this.#use = new ClientUse(end.exported.disk, this.home.departures);
		this.#transmission = new Transmission(this.home, this, end);
		this.home.agreed(this, end.exported);
	}
}
