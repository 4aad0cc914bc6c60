/**
 * One ATA command over AoE: from the request in the receive ring to the reply in its room. The exchange takes that room
 * when the request arrives and keeps it until `AtaDisk` has the answer, which therefore always has somewhere to go; data of
 * reads and parked data of writes live in the room, right behind the reply's header. Pooled: nothing is allocated once as
 * many exchanges exist as the link has rooms. Started by `Responder`.
 */

import { AtaCommand, type CommandOwner } from "../ata/command.js";
import { Opcode } from "../ata/opcodes.js";
import { Status } from "../ata/status.js";
import type { Departures } from "../departures.js";
import { invariant } from "../errors.js";
import type { FrameRoom, Link } from "../link/link.js";
import { ETH_MIN_FRAME_BYTES } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { ATA_HEADER_BYTES, copyAtaSection, decodeAtaSection, encodeAtaReply } from "./ata-section.js";
import type { Blade } from "./blade.js";
import { frameLimitBytes } from "./frame-limits.js";
import { padFrame, tagBits } from "./header.js";
import type { Initiator } from "./initiators.js";
import type { Holder } from "./places.js";
import type { TargetStats } from "./stats.js";

/** Answers to SMART commands are padded to this: aoetools wants room for data in every one, whether it has data or not. */
const SMART_REPLY_BYTES = ATA_HEADER_BYTES + SECTOR_BYTES;

/** The exchanges of one link: those in flight, and those that wait to be used again. */
export class ExchangePool {
	/** Blades whose commands are not answered, for another host serves them now or may do so. */
	readonly muted = new Set<Blade>();
	readonly #idle: Exchange[] = [];
	#inFlight = 0;
	/** Those of limited disks among them. */
	limitedInFlight = 0;

	constructor(
		readonly link: Link,
		readonly stats: TargetStats,
		/** Told of each answer, so that what it took is measured; null: nobody is. */
		readonly departures: Departures | null,
	) {}

	/** Exchanges whose answer is still to come. */
	get inFlight(): number {
		return this.#inFlight;
	}

	take(): Exchange {
		this.#inFlight += 1;
		return this.#idle.pop() ?? new Exchange(this);
	}

	give(exchange: Exchange): void {
		this.#inFlight -= 1;
		this.#idle.push(exchange);
	}
}

export class Exchange implements CommandOwner {
	readonly command = new AtaCommand(this);
	#room: FrameRoom | null = null;
	#peer = 0;
	#blade: Blade | null = null;
	/** Whose place it has, if the disk is limited. */
	#holder: Holder | null = null;
	#initiator: Initiator | null = null;
	#arrivedUs = 0;
	#tag = 0;
	/** By which the initiator has the command remembered. */
	#trace = 0;

	constructor(readonly pool: ExchangePool) {}

	/**
	 * Carries out the request of `frameBytes`, at least `ATA_HEADER_BYTES`, at `memory.bytes[offset]`. `room` has the header
	 * of the reply already; the rest is this exchange's until the reply has left.
	 */
	start(
		blade: Blade,
		initiator: Initiator,
		room: FrameRoom,
		memory: Memory,
		offset: number,
		frameBytes: number,
		peer: number,
		holder: Holder | null,
	): void {
		const { link } = this.pool;
		if (holder !== null) this.pool.limitedInFlight += 1;
		this.#holder = holder;
		this.#room = room;
		this.#peer = peer;
		this.#blade = blade;
		this.#initiator = initiator;
		blade.disk.underWay += 1;
		copyAtaSection(memory.view, offset, room.memory.view, room.offset);
		const { command } = this;
		decodeAtaSection(memory.view, offset, command);
		this.#arrivedUs = link.arrivedUs;
		this.#tag = tagBits(memory.view, offset);
		this.#trace = initiator.asked(command, this.#tag, this.#arrivedUs);
		const { request } = command;
		request.memory = memory;
		request.memoryOffset = offset + ATA_HEADER_BYTES;
		command.dataOutBytes = frameBytes - ATA_HEADER_BYTES;
		request.room = room.memory;
		request.roomOffset = room.offset + ATA_HEADER_BYTES;
		command.dataInCapacityBytes = frameLimitBytes(link, room) - ATA_HEADER_BYTES;
		command.dataInMayBorrow = link.gathersFast;
		blade.ata.execute(command);
	}

	answered(command: AtaCommand): void {
		const room = this.#room;
		invariant(room !== null, "ATA command answered twice");
		invariant(command.dataInBytes <= command.dataInCapacityBytes, "answer longer than its room");
		this.#room = null;
		if (this.#blade !== null) this.#blade.disk.underWay -= 1;
		if (this.#holder !== null) this.#leavePlace(this.#holder);
		const { link, stats, muted } = this.pool;
		const initiator = this.#initiator!;
		const failed = (command.replyStatus & Status.err) !== 0;
		initiator.answered(this.#trace, this.#tag, command.kind, command.request.lengthBytes, failed);
		if (command.isGone || (muted.size > 0 && this.#isMuted(muted))) {
			stats.rejected.silent += 1;
			if (muted.size > 0) this.#forgetMuted(muted);
			link.release(room);
			this.pool.give(this);
			return;
		}
		const { bytes } = room.memory;
		encodeAtaReply(room.memory, room.offset, command);
		stats.replies += 1;
		if (!failed && command.kind >= 0) this.pool.departures?.note(initiator, command.kind, this.#arrivedUs);
		const { request } = command;
		if (request.borrowedAddress !== 0 && command.dataInBytes > 0) {
			room.dataAddress = request.borrowedAddress;
			link.transmit(room, ATA_HEADER_BYTES, this.#peer, command.dataInBytes);
		} else {
			const padBytes = command.command === Opcode.smart ? SMART_REPLY_BYTES : ETH_MIN_FRAME_BYTES;
			const minBytes = Math.min(padBytes, ATA_HEADER_BYTES + command.dataInCapacityBytes);
			const replyBytes = padFrame(bytes, room.offset, ATA_HEADER_BYTES + command.dataInBytes, minBytes);
			link.transmit(room, replyBytes, this.#peer);
		}
		this.pool.give(this);
	}

	#leavePlace(holder: Holder): void {
		this.#holder = null;
		this.pool.limitedInFlight -= 1;
		holder.places.give(holder);
	}

	/** Nobody can ask for it here any more, and this was the last one who had. */
	#forgetMuted(muted: Set<Blade>): void {
		if (this.#blade?.disk.underWay === 0) muted.delete(this.#blade);
	}

	#isMuted(muted: ReadonlySet<Blade>): boolean {
		return this.#blade !== null && muted.has(this.#blade);
	}
}
