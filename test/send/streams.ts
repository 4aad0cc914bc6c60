/** Streams for tests: devices with something on them, what is sent of them, and where it goes. */

import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { Extent } from "../../lib/image/extent.js";
import type { Random } from "../../lib/random.js";
import { DeviceReader, DeviceWriter } from "../../lib/send/device.js";
import type { Kept } from "../../lib/send/kept.js";
import { isOfStream, receive } from "../../lib/send/receive.js";
import { send } from "../../lib/send/send.js";
import type { StreamBegin } from "../../lib/send/stream-begin.js";
import { StreamReader } from "../../lib/send/stream-reader.js";
import type { ResumePoint } from "../../lib/send/token.js";
import { collected } from "../image/images.js";

export const SIZE = 2 * 1024 * 1024;
/** What a device in memory tells holes in. */
const CHUNK = 64 * 1024;
export const MARK_EVERY = 3 * CHUNK;

export const FULL: StreamBegin = {
	pool: "fast",
	volume: "web",
	snapshot: { name: "b", id: "pool:2" },
	base: null,
	sizeBytes: SIZE,
	pageBytes: 4096,
};
export const DIFFERENCE: StreamBegin = { ...FULL, base: { name: "a", id: "pool:1" } };

/** Keeps it as long as the test has it. */
export class KeptInMemory implements Kept {
	value: unknown;
	async read(): Promise<unknown> {
		return this.value;
	}
	async write(value: object): Promise<void> {
		this.value = JSON.parse(JSON.stringify(value));
	}
}

/** Writes and zeroes pieces of whole chunks by chance. */
export async function scribble(device: MemoryDevice, random: Random, times: number): Promise<void> {
	const writer = new DeviceWriter(device, "a test");
	for (let i = 0; i < times; i++) {
		const offsetBytes = random.below(SIZE / CHUNK) * CHUNK;
		const lengthBytes = Math.min(SIZE - offsetBytes, CHUNK * (1 + random.below(4)));
		const isData = random.chance(0.7);
		const bytes = new Uint8Array(isData ? lengthBytes : 0).fill(1 + random.below(255));
		await writer.put({ kind: isData ? "data" : "zero", offsetBytes, lengthBytes, bytes });
	}
	await writer.sync();
}

/** The same, and for certain many extents of data with holes between them, wherever chance has written. */
export async function scribbleAll(device: MemoryDevice, random: Random, times: number): Promise<void> {
	await scribble(device, random, times);
	const writer = new DeviceWriter(device, "a test");
	for (let offsetBytes = 0; offsetBytes < SIZE; offsetBytes += 4 * CHUNK) {
		const bytes = new Uint8Array(2 * CHUNK).fill(1 + random.below(255));
		await writer.put({ kind: "data", offsetBytes, lengthBytes: 2 * CHUNK, bytes });
		const zero = { offsetBytes: offsetBytes + 2 * CHUNK, lengthBytes: CHUNK, bytes: new Uint8Array(0) };
		await writer.put({ kind: "zero", ...zero });
	}
	await writer.sync();
}

export async function contentOf(device: BlockDevice): Promise<Buffer> {
	return (await collected(SIZE, new DeviceReader(device, "a test").extents(0, SIZE))).bytes;
}

/** A device with the same on it. */
export async function copyOf(device: MemoryDevice): Promise<MemoryDevice> {
	const made = new MemoryDevice(SIZE);
	const writer = new DeviceWriter(made, "a test");
	for await (const extent of new DeviceReader(device, "a test").extents(0, SIZE)) await writer.put(extent);
	await writer.sync();
	return made;
}

/** Chunks that two devices differ in, from a place on. */
export async function* changes(
	before: Buffer,
	after: Buffer,
	begin: number,
): AsyncGenerator<{ offsetBytes: number; lengthBytes: number }> {
	for (let at = begin; at < SIZE; ) {
		const end = Math.min(SIZE, (Math.floor(at / CHUNK) + 1) * CHUNK);
		if (!before.subarray(at, end).equals(after.subarray(at, end)))
			yield { offsetBytes: at, lengthBytes: end - at };
		at = end;
	}
}

/** All bytes of a stream, and where each piece of it begins. `pieces`: they are there, too, also of one that breaks off. */
export async function sent(
	device: BlockDevice,
	begin: StreamBegin,
	before?: Buffer,
	from?: ResumePoint,
	pieces: Buffer[] = [],
): Promise<{ bytes: Buffer; begins: number[] }> {
	const begins: number[] = [];
	let length = 0;
	const take = async (bytes: Uint8Array): Promise<void> => {
		begins.push(length);
		pieces.push(Buffer.from(bytes));
		length += bytes.length;
	};
	const after = before && (await contentOf(device));
	const whole = async function* (offsetBytes: number) {
		yield { offsetBytes, lengthBytes: SIZE - offsetBytes };
	};
	const source = {
		device,
		begin,
		changes: (offset: number) => (before && after ? changes(before, after, offset) : whole(offset)),
	};
	await send(source, take, from, () => {}, MARK_EVERY);
	return { bytes: Buffer.concat(pieces), begins };
}

/** A stream in pieces of any length. */
export async function* inPieces(bytes: Buffer, lengthBytes = 10_000): AsyncGenerator<Buffer> {
	for (let at = 0; at < bytes.length; at += lengthBytes) yield bytes.subarray(at, at + lengthBytes);
}

export async function received(bytes: Buffer, device: BlockDevice, kept: Kept): Promise<void> {
	const stream = await StreamReader.open(inPieces(bytes));
	isOfStream(await kept.read(), stream.point);
	await receive(stream, device, "a test", kept, () => {});
}

/** What a stream brings. */
export async function extentsOf(bytes: Buffer): Promise<Extent[]> {
	const stream = await StreamReader.open(inPieces(bytes));
	const extents: Extent[] = [];
	for await (const extent of stream.extents(async () => {})) extents.push(extent);
	return extents;
}
