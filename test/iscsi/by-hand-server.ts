/**
 * A server with one disk for tests that know bytes alone (`by-hand.ts`): 4 TiB, thin in units of 64 KiB, with a write cache; and logins to it.
 */

import { Socket } from "node:net";
import type { Test } from "tap";
import { type DeviceInfo, deviceInfo } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { native } from "../../lib/native.js";
import { SocketStream } from "../../lib/stream/socket-stream.js";
import { ByHand, bytes, number, zeros } from "./by-hand.js";
import { ServerUnderTest } from "./server-under-test.js";

const TIB = 2 ** 40;
const INFO = deviceInfo({
	sizeBytes: 4 * TIB,
	physicalBlockBytes: 4096,
	canTrim: true,
	trimGranularityBytes: 65_536,
	bestTransferBytes: 65_536,
	fastZeroes: true,
	knowsExtents: true,
	writeCache: true,
});

/** Large, thin, with a cache. */
class Thin extends DeviceLayer {
	override get info(): DeviceInfo {
		return INFO;
	}

	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

export function serve(t: Test): ServerUnderTest {
	const server = new ServerUnderTest(new Thin(new OrderingLayer(new MemoryDevice(4 * TIB))));
	server.scsi.unit(0)!.reservations.keep = () => Promise.resolve(true);
	t.teardown(() => server.close());
	return server;
}

export function connect(t: Test, server: ServerUnderTest): ByHand {
	const [ours, theirs] = native.socketPair();
	server.server.accept(new SocketStream(theirs, "192.0.2.1:50000"));
	const host = new ByHand(new Socket({ fd: ours, readable: true, writable: true }));
	t.teardown(() => host.close());
	return host;
}

export const text = (...pairs: readonly string[]): Buffer =>
	Buffer.from(pairs.map((pair) => `${pair}\0`).join(""));
const inWords = (data: Buffer): string => data.toString("hex") + zeros((4 - (data.length % 4)) % 4);

/** A login request and its response (RFC 7143, 11.12 and 11.13), of the connection 1: `stages` are its flags. */
export async function stage(
	t: Test,
	host: ByHand,
	stages: string,
	isid: string,
	says: Buffer,
	hears: Buffer,
): Promise<void> {
	const isFirst = stages === "81";
	const statSN = isFirst ? zeros(4) : number((host.statSN + 1) >>> 0);
	host.send(
		`43 ${stages} 00 00 00 ${number(says.length, 3)} ${isid} 0000 00000001 0001 0000 00000001 ${statSN} ${zeros(16)}`,
		inWords(says),
	);
	const come = await host.receive();
	// (The target chooses where its numbers begin, and what the session is called.)
	host.statSN = isFirst ? come.readUInt32BE(24) : (host.statSN + 1) >>> 0;
	const tsih = isFirst ? "0000" : come.toString("hex", 14, 16);
	if (!isFirst) t.not(tsih, "0000", "the session has a name");
	const answer = `23 ${stages} 00 00 00 ${number(hears.length, 3)} ${isid} ${tsih} 00000001 00000000 ${number(host.statSN)} 00000001 00000080 0000 0000 ${zeros(8)} ${inWords(hears)}`;
	t.equal(come.toString("hex"), bytes(answer).toString("hex"), `login: ${stages}`);
}
