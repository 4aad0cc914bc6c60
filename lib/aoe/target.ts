/**
 * The AoE target of one link: looks at every frame that comes in, finds the blade that it is for, and has its `Responder` answer.
 * Decides, too, which blades are served here (`neighbours.ts`), and tells initiators of them (`advertiser.ts`). Made by
 * `lib/daemon/`, one per link; called by the link.
 *
 *   frame -> is it plain? ------------------------------------------> one blade -> responder
 *               | no                                                       ^
 *               +-> AoE? a request? for us? -> a probe? a response? -> neighbours
 *                                           -> broadcast: discovery only, blade by blade, a few in a turn
 */

import { type Clock, systemClock } from "../clock.js";
import type { Departures } from "../departures.js";
import { OperatorError } from "../errors.js";
import type { FrameSink, Link } from "../link/link.js";
import { Random } from "../random.js";
import { ethDestination, ethSource, MAC_BROADCAST_BYTES } from "../wire/ethernet.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import { Advertiser } from "./advertiser.js";
import type { Blade } from "./blade.js";
import type { Contest } from "./claim.js";
import { TargetFilter } from "./filter.js";
import {
	AOE_HEADER_BYTES,
	AOE_VERSION,
	AoeCommand,
	aoeAddress,
	aoeCommand,
	aoeVersion,
	isPlainRequest,
	isResponse,
	OwnAddress,
} from "./header.js";
import type { LinkUse } from "./initiators.js";
import { Neighbours } from "./neighbours.js";
import { isProbe, isProbeAnswer } from "./probe.js";
import { addressOf, isForMany, type Registry } from "./registry.js";
import { Responder } from "./responder.js";
import { isDiscovery, screen } from "./screen.js";
import { SpreadSender } from "./spread-sender.js";
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
	/** Other processes of ours serve on the same link: what is for them need not wake this one. Default: none does. */
	readonly isShared?: boolean;
	/** Default: other numbers each time. */
	readonly random?: Random;
	/** Default: the system's. */
	readonly clock?: Clock;
	/** Where it is measured how long requests take; default: nowhere. */
	readonly departures?: Departures;
}

export class AoeTarget implements FrameSink {
	readonly link: Link;
	readonly #registry: Registry;
	readonly #stats: TargetStats;
	readonly #ownMacs: () => ReadonlySet<number>;
	readonly #responder: Responder;
	readonly #spread: SpreadSender;
	readonly #advertiser: Advertiser;
	readonly #neighbours: Neighbours;
	/** The link's address, and whether it knows itself which frames are to us: a bridge has more addresses than one. */
	#own: OwnAddress;
	#isScreened: boolean;
	readonly #filter: TargetFilter;
	#stopped = false;
	/** What is listed from now on is news: until then all are told of together. */
	#servesClaims = false;

	constructor(options: AoeTargetOptions) {
		const { link, stats, clock = systemClock, isShared = false } = options;
		this.link = link;
		this.#filter = new TargetFilter(isShared);
		this.#own = new OwnAddress(link.mac);
		this.#isScreened = link.isScreened;
		this.#registry = options.registry;
		this.#stats = stats;
		this.#ownMacs = options.ownMacs;
		this.#responder = new Responder(link, stats, options.firmwareVersion, options.departures ?? null);
		this.#spread = new SpreadSender(clock);
		this.#advertiser = new Advertiser(link, this.#spread, options.firmwareVersion, (blade) =>
			this.#registry.has(blade),
		);
		this.#neighbours = new Neighbours({
			...options,
			clock,
			random: options.random ?? new Random(),
			onAsk: () => this.#filter.isOld && this.registryChanged(),
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
		this.#spread.stop();
		this.#neighbours.stop();
	}

	/** Who uses the link, and how. */
	get use(): LinkUse {
		return this.#responder.use;
	}

	/** ATA commands that were taken and not answered yet. */
	get inFlight(): number {
		return this.#responder.inFlight;
	}

	/** Blades were listed or removed: the filter of the link follows. After thousands of claims it does so once, before a question leaves. */
	registryChanged(): void {
		this.use.allowFor(this.#registry.size);
		const blades = [...this.#registry.values(), ...this.#neighbours.claimed()];
		this.link.setFilter(this.#filter.make(blades));
	}

	/**
	 * Asks the link who answers for a blade's address, after `start` and before `serveClaims`. Throws an OperatorError if it is
	 * given twice.
	 * @returns the MAC address of another host that answers, or undefined if none does or the link is down
	 */
	async claim(blade: Blade): Promise<number | undefined> {
		if (this.#neighbours.isClaimed(addressOf(blade.shelf, blade.slot)))
			throw new OperatorError(`shelf ${blade.shelf} slot ${blade.slot} is given twice on one interface`);
		this.#filter.want(blade);
		return this.#neighbours.claim(blade);
	}

	/** Serves what is claimed, as far as and as long as nobody else does. */
	serveClaims(): void {
		this.#neighbours.serve();
		this.#servesClaims = true;
		this.advertiseAll();
	}

	/** Serves a blade no more, and leaves its address to others. What is under way is still answered. */
	release(blade: Blade): void {
		this.#neighbours.release(blade);
		this.#registry.remove(blade);
		blade.initiators.forget(this.use);
		this.#filter.isOld = true;
	}

	/** As `release`, at once: what is under way is not answered either. */
	fence(blade: Blade): void {
		this.release(blade);
		this.#responder.mute(blade);
	}

	/** Blades whose addresses others answer for, of all or of one: silent ones, and those that are served all the same. */
	contests(blade?: Blade): Iterable<Contest> {
		return this.#neighbours.contests(blade);
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
		this.#responder.own = this.#own;
		this.#isScreened = this.link.isScreened;
		this.#neighbours.linkChanged();
		this.advertiseAll();
	}

	#list(blade: Blade): void {
		this.#registry.add(blade);
		this.use.allowFor(this.#registry.size);
		// (One that nobody is asked about before: who hears of it asks for it at once.)
		if (this.#filter.isOld) this.registryChanged();
		this.#responder.unmute(blade);
		if (this.#servesClaims) this.advertise(blade);
	}

	/** What is under way is not answered either: its data may be the other one's by now, and initiators ask again. */
	#unlist(blade: Blade): void {
		this.#registry.remove(blade);
		this.#responder.mute(blade);
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
			const blade = this.#registry.at(aoeAddress(view, offset));
			if (blade !== undefined) return this.#responder.serve(blade, memory, offset, frameBytes, peer);
		}
		return this.#receiveAny(memory, offset, frameBytes, peer);
	}

	/** The long way, for frames of every kind; it finds out what is wrong with those that come to nothing. */
	#receiveAny(memory: Memory, offset: number, frameBytes: number, peer: number): RejectReason | undefined {
		const { bytes, view } = memory;
		if (this.#stopped) return "stopping";
		const unfit = screen(bytes, offset, frameBytes, this.#own, this.#isScreened);
		if (unfit !== undefined) return unfit;
		const address = aoeAddress(view, offset);
		if (isResponse(bytes, offset)) {
			if (aoeCommand.get(bytes, offset) !== AoeCommand.config) return "response";
			this.#stats.responsesHeard += 1;
			this.#neighbours.heard(memory, offset, this.#registry.at(address));
			return undefined;
		}
		if (isProbe(bytes, offset, frameBytes)) {
			this.#neighbours.probed(memory, offset);
			if (isProbeAnswer(bytes, offset)) return undefined;
		}
		if (ethDestination.is(bytes, offset, MAC_BROADCAST_BYTES) || isForMany(address))
			return this.#broadcast(memory, offset, frameBytes, peer);
		const blade = this.#registry.at(address);
		if (blade === undefined) return this.#whyNot(address);
		return this.#responder.serve(blade, memory, offset, frameBytes, peer);
	}

	/** Why nothing is served at an address. */
	#whyNot(address: number): RejectReason {
		return this.#neighbours.isClaimed(address) ? "silent" : "unknownAddress";
	}

	/**
	 * A frame to all hosts, or to all shelves or slots. Only what finds blades is answered: a write that anyone broadcasts
	 * would hit every disk of the shelf.
	 */
	#broadcast(memory: Memory, offset: number, frameBytes: number, peer: number): RejectReason | undefined {
		const { bytes, view } = memory;
		if (this.#ownMacs().has(ethSource.get(bytes, offset))) return "ownSource";
		if (aoeVersion(bytes, offset) !== AOE_VERSION) return "version";
		if (!isDiscovery(bytes, offset, frameBytes)) return "notForBroadcast";
		const address = aoeAddress(view, offset);
		const blades = this.#addressed(address);
		if (blades === undefined) return this.#whyNot(address);
		const blade = this.#registry.at(address);
		if (blade !== undefined) {
			const reason = this.#responder.serve(blade, memory, offset, frameBytes, peer);
			if (reason !== "noRoom") return reason;
		}
		// The ring gets its bytes back before the last blade has answered.
		const copy = memoryOf(bytes.slice(offset, offset + frameBytes), 0);
		const send = (blade: Blade): boolean => {
			// It may have fallen silent since.
			const reason = this.#registry.has(blade)
				? this.#responder.serve(blade, copy, 0, frameBytes, peer)
				: "silent";
			if (reason === "noRoom") return false;
			if (reason !== undefined) this.#stats.rejected[reason] += 1;
			return true;
		};
		return this.#spread.add(blades, send) ? undefined : "discoveryBacklog";
	}

	/** The blades at an address. One that has no broadcast parts is looked up rather than searched for. */
	#addressed(address: number): Iterator<Blade | undefined> | undefined {
		if (isForMany(address)) return this.#registry.match(address);
		const blade = this.#registry.at(address);
		return blade && [blade].values();
	}
}
