/** What the tests of files as storage share: engines, devices, and one request at a time. */

import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import type { Test } from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { type EngineKind, StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import type { FileOptions } from "../../lib/block/file-options.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { type LayerOptions, layersOn } from "../../lib/block/stack.js";
import { storageStatusName } from "../../lib/errors.js";
import { native, nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { strictly } from "../../lib/testing/strict-layer.js";

/** The bytes at an address. */
export function bytesAt(address: number, lengthBytes: number): Uint8Array {
	const { bytes, address: to } = nativeMemory(lengthBytes);
	if (!native.copy(to, address, lengthBytes)) throw new Error("the bytes are gone");
	return bytes;
}

/** What a file takes of its file system. */
export function usedBytes(file: string): number {
	const { blocks } = statSync(file);
	return blocks * 512;
}

export interface Bench {
	readonly pump: Pump;
	readonly engine: StorageEngine;
	readonly commits: GroupCommit;
}

/** An engine of its own for a test. */
export function makeBench(t: Test, kind?: EngineKind): Bench {
	const pump = new Pump();
	const engine = new StorageEngine(pump, kind);
	t.teardown(() => engine.close());
	return { pump, engine, commits: new GroupCommit(pump) };
}

/** Layers are held to their word, unless something else is said to be between them. */
export type StackOptions = LayerOptions & Pick<FileOptions, "readOnly" | "direct" | "onUnmapped">;

const STACK_OPTIONS: StackOptions = {
	readOnly: false,
	direct: false,
	offsetSectors: 0,
	lengthSectors: undefined,
	durability: "flush",
	between: strictly,
};

/** A file with all the layers that make it the disk of a blade. */
export function openStack(
	path: string,
	{ engine, commits }: Bench,
	options: Partial<StackOptions> = {},
): BlockDevice {
	const all = { ...STACK_OPTIONS, ...options };
	const { offsetSectors, lengthSectors, durability } = all;
	const file = new FileDevice(engine, path, {
		...all,
		offsetBytes: offsetSectors * 512,
		lengthBytes: lengthSectors === undefined ? undefined : lengthSectors * 512,
		synced: durability === "ack",
	});
	return layersOn(file, path, all, commits, file.alignBytes);
}

/** The same of memory. */
export function openMemoryStack(
	sizeBytes: number,
	{ engine, commits }: Bench,
	options: Partial<StackOptions> = {},
): BlockDevice {
	const all = { ...STACK_OPTIONS, ...options };
	return layersOn(FileDevice.inMemory(engine, "mem:test", sizeBytes, all), "mem:test", all, commits);
}

/** A file without any layer. Closed at the end of the test. */
export function openFile(
	t: Test,
	path: string,
	{ engine }: Bench,
	options: Partial<FileOptions> = {},
): FileDevice {
	const device = new FileDevice(engine, path, { readOnly: false, direct: false, ...options });
	t.teardown(() => device.close());
	return device;
}

/** One request, which is over. `bytes` are those that were read. */
export type Over = BlockRequest & { readonly bytes: Uint8Array };

async function run(
	device: BlockDevice,
	op: BlockOp,
	offsetBytes: number,
	lengthBytes: number,
	more = {},
): Promise<Over> {
	const promised = new PromisedRequest();
	const memory = nativeMemory(Math.max(lengthBytes, 1));
	Object.assign(promised.request, { op, offsetBytes, lengthBytes, memory }, more);
	const request = await promised.run(device);
	const { borrowedAddress } = request;
	return Object.assign(request, {
		bytes: borrowedAddress === 0 ? memory.bytes : bytesAt(borrowedAddress, lengthBytes),
	});
}

export function read(
	device: BlockDevice,
	offsetBytes: number,
	lengthBytes: number,
	mayBorrow = false,
): Promise<Over> {
	return run(device, BlockOp.read, offsetBytes, lengthBytes, { mayBorrow });
}

/** Writes one byte over and over. */
export function write(
	device: BlockDevice,
	offsetBytes: number,
	lengthBytes: number,
	byte: number,
	fua = false,
): Promise<Over> {
	const memory = nativeMemory(lengthBytes);
	memory.bytes.fill(byte);
	return run(device, BlockOp.write, offsetBytes, lengthBytes, { memory, fua });
}

export function trim(device: BlockDevice, offsetBytes: number, lengthBytes: number): Promise<Over> {
	return run(device, BlockOp.trim, offsetBytes, lengthBytes);
}

export function flush(device: BlockDevice): Promise<Over> {
	return run(device, BlockOp.flush, 0, 0);
}

/** The status of a request in words. */
export function named({ status }: BlockRequest): string {
	return storageStatusName(status);
}

export function isAll(bytes: Uint8Array, byte: number): boolean {
	return bytes.every((found) => found === byte);
}

/** The open(2) flags of every descriptor that this process has on a file. */
export function openFlags(path: string): number[] {
	return readdirSync("/proc/self/fd")
		.filter((fd) => linkOf(`/proc/self/fd/${fd}`) === path)
		.map((fd) => /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0")
		.map((flags) => Number.parseInt(flags, 8));
}

function linkOf(path: string): string {
	try {
		return readlinkSync(path);
	} catch {
		return ""; // The descriptor of the directory that was read.
	}
}
