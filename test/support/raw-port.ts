/**
 * The other end of a cable in this process: any bytes out through a packet socket, and every AoE frame that comes in, for
 * whomever it is, so that one port can play many initiators. For tests that run inside a namespace (`in-namespace.ts`).
 */

import { TP_LEN, TP_MAC } from "../../lib/link/packet-ring.js";
import { type NativePort, native, SEND_FIELDS } from "../../lib/native.js";
import { ETH_HEADER_BYTES, ETHERTYPE_AOE } from "../../lib/wire/ethernet.js";

const RING_FRAMES = 2048;
const SEND_BYTES = 16 << 20;

export class RawPort {
	readonly #port: NativePort;
	readonly #ring: DataView;
	readonly #bytes: Buffer;
	readonly #staging: Buffer;
	readonly #frames: Float64Array;
	readonly #error = new Int32Array(1);
	readonly #onFrame: (frame: Buffer) => void;
	/** The first frame in the ring that has not been given back, and how many from there have been seen. */
	#first = 0;
	#seen = 0;
	#closed = false;

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
			// The socket does not take it: there is no whole Ethernet header.
			if (frame.length < ETH_HEADER_BYTES) continue;
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
		this.#closed = true;
		native.portClose(this.#port.handle);
	}

	#receive(): void {
		for (let count = this.#look(); count > 0; count = this.#look())
			for (; this.#seen < count; this.#seen++) {
				const header =
					this.#port.frameOffsets[(this.#first + this.#seen) % this.#port.frameOffsets.length] ?? 0;
				const at = header + this.#ring.getUint16(header + TP_MAC, true);
				const frameBytes = this.#ring.getUint32(header + TP_LEN, true);
				this.#onFrame(Buffer.from(this.#bytes.subarray(at, at + frameBytes)));
				if (this.#closed) return;
			}
	}

	/** Gives back what has been seen, and returns how many frames are there behind it. */
	#look(): number {
		const count = native.portNext(this.#port.handle, this.#first, this.#seen, 0);
		this.#first = (this.#first + this.#seen) % this.#port.frameOffsets.length;
		this.#seen = 0;
		return count;
	}
}
