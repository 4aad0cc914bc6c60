/** GRE packets made by hand, and a tunnel without a network: a port that keeps what is sent, a stream to look at. For the tests of this folder. */

import { connect, createServer, type Socket } from "node:net";
import path from "node:path";
import t, { type Test } from "tap";
import type { PacketPort } from "../../lib/gre/raw-packets.js";
import { Tunnel } from "../../lib/gre/tunnel.js";
import { isMessage, readMessage, type TunnelMessage } from "../../lib/link/gre-messages.js";
import { FrameSplitter } from "../../lib/link/stream-frames.js";
import { memoryOf } from "../../lib/wire/memory.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

export const PEER = "192.0.2.7";
export const LOCAL = "192.0.2.1";

/** An IPv4 header of so many bytes, as the kernel hands it out; what nobody looks at is left out. */
export function ipv4(payload: Uint8Array, headerBytes = 20): Buffer {
	const header = Buffer.alloc(headerBytes);
	header[0] = 0x40 | (headerBytes / 4);
	header.writeUInt16BE(headerBytes + payload.length, 2);
	header[9] = 47;
	return Buffer.concat([header, payload]);
}

/** A GRE packet without IP: `flags` as RFC 2784 counts them, and whatever comes behind the protocol type. */
export function gre(frame: Uint8Array, flags = 0, protocol = 0x6558, options = Buffer.alloc(0)): Buffer {
	const header = Buffer.alloc(4);
	header.writeUInt16BE(flags, 0);
	header.writeUInt16BE(protocol, 2);
	return Buffer.concat([header, options, frame]);
}

/** With a right checksum. */
export function checked(frame: Uint8Array): Buffer {
	const packet = gre(frame, 0x8000, 0x6558, Buffer.alloc(4));
	let sum = 0;
	for (let at = 0; at < packet.length; at += 2)
		sum += at + 1 < packet.length ? packet.readUInt16BE(at) : packet.readUInt8(at) << 8;
	while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
	packet.writeUInt16BE(~sum & 0xffff, 4);
	return packet;
}

export function frame(destination: Uint8Array, text: string): Buffer {
	return Buffer.concat([
		destination,
		Buffer.from("020000000002", "hex"),
		Buffer.from([0x88, 0xa2]),
		Buffer.from(text),
	]);
}

/** A port that sends when it is told to. */
export class FakePort implements PacketPort {
	readonly sent: { packet: Buffer; address: string }[] = [];
	receiving = true;
	/** What each gets for an answer. */
	error: Error | null = null;
	#waiting: (() => void)[] = [];

	send(
		bytes: Uint8Array,
		offset: number,
		length: number,
		address: string,
		done: (error: Error | null) => void,
	): void {
		this.#waiting.push(() => {
			this.sent.push({ packet: Buffer.from(bytes.slice(offset, offset + length)), address });
			done(this.error);
		});
		if (this.#waiting.length === 1) setImmediate(() => this.#sendNext());
	}

	#sendNext(): void {
		this.#waiting[0]?.();
		this.#waiting.shift();
		if (this.#waiting.length > 0) setImmediate(() => this.#sendNext());
	}

	pauseReceiving(): void {
		this.receiving = false;
	}

	resumeReceiving(): void {
		this.receiving = true;
	}
}

let socketsMade = 0;

/** A connected pair of sockets. */
async function socketPair(t: Test): Promise<[Socket, Socket]> {
	const at = path.join(scratchDirectory(), `s${socketsMade++}`);
	const server = createServer();
	const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
	await new Promise<void>((resolve) => server.listen(at, resolve));
	const near = connect(at);
	const far = await accepted;
	server.close();
	t.teardown(() => [near, far].map((socket) => socket.destroy()));
	return [near, far];
}

export interface Bench {
	readonly tunnel: Tunnel;
	readonly port: FakePort;
	/** The link's end of the stream. */
	readonly link: Socket;
	readonly frames: Buffer[];
	readonly messages: (TunnelMessage | undefined)[];
	route: { mtu: number; local: string } | Error;
}

/** A tunnel to `PEER` that has started and said so. */
export async function startedTunnel(t: Test, peer = PEER): Promise<Bench> {
	const [link, stream] = await socketPair(t);
	const port = new FakePort();
	const frames: Buffer[] = [];
	const messages: (TunnelMessage | undefined)[] = [];
	const bench: Bench = {
		tunnel: new Tunnel({
			peer,
			stream,
			tellMs: 50,
			routeTo: () => {
				if (bench.route instanceof Error) throw bench.route;
				return bench.route;
			},
		}),
		...{ port, link, frames, messages },
		route: { mtu: 1500, local: LOCAL },
	};
	const splitter = new FrameSplitter(({ bytes }, offset, frameBytes) => {
		if (isMessage(bytes, offset)) messages.push(readMessage(bytes, offset, frameBytes));
		else frames.push(Buffer.from(bytes.slice(offset, offset + frameBytes)));
	});
	link.on("error", () => {});
	link.on("data", (bytes: Uint8Array) => {
		const chunk = memoryOf(bytes, 0);
		splitter.keep(chunk, splitter.split(chunk));
	});
	bench.tunnel.start(port);
	await until("the first message", () => messages.length > 0, LIMIT_MS);
	return bench;
}

t.setTimeout(230_000);
