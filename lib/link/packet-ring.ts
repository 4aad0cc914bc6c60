/**
 * The receive ring of a packet socket, which the kernel fills: says how many frames are there, hands them to a sink where
 * they lie, and gives them back when the next ones are asked for. Made anew by `packet.ts` for each socket it opens.
 */

import { type NativePort, native } from "../native.js";
import { turn } from "../turn.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import { PacketType } from "./bpf.js";
import type { FrameSink, Link, LinkCounts } from "./link.js";

/** `struct tpacket2_hdr` of linux/if_packet.h: byte offsets of its fields, all little- or big-endian as the machine is. */
const TP_STATUS = 0;
export const TP_LEN = 4;
const TP_SNAPLEN = 8;
export const TP_MAC = 12;
/** Where the addon has put the moment of arrival: see `vb_port_next`. */
const TP_SEC = 16;
const TP_STATUS_VLAN_VALID = 1 << 4;
/** `sll_pkttype` of the `struct sockaddr_ll` behind the header: who the kernel thinks the frame is for. */
const SLL_PKTTYPE = 32 + 10;

/** A link that is told when each frame arrived, before its sink is handed it. */
export type RingLink = Link & { arrivedUs: number };

export class ReceiveRing {
	readonly #handle: NativePort["handle"];
	readonly #memory: Memory;
	/** The ring as 32 and 16 bit numbers, for its headers. */
	readonly #words: Int32Array;
	readonly #halves: Uint16Array;
	/** Where each frame of the ring has its header. */
	readonly #offsets: Uint32Array;
	readonly #longestBytes: number;
	readonly #counts: LinkCounts;
	/** The first frame that has not been given back, and how many from there have been delivered. */
	#first = 0;
	#delivered = 0;
	#closed = false;

	/** `longestBytes`: of a frame that the MTU allows; the ring has room for a little more. */
	constructor(port: NativePort, longestBytes: number, counts: LinkCounts) {
		this.#handle = port.handle;
		this.#memory = memoryOf(new Uint8Array(port.ring), port.ringAddress);
		this.#words = new Int32Array(port.ring);
		this.#halves = new Uint16Array(port.ring);
		this.#offsets = port.frameOffsets;
		this.#longestBytes = longestBytes;
		this.#counts = counts;
	}

	/**
	 * Gives back what has been delivered: nobody may look at those bytes any more. Returns how many frames are there to be
	 * delivered, waiting without sleeping for at most `watchUs` microseconds for the first.
	 */
	look(watchUs: number): number {
		if (this.#closed) return 0;
		const delivered = this.#delivered;
		const ready = native.portNext(this.#handle, this.#first, delivered, watchUs);
		this.#first = (this.#first + delivered) % this.#offsets.length;
		this.#delivered = 0;
		return ready;
	}

	/**
	 * Hands the `count` frames that `look` has found to `sink`, or fewer if they cost more than a turn may. Their bytes hold
	 * until `look` is called again.
	 */
	deliver(count: number, link: RingLink, sink: FrameSink): void {
		const end = this.#offsets.length;
		const words = this.#words;
		// The sink may close the link, and the ring with it.
		for (
			let index = this.#first;
			this.#delivered < count && !this.#closed && !turn.isSpent;
			index = index + 1 === end ? 0 : index + 1
		) {
			this.#delivered += 1;
			const header = this.#offsets[index]!;
			const frameBytes = words[(header + TP_LEN) >> 2]!;
			if (this.#isCutOrTooLong(header, frameBytes) || this.#isForOthers(header)) {
				this.#counts.droppedIn++;
				continue;
			}
			this.#counts.framesIn++;
			link.arrivedUs = words[(header + TP_SEC) >> 2]!;
			sink.frame(link, this.#memory, header + this.#halves[(header + TP_MAC) >> 1]!, frameBytes, 0);
		}
	}

	/** Its memory is about to go. */
	close(): void {
		this.#closed = true;
	}

	/** True for a frame that the MTU does not allow, or of which not all is there. */
	#isCutOrTooLong(header: number, frameBytes: number): boolean {
		return frameBytes > this.#longestBytes || frameBytes !== this.#words[(header + TP_SNAPLEN) >> 2];
	}

	/**
	 * True for a frame that is neither to this host nor to all, by the kernel's word, which knows every address that leads here
	 * (a bridge has those of its ports, too); and for one with a VLAN tag, which belongs to another (virtual) network. The kernel
	 * marks it as another host's: it takes the tag off, and before sockets of a certain EtherType see the frame, forgets it.
	 */
	#isForOthers(header: number): boolean {
		return (
			this.#memory.bytes[header + SLL_PKTTYPE]! > PacketType.broadcast ||
			(this.#words[(header + TP_STATUS) >> 2]! & TP_STATUS_VLAN_VALID) !== 0
		);
	}
}
