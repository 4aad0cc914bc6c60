/**
 * A link is an Ethernet port: frames in, frames out, whatever is underneath. There are some over AF_PACKET (`packet.ts`),
 * libpcap (`pcap.ts`), a stream of QEMU's (`unix.ts`) and a network in memory (`memory.ts`), and for tests one that goes before
 * another and loses frames (`lib/testing/lossy-link.ts`). The target and our own initiator are written against this file
 * alone. Every link passes the suite in `lib/testing/link-conformance.ts`.
 */

import { COUNT_START } from "../counters.js";
import type { Memory } from "../wire/memory.js";

/** Room for one frame that is to leave. Its owner fills it and hands it to `transmit`, which gives it back by itself. */
export interface FrameRoom {
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

/** What can be asked of every link of the operator's. */
export interface LinkOptions {
	/**
	 * Frames that can be under way at once (buffer count times blades); ring and rooms are for 256 to 8192. When there are more
	 * later, `Link.makeRoom` is told.
	 */
	readonly framesInFlight?: number;
	/** With a smaller MTU nothing useful can be done. */
	readonly leastMtu?: number | undefined;
	/** Told what the operator should know; of what went wrong, at most once per kind of event. */
	readonly log?: LinkLog | undefined;
}

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

/** What a link has counted since it was made, until it was asked. */
export interface LinkStats {
	readonly framesIn: number;
	readonly framesOut: number;
	/** Frames that were lost before we could look at them: no room in the ring, or longer than the MTU. */
	readonly droppedIn: number;
	/** Frames that could not leave: the link is down, or its queue stayed full. */
	readonly droppedOut: number;
}

/** Those counts as they go on. */
export type LinkCounts = { -readonly [Name in keyof LinkStats]: LinkStats[Name] };

export function newLinkCounts(): LinkCounts {
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
	/** True if that is faster than to have the data copied into the room first. */
	readonly gathersFast: boolean;
	/**
	 * When the frame that the sink is being handed arrived, as `nowUs` has it (`lib/departures.ts`): in the kernel's ring, or as
	 * near to that as the link can tell. Read it in `frame`.
	 */
	readonly arrivedUs: number;
	/** A copy of its own for each who asks. May ask the kernel, which counts what it drops: not for every frame. */
	readonly stats: LinkStats;

	/** Starts to deliver frames to `sink`. Once. */
	attach(sink: FrameSink): void;
	/** Rooms that are not in use. */
	readonly freeRooms: number;
	/** Room for a frame to send, or undefined if every one is in use: the caller drops and counts. */
	acquire(): FrameRoom | undefined;
	/** Gives back a room whose frame will not be sent. */
	release(room: FrameRoom): void;
	/**
	 * So many frames can be under way at once from now on: once that has doubled, the link has more rooms, and whatever else is
	 * sized by it. Nothing is lost for that: rooms that are out and frames that wait stay as they are. Never makes less of
	 * anything; a link whose rooms are fixed does nothing. May deliver frames, so not from within a sink.
	 */
	makeRoom(framesInFlight: number): void;
	/**
	 * Queues a frame: `headBytes` of the room, then `dataBytes` from its `dataAddress` (0 unless `canGather`). It leaves when
	 * the pump runs; shorter frames are padded to 60 bytes with zeros. The room is the link's from now on.
	 */
	transmit(room: FrameRoom, headBytes: number, peer: number, dataBytes?: number): void;
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
