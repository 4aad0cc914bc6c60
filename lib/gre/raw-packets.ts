/**
 * The optional package `raw-socket` (1.8), which alone sends and receives IP packets here, and its habits, so that `tunnel.ts` need not
 * know them. Loaded by nobody else.
 * - It hands out one packet for each turn of the loop, all in the same buffer, and gives receiving the turn where it could also send:
 *   who has something to send stops receiving for so long.
 * - Of IPv4 the packet begins with the IP header, of IPv6 it doesn't.
 * - It calls without Node's knowing: promises and ticks of what it calls wait for something else to happen.
 * - An error of its socket's closes it, and is told without saying which.
 */

import { createRequire } from "node:module";
import { isIPv4 } from "node:net";

/** As much of the package as is used here; it has no types of its own. */
interface RawSocketModule {
	readonly AddressFamily: { readonly IPv4: number; readonly IPv6: number };
	readonly SocketLevel: { readonly SOL_SOCKET: number };
	readonly SocketOption: { readonly SO_RCVBUF: number; readonly SO_SNDBUF: number };
	createSocket(options: { protocol: number; addressFamily: number; bufferSize: number }): RawSocket;
}
interface RawSocket {
	on(event: "message", listener: (packet: Uint8Array, source: string) => void): void;
	on(event: "error", listener: () => void): void;
	setOption(level: number, option: number, value: number): void;
	pauseRecv(): void;
	resumeRecv(): void;
	send(
		bytes: Uint8Array,
		offset: number,
		length: number,
		address: string,
		done: (error: Error | null) => void,
	): void;
}

/** Generic Routing Encapsulation. */
const PROTOCOL_GRE = 47;
/** Longest IP packet. */
const PACKET_MAX_BYTES = 65535;
/** As far as the system lets everyone have it. */
const BUFFER_BYTES = 4 * 1024 * 1024;

/** Packets to and from everyone. What it calls must neither throw nor wait. */
export interface PacketPort {
	/** `done` is called once the kernel has it, or with why it has not. The bytes are to stay until then. */
	send(
		bytes: Uint8Array,
		offset: number,
		length: number,
		address: string,
		done: (error: Error | null) => void,
	): void;
	pauseReceiving(): void;
	resumeReceiving(): void;
}

export interface PacketReceiver {
	/** From the IP header on where it is IPv4. Holds for the time of this call. */
	packet(bytes: Uint8Array, source: string): void;
	/** There will be none any more. */
	failed(): void;
}

/** Throws an Error whose message says what is missing. */
export function openRawPackets(peer: string, receiver: PacketReceiver): PacketPort {
	const raw = loadPackage();
	const { AddressFamily, SocketLevel, SocketOption } = raw;
	const addressFamily = isIPv4(peer) ? AddressFamily.IPv4 : AddressFamily.IPv6;
	const socket = open(raw, addressFamily);
	for (const option of [SocketOption.SO_RCVBUF, SocketOption.SO_SNDBUF])
		socket.setOption(SocketLevel.SOL_SOCKET, option, BUFFER_BYTES);
	socket.on("message", (packet, source) => receiver.packet(packet, source));
	socket.on("error", () => receiver.failed());
	return {
		send: (bytes, offset, length, address, done) => socket.send(bytes, offset, length, address, done),
		pauseReceiving: () => socket.pauseRecv(),
		resumeReceiving: () => socket.resumeRecv(),
	};
}

function loadPackage(): RawSocketModule {
	try {
		return createRequire(import.meta.url)("raw-socket") as RawSocketModule;
	} catch {
		throw new Error('needs the package "raw-socket"; run npm install raw-socket');
	}
}

function open(raw: RawSocketModule, addressFamily: number): RawSocket {
	try {
		return raw.createSocket({ protocol: PROTOCOL_GRE, addressFamily, bufferSize: PACKET_MAX_BYTES });
	} catch (error) {
		// It tells the system's text for an error, and no number.
		const why = error instanceof Error ? error.message : String(error);
		if (/not permitted|denied/i.test(why))
			throw new Error("raw IP packets need the capability CAP_NET_RAW; run as root");
		throw new Error(`can't open a raw socket (${why})`);
	}
}
