/**
 * What the addon in `native/` has: its functions, and what they take and give. Types alone; who wants to call them goes through
 * `native.ts`, which hands these on.
 */

import type { SocketAddon } from "./native-sockets.js";

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
	/** Byte offset of each frame's header (`struct tpacket2_hdr`), in the order in which the kernel fills them. */
	readonly frameOffsets: Uint32Array<ArrayBuffer>;
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

/** The way to an address. */
export interface NativeRoute {
	/** Longest IP packet that is believed to pass whole. */
	readonly mtu: number;
	/** Our address on it. */
	readonly local: string;
}

/** What the driver of a network device tells of it; what it does not tell is missing. */
export interface InterfaceHardware {
	/** Frames that it can keep, now and at most. */
	readonly ring?: {
		readonly receive: number;
		readonly receiveMax: number;
		readonly send: number;
		readonly sendMax: number;
	};
	/** Whether it heeds others that ask it to pause, and asks others to. */
	readonly pause?: { readonly receive: boolean; readonly send: boolean };
}

/** What the kernel knows of a file's storage, and a device of its own (`lib/block/device.ts`). */
export interface StorageTraits {
	/** Bytes a request may touch, from 0. A multiple of 512. */
	readonly sizeBytes: number;
	/** What the storage addresses; requests of whole ones are the quickest. A power of two, at least 512. */
	readonly logicalBlockBytes: number;
	/** Smallest unit the storage writes without reading first; a power of two, at least 512. */
	readonly physicalBlockBytes: number;
	/** True if trim gives space back; where it can't, a trim ends with `unsupported`. */
	readonly canTrim: boolean;
	/** Trim gives space back in pieces of so many bytes, the first of which begins at `trimAlignmentBytes`. */
	readonly trimGranularityBytes: number;
	readonly trimAlignmentBytes: number;
	/** True if writing zeroes is quicker than writing, at least where the space may go back. */
	readonly fastZeroes: boolean;
	/** True if extents tell zeros from data; else all is data. */
	readonly knowsExtents: boolean;
	/** Reads and writes of multiples of so many bytes, and at multiples of them, suit the storage best. */
	readonly bestTransferBytes: number;
	/** What is longer the storage does in parts. */
	readonly longestTransferBytes: number;
	/** True on storage without moving parts, or if unknown. */
	readonly nonRotational: boolean;
}

export interface NativeFile extends StorageTraits {
	/** The engine's number for it. */
	readonly file: number;
	/** What direct I/O is rounded to; 1 without. */
	readonly alignBytes: number;
	readonly isBlock: boolean;
	/** There was no address space left to map it: it is served by a longer way. */
	readonly unmapped: boolean;
}

/** A file that one process has opened for another one: see native/storage/file.h. */
export interface PassedFile {
	readonly descriptor: number;
	/** What was found out, for `fileAdopt` alone. */
	readonly traits: readonly number[];
}

/** For who opens it: what the file is, as `fileLook` tells it. */
export interface PassingFile extends PassedFile {
	readonly identity: string;
}

/** See native/node/binding.c, which lists the same. */
export interface Addon extends SocketAddon {
	/** The numbers that both sides count on, by name: see native-layout.ts. */
	readonly layout: Readonly<Record<string, number>>;
	memory(byteLength: number): ArrayBuffer;
	addressOf(bytes: Uint8Array): number;
	copy(to: number, from: number, length: number): boolean;
	/** Puts the monotonic time, in microseconds, into `into[0]`: unlike a number returned, this allocates nothing. */
	clock(into: Float64Array): void;
	/** The same time as 32 bits, which wrap after 71 minutes: -2^31..2^31-1. */
	now(): number;
	/** Microseconds since the machine was started, also those for which it slept: for what others count meanwhile. */
	sinceBoot(): number;
	interfaceNames(): string[];
	/** The kernel's name of the interface with this index. */
	interfaceName(index: number): string | undefined;
	/** By any of its names or its index. Throws a NativeError if the kernel can't be asked. */
	interfaceInfo(which: string | number): InterfaceInfo | undefined;
	/** The same from another thread. */
	interfaceAsk(which: string | number): Promise<InterfaceInfo | undefined>;
	/** Throws a NativeError if there is no such interface. */
	interfaceHardware(name: string): InterfaceHardware;
	/** Whether somebody keeps the machine's clock in step, and how far it may be off. */
	clockState(): { readonly synchronised: boolean; readonly errorUs: number };
	/** A descriptor that holds a name of this network namespace; EADDRINUSE if another process has it. */
	takeName(name: string): number;
	monitorOpen(changed: (events: number) => void): MonitorHandle;
	/** The interface that has changed next, undefined if there is no more for now, null if changes were lost. */
	monitorNext(handle: MonitorHandle): InterfaceInfo | null | undefined;
	monitorClose(handle: MonitorHandle): void;
	/** How the kernel would send there: see native/net/route.h. Throws a NativeError if there is no way, or no such address. */
	routeTo(address: string): NativeRoute;
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
	 * Gives `count` places of the ring from number `place` on back to the kernel, and returns how many of those behind them
	 * hold a frame (at most 64). If none does, watches the next one without sleeping, for at most `microseconds`.
	 */
	portNext(handle: PortHandle, place: number, count: number, microseconds: number): number;
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
	/** The operation with this token is over, cancelled, if it waits for a worker; else nothing happens. */
	engineCancel(handle: EngineHandle, file: number, token: number): void;
	engineReap(handle: EngineHandle): number;
	/** Tries again what could not be begun for want of threads or memory; to be called once a second. */
	engineRetry(handle: EngineHandle, into: Float64Array): void;
	engineClose(handle: EngineHandle): void;
	/** `begin` and `length` are what is going to be served of it, in bytes, and is locked. A length of 0: to the end. */
	fileOpen(handle: EngineHandle, path: string, flags: number, begin: number, length: number): NativeFile;
	/** The same by a thread of its own. The promise never settles while the disk hangs; the file is the engine's only then. */
	fileOpenLater(
		handle: EngineHandle,
		path: string,
		flags: number,
		begin: number,
		length: number,
	): Promise<NativeFile>;
	/**
	 * The first half of opening a file, for another process, by a thread of its own: whatever needs a path or a right. The descriptor
	 * has its locks, which end when each descriptor that was made of it is closed, or `fileClose` says so. With a folder that is not ""
	 * the path is in it, and no symbolic link on the way may lead out (EXDEV).
	 */
	fileOpenFor(
		folder: string,
		path: string,
		flags: number,
		begin: number,
		length: number,
	): Promise<PassingFile>;
	/**
	 * What each of many paths leads to, a zero byte behind each, found by one thread of its own: "file DEVICE:INODE" or "block DEVICE",
	 * alike for all names of one; "other"; or "-ERRNO". The promise never settles while one of them hangs.
	 */
	fileLook(paths: Uint8Array): Promise<string[]>;
	/** The other half, where the file is served, by a thread too. Has the descriptor from now on, and closes it if it fails. */
	fileAdopt(
		handle: EngineHandle,
		descriptor: number,
		flags: number,
		traits: Float64Array,
	): Promise<NativeFile>;
	/** So many bytes of memory as a file: zeros, private to this process. Of the flags only OPEN_READ_ONLY is one here. */
	memoryOpen(handle: EngineHandle, sizeBytes: number, flags: number): NativeFile;
	/** The first half of that, for another process: so many bytes of zeros, as a descriptor. Throws a NativeError. */
	memoryMake(sizeBytes: number): number;
	/** The other half. Has the descriptor, and closes it if it fails. Throws a NativeError. */
	memoryAdopt(handle: EngineHandle, descriptor: number, flags: number): NativeFile;
	/**
	 * Measures files, from number `first` on half as many as `sizes` has room for, and returns how many have changed: number and
	 * bytes of each are in `sizes` from its second element on. The first becomes the number to go on with, 0 after the last.
	 */
	fileSizes(handle: EngineHandle, first: number, sizes: Float64Array): number;
	fileClose(handle: EngineHandle, file: number): boolean;
	/**
	 * Where in an open file the next byte of data is, or of a hole, from `offset` on, or its end: a number of `SeekTo`. A negative errno
	 * if the file system has no answer; there is no more data: ENXIO.
	 */
	fileSeek(descriptor: number, offset: number, to: number): number;
	/** See `crc32c` in lib/crc32c.ts. `crc` and the sum are Int32. */
	crc32c(bytes: Uint8Array, offset: number, length: number, crc: number): number;
	isZero(bytes: Uint8Array, offset: number, length: number): boolean;
	/** Allocates nothing, unlike `set` and `subarray`. False if a page of a mapping was not there. */
	copyBytes(to: Uint8Array, toOffset: number, from: Uint8Array, offset: number, length: number): boolean;
	/** The number of a user. Throws a NativeError: ENOENT if there is none of this name. */
	findUser(name: string): number;
	/** The number of a group, likewise. */
	findGroup(name: string): number;
	/** See native/common/privileges.h. Throws a NativeError whose step is user, groups, capabilities or filter. */
	becomeUser(name: string, keepRaw: boolean, parent: number): void;
	/** By what rule the kernel gives a thread its time: a number of sched(7). Throws a NativeError: ESRCH if there is none. */
	schedulingOf(thread: number): number;
	/** Another rule, one of those without a priority. Throws a NativeError, too. */
	schedule(thread: number, policy: number): void;
	/** One datagram to the socket of this path; a name that begins with `@` is an abstract one. Never waits. Throws a NativeError. */
	notify(path: string, text: string): void;
	/** Writes to a descriptor from a thread of its own: see native/common/writer.h. */
	writerOpen(descriptor: number, limitBytes: number): WriterHandle;
	/** Whole lines. False: they are lost, and counted. */
	writerPut(handle: WriterHandle, text: string): boolean;
	/** Waits, for at most so long, until all has been written. False if it has not. */
	writerFlush(handle: WriterHandle, limitMs: number): boolean;
	/** Ends the process, without what Node does then, if standard input, output or error is a terminal that is gone. */
	exitIfHungUp(status: number): void;
}
