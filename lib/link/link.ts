/**
 * A link is an Ethernet port: frames in, frames out, whatever is underneath. Peers: AF_PACKET (`packet.ts`), a stream of
 * QEMU's (`unix.ts`), two ports in memory (`memory.ts`); and the lossy and capturing wrappers of the tests. The target and
 * our own initiator are written against this file alone. Every link passes the suite in `lib/testing/link-conformance.ts`.
 */

import { COUNT_START } from "../counters.js";
import type { Memory } from "../wire/memory.js";

/** Room for one frame that is to leave. Its owner fills it and hands it to `transmit`, which gives it back by itself. */
export interface FrameSlot {
	readonly memory: Memory;
	/** Index of the frame's first byte in `memory.bytes`. */
	readonly offset: number;
	/** Bytes of the longest frame it can hold. */
	readonly capacityBytes: number;
	/**
	 * Where the rest of the frame is, if `transmit` is told of one. A field, because a number of more than 31 bits that is
	 * handed to a function is put on the heap, unless the compiler happens to have put that function into its caller.
	 */
	dataAddress: number;
}

/** Told what the operator should know; how urgent it is, if not a warning. */
export type LinkLog = (message: string, level?: "warn" | "info" | "verbose") => void;

/** Who receives a link's frames. */
export interface FrameSink {
	/**
	 * One received frame, at `memory.bytes[offset]`, `frameBytes` long. The bytes hold only until the pump has run.
	 * `peer` says which of the link's peers sent it: hand it to `transmit` with the answer.
	 */
	frame(link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void;
	/**
	 * The link went up or down, or has a new MTU or MAC address: read them. Called also if it went down and up again so quickly
	 * that nobody saw it.
	 */
	linkChanged(link: Link): void;
}

/** Counted by each link since it was made. */
export interface LinkStats {
	framesIn: number;
	framesOut: number;
	/** Frames that the port had to drop before we could look at them: no room in the ring, or longer than the MTU. */
	droppedIn: number;
	/** Frames that could not leave: the port is down, or its queue stayed full. */
	droppedOut: number;
}

export function newLinkStats(): LinkStats {
	return { framesIn: COUNT_START, framesOut: COUNT_START, droppedIn: COUNT_START, droppedOut: COUNT_START };
}

/** The peer number that means every peer of a link: for broadcasts. */
export const ALL_PEERS = -1;

export interface Link {
	/** What the operator calls it: `eth0`, `unix:/run/vm.sock`. */
	readonly name: string;
	/** Our address on it, 48 bits. */
	readonly mac: number;
	/** Most bytes of payload in a frame, without the 14 of the Ethernet header. */
	readonly mtu: number;
	readonly up: boolean;
	/** For whoever looks: `up`, `down` or `gone`, and what else is worth knowing: `up, now called enp3s0`. */
	readonly status: string;
	/**
	 * True if the kernel has seen to it that each frame is to this host or to all: it knows every address that leads here. If
	 * not, the sink compares with `mac`.
	 */
	readonly isScreened: boolean;
	/** True if `transmit` can take a frame's data from any address in this process. */
	readonly canGather: boolean;
	/** True if that is faster than to have the data copied into the slot first. */
	readonly gathersFast: boolean;
	readonly stats: LinkStats;

	/** Starts to deliver frames to `sink`. Once. */
	attach(sink: FrameSink): void;
	/** Slots that are not in use. */
	readonly freeSlots: number;
	/** Room for a frame to send, or undefined if every slot is in use: the caller drops and counts. */
	acquire(): FrameSlot | undefined;
	/** Gives back a slot that will not be sent. */
	release(slot: FrameSlot): void;
	/**
	 * Queues a frame: `headBytes` of the slot, then `dataBytes` from its `dataAddress` (0 unless `canGather`). It leaves when
	 * the pump runs; shorter frames are padded to 60 bytes with zeros. The slot is the link's from now on.
	 */
	transmit(slot: FrameSlot, headBytes: number, peer: number, dataBytes?: number): void;
	/** Narrows what is received, in the kernel where that is possible: a classic BPF program (see `lib/link/bpf.ts`). */
	setFilter(program: readonly BpfInstruction[]): void;
	/** Stops receiving, sends what is queued, gives everything back. */
	close(): Promise<void>;
}

/** One instruction of classic BPF (`struct sock_filter` of linux/filter.h). */
export interface BpfInstruction {
	readonly code: number;
	readonly jt: number;
	readonly jf: number;
	readonly k: number;
}
