/**
 * The answers of one link's target: a request for one blade, which is to have it if its sender may. ATA commands are handed to
 * the blade's disk as exchanges (`exchange.ts`); all other commands of AoE are answered here and now. Here is where the header
 * of every reply is written. Called by `AoeTarget`, which has found out for which blade a frame is.
 *
 *   mask -> room for the reply -> header of the reply -> version -> ATA: reserved? its share of the rooms? its limit? -> exchange -> disk
 *                                                               -> config, MAC mask, reserve -> reply
 */

import { changesDisk } from "../ata/disk.js";
import { Opcode } from "../ata/opcodes.js";
import type { Departures } from "../departures.js";
import { Hold } from "../holds.js";
import type { FrameRoom, Link } from "../link/link.js";
import { turn } from "../turn.js";
import { ethSource } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";
import { ATA_HEADER_BYTES, ataCommand, copyAtaSection } from "./ata-section.js";
import type { Blade } from "./blade.js";
import { answerConfig, configFacts } from "./config.js";
import { ExchangePool } from "./exchange.js";
import { frameView } from "./frame-limits.js";
import {
	AOE_HEADER_BYTES,
	AOE_VERSION,
	AoeCommand,
	AoeError,
	aoeCommand,
	aoeError,
	aoeVersion,
	OwnAddress,
	padFrame,
	setError,
	sourceFirst32,
	sourceLast16,
	writeReplyHeader,
} from "./header.js";
import { LinkUse } from "./initiators.js";
import { answerMask } from "./mask.js";
import type { Holder } from "./places.js";
import { answerReserve } from "./reserve.js";
import type { RejectReason, TargetStats } from "./stats.js";

export class Responder {
	/** Where replies come from: the link's address. */
	own: OwnAddress;
	/** Who uses the link, and how. */
	readonly use = new LinkUse();
	readonly #link: Link;
	readonly #stats: TargetStats;
	readonly #firmwareVersion: number;
	readonly #exchanges: ExchangePool;
	/** Answers that wait until what they say is kept. */
	#held = 0;

	constructor(link: Link, stats: TargetStats, firmwareVersion: number, departures: Departures | null) {
		this.own = new OwnAddress(link.mac);
		this.#link = link;
		this.#stats = stats;
		this.#firmwareVersion = firmwareVersion;
		this.#exchanges = new ExchangePool(link, stats, departures);
	}

	/** Commands that were taken and not answered yet. */
	get inFlight(): number {
		return this.#exchanges.inFlight + this.#held;
	}

	/** What is under way of this blade is not answered: another host serves it now, or may do so. */
	mute(blade: Blade): void {
		if (blade.disk.underWay > 0) this.#exchanges.muted.add(blade);
	}

	unmute(blade: Blade): void {
		this.#exchanges.muted.delete(blade);
	}

	/** A request for one blade. Returns "noRoom" if there was none: then nothing has happened yet. */
	serve(
		blade: Blade,
		memory: Memory,
		offset: number,
		frameBytes: number,
		peer: number,
	): RejectReason | undefined {
		if (blade.isQuiet) return "silent";
		const { bytes } = memory;
		const { access, shelf, slot } = blade;
		if (access.isMasked && !access.admits(ethSource.get(bytes, offset))) return shutOut(blade, "masked");
		const reply = this.#link.acquire();
		if (reply === undefined) return "noRoom";
		if (frameBytes > reply.capacityBytes) return this.#drop(reply, "oversize");
		writeReplyHeader(memory.view, offset, reply.memory.view, reply.offset, this.own, shelf, slot);
		if (aoeVersion(bytes, offset) !== AOE_VERSION) return this.#refuse(reply, AoeError.badVersion, peer);
		if (aoeCommand.get(bytes, offset) !== AoeCommand.ata)
			return this.#control(blade, reply, bytes.subarray(offset, offset + frameBytes), peer);
		if (frameBytes < ATA_HEADER_BYTES) return this.#drop(reply, "shortSection");
		if (blade.disk.holds.isAny && !mayUse(blade, bytes, offset)) {
			copyAtaSection(memory.view, offset, reply.memory.view, reply.offset);
			shutOut(blade, "reserved");
			return this.#refuse(reply, AoeError.reserved, peer, ATA_HEADER_BYTES);
		}
		// A disk that hangs keeps the rooms of what it has been asked, and initiators go on asking. So nobody gets more rooms
		// than are left for the others: one such blade half of them, two a third each.
		if (blade.disk.underWay > this.#link.freeRooms) return this.#drop(reply, "backlog");
		let holder: Holder | null = null;
		if (blade.disk.device.isLimited) {
			holder = this.#place(blade, ethSource.get(bytes, offset));
			if (holder === null) return this.#drop(reply, "limited");
		}
		this.#stats.requests += 1;
		const { view } = memory;
		const source = sourceFirst32(view, offset);
		const initiator = blade.initiators.of(this.use, source, sourceLast16(view, offset));
		this.#exchanges.take().start(blade, initiator, reply, memory, offset, frameBytes, peer, holder);
		return undefined;
	}

	/**
	 * Room for one more request that may have to wait for its disk's limit; null if there is none. All that wait on a link have no
	 * more rooms than are left for others, so that limits of many disks cost no other one its answers.
	 */
	#place({ places, bufferCount, disk }: Blade, mac: number): Holder | null {
		if (disk.device.waiting > 0) {
			if (this.#exchanges.limitedInFlight > this.#link.freeRooms) return null;
			if (!places.admits(mac, bufferCount)) return null;
		}
		return places.take(mac);
	}

	/** Every command but ATA. */
	#control(blade: Blade, room: FrameRoom, request: Uint8Array, peer: number): RejectReason | undefined {
		// As with a disk that hangs: who sets things without end leaves others their rooms.
		if (this.#held > this.#link.freeRooms) return this.#drop(room, "backlog");
		const reply = frameView(this.#link, room);
		const mayChange = blade.access.mayUse(ethSource.get(request, 0));
		const { edits } = blade.access;
		const { configString } = blade;
		const facts = configFacts(this.#link, this.#firmwareVersion);
		let outcome: number | RejectReason;
		switch (aoeCommand.get(request, 0)) {
			case AoeCommand.config:
				outcome = answerConfig(request, reply, blade, facts, mayChange);
				break;
			case AoeCommand.mask:
				outcome = answerMask(request, reply, blade.access, mayChange);
				break;
			case AoeCommand.reserve:
				outcome = answerReserve(request, reply, blade.access, mayChange, isHeldElsewhere(blade));
				break;
			default:
				return this.#refuse(room, AoeError.badCommand, peer);
		}
		if (typeof outcome === "string") return this.#drop(room, outcome);
		// Before the answer leaves: what it says is to last.
		const isSet = edits !== blade.access.edits || configString !== blade.configString;
		const kept = isSet ? blade.onSet?.() : undefined;
		// Lists and strings: each byte of them is looked at.
		turn.spend(request.length + outcome);
		const error = aoeError.get(reply, 0);
		if (error === 0) this.#stats.requests += 1;
		else this.#stats.protocolErrors += 1;
		if (kept === undefined) this.#send(room, outcome, peer);
		else void this.#sendAfter(kept, blade, room, outcome, peer);
		return error === 0 ? undefined : reasonFor(error);
	}

	/** Sends it then, unless it is not kept, or nobody is to be answered any more. */
	async #sendAfter(
		kept: Promise<boolean>,
		blade: Blade,
		room: FrameRoom,
		replyBytes: number,
		peer: number,
	): Promise<void> {
		const { muted } = this.#exchanges;
		this.#held += 1;
		blade.disk.underWay += 1;
		const isKept = await kept;
		this.#held -= 1;
		blade.disk.underWay -= 1;
		const isSilent = muted.has(blade) || blade.isQuiet;
		if (blade.disk.underWay === 0) muted.delete(blade);
		if (isKept && !isSilent) {
			this.#send(room, replyBytes, peer);
			return;
		}
		this.#stats.rejected[isSilent ? "silent" : "unkept"] += 1;
		this.#link.release(room);
	}

	#drop(room: FrameRoom, reason: RejectReason): RejectReason {
		this.#link.release(room);
		return reason;
	}

	/** Answers with the E flag. `replyBytes` have been written. */
	#refuse(room: FrameRoom, error: AoeError, peer: number, replyBytes = AOE_HEADER_BYTES): RejectReason {
		setError(room.memory.bytes, room.offset, error);
		this.#stats.protocolErrors += 1;
		this.#send(room, replyBytes, peer);
		return reasonFor(error);
	}

	#send(room: FrameRoom, replyBytes: number, peer: number): void {
		this.#stats.replies += 1;
		this.#link.transmit(room, padFrame(room.memory.bytes, room.offset, replyBytes), peer);
	}
}

/** Counts that a mask or a reservation has kept somebody from a disk. */
function shutOut(blade: Blade, reason: RejectReason): RejectReason {
	blade.disk.stats.causes.access += 1;
	return reason;
}

/**
 * While others have reserved a blade, a sender may still see what it is, and nothing more. While it is reserved by another protocol nobody may do
 * more, or change anything, as those there have it.
 */
function mayUse({ access, disk }: Blade, bytes: Uint8Array, at: number): boolean {
	const command = ataCommand.get(bytes, at);
	if (command === Opcode.identifyDevice) return true;
	if (disk.holds.forbids(changesDisk(command), "aoe")) return false;
	return access.mayUse(ethSource.get(bytes, at));
}

function isHeldElsewhere({ disk }: Blade): boolean {
	return disk.holds.against("aoe") !== Hold.none;
}

/** Under which name a protocol error is counted. */
function reasonFor(error: number): RejectReason {
	switch (error) {
		case AoeError.badCommand:
			return "unknownCommand";
		case AoeError.configStringPresent:
			return "configSet";
		case AoeError.badVersion:
			return "version";
		case AoeError.reserved:
			return "reserved";
		default:
			return "badArgument";
	}
}
