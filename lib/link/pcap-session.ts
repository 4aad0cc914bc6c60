/**
 * One session of the optional package `pcap` (3.1), and its habits, so that `pcap.ts` need not know them:
 * - A link that goes down ends its watch over the socket without a word. All there is to see is a wake-up without a frame.
 * - It is woken once by itself right after it was made, before anybody can listen.
 * - A closed session ends only when it is next asked for frames, and says so once; asking again would crash the process.
 * - It stays in libuv's list of handles after its end, so its object must never be collected: sessions are kept for the
 *   life of the process, a few hundred bytes each.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { formatMac } from "../wire/mac.js";

/** As much of the package as is used here. */
export interface PcapModule {
	createSession(interfaceName: string, options: object): Session;
	warningHandler: (text: string) => void;
}

interface Session {
	readonly link_type: string;
	readonly buf: Uint8Array;
	readonly header: Uint8Array;
	/** The binding's part. It calls `read_callback` when there are frames; `dispatch` emits them as "packet" events. */
	readonly session: { read_callback: () => void; dispatch(buf: Uint8Array, header: Uint8Array): number };
	on(event: "packet", listener: () => void): void;
	stats(): { readonly ps_drop: number };
	inject(frame: Uint8Array): void;
	close(): void;
}

/** Who is told what a session captures. */
export interface CaptureReceiver {
	/** One frame, at the beginning of `bytes`, for the time of this call. Must not end the capture. */
	captured(bytes: Uint8Array, capturedBytes: number, frameBytes: number): void;
	/** No more frames for now. `wokenForNothing`: there were none at all, so the session may be deaf. */
	captureDone(wokenForNothing: boolean): void;
}

export interface CaptureOptions {
	/** AoE frames to this address, or to all, are captured; those from it and those with a VLAN tag are not. */
	readonly mac: number;
	/** Longest frame; of longer ones only so much is captured. */
	readonly frameBytes: number;
	/** Bytes for frames that wait. */
	readonly bufferBytes: number;
}

/** Where the header of a captured frame has its lengths, in the machine's byte order. */
const CAPTURED_BYTES_AT = 8;
const FRAME_BYTES_AT = 12;
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** What `dispatch` returns when the session has ended (PCAP_ERROR_BREAK). */
const ENDED = -2;
/** How often a closed session is asked for frames until it says that it has ended. Twice is what it may take. */
const END_ATTEMPTS = 8;

/** All sessions ever opened; see above. */
const sessions: Session[] = [];

export class PcapCapture {
	readonly #session: Session;
	readonly #receiver: CaptureReceiver;
	#frames = 0;
	#ended = false;

	/** Throws whatever the package does if the interface can't be captured. */
	constructor(module: PcapModule, interfaceName: string, options: CaptureOptions, receiver: CaptureReceiver) {
		const mac = formatMac(options.mac);
		this.#receiver = receiver;
		this.#session = module.createSession(interfaceName, {
			// Not "inbound" but "not ether src": libpcap judges the first frames itself, and then knows no direction.
			filter: `ether proto 0x88a2 and (ether dst ${mac} or ether broadcast) and not ether src ${mac} and not vlan`,
			buffer_size: options.bufferBytes,
			// Every frame at once.
			buffer_timeout: 0,
			promiscuous: false,
			snap_length: options.frameBytes,
		});
		sessions.push(this.#session);
		this.#session.on("packet", () => this.#packet());
		this.#session.session.read_callback = () => this.#readable();
		process.nextTick(() => this.#firstFrames());
	}

	get isEthernet(): boolean {
		return this.#session.link_type === "LINKTYPE_ETHERNET";
	}

	/** Frames dropped so far because the buffer was full. */
	get drops(): number {
		return this.#ended ? 0 : this.#session.stats().ps_drop;
	}

	/** Sends a frame. False if that is not possible now. */
	inject(frame: Uint8Array): boolean {
		try {
			this.#session.inject(frame);
			return true;
		} catch {
			return false;
		}
	}

	/** Ends the session. Resolves, when it has let go of its socket, to true; false if it would not. */
	async end(): Promise<boolean> {
		this.#ended = true;
		const { session, buf, header } = this.#session;
		session.read_callback = () => {};
		// Its first wake-up may still be to come.
		await new Promise<void>((resolve) => setImmediate(resolve));
		this.#session.close();
		for (let attempt = 0; attempt < END_ATTEMPTS; attempt++)
			if (session.dispatch(buf, header) === ENDED) return true;
		return false;
	}

	#packet(): void {
		if (this.#ended) return;
		const { buf, header } = this.#session;
		const lengths = new DataView(header.buffer, header.byteOffset, header.byteLength);
		this.#frames += 1;
		this.#receiver.captured(
			buf,
			lengths.getUint32(CAPTURED_BYTES_AT, LITTLE_ENDIAN),
			lengths.getUint32(FRAME_BYTES_AT, LITTLE_ENDIAN),
		);
	}

	#readable(): void {
		this.#frames = 0;
		this.#session.session.dispatch(this.#session.buf, this.#session.header);
		this.#receiver.captureDone(this.#frames === 0);
	}

	/** What its own first wake-up brought, which was not ours to see. */
	#firstFrames(): void {
		if (this.#frames > 0 && !this.#ended) this.#receiver.captureDone(false);
	}
}

/** The package, if it is installed; `netif` is what the operator called for. */
export async function loadPcap(netif: string, load = importPackage): Promise<PcapModule> {
	try {
		const module = await load();
		// It would print to the console that an interface has no IPv4 address.
		module.default.warningHandler = () => {};
		return module.default;
	} catch {
		throw new OperatorError(
			`${quote(netif)}: needs the package "pcap"; install libpcap-dev, then run npm install pcap`,
		);
	}
}

async function importPackage(): Promise<{ default: PcapModule }> {
	// Optional, so its types may be missing when this is compiled.
	const name = "pcap";
	return (await import(name)) as { default: PcapModule };
}
