/**
 * Our own AoE initiator: asks the targets on a link, repeats what gets lost, and hands on the answers as promises. Plain
 * rather than fast: it serves the commands `bench` and `discover`, the demo and the tests. Works over any `Link`; the disk
 * that one opens is a `RemoteDisk`.
 *
 * As Linux's driver does, every retransmission carries a new tag, an answer to any of them counts, and the time to wait
 * follows from the round trips measured, doubled with each attempt.
 */

import { randomInt } from "node:crypto";
import {
	AOE_HEADER_BYTES,
	AoeCommand,
	AoeFlag,
	aoeCommand,
	aoeShelf,
	aoeSlot,
	aoeTag,
	aoeVersionFlags,
	isResponse,
	padFrame,
	writeHeader,
} from "../aoe/header.js";
import { SHELF_ALL, SLOT_ALL } from "../aoe/registry.js";
import { type Clock, systemClock } from "../clock.js";
import { ALL_PEERS, type FrameSink, type Link } from "../link/link.js";
import { ETHERTYPE_AOE, ethDestination, ethSource, ethType, MAC_BROADCAST } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";
import { InitiatorError } from "./errors.js";
import { configQuery, type FoundBlade, type Query } from "./query.js";
import { RemoteDisk } from "./remote-disk.js";
import { type AnswerReceiver, type Asker, PendingRequest, type Route, type Sender } from "./request.js";
import { RoundTrip } from "./round-trip.js";

export interface InitiatorOptions {
	readonly clock?: Clock;
	/** How long to go on asking before a request fails; default 10 s. */
	readonly deadlineMs?: number;
	/** How long a frame may be on its way before the network drops it; default 1 s. See `PendingRequest`. */
	readonly frameLifetimeMs?: number;
	/** The link is up, or down, or has another MTU or MAC address. */
	readonly linkChanged?: () => void;
	/** A target tells, unasked, that it serves: it has just begun to, or has changed. */
	readonly announced?: (shelf: number, slot: number, mac: number) => void;
	/** The tag of the first request, 1..2^31-1; default: any, so that the tags of two initiators on one link differ. */
	readonly firstTag?: number;
}

export interface DiscoverOptions {
	/** Default: all. */
	readonly shelf?: number;
	/** Default: all. */
	readonly slot?: number;
	/** How long to collect answers; default 500 ms. */
	readonly waitMs?: number;
}

/** What has happened since the initiator was made. */
export interface InitiatorStats {
	requests: number;
	retransmissions: number;
	answers: number;
	/** Answers that nobody waits for: late ones, doubled ones, and those to others on this link. */
	strays: number;
	/** Frames that could not be sent: no room on the link, or it now has a smaller MTU. They count as lost on the way. */
	unsent: number;
}

const DEADLINE_MS = 10_000;
const DISCOVER_MS = 500;
/** A bridge drops what it has had for longer than its maximum transit delay: 1 s, unless someone has set it (IEEE 802.1D). */
const FRAME_LIFETIME_MS = 1000;
/** Queries of one discovery: some may get lost. */
const DISCOVER_QUERIES = 3;
/** Tags have 32 bits on the wire; of these 31 are used, so that none is more than the engine's small integers hold. */
const TAG_MAX = 0x7fffffff;

/** Who waits for the answer to a tag, and what it must look like. */
interface Expected {
	readonly route: Route;
	readonly command: AoeCommand;
	readonly receiver: AnswerReceiver;
}

export class Initiator implements FrameSink, Asker, Sender {
	readonly stats: InitiatorStats = { requests: 0, retransmissions: 0, answers: 0, strays: 0, unsent: 0 };
	readonly clock: Clock;
	readonly link: Link;
	readonly frameLifetimeMs: number;
	readonly #deadlineMs: number;
	readonly #linkChanged: (() => void) | undefined;
	readonly #announced: InitiatorOptions["announced"];
	readonly #expected = new Map<number, Expected>();
	readonly #pending = new Set<{ fail(error: unknown): void }>();
	#tag: number;
	#closed = false;

	/** Attaches itself to `link`, which stays the caller's to close. */
	constructor(link: Link, options: InitiatorOptions = {}) {
		this.link = link;
		this.clock = options.clock ?? systemClock;
		this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
		this.frameLifetimeMs = options.frameLifetimeMs ?? FRAME_LIFETIME_MS;
		this.#linkChanged = options.linkChanged;
		this.#announced = options.announced;
		this.#tag = (options.firstTag ?? randomInt(1, TAG_MAX)) - 1;
		link.attach(this);
	}

	/**
	 * Finds blades: broadcasts config queries and collects the answers for a while. Sorted by shelf, slot and MAC address; a
	 * blade that several targets answer for is there several times.
	 */
	async discover(options: DiscoverOptions = {}): Promise<FoundBlade[]> {
		const { shelf = SHELF_ALL, slot = SLOT_ALL, waitMs = DISCOVER_MS } = options;
		const found = new Map<string, FoundBlade>();
		const collect: AnswerReceiver = (bytes, at, frameBytes, peer) => {
			if ((aoeVersionFlags.get(bytes, at) & AoeFlag.error) !== 0) return;
			try {
				const blade = configQuery.decode(bytes, at, frameBytes, peer);
				found.set(`${blade.shelf}.${blade.slot} ${blade.mac} ${peer}`, blade);
			} catch (error) {
				// An answer that makes no sense is no blade.
				if (!(error instanceof InitiatorError)) throw error;
			}
		};
		const tags: number[] = [];
		for (let query = 0; query < DISCOVER_QUERIES; query++) {
			tags.push(this.send(broadcast(shelf, slot), configQuery, collect));
			await new Promise<void>((resolve) => void this.clock.after(waitMs / DISCOVER_QUERIES, resolve));
		}
		for (const tag of tags) this.forget(tag);
		return [...found.values()].sort(byAddress);
	}

	/**
	 * Opens the disk at an address, from the first target that answers for it. Rejects with an InitiatorError.
	 * @param shelf 0..65534
	 * @param slot 0..254
	 * @param window most frames outstanding, if less than the target allows
	 */
	async open(shelf: number, slot: number, window?: number): Promise<RemoteDisk> {
		const blade = await this.ask(broadcast(shelf, slot), { ...configQuery, what: `e${shelf}.${slot}` });
		return RemoteDisk.open(this, blade, window);
	}

	/**
	 * Sends a request, again and again until it is answered. Rejects with an InitiatorError: no answer in time, refused,
	 * failed, or an answer that makes no sense.
	 */
	async ask<T>(route: Route, query: Query<T>): Promise<T> {
		if (this.#closed) throw new InitiatorError(`${query.what}: the initiator is closed`);
		const request = new PendingRequest(this, route, query, this.#deadlineMs);
		this.#pending.add(request);
		this.stats.requests += 1;
		request.send();
		try {
			return await request.answer;
		} finally {
			this.stats.retransmissions += request.attempts - 1;
			this.#pending.delete(request);
		}
	}

	/** Ends every request that is still open with an InitiatorError. The link is not closed. */
	close(): void {
		this.#closed = true;
		for (const request of this.#pending) request.fail(new InitiatorError("the initiator is closed"));
	}

	send(route: Route, query: Query<unknown>, receiver: AnswerReceiver): number {
		const { shelf, slot, mac, peer } = route;
		const { command } = query;
		// Tag 0 is for advertisements that answer nobody.
		this.#tag = this.#tag === TAG_MAX ? 1 : this.#tag + 1;
		const tag = this.#tag;
		this.#expected.set(tag, { route, command, receiver });
		const room = this.link.acquire();
		if (room === undefined || query.frameBytes > room.capacityBytes) {
			if (room !== undefined) this.link.release(room);
			this.stats.unsent += 1;
			return tag;
		}
		const { bytes } = room.memory;
		const at = room.offset;
		writeHeader(bytes, at, { destination: mac, source: this.link.mac, flags: 0, shelf, slot, command, tag });
		query.encode(bytes, at);
		this.link.transmit(room, padFrame(bytes, at, query.frameBytes), peer);
		return tag;
	}

	forget(tag: number): void {
		this.#expected.delete(tag);
	}

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		const { bytes } = memory;
		if (frameBytes < AOE_HEADER_BYTES || ethType.get(bytes, offset) !== ETHERTYPE_AOE) return;
		if (!isResponse(bytes, offset)) return;
		if (aoeTag.get(bytes, offset) === 0 && aoeCommand.get(bytes, offset) === AoeCommand.config) {
			const address = [aoeShelf.get(bytes, offset), aoeSlot.get(bytes, offset)] as const;
			this.#announced?.(...address, ethSource.get(bytes, offset));
			return;
		}
		if (ethDestination.get(bytes, offset) !== this.link.mac) return;
		const expected = this.#expected.get(aoeTag.get(bytes, offset));
		if (expected === undefined || !isAnswer(expected, bytes, offset)) {
			this.stats.strays += 1;
			return;
		}
		this.stats.answers += 1;
		expected.receiver(bytes, offset, frameBytes, peer);
	}

	/** (What is lost while the link is down is sent again.) */
	linkChanged(): void {
		this.#linkChanged?.();
	}
}

/** To whoever answers for an address. */
export function broadcast(shelf: number, slot: number): Route {
	return { shelf, slot, mac: MAC_BROADCAST, peer: ALL_PEERS, roundTrip: new RoundTrip() };
}

/** True if this answers what was asked, from the one who was asked. Another initiator on this link may use our tag. */
function isAnswer({ route, command }: Expected, bytes: Uint8Array, at: number): boolean {
	if (aoeCommand.get(bytes, at) !== command) return false;
	if (route.shelf !== SHELF_ALL && route.shelf !== aoeShelf.get(bytes, at)) return false;
	if (route.slot !== SLOT_ALL && route.slot !== aoeSlot.get(bytes, at)) return false;
	return route.mac === MAC_BROADCAST || route.mac === ethSource.get(bytes, at);
}

function byAddress(a: FoundBlade, b: FoundBlade): number {
	return a.shelf - b.shelf || a.slot - b.slot || a.mac - b.mac || a.peer - b.peer;
}
