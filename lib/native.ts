/**
 * The typed door to the addon in `native/`: packet sockets, the storage engine, interfaces and memory. Everything here is
 * as plain as the C behind it; `lib/link/packet.ts`, `lib/link/interfaces.ts` and `lib/block/engine.ts` make rooms of it.
 * Functions that ask the system for something throw a `NativeError`; the ones of the hot path never throw.
 */

import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Memory, memoryOf } from "./wire/memory.js";

/** A failed system call: what was being done, and why it failed. */
export interface NativeError extends Error {
	/** A positive errno of Linux. */
	readonly errno: number;
	/** The step that failed, in one word: "open", "lock", "socket", "bind" ... */
	readonly step: string;
}

export function isNativeError(error: unknown): error is NativeError {
	return error instanceof Error && "errno" in error && "step" in error;
}

/** The errnos of Linux that anyone here asks for (asm-generic/errno-base.h). */
export const Errno = {
	EPERM: 1,
	ENOENT: 2,
	EIO: 5,
	EAGAIN: 11,
	EACCES: 13,
	EFAULT: 14,
	EBUSY: 16,
	ENODEV: 19,
	EINVAL: 22,
	ETXTBSY: 26,
	EFBIG: 27,
	ENOSPC: 28,
	EROFS: 30,
	ERANGE: 34,
	EMSGSIZE: 90,
	EOPNOTSUPP: 95,
	EADDRINUSE: 98,
	ENETDOWN: 100,
	ENOBUFS: 105,
	EDQUOT: 122,
} as const;

declare const portBrand: unique symbol;
declare const engineBrand: unique symbol;
declare const monitorBrand: unique symbol;
declare const writerBrand: unique symbol;
export interface PortHandle {
	readonly [portBrand]: true;
}
export interface EngineHandle {
	readonly [engineBrand]: true;
}
export interface MonitorHandle {
	readonly [monitorBrand]: true;
}
export interface WriterHandle {
	readonly [writerBrand]: true;
}

/** An open packet socket. */
export interface NativePort {
	readonly handle: PortHandle;
	/** The receive ring, shared with the kernel. Empty (detached) once the port is closed. */
	readonly ring: ArrayBuffer;
	readonly ringAddress: number;
	/** Byte offset of each ring slot's header (`struct tpacket2_hdr`), in the order in which the kernel fills them. */
	readonly slotOffsets: Uint32Array<ArrayBuffer>;
}

export interface InterfaceInfo {
	readonly index: number;
	/** The kernel's own name, then the alternative ones. */
	readonly names: readonly string[];
	readonly mtu: number;
	/** 48 bits. */
	readonly mac: number;
	/** Up, and with a carrier. */
	readonly up: boolean;
	/** How often it got a carrier. */
	readonly carriers: number;
	/** Index of the bridge that it is a port of; 0: of none. */
	readonly bridge: number;
	readonly isMacvlan: boolean;
	/** It is no longer there, this is what it was; `moved`: to another network namespace. */
	readonly gone: boolean;
	readonly moved: boolean;
}

export interface NativeFile {
	/** The engine's number for it. */
	readonly file: number;
	readonly sizeBytes: number;
	readonly physicalBlockBytes: number;
	/** What direct I/O is rounded to; 1 without. */
	readonly alignBytes: number;
	readonly isBlock: boolean;
	readonly canTrim: boolean;
	readonly nonRotational: boolean;
	/** There was no address space left to map it: it is served by a longer way. */
	readonly unmapped: boolean;
}

/** What the load generator shall do; see native/bench/load.h. */
export interface LoadOptions {
	/** MAC address of the blade's server, 48 bits. */
	readonly targetMac: number;
	readonly shelf: number;
	readonly slot: number;
	/** Sectors of 512 bytes per command: 1..255, within the frame size. */
	readonly sectors: number;
	/** Commands under way: 1..1024. */
	readonly window: number;
	/** 0: only reads, 100: only writes. */
	readonly writePercent: number;
	/** 1: one block after the other; 0: at random. */
	readonly sequential: number;
	/** 1: stamp every sector written with its LBA and generation, and check every one read. */
	readonly verify: number;
	readonly firstLba: number;
	/** Blocks of `sectors` that are used, from `firstLba`. */
	readonly blocks: number;
	readonly seconds: number;
	/** At most so many commands; 0: no limit. */
	readonly requests: number;
	readonly seed: number;
}

export interface LoadResult {
	/** Commands answered without error. */
	readonly requests: number;
	/** Commands sent again because no answer came in time. */
	readonly lost: number;
	readonly errors: number;
	/** Answers to commands that had been given up. */
	readonly late: number;
	/** Sectors whose stamp was not the one that had to be there. */
	readonly wrong: number;
	readonly seconds: number;
	readonly p50Us: number;
	readonly p99Us: number;
	readonly p999Us: number;
	readonly maxUs: number;
}

/** Flags of `fileOpen`. */
export const OPEN_READ_ONLY = 1;
export const OPEN_DIRECT = 2;
export const OPEN_SYNCED = 4;

/** Flags that are added to a `BlockOp` in an operation's first field. */
export const OPERATION_MAY_BORROW = 16;
export const OPERATION_FUA = 32;
/** Of what changes something, as the other one is of reads. */
export const OPERATION_SYNC_TOO = 16;
/** A trim of a list: `address` is that of its pairs of offset and length, `park` how many there are. */
export const OPERATION_LIST = 64;

/** Doubles of an operation, by index; see `enum vb_field` in native/storage/engine.h, which this mirrors. */
export const OperationField = {
	kind: 0,
	file: 1,
	offset: 2,
	length: 3,
	address: 4,
	park: 5,
	token: 6,
	borrowed: 7,
	count: 8,
} as const;
/** What the first field holds after `engineSubmit` if the operation goes on in the background; 0: done; negative: -errno. */
export const OPERATION_PENDING = 1;
/** Doubles of a completion: token, result, byte offset of the first byte that failed. */
export const COMPLETION_FIELDS = 3;
/** A completion's result, if it is neither 0 nor -errno: a write that is on stable storage now. */
export const RESULT_SYNCED = 1;
/** Results below this: a write was done but could not be put on stable storage; what is left is -errno. */
export const RESULT_SYNC_FAILED = -65536;
/** Doubles that `engineRetry` fills in: an errno if something is lacking, else 0; operations that were put off so far. */
export const LACK_FIELDS = 2;
/** Doubles of a frame to send: address and length of the head, address and length of the data. */
export const SEND_FIELDS = 4;

/** Bit of `portOpen`'s callback argument: frames can be sent again. */
export const EVENT_WRITABLE = 2;
/** Bit of `monitorOpen`'s: the socket had an error, so changes have been lost. */
export const EVENT_FAILED = 16;

interface Addon {
	memory(byteLength: number): ArrayBuffer;
	addressOf(bytes: Uint8Array): number;
	copy(to: number, from: number, length: number): boolean;
	/** Puts the monotonic time, in microseconds, into `into[0]`: unlike a number returned, this allocates nothing. */
	clock(into: Float64Array): void;
	interfaceNames(): string[];
	/** The kernel's name of the interface with this index. */
	interfaceName(index: number): string | undefined;
	/** By any of its names or its index. Throws a NativeError if the kernel can't be asked. */
	interfaceInfo(which: string | number): InterfaceInfo | undefined;
	/** The same from another thread. */
	interfaceAsk(which: string | number): Promise<InterfaceInfo | undefined>;
	/** A descriptor that holds a name of this network namespace; EADDRINUSE if another process has it. */
	takeName(name: string): number;
	monitorOpen(changed: (events: number) => void): MonitorHandle;
	/** The interface that has changed next, undefined if there is no more for now, null if changes were lost. */
	monitorNext(handle: MonitorHandle): InterfaceInfo | null | undefined;
	monitorClose(handle: MonitorHandle): void;
	portOpen(
		/** Of the interface. */
		index: number,
		etherType: number,
		frameBytes: number,
		frameCount: number,
		sendBytes: number,
		filter: Uint8Array,
		ready: (events: number) => void,
	): NativePort;
	/**
	 * From now on frames of up to so many bytes are sent by an XDP socket: see native/net/xdp.h. Throws a NativeError if there can't
	 * be one: EBUSY if another process has the device's first queue.
	 */
	portUseXdp(handle: PortHandle): number;
	portSetFilter(handle: PortHandle, filter: Uint8Array): void;
	portSend(handle: PortHandle, frames: Float64Array, count: number, error: Int32Array): number;
	portWantWritable(handle: PortHandle, wanted: boolean): void;
	/**
	 * Gives `count` ring slots from number `slot` on back to the kernel, and returns how many of those behind them hold a frame
	 * (at most 64). If none does, watches the next one without sleeping, for at most `microseconds`.
	 */
	portNext(handle: PortHandle, slot: number, count: number, microseconds: number): number;
	portDrops(handle: PortHandle): number;
	portClose(handle: PortHandle): void;
	engineOpen(
		operations: Float64Array,
		completions: Float64Array,
		done: () => void,
		wantUring: boolean,
	): EngineHandle;
	/** 0: io_uring is in use. Positive: the errno that says why it is not. -1: it was not wanted. */
	engineUring(handle: EngineHandle): number;
	engineSubmit(handle: EngineHandle, count: number): number;
	engineReap(handle: EngineHandle): number;
	/** Tries again what could not be begun for want of threads or memory; to be called once a second. */
	engineRetry(handle: EngineHandle, into: Float64Array): void;
	engineClose(handle: EngineHandle): void;
	/** `begin` and `length` are what is going to be served of it, in bytes, and is locked. A length of 0: to the end. */
	fileOpen(handle: EngineHandle, path: string, flags: number, begin: number, length: number): NativeFile;
	/** So many bytes of memory as a file: zeros, private to this process. Of the flags only OPEN_READ_ONLY is one here. */
	memoryOpen(handle: EngineHandle, sizeBytes: number, flags: number): NativeFile;
	/**
	 * Measures files, from number `first` on half as many as `sizes` has room for, and returns how many have changed: number and
	 * bytes of each are in `sizes` from its second element on. The first becomes the number to go on with, 0 after the last.
	 */
	fileSizes(handle: EngineHandle, first: number, sizes: Float64Array): number;
	fileClose(handle: EngineHandle, file: number): boolean;
	/** The number of a user. Throws a NativeError: ENOENT if there is none of this name. */
	findUser(name: string): number;
	/** See native/common/privileges.h. Throws a NativeError whose step is user, groups, capabilities or filter. */
	becomeUser(name: string, keepRaw: boolean): void;
	/** Writes to a descriptor from a thread of its own: see native/common/writer.h. */
	writerOpen(descriptor: number, limitBytes: number): WriterHandle;
	/** Whole lines. False: they are lost, and counted. */
	writerPut(handle: WriterHandle, text: string): boolean;
	/** Waits, for at most so long, until all has been written. False if it has not. */
	writerFlush(handle: WriterHandle, limitMs: number): boolean;
	/** Ends the process, without what Node does then, if standard input, output or error is a terminal that is gone. */
	exitIfHungUp(status: number): void;
	/** Rejects with a NativeError: ETIMEDOUT if the blade does not answer. */
	loadRun(interfaceName: string, options: LoadOptions): Promise<LoadResult>;
}

/**
 * The folder `native/` of the package, seen from lib/ and from build/lib/ alike. `VBLADE_ADDON` names another one: a build
 * for tests (`npm run check:native`), which the package's folder `build/` must have; what is elsewhere is never loaded.
 */
function findNativeDir(): string {
	let dir = path.dirname(fileURLToPath(import.meta.url));
	while (!existsSync(path.join(dir, "native", "binding.gyp"))) {
		const parent = path.dirname(dir);
		if (parent === dir) throw new Error("vblade is not installed completely: the folder native/ is missing");
		dir = parent;
	}
	const { VBLADE_ADDON: forTests = "" } = process.env;
	const builds = path.join(realpathSync(dir), "build") + path.sep;
	if (existsSync(forTests) && realpathSync(forTests).startsWith(builds)) return forTests;
	return path.join(dir, "native");
}

const require = createRequire(import.meta.url);
const load = require("node-gyp-build") as (dir: string) => Addon;
export const native: Addon = load(findNativeDir());

/** Zeroed memory with an address; takes up space only where it has been touched. Throws a NativeError if there is none. */
export function nativeMemory(byteLength: number): Memory {
	const bytes = new Uint8Array(native.memory(byteLength));
	return memoryOf(bytes, native.addressOf(bytes));
}
