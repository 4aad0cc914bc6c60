/**
 * The link to a site behind a router: Ethernet in GRE, `netif` `gre:192.0.2.7`. The packets are the business of a process of its own
 * (`lib/gre/`), so that a package that hangs or crashes does so there; this end speaks with it as `unix.ts` does with a virtual machine.
 * When that process ends another one is started, and the link is down meanwhile. Opened by `open.ts`; hands on frames as every link does.
 *
 * The MTU is what the way lets pass, as the process finds out and tells. When it becomes less the rooms stay as long as they were:
 * what an initiator has sent in longer frames before it heard of that still arrives, in fragments.
 */

import { nowUs } from "../departures.js";
import { invariant, OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { oneLine } from "../text.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";
import { TUNNEL_REFUSALS, type TunnelRefusal, type TunnelState } from "./gre-messages.js";
import { type SessionListener, TunnelSession } from "./gre-session.js";
import {
	type FrameRoom,
	type FrameSink,
	type Link,
	type LinkLog,
	type LinkOptions,
	type LinkStats,
	newLinkCounts,
} from "./link.js";
import { madeUpMac } from "./made-up-mac.js";
import { grownRooms, Outbox, roomsFor } from "./outbox.js";
import { type StartTunnel, standardTunnel } from "./tunnel-process.js";

export interface GreLinkOptions extends LinkOptions {
	readonly pump: Pump;
	/** Default: as this process has them started. */
	readonly start?: StartTunnel;
}

/** What an MTU of 1500 leaves behind the headers of IPv4, GRE and Ethernet; before the process has told. */
const MTU_AT_FIRST = 1462;
/** How long the first process has to say how it stands. */
const START_LIMIT_MS = 10_000;
/** How long after the end of a process that was of no use the next is started; after another, at once. */
const RESTART_MS = 500;
/** The one peer. */
const PEER = 0;

/** What the other end has to change if these come from it, told once each. */
const ADVICE: Readonly<Partial<Record<TunnelRefusal, string>>> = {
	version: "packets of another version of GRE come from it, and are dropped",
	routing: "packets with source routes (RFC 1701) come from it, and are dropped",
	key: "packets with a key come from it, and are dropped: it must be set up without one",
	sequence: "packets with sequence numbers come from it, and are dropped: it must be set up without them",
	protocol:
		"packets that are not Ethernet come from it, and are dropped: it must be set up for that (gretap)",
	checksum: "packets with a wrong checksum come from it, and are dropped",
};

export class GreLink implements Link, PumpStage, SessionListener {
	readonly name: string;
	readonly canGather = true;
	/** It copies the data into a buffer of its own anyway. */
	readonly gathersFast = true;
	readonly isScreened = false;
	mac: number;
	mtu = MTU_AT_FIRST;
	up = false;
	arrivedUs = 0;

	readonly #peer: string;
	readonly #pump: Pump;
	readonly #log: LinkLog;
	readonly #leastMtu: number;
	readonly #start: StartTunnel;
	readonly #outbox: Outbox;
	readonly #counts = newLinkCounts();
	#longestMtu = MTU_AT_FIRST;
	#session: TunnelSession | null = null;
	#state: TunnelState | undefined;
	/** Of processes before this one. */
	#unsentBefore = 0;
	readonly #advised = new Set<TunnelRefusal>();
	/** Waits for the first state. */
	#opening: { opened: () => void; failed: (why: string) => void } | undefined;
	#restart: NodeJS.Timeout | undefined;
	#toldOfEnd = false;
	#sink: FrameSink | null = null;
	#isNewBatch = true;
	#closed = false;

	/** The link called `name` to the address `peer`. Throws an OperatorError if the package, the privilege or the way there is missing. */
	static async open(name: string, peer: string, options: GreLinkOptions): Promise<GreLink> {
		const link = new GreLink(name, peer, options);
		try {
			await link.#begin();
		} catch (error) {
			await link.close();
			throw new OperatorError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
		}
		options.pump.addLink(link);
		link.#log(
			`${name}: nothing protects what passes here: whoever can send packets from ${peer} is believed, and all between can read and change it`,
		);
		return link;
	}

	private constructor(name: string, peer: string, options: GreLinkOptions) {
		this.name = name;
		this.mac = madeUpMac(peer);
		this.#peer = peer;
		this.#pump = options.pump;
		this.#log = options.log ?? (() => {});
		this.#leastMtu = options.leastMtu ?? 0;
		this.#start = options.start ?? standardTunnel;
		this.#outbox = new Outbox({
			pump: options.pump,
			counts: this.#counts,
			rooms: roomsFor(options.framesInFlight),
			frameBytes: this.mtu + ETH_HEADER_BYTES,
			allocate: nativeMemory,
		});
	}

	attach(sink: FrameSink): void {
		invariant(this.#sink === null, "link attached twice");
		this.#sink = sink;
	}

	get stats(): LinkStats {
		const { droppedIn, droppedOut } = this.#counts;
		const full = this.#state?.refused.full ?? 0;
		const unsent = this.#unsentBefore + (this.#state?.unsent ?? 0);
		return { ...this.#counts, droppedIn: droppedIn + full, droppedOut: droppedOut + unsent };
	}

	get status(): string {
		const state = this.#state;
		if (state === undefined) return "down, its process is being started";
		const refused = TUNNEL_REFUSALS.filter((why) => state.refused[why] > 0);
		const counts = refused.map((why) => `${state.refused[why]} ${why}`).join(", ");
		const how = this.up ? `up, from ${state.local}, MTU ${this.mtu}` : `down, ${state.why}`;
		return `${how}${counts === "" ? "" : `; refused ${counts}`}`;
	}

	get freeRooms(): number {
		return this.#outbox.freeRooms;
	}

	acquire(): FrameRoom | undefined {
		return this.#outbox.acquire();
	}

	release(room: FrameRoom): void {
		this.#outbox.release(room);
	}

	makeRoom(framesInFlight: number): void {
		const rooms = grownRooms(this.#outbox.rooms, framesInFlight);
		if (rooms === this.#outbox.rooms) return;
		this.#outbox.grow(rooms);
		this.#session?.grow(rooms);
	}

	transmit(room: FrameRoom, headBytes: number, peer: number, dataBytes = 0): void {
		this.#outbox.push(room, headBytes, peer, dataBytes);
	}

	/** Does nothing: what is not to us or to all the process has dropped. */
	setFilter(): void {}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		this.#sink = null;
		clearTimeout(this.#restart);
		this.drain();
		this.#pump.remove(this);
		await this.#session?.finish();
	}

	// ---- sending ----

	get hasWork(): boolean {
		return this.#outbox.waiting > 0;
	}

	drain(): void {
		const outbox = this.#outbox;
		for (let index = 0; index < outbox.waiting; index++) {
			if (this.up && this.#session?.send(outbox.at(index))) this.#counts.framesOut += 1;
			else this.#counts.droppedOut += 1;
		}
		outbox.done(outbox.waiting);
		this.#session?.flush();
	}

	// ---- what the process brings ----

	frame(memory: Memory, offset: number, frameBytes: number): void {
		if (this.#sink === null || frameBytes > this.#longestMtu + ETH_HEADER_BYTES) {
			this.#counts.droppedIn += 1;
			return;
		}
		if (this.#isNewBatch) this.arrivedUs = nowUs();
		this.#isNewBatch = false;
		this.#counts.framesIn += 1;
		this.#sink.frame(this, memory, offset, frameBytes, PEER);
	}

	batchDone(): void {
		this.#pump.run();
		this.#isNewBatch = true;
	}

	state(state: TunnelState): void {
		this.#state = state;
		this.#advise(state);
		const { up, mtu, mac } = this;
		this.up = state.mtu > 0;
		if (this.up) this.#take(state);
		else if (up) this.#log(`${this.name}: ${oneLine(state.why)}; waiting`);
		const opening = this.#opening;
		this.#opening = undefined;
		if (opening !== undefined) {
			if (this.up) opening.opened();
			else opening.failed(state.why);
		} else if (up !== this.up || mtu !== this.mtu || mac !== this.mac) {
			if (!up && this.up) this.#log(`${this.name}: up again`, "info");
			this.#sink?.linkChanged(this);
		}
	}

	ended(why: string): void {
		this.#session = null;
		this.#unsentBefore += this.#state?.unsent ?? 0;
		this.#state = undefined;
		const opening = this.#opening;
		this.#opening = undefined;
		if (opening !== undefined) opening.failed(why);
		else this.#down(why);
	}

	// ---- the life of the process ----

	async #begin(): Promise<void> {
		await this.#startProcess();
		const limit = setTimeout(() => this.#session?.end("its process does not start"), START_LIMIT_MS);
		try {
			await new Promise<void>((opened, reject) => {
				this.#opening = { opened, failed: (why) => reject(new Error(why)) };
			});
		} finally {
			clearTimeout(limit);
		}
	}

	async #startProcess(): Promise<void> {
		const process = await this.#start(this.#peer);
		const frameBytes = this.#longestMtu + ETH_HEADER_BYTES;
		this.#session = new TunnelSession(process, this.#outbox.rooms, frameBytes, this);
		if (this.#closed) await this.#session.finish();
	}

	/** Tells it once, and tries until there is one again. */
	#down(why: string): void {
		if (this.#closed) return;
		if (!this.#toldOfEnd) this.#log(`${this.name}: ${oneLine(why)}; another one is started`);
		const waitMs = this.#toldOfEnd ? RESTART_MS : 0;
		this.#toldOfEnd = true;
		this.#restart = setTimeout(() => {
			this.#startProcess().catch((error: unknown) => this.#down(String(error)));
		}, waitMs);
		if (!this.up) return;
		this.up = false;
		this.#sink?.linkChanged(this);
	}

	/** The way is there, and perhaps another one than before. */
	#take({ local, mtu }: TunnelState): void {
		this.#toldOfEnd = false;
		this.mac = madeUpMac(`${local} ${this.#peer}`);
		if (mtu < this.#leastMtu && (mtu !== this.mtu || !this.up))
			this.#log(
				`${this.name}: the way there leaves frames an MTU of ${mtu}, and no room for a sector; initiators need at least ${this.#leastMtu}`,
			);
		this.mtu = mtu;
		if (mtu <= this.#longestMtu) return;
		this.#longestMtu = mtu;
		this.#outbox.resize(mtu + ETH_HEADER_BYTES);
	}

	#advise({ refused }: TunnelState): void {
		for (const why of TUNNEL_REFUSALS) {
			const advice = ADVICE[why];
			if (advice === undefined || refused[why] === 0 || this.#advised.has(why)) continue;
			this.#advised.add(why);
			this.#log(`${this.name}: ${advice}`);
		}
	}
}
