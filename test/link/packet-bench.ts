/** Two packet sockets with a virtual cable between them, for the tests of that link. */

import type { Test } from "tap";
import { interfaceNames } from "../../lib/link/interfaces.js";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import type { Memory } from "../../lib/wire/memory.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip, layCable } from "./cable.js";

/** Keeps copies of what comes in. */
export class Sink implements FrameSink {
	readonly frames: Buffer[] = [];
	changes = 0;
	onFrame: (() => void) | undefined;

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number): void {
		this.frames.push(Buffer.from(memory.bytes.slice(offset, offset + frameBytes)));
		this.onFrame?.();
	}

	linkChanged(): void {
		this.changes += 1;
	}

	/** The text behind the Ethernet header of each frame, without what fills it up. */
	texts(): string[] {
		return this.frames.map((frame) => frame.subarray(14).toString("latin1").replace(/\0+$/, ""));
	}
}

export function frameTo(mac: number, text: string | Buffer, etherType = "88a2"): Buffer {
	const macs = `${mac.toString(16).padStart(12, "0")}020000000001`;
	const frame = Buffer.concat([Buffer.from(macs + etherType, "hex"), Buffer.from(text)]);
	return frame.length < 60 ? Buffer.concat([frame, Buffer.alloc(60 - frame.length)]) : frame;
}

/** Queues a frame; false if there is no slot. The pump sends it. */
export function send(from: Link, frame: Buffer, dataAddress = 0, dataBytes = 0): boolean {
	const slot = from.acquire();
	if (slot === undefined) return false;
	frame.copy(slot.memory.bytes, slot.offset);
	slot.dataAddress = dataAddress;
	from.transmit(slot, frame.length, 0, dataBytes);
	return true;
}

interface Ends {
	readonly pump: Pump;
	readonly near: PacketLink;
	readonly far: PacketLink;
	readonly nearSink: Sink;
	readonly farSink: Sink;
}

interface EndsOptions {
	readonly nearMtu?: number;
	/** As `nearMtu`, unless said. */
	readonly farMtu?: number;
	/** Links also send by an XDP socket. */
	readonly xdp?: boolean;
}

export async function openEnds(t: Test, options: EndsOptions = {}): Promise<Ends> {
	const { nearMtu = 1500, farMtu = nearMtu, xdp = false } = options;
	await layCable(nearMtu, farMtu);
	const pump = new Pump();
	const near = new PacketLink("near", pump, { framesInFlight: 16, xdp });
	// The far end has room for all that comes at once.
	const far = new PacketLink("far", pump, { framesInFlight: 2048, xdp });
	const [nearSink, farSink] = [new Sink(), new Sink()];
	near.attach(nearSink);
	far.attach(farSink);
	t.teardown(async () => {
		await near.close();
		await far.close();
		if (interfaceNames().includes("near")) ip("link delete near");
	});
	return { pump, near, far, nearSink, farSink };
}

/** Sends until a frame arrives: one that is sent while a socket is opened anew is lost. */
export async function heard(
	from: Link,
	to: Link,
	sink: Sink,
	frameBytes = 60,
	limitMs = LIMIT_MS,
): Promise<void> {
	const before = sink.frames.length;
	const arrived = () => {
		send(from, frameTo(to.mac, Buffer.alloc(frameBytes - 14, "h")));
		return sink.frames.slice(before).some((frame) => frame.length === frameBytes);
	};
	await until(`a frame of ${frameBytes} bytes`, arrived, limitMs);
}
