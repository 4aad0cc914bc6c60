/**
 * The receiving half of `packet.ts`: when its socket has frames, or may have, takes them from the ring (`packet-ring.ts`) batch by
 * batch, hands each to the sink, and lets the pump carry out what came of them. Between batches it may watch the ring for a
 * moment before it sleeps (`pace.ts`). It outlives the socket, which is made anew when the interface changes.
 */

import { invariant } from "../errors.js";
import type { NativePort } from "../native.js";
import type { Pump } from "../pump.js";
import { turn } from "../turn.js";
import type { FrameSink, LinkCounts } from "./link.js";
import type { Pace } from "./pace.js";
import { ReceiveRing, type RingLink } from "./packet-ring.js";

/** Frames, and batches, before the event loop gets its turn. */
const FRAMES_PER_TURN = 1024;
const BATCHES_PER_TURN = 128;

export class PacketReceiver {
	readonly #link: RingLink;
	readonly #pump: Pump;
	readonly #pace: Pace;
	readonly #counts: LinkCounts;
	readonly #sayVain: () => void;
	#sink: FrameSink | null = null;
	/** While there is a socket. */
	#ring: ReceiveRing | null = null;
	#resuming = false;

	/** @param sayVain called when `pace` has given up watching for a while, for it found nothing */
	constructor(link: RingLink, pump: Pump, pace: Pace, counts: LinkCounts, sayVain: () => void) {
		this.#link = link;
		this.#pump = pump;
		this.#pace = pace;
		this.#counts = counts;
		this.#sayVain = sayVain;
	}

	/** Who gets the frames; null until there is somebody. */
	get sink(): FrameSink | null {
		return this.#sink;
	}

	attach(sink: FrameSink): void {
		invariant(this.#sink === null, "link attached twice");
		this.#sink = sink;
	}

	/** The socket to receive from, and the longest frame that the MTU allows; null while there is none. */
	setPort(port: NativePort | null, frameBytes = 0): void {
		this.#ring?.close();
		this.#ring = port === null ? null : new ReceiveRing(port, frameBytes, this.#counts);
	}

	/** The socket has frames. */
	arrived(): void {
		this.#pace.arrived();
		this.#receive();
	}

	/** Hands on all that is in the ring, before it goes: nothing more comes into it. */
	drain(): void {
		for (;;) {
			turn.begin();
			const count = this.#look(0);
			if (count === 0 || this.#sink === null) return;
			this.#deliver(count, this.#sink);
		}
	}

	/**
	 * Takes what is in the ring, batch by batch. Stops after a while so that the event loop stays alive under full load, or
	 * when frames have cost more than a turn may.
	 */
	#receive(): void {
		turn.begin();
		for (let batches = 0, frames = 0; batches < BATCHES_PER_TURN && frames < FRAMES_PER_TURN; batches++) {
			if (turn.isSpent) break;
			const count = this.#look(0) || this.#watch();
			if (count === 0 || this.#sink === null) return;
			this.#deliver(count, this.#sink);
			frames += count;
		}
		if (!this.#resuming) {
			this.#resuming = true;
			setImmediate(this.#resume);
		}
	}

	#deliver(count: number, sink: FrameSink): void {
		this.#pump.hold();
		this.#ring?.deliver(count, this.#link, sink);
		this.#pump.run();
	}

	/**
	 * The ring is empty: waits a little for the next frame without sleeping, if frames have been coming so fast that it will
	 * be there before a sleep would be over. Returns how many have come.
	 */
	#watch(): number {
		if (!this.#pump.waitsForOneLink) return 0;
		const forUs = this.#pace.emptied();
		if (forUs === 0) return 0;
		const count = this.#look(forUs);
		if (count > 0) this.#pace.arrived();
		if (this.#pace.watched(count > 0)) this.#sayVain();
		return count;
	}

	#look(watchUs: number): number {
		return this.#ring === null ? 0 : this.#ring.look(watchUs);
	}

	readonly #resume = (): void => {
		this.#resuming = false;
		this.#receive();
	};
}
