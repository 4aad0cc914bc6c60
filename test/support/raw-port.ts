/**
 * The other end of a cable in this process: any bytes out through a packet socket, and every AoE frame that comes in, for
 * whomever it is, so that one port can play many initiators. For tests that run inside a namespace (`in-namespace.ts`).
 */

import { type NativePort, native, SEND_FIELDS } from "../../lib/native.js";

const RING_FRAMES = 2048;
const SEND_BYTES = 16 << 20;
const ETHERTYPE_AOE = 0x88a2;
/** Shorter ones the socket does not take: there is no whole Ethernet header. */
const FRAME_BYTES_MIN = 14;
/** `struct tpacket2_hdr`: offsets of status, length on the wire, and where the frame begins. */
const STATUS = 0;
const LENGTH = 4;
const MAC = 12;
const KERNEL = 0;
const USER = 1;

export class RawPort {
	readonly #port: NativePort;
	readonly #ring: DataView;
	readonly #bytes: Buffer;
	readonly #staging: Buffer;
	readonly #frames: Float64Array;
	readonly #error = new Int32Array(1);
	readonly #onFrame: (frame: Buffer) => void;
	#next = 0;

	/** `onFrame` gets each frame that comes in; the bytes are its own. Frames have at most `frameBytes`. */
	constructor(
		interfaceName: string,
		readonly frameBytes: number,
		onFrame: (frame: Buffer) => void,
		readonly batchFrames = 64,
	) {
		this.#onFrame = onFrame;
		this.#staging = Buffer.alloc(frameBytes * batchFrames);
		this.#frames = new Float64Array(batchFrames * SEND_FIELDS);
		const filter = new Uint8Array(0);
		this.#port = native.portOpen(
			native.interfaceInfo(interfaceName)?.index ?? 0,
			ETHERTYPE_AOE,
			frameBytes,
			RING_FRAMES,
			SEND_BYTES,
			filter,
			() => this.#receive(),
		);
		this.#ring = new DataView(this.#port.ring);
		this.#bytes = Buffer.from(this.#port.ring);
	}

	/** Sends up to `batchFrames` frames in one call. Throws if one does not leave. */
	send(frames: readonly Buffer[]): void {
		let count = 0;
		for (const frame of frames) {
			if (frame.length < FRAME_BYTES_MIN) continue;
			const at = count * this.frameBytes;
			frame.copy(this.#staging, at);
			this.#frames.set([native.addressOf(this.#staging) + at, frame.length, 0, 0], count * SEND_FIELDS);
			count += 1;
		}
		const sent = native.portSend(this.#port.handle, this.#frames, count, this.#error);
		if (sent < count) throw new Error(`frame ${sent} of ${count} was not sent: errno ${this.#error[0]}`);
	}

	/** Frames that came in and found no room, since the last call. */
	get drops(): number {
		return native.portDrops(this.#port.handle);
	}

	close(): void {
		native.portClose(this.#port.handle);
	}

	#receive(): void {
		const { slotOffsets } = this.#port;
		for (;;) {
			const header = slotOffsets[this.#next] ?? 0;
			if ((this.#ring.getUint32(header + STATUS, true) & USER) === 0) return;
			const at = header + this.#ring.getUint16(header + MAC, true);
			const frame = Buffer.from(this.#bytes.subarray(at, at + this.#ring.getUint32(header + LENGTH, true)));
			this.#ring.setUint32(header + STATUS, KERNEL, true);
			this.#next = (this.#next + 1) % slotOffsets.length;
			this.#onFrame(frame);
		}
	}
}
