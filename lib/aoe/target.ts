/**
 * The AoE target of one link: looks at every frame that comes in, finds the blade that it is for, checks that its sender may
 * have it, and hands ATA commands to the blade's disk; everything else of AoE it answers itself. Made by `lib/server.ts`, one
 * per link; called by the link; hands exchanges on to `AtaDisk` and replies back to the same link.
 *
 *   frame -> screen: AoE? a request? for us? -> one blade ------------> admitted? version? -> ATA -> exchange -> disk
 *                                            -> broadcast: discovery,      |                -> config, mask, reserve
 *                                               blade by blade ------------+
 */

import { Opcode } from "../ata/opcodes.js";
import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { FrameRoom, FrameSink, Link } from "../link/link.js";
import { Random } from "../random.js";
import { turn } from "../turn.js";
import { ETHERTYPE_AOE, ethDestination, ethSource, ethType, MAC_BROADCAST_BYTES } from "../wire/ethernet.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import { Advertiser } from "./advertiser.js";
import { ATA_HEADER_BYTES, ataCommand, copyAtaSection } from "./ata-section.js";
import type { Blade } from "./blade.js";
import type { Silence } from "./claim.js";
import { answerConfig, configFacts } from "./config.js";
import { Discovery } from "./discovery.js";
import { ExchangePool } from "./exchange.js";
import { aoeFilter } from "./filter.js";
import {
	AOE_HEADER_BYTES,
	AOE_VERSION,
	AoeCommand,
	AoeError,
	aoeCommand,
	aoeError,
	aoeShelf,
	aoeSlot,
	aoeVersion,
	isPlainRequest,
	isResponse,
	OwnAddress,
	padFrame,
	setError,
	writeReplyHeader,
} from "./header.js";
import { answerMask } from "./mask.js";
import { Neighbours } from "./neighbours.js";
import { isProbe, isProbeAnswer } from "./probe.js";
import { type Registry, SHELF_ALL, SLOT_ALL } from "./registry.js";
import { replyView } from "./reply.js";
import { answerReserve } from "./reserve.js";
import type { RejectReason, TargetStats } from "./stats.js";

export interface AoeTargetOptions {
	readonly link: Link;
	/** What is served on this link: what is claimed, while it may be. Others who list blades tell by `registryChanged`. */
	readonly registry: Registry;
	readonly stats: TargetStats;
	/** 0..65535, as config responses say it. */
	readonly firmwareVersion: number;
	/** The MAC addresses of all links of this process: one that hears another is not a rival. */
	readonly ownMacs: () => ReadonlySet<number>;
	/** Another host answers for a blade's address. Called once per blade and MAC address. */
	readonly onConflict: (blade: Blade, mac: number) => void;
	/** A claimed blade is no longer served here: the rules prefer another host that answers for its address. */
	readonly onSilenced?: (blade: Blade, mac: number, why: string) => void;
	/** It is served again: that host no longer answers. */
	readonly onServedAgain?: (blade: Blade, mac: number) => void;
	/** Serve whoever else does. Default: false. */
	readonly force?: boolean;
	/** Default: other numbers each time. */
	readonly random?: Random;
	/** Default: the system's. */
	readonly clock?: Clock;
}

export class AoeTarget implements FrameSink {
	readonly link: Link;
	readonly #registry: Registry;
	readonly #stats: TargetStats;
	readonly #firmwareVersion: number;
	readonly #ownMacs: () => ReadonlySet<number>;
	readonly #exchanges: ExchangePool;
	readonly #discovery: Discovery;
	readonly #advertiser: Advertiser;
	readonly #neighbours: Neighbours;
	/** The link's address, and whether it knows itself which frames are to us: a bridge has more addresses than one. */
	#own: OwnAddress;
	#isScreened: boolean;
	#stopped = false;
	/** What is listed from now on is news: until then all are told of together. */
	#servesClaims = false;

	constructor(options: AoeTargetOptions) {
		const { link, stats, clock = systemClock } = options;
		this.link = link;
		this.#own = new OwnAddress(link.mac);
		this.#isScreened = link.isScreened;
		this.#registry = options.registry;
		this.#stats = stats;
		this.#firmwareVersion = options.firmwareVersion;
		this.#ownMacs = options.ownMacs;
		this.#exchanges = new ExchangePool(link, stats);
		this.#discovery = new Discovery(clock);
		this.#advertiser = new Advertiser(link, this.#discovery, options.firmwareVersion, (blade) =>
			this.#registry.has(blade),
		);
		this.#neighbours = new Neighbours({
			...options,
			clock,
			random: options.random ?? new Random(),
			force: options.force ?? false,
			onServe: (blade, after) => {
				this.#list(blade);
				if (after !== undefined) options.onServedAgain?.(blade, after);
			},
			onPause: (blade, rival, why) => {
				this.#unlist(blade);
				if (rival !== undefined) options.onSilenced?.(blade, rival, why);
			},
		});
	}

	/** Begins to receive. Blades may be listed before or after. */
	start(): void {
		this.registryChanged();
		this.link.attach(this);
	}

	/** Takes no more requests. Those in flight are still answered: see `inFlight`. */
	stop(): void {
		this.#stopped = true;
		this.#discovery.stop();
		this.#neighbours.stop();
	}

	/** ATA commands that were taken and not answered yet. */
	get inFlight(): number {
		return this.#exchanges.inFlight;
	}

	/** Blades were listed or removed: the filter of the link follows. */
	registryChanged(): void {
		const shelves = this.#registry.shelves();
		for (const shelf of this.#neighbours.shelves()) shelves.add(shelf);
		this.link.setFilter(aoeFilter(shelves));
	}

	/**
	 * Asks the link who answers for a blade's address, before it is served here. Needs `start`, and `registryChanged` when all
	 * are claimed; then `serveClaims` if they shall be served. Throws an OperatorError if the address is given twice.
	 * @returns the MAC address of another host that answers, or undefined if none does or the link is down
	 */
	async claim(blade: Blade): Promise<number | undefined> {
		const { shelf, slot } = blade;
		if (this.#neighbours.isClaimed(shelf, slot))
			throw new OperatorError(`shelf ${shelf} slot ${slot} is given twice on one interface`);
		return this.#neighbours.claim(blade);
	}

	/** Serves what is claimed, as far as and as long as nobody else does. */
	serveClaims(): void {
		this.#neighbours.serve();
		this.#servesClaims = true;
		this.advertiseAll();
	}

	/** Blades that are not served because others are. */
	silences(): Iterable<Silence> {
		return this.#neighbours.silences();
	}

	/** Tells initiators of a blade without being asked: it is new, or has grown. */
	advertise(blade: Blade): void {
		if (!this.#stopped) this.#advertiser.advertise([blade]);
	}

	/** Tells initiators of every blade: the link is new, is up again, or has another MTU or MAC address. */
	advertiseAll(): void {
		if (!this.#stopped) this.#advertiser.advertise([...this.#registry.values()]);
	}

	linkChanged(): void {
		this.#own = new OwnAddress(this.link.mac);
		this.#isScreened = this.link.isScreened;
		this.#neighbours.linkChanged();
		this.advertiseAll();
	}

	#list(blade: Blade): void {
		this.#registry.add(blade);
		this.#exchanges.muted.delete(blade);
		if (this.#servesClaims) this.advertise(blade);
	}

	/** What is under way is not answered either: its data may be the other one's by now, and initiators ask again. */
	#unlist(blade: Blade): void {
		this.#registry.remove(blade);
		this.#exchanges.muted.add(blade);
	}

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		const reason = this.#receive(memory, offset, frameBytes, peer);
		if (reason !== undefined) this.#stats.rejected[reason] += 1;
	}

	#receive(memory: Memory, offset: number, frameBytes: number, peer: number): RejectReason | undefined {
		const { view } = memory;
		if (
			frameBytes >= AOE_HEADER_BYTES &&
			!this.#stopped &&
			isPlainRequest(view, offset, this.#own, this.#isScreened)
		) {
			const blade = this.#registry.at(view.getInt32(offset + aoeShelf.offset) >>> 8);
			if (blade !== undefined) return this.#serve(blade, memory, offset, frameBytes, peer);
		}
		return this.#receiveAny(memory, offset, frameBytes, peer);
	}

	/** The long way, for frames of every kind; it finds out what is wrong with those that come to nothing. */
	#receiveAny(memory: Memory, offset: number, frameBytes: number, peer: number): RejectReason | undefined {
		const { bytes } = memory;
		const unfit = this.#screen(bytes, offset, frameBytes);
		if (unfit !== undefined) return unfit;
		const shelf = aoeShelf.get(bytes, offset);
		const slot = aoeSlot.get(bytes, offset);
		if (isResponse(bytes, offset)) {
			if (aoeCommand.get(bytes, offset) !== AoeCommand.config) return "response";
			this.#stats.responsesHeard += 1;
			this.#neighbours.heard(bytes, offset, this.#registry.lookup(shelf, slot));
			return undefined;
		}
		if (isProbe(bytes, offset, frameBytes)) {
			this.#neighbours.probed(bytes, offset);
			if (isProbeAnswer(bytes, offset)) return undefined;
		}
		if (ethDestination.is(bytes, offset, MAC_BROADCAST_BYTES) || shelf === SHELF_ALL || slot === SLOT_ALL)
			return this.#broadcast(memory, offset, frameBytes, peer);
		const blade = this.#registry.lookup(shelf, slot);
		if (blade === undefined) return this.#whyNot(shelf, slot);
		return this.#serve(blade, memory, offset, frameBytes, peer);
	}

	/** Why nothing is served at an address. */
	#whyNot(shelf: number, slot: number): RejectReason {
		return this.#neighbours.isClaimed(shelf, slot) ? "silent" : "unknownAddress";
	}

	/** What can be said of a frame without asking for whom it is. The filter of the link has done most of it, if it has one. */
	#screen(bytes: Uint8Array, offset: number, frameBytes: number): RejectReason | undefined {
		if (this.#stopped) return "stopping";
		if (frameBytes < AOE_HEADER_BYTES) return "runt";
		if (ethType.get(bytes, offset) !== ETHERTYPE_AOE) return "notAoe";
		if ((bytes[offset + ethSource.offset]! & 1) !== 0) return "groupSource";
		if (ethSource.is(bytes, offset, this.#own.bytes)) return "ownSource";
		const isGroup = (bytes[offset]! & 1) !== 0;
		if (!isGroup && (this.#isScreened || ethDestination.is(bytes, offset, this.#own.bytes))) return undefined;
		return ethDestination.is(bytes, offset, MAC_BROADCAST_BYTES) ? undefined : "wrongDestination";
	}

	/**
	 * A frame to all hosts, or to all shelves or slots. Only what finds blades is answered: a write that anyone broadcasts
	 * would hit every disk of the shelf.
	 */
	#broadcast(memory: Memory, offset: number, frameBytes: number, peer: number): RejectReason | undefined {
		const { bytes } = memory;
		if (this.#ownMacs().has(ethSource.get(bytes, offset))) return "ownSource";
		if (aoeVersion(bytes, offset) !== AOE_VERSION) return "version";
		if (!isDiscovery(bytes, offset, frameBytes)) return "notForBroadcast";
		const shelf = aoeShelf.get(bytes, offset);
		const slot = aoeSlot.get(bytes, offset);
		const blades = this.#addressed(shelf, slot);
		if (blades === undefined) return this.#whyNot(shelf, slot);
		if (shelf !== SHELF_ALL && slot !== SLOT_ALL) {
			const blade = this.#registry.lookup(shelf, slot);
			const reason = blade && this.#serve(blade, memory, offset, frameBytes, peer);
			if (reason !== "noSlot") return reason;
		}
		// The ring gets its bytes back before the last blade has answered.
		const copy = memoryOf(bytes.slice(offset, offset + frameBytes), 0);
		const send = (blade: Blade): boolean => {
			// It may have fallen silent since.
			const reason = this.#registry.has(blade) ? this.#serve(blade, copy, 0, frameBytes, peer) : "silent";
			if (reason === "noSlot") return false;
			if (reason !== undefined) this.#stats.rejected[reason] += 1;
			return true;
		};
		return this.#discovery.add(blades, send) ? undefined : "discoveryBacklog";
	}

	/** The blades at an address. One that has no broadcast parts is looked up rather than searched for. */
	#addressed(shelf: number, slot: number): Iterator<Blade | undefined> | undefined {
		if (shelf === SHELF_ALL || slot === SLOT_ALL) return this.#registry.match(shelf, slot);
		const blade = this.#registry.lookup(shelf, slot);
		return blade && [blade].values();
	}

	/** A request for one blade. Returns "noSlot" if there was none: then nothing has happened yet. */
	#serve(
		blade: Blade,
		memory: Memory,
		offset: number,
		frameBytes: number,
		peer: number,
	): RejectReason | undefined {
		const { bytes } = memory;
		const { access, shelf, slot } = blade;
		if (access.mask.size > 0 && !access.admits(ethSource.get(bytes, offset))) return "masked";
		const reply = this.link.acquire();
		if (reply === undefined) return "noSlot";
		if (frameBytes > reply.capacityBytes) return this.#drop(reply, "oversize");
		writeReplyHeader(memory.view, offset, reply.memory.view, reply.offset, this.#own, shelf, slot);
		if (aoeVersion(bytes, offset) !== AOE_VERSION) return this.#refuse(reply, AoeError.badVersion, peer);
		if (aoeCommand.get(bytes, offset) !== AoeCommand.ata)
			return this.#control(blade, reply, bytes.subarray(offset, offset + frameBytes), peer);
		if (frameBytes < ATA_HEADER_BYTES) return this.#drop(reply, "shortSection");
		if (access.reserved.size > 0 && !mayUse(blade, bytes, offset)) {
			copyAtaSection(memory.view, offset, reply.memory.view, reply.offset);
			return this.#refuse(reply, AoeError.reserved, peer, ATA_HEADER_BYTES);
		}
		// A disk that hangs keeps the slots of what it has been asked, and initiators go on asking. So nobody gets more slots
		// than are left for the others: one such blade half of them, two a third each.
		if (blade.disk.underWay > this.link.freeRooms) return this.#drop(reply, "backlog");
		this.#stats.requests += 1;
		this.#exchanges.take().start(blade, reply, memory, offset, frameBytes, peer);
		return undefined;
	}

	/** Every command but ATA. */
	#control(blade: Blade, slot: FrameRoom, request: Uint8Array, peer: number): RejectReason | undefined {
		const reply = replyView(this.link, slot);
		const mayChange = blade.access.mayUse(ethSource.get(request, 0));
		const facts = configFacts(this.link, this.#firmwareVersion);
		let outcome: number | RejectReason;
		switch (aoeCommand.get(request, 0)) {
			case AoeCommand.config:
				outcome = answerConfig(request, reply, blade, facts, mayChange);
				break;
			case AoeCommand.mask:
				outcome = answerMask(request, reply, blade.access, mayChange);
				break;
			case AoeCommand.reserve:
				outcome = answerReserve(request, reply, blade.access, mayChange);
				break;
			default:
				return this.#refuse(slot, AoeError.badCommand, peer);
		}
		if (typeof outcome === "string") return this.#drop(slot, outcome);
		// Lists and strings: each byte of them is looked at.
		turn.spend(request.length + outcome);
		const error = aoeError.get(reply, 0);
		if (error === 0) this.#stats.requests += 1;
		else this.#stats.protocolErrors += 1;
		this.#send(slot, outcome, peer);
		return error === 0 ? undefined : reasonFor(error);
	}

	#drop(slot: FrameRoom, reason: RejectReason): RejectReason {
		this.link.release(slot);
		return reason;
	}

	/** Answers with the E flag. `replyBytes` have been written. */
	#refuse(slot: FrameRoom, error: AoeError, peer: number, replyBytes = AOE_HEADER_BYTES): RejectReason {
		setError(slot.memory.bytes, slot.offset, error);
		this.#stats.protocolErrors += 1;
		this.#send(slot, replyBytes, peer);
		return reasonFor(error);
	}

	#send(slot: FrameRoom, replyBytes: number, peer: number): void {
		this.#stats.replies += 1;
		this.link.transmit(slot, padFrame(slot.memory.bytes, slot.offset, replyBytes), peer);
	}
}

/** Config queries, and IDENTIFY DEVICE, by which WinAoE looks for disks. */
function isDiscovery(bytes: Uint8Array, at: number, frameBytes: number): boolean {
	const command = aoeCommand.get(bytes, at);
	if (command === AoeCommand.config) return true;
	if (command !== AoeCommand.ata || frameBytes < ATA_HEADER_BYTES) return false;
	return ataCommand.get(bytes, at) === Opcode.identifyDevice;
}

/** While others have reserved a blade, a sender may still see what it is, and nothing more. */
function mayUse(blade: Blade, bytes: Uint8Array, at: number): boolean {
	if (ataCommand.get(bytes, at) === Opcode.identifyDevice) return true;
	return blade.access.mayUse(ethSource.get(bytes, at));
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
