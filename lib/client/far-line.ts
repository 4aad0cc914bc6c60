/**
 * The line of a disk at the other end of a link, as a session has them (`lib/nbd/remote/carrier.ts`): calls go out as frames, as many at a time as
 * the target takes, each sent again with a new tag until it is answered. The line ends, and another one begins, when the target has been silent, has
 * announced itself anew, as one that has been started again does, or the link is not what it was: then what was answered and never flushed is
 * replayed. Begun by `far-disk.ts`.
 *
 * A change that was sent several times is not over before each of its frames has been answered or has been under way for longer than any network keeps
 * one, and no line begins earlier than that after the last frame of the one before, unless it is to who has the disk in the place of that target: so no
 * late copy of an old write lands over a newer one. (Frames that the target has had stay in order there, as they came.)
 */

import { sectorsPerFrame } from "../aoe/config.js";
import { Opcode } from "../ata/opcodes.js";
import { NbdError, TransmissionFlag } from "../nbd/protocol.js";
import type { Agreement } from "../nbd/remote/agree.js";
import type { Call } from "../nbd/remote/call.js";
import type { Line, LineUser } from "../nbd/remote/carrier.js";
import { formatMac } from "../wire/mac.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { InitiatorError, RefusedError } from "./errors.js";
import { identifyAt, sizeOf } from "./far-heirs.js";
import { Parted, type Piece } from "./far-piece.js";
import { FarPresence } from "./far-presence.js";
import { isImpostor, type KnownTarget } from "./far-search.js";
import type { DiskIdentity } from "./identify.js";
import type { Initiator } from "./initiator.js";
import { configQuery, type FoundBlade } from "./query.js";
import type { Route } from "./request.js";
import { RoundTrip } from "./round-trip.js";

/** How often it is looked what has to be sent again, while something is under way, and while nothing is. */
const LOOK_MS = 50;
const IDLE_LOOK_MS = 500;
/** Longest read or write, which is many frames. */
const CALL_BYTES_MAX = 256 * 1024;
const WINDOW_MAX = 256;

/** What lines of one disk have in common. */
export interface FarHome {
	readonly initiator: Initiator;
	/** `e9.0` */
	readonly name: string;
	/** When a frame left last, on the initiator's clock. */
	lastSentMs: number;
	/** Null: none has yet. */
	known: KnownTarget | null;
}

export class FarLine implements Line {
	readonly waitingBytes = 0;
	heardMs: number;
	readonly #user: LineUser;
	readonly #home: FarHome;
	readonly #route: Route;
	readonly #mtu: number;
	readonly #mac: number;
	readonly #sectorsMax: number;
	readonly #windowMax: number;
	/** Frames that may be without an answer: fewer where they get lost. */
	#window: number;
	#unanswered = 0;
	/** Calls of which not all has been sent. */
	#waiting: Parted[] = [];
	/** Those that are not over: what was answered may be in several copies. */
	readonly #sent = new Set<Piece>();
	readonly #presence: FarPresence;
	#forgetLook: () => void = () => {};
	#isIdle = true;
	#flushCommand: number = Opcode.flushCacheExt;
	#isClosed = false;

	constructor(user: LineUser, home: FarHome, blade: FoundBlade) {
		const { shelf, slot, mac, peer } = blade;
		const { link } = home.initiator;
		this.#user = user;
		this.#home = home;
		this.#route = { shelf, slot, mac, peer, roundTrip: new RoundTrip() };
		this.#mtu = link.mtu;
		this.#mac = link.mac;
		this.#sectorsMax = Math.min(sectorsPerFrame(link.mtu), blade.sectorsPerFrame || Infinity);
		this.#windowMax = Math.max(1, Math.min(blade.bufferCount, WINDOW_MAX));
		this.#window = this.#windowMax;
		this.heardMs = this.#now;
		this.#presence = new FarPresence(this.heardMs);
		void this.#identify();
		this.#lookAgain();
	}

	get #now(): number {
		return this.#home.initiator.clock.now();
	}

	/** Who it is, which is all that has to be agreed on. */
	async #identify(): Promise<void> {
		const { initiator, name } = this.#home;
		try {
			const identity = await identifyAt(initiator, this.#route, name);
			if (this.#isClosed) return;
			if (!identity.canFlushExt) this.#flushCommand = Opcode.flushCache;
			const agreement = this.#agreementOf(identity);
			const { mac } = this.#route;
			const target = { ...sizeOf(identity), mac };
			if (!identity.extended) this.#lose(`${name}: the disk has no 48-bit addresses`, true);
			else if (agreement.sizeBytes > Number.MAX_SAFE_INTEGER)
				this.#lose(`${name}: the disk has ${identity.sectorCount} sectors: that is too many`, true);
			// The one that is known is waited for, whoever answers instead.
			else if (isImpostor(target, this.#home.known))
				this.#lose(`${formatMac(mac)} answers for ${name} with another disk`, false);
			else this.#user.agreed(agreement);
			if (!this.#isClosed) this.#home.known = target;
		} catch (error) {
			if (!(error instanceof InitiatorError)) throw error;
			this.#lose(error.message, false);
		}
		this.#user.settled();
	}

	#agreementOf({ sectorCount, canFlush, trimmedIsZero, serial }: DiskIdentity): Agreement {
		const frameBytes = 2 ** Math.floor(Math.log2(this.#sectorsMax)) * SECTOR_BYTES;
		return {
			sizeBytes: sectorCount * SECTOR_BYTES,
			flags: (canFlush ? TransmissionFlag.sendFlush : 0) | (trimmedIsZero ? TransmissionFlag.sendTrim : 0),
			isStructured: false,
			allocationContext: -1,
			minimumBytes: SECTOR_BYTES,
			preferredBytes: frameBytes,
			maximumBytes: CALL_BYTES_MAX,
			trimmedIsZero,
			serial,
			wwn: null,
		};
	}

	send(call: Call): void {
		call.error = NbdError.none;
		this.#waiting.push(new Parted(call, this.#home.name, this.#flushCommand));
		this.#user.filled();
	}

	flush(): void {
		for (let next = this.#waiting[0]; next !== undefined && this.#mayAsk; next = this.#waiting[0]) {
			const piece = next.next(this.#sectorsMax);
			if (next.isCut) this.#waiting.shift();
			this.#sent.add(piece);
			this.#unanswered++;
			this.#transmit(piece);
		}
		if (this.#isIdle && this.#sent.size > 0) this.#lookAgain();
	}

	get #mayAsk(): boolean {
		return !this.#isClosed && this.#unanswered < Math.floor(this.#window);
	}

	#transmit(piece: Piece): void {
		const { initiator } = this.#home;
		const nowMs = this.#now;
		const tag = initiator.send(this.#route, piece.query, (...answer) => this.#answered(piece, tag, answer));
		piece.tags.set(tag, nowMs);
		piece.lastSentMs = nowMs;
		piece.dueMs = nowMs + this.#route.roundTrip.timeoutMs(piece.attempts++);
		this.#home.lastSentMs = nowMs;
		this.#presence.asked(nowMs);
	}

	#answered(piece: Piece, tag: number, answer: Parameters<Piece["read"]>): void {
		if (this.#isClosed) return;
		let error: NbdError | undefined;
		try {
			error = piece.isAnswered ? NbdError.none : piece.read(...answer);
		} catch (refused) {
			if (!(refused instanceof RefusedError)) throw refused;
			this.#lose(refused.message, true);
			this.#user.filled();
			return;
		}
		if (error === undefined) return;
		const nowMs = this.#now;
		this.#route.roundTrip.measured(nowMs - piece.tags.get(tag)!);
		this.#home.initiator.forget(tag);
		piece.tags.delete(tag);
		this.heardMs = nowMs;
		if (!piece.isAnswered) {
			piece.isAnswered = true;
			this.#unanswered--;
			piece.whole.error ||= error;
			this.#window = Math.min(this.#windowMax, this.#window + 1 / this.#window);
		}
		this.#presence.heard(nowMs, this.#unanswered > 0);
		if (piece.tags.size === 0 || !piece.changes) this.#over(piece);
		this.#user.filled();
	}

	/** Nothing of it is under way any more. */
	#over(piece: Piece): void {
		this.#sent.delete(piece);
		for (const tag of piece.tags.keys()) this.#home.initiator.forget(tag);
		const { whole } = piece;
		if (--whole.left > 0 || !whole.isCut) return;
		whole.call.error = whole.error;
		this.#user.answered(whole.call);
	}

	/** From time to time. */
	#look(): void {
		const nowMs = this.#now;
		const { frameLifetimeMs } = this.#home.initiator;
		let isLost = false;
		for (const piece of this.#sent) {
			if (this.#isClosed) return;
			if (piece.isAnswered) {
				if (nowMs >= piece.lastSentMs + frameLifetimeMs) this.#over(piece);
			} else if (nowMs >= piece.dueMs) {
				isLost = true;
				this.#user.resent();
				this.#transmit(piece);
			}
		}
		if (isLost) this.#window = Math.max(1, this.#window / 2);
		if (this.#presence.isGone(nowMs))
			this.#lose(`${this.#home.name} does not answer on ${this.#home.initiator.link.name}`, false);
		else if (this.#presence.isPingDue(nowMs)) void this.#ping();
		if (!this.#isClosed) this.#lookAgain();
		this.#user.settled();
	}

	#lookAgain(): void {
		this.#forgetLook();
		this.#isIdle = this.#sent.size === 0;
		const { clock } = this.#home.initiator;
		this.#forgetLook = clock.after(this.#isIdle ? IDLE_LOOK_MS : LOOK_MS, () => this.#look());
	}

	async #ping(): Promise<void> {
		this.#presence.isPinging = true;
		this.#presence.asked(this.#now);
		try {
			await this.#home.initiator.ask(this.#route, { ...configQuery, what: `${this.#home.name}: ping` });
		} catch (error) {
			if (!(error instanceof InitiatorError)) throw error;
			// (Whoever waits for it has found out.)
			return;
		}
		this.#presence.isPinging = false;
		if (this.#sent.size === 0) this.heardMs = this.#now;
		this.#presence.heard(this.#now, this.#unanswered > 0);
	}

	/** A target has told that it serves, though nobody has asked: this one, or somebody else, whom it does not concern unless this one is silent. */
	announced(mac: number): void {
		if (mac === this.#route.mac)
			this.#lose(`${this.#home.name} has announced itself anew: it may have been started again`, false);
		else if (this.#presence.isDoubted(this.#now)) void this.#ping();
		this.#user.filled();
	}

	/** Another one has the disk in its place: nothing that it is still asked for counts. */
	succeeded(): void {
		this.#lose(`${this.#home.name} has been taken over by another target`, false);
		this.#user.filled();
	}

	linkChanged(): void {
		const { link } = this.#home.initiator;
		if (!link.up) this.#lose(`${link.name} is ${link.status}`, false);
		else if (link.mtu !== this.#mtu) this.#lose(`${link.name} has another MTU`, false);
		else if (link.mac !== this.#mac) this.#lose(`${link.name} has another MAC address`, false);
		this.#user.filled();
	}

	#lose(why: string, isFinal: boolean): void {
		if (this.#isClosed) return;
		this.close();
		this.#user.lost(why, isFinal);
	}

	/** There is no word for that. */
	goodbye(): void {}

	close(): void {
		this.#isClosed = true;
		this.#forgetLook();
		for (const { tags } of this.#sent) for (const tag of tags.keys()) this.#home.initiator.forget(tag);
		this.#sent.clear();
		this.#waiting = [];
	}
}
