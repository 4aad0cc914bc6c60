/**
 * A look at what passes an interface, in both directions: a packet socket that hands on each frame as it was on the wire, with the
 * time at which the kernel had it. Used by `vblade capture`, and by `lib/doctor/` to speak other protocols than AoE. Nothing
 * is served over it, so it may be plain.
 *
 * Of a socket for one EtherType the kernel shows only what arrives; `ETHERTYPE_ALL` shows what leaves, too.
 */

import { OperatorError } from "../errors.js";
import { Errno, isNativeError, type NativePort, native, nativeMemory, SEND_FIELDS } from "../native.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";
import { encodeBpf } from "./bpf.js";
import type { InterfaceInfo } from "./interfaces.js";
import type { BpfInstruction } from "./link.js";
import { TP_LEN, TP_MAC } from "./packet-ring.js";

/** ETH_P_ALL of linux/if_ether.h. */
export const ETHERTYPE_ALL = 3;

/** More fields of `struct tpacket2_hdr`: see `packet-ring.ts`. */
const TP_STATUS = 0;
const TP_SNAPLEN = 8;
const TP_SEC = 16;
const TP_VLAN_TCI = 24;
const TP_VLAN_TPID = 26;
const TP_STATUS_VLAN_VALID = 1 << 4;
const TP_STATUS_VLAN_TPID_VALID = 1 << 6;
const TPID_8021Q = 0x8100;

const RING_BYTES = 32 * 1024 * 1024;
const RING_FRAMES_MAX = 8192;
/** Room for a VLAN tag that is part of the frame. */
const TAG_BYTES = 4;

/** A frame that was seen. Its bytes hold until the function that is told of it returns. */
export interface SniffedFrame {
	readonly memory: Memory;
	readonly offset: number;
	/** Bytes that are there, and bytes that it had. */
	readonly capturedBytes: number;
	readonly frameBytes: number;
	/** When, in microseconds since 1970: by the machine's clock as it was set when this process began. */
	readonly timeUs: number;
	/** The VLAN tag that the kernel has taken off, with its type in the upper half; undefined if there was none. */
	readonly vlanTag: number | undefined;
}

export interface SnifferOptions {
	readonly etherType: number;
	readonly filter: readonly BpfInstruction[];
	/** Told of each frame. */
	readonly frame: (frame: SniffedFrame) => void;
	/** Told after some frames: there are no more for now. */
	readonly drained?: () => void;
}

export class Sniffer {
	readonly info: InterfaceInfo;
	readonly #options: SnifferOptions;
	readonly #port: NativePort;
	readonly #memory: Memory;
	readonly #view: DataView;
	readonly #room = nativeMemory(2 ** 16);
	/** The first frame that has not been given back, and how many from there have been handed on. */
	#place = 0;
	#delivered = 0;
	#dropped = 0;
	#closed = false;

	/** Throws an OperatorError if the interface can't be had. */
	constructor(info: InterfaceInfo, options: SnifferOptions) {
		this.info = info;
		this.#options = options;
		const frameBytes = info.mtu + ETH_HEADER_BYTES + TAG_BYTES;
		const count = Math.min(RING_FRAMES_MAX, Math.floor(RING_BYTES / frameBytes));
		const [name = ""] = info.names;
		try {
			this.#port = native.portOpen(
				info.index,
				options.etherType,
				frameBytes,
				count,
				RING_BYTES,
				encodeBpf(options.filter),
				() => this.#take(),
			);
		} catch (error) {
			throw refusal(name, error);
		}
		this.#memory = {
			bytes: new Uint8Array(this.#port.ring),
			view: new DataView(this.#port.ring),
			address: this.#port.ringAddress,
		};
		this.#view = this.#memory.view;
	}

	/** Frames that were lost because nobody took them in time. */
	get dropped(): number {
		if (!this.#closed) this.#dropped += native.portDrops(this.#port.handle);
		return this.#dropped;
	}

	/** Sends a frame. Returns 0, or the errno that says why it did not leave. */
	send(frame: Uint8Array): number {
		this.#room.bytes.set(frame);
		const fields = new Float64Array(SEND_FIELDS);
		fields.set([this.#room.address, frame.length, 0, 0]);
		const error = new Int32Array(1);
		return native.portSend(this.#port.handle, fields, 1, error) === 1 ? 0 : error[0]!;
	}

	close(): void {
		if (this.#closed) return;
		this.#dropped = this.dropped;
		this.#closed = true;
		native.portClose(this.#port.handle);
	}

	/** Gives back what has been handed on, and hands on what is there, but for so much that the loop gets a turn. */
	#take(): void {
		const places = this.#port.frameOffsets.length;
		let taken = 0;
		while (!this.#closed && taken < RING_FRAMES_MAX) {
			const count = native.portNext(this.#port.handle, this.#place, this.#delivered, 0);
			this.#place = (this.#place + this.#delivered) % places;
			this.#delivered = 0;
			if (count === 0) break;
			for (; this.#delivered < count && !this.#closed; this.#delivered++) this.#deliver(this.#delivered);
			taken += count;
		}
		if (taken > 0) this.#options.drained?.();
	}

	#deliver(index: number): void {
		const header = this.#port.frameOffsets[(this.#place + index) % this.#port.frameOffsets.length]!;
		const word = (at: number): number => this.#view.getUint32(header + at, LITTLE_ENDIAN);
		const half = (at: number): number => this.#view.getUint16(header + at, LITTLE_ENDIAN);
		const status = word(TP_STATUS);
		const tpid = (status & TP_STATUS_VLAN_TPID_VALID) === 0 ? TPID_8021Q : half(TP_VLAN_TPID);
		const isTagged = (status & TP_STATUS_VLAN_VALID) !== 0;
		this.#options.frame({
			memory: this.#memory,
			offset: header + half(TP_MAC),
			capturedBytes: word(TP_SNAPLEN),
			frameBytes: word(TP_LEN),
			timeUs: timeOf(word(TP_SEC)),
			vlanTag: isTagged ? tpid * 0x10000 + half(TP_VLAN_TCI) : undefined,
		});
	}
}

/** By how much the machine's clock was ahead of the one that nobody sets, in microseconds. */
const AHEAD_US = Math.round((performance.timeOrigin + performance.now()) * 1000) - nowUs();
const STAMPS = 2 ** 32;

/** The time of day of a frame, of which the ring has the microseconds of the other clock, but for the upper bits: see packet.h. */
function timeOf(stamp: number): number {
	const now = nowUs();
	return AHEAD_US + now - ((((now - stamp) % STAMPS) + STAMPS) % STAMPS);
}

function nowUs(): number {
	const into = new Float64Array(1);
	native.clock(into);
	return Math.floor(into[0]!);
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function refusal(name: string, error: unknown): unknown {
	if (!isNativeError(error)) return error;
	const { errno, message } = error;
	if (errno === Errno.EPERM || errno === Errno.EACCES)
		return new OperatorError(`${name}: this needs CAP_NET_RAW; run it as root`);
	return new OperatorError(`${name}: can't open a packet socket (${message})`);
}
