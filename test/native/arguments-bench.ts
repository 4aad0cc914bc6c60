/** Handles of the addon, and values that are none, for the tests of what it takes. */

import { closeSync } from "node:fs";
import type { Test } from "tap";
import { loadAddon } from "../../lib/addon.js";
import {
	type ChannelHandle,
	COMPLETION_FIELDS,
	type EngineHandle,
	isNativeError,
	type MonitorHandle,
	native,
	OperationField,
	type PortHandle,
	type StreamHandle,
	type TlsThreadHandle,
} from "../../lib/native.js";
import { newDirectory, newFile } from "../support/mounts.js";

type AnyFunction = (...args: unknown[]) => unknown;
/** The addons without their types: we are going to break them. */
const { layout: _, ...functions } = native;
export const addon = { ...functions, ...(loadAddon("bench") as object) } as unknown as Record<
	string,
	AnyFunction
>;

export const noop = (): void => {};
export const PAGE = 4096;

/** The same array, whose memory somebody else has now. */
export function detached<T extends { readonly buffer: ArrayBufferLike }>(array: T): T {
	const { buffer } = array;
	if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
	return array;
}

/** What is no array of any kind. */
export const SCALARS: unknown[] = [
	undefined,
	null,
	true,
	false,
	Number.NaN,
	Number.POSITIVE_INFINITY,
	-1,
	-0.5,
	0.5,
	2 ** 31,
	2 ** 32,
	2 ** 53,
	2 ** 64,
	1e300,
	"",
	"\0",
	"lo\0",
	"\ud800",
	"x".repeat(100_000),
	Symbol("x"),
	10n,
	{},
	[],
	[1, 2, 3],
	noop,
	class {},
	new Date(),
	/x/,
	new Proxy({}, {}),
	Promise.resolve(),
	new ArrayBuffer(64),
	new SharedArrayBuffer(64),
	new DataView(new ArrayBuffer(64)),
	Object.create(null),
];

/** Arrays of the wrong kind or size, or without memory. */
export const ARRAYS: unknown[] = [
	new Uint8Array(0),
	new Uint8Array(7),
	new Int8Array(64),
	new Uint16Array(64),
	new Int32Array(0),
	new Float32Array(64),
	new Float64Array(0),
	new Float64Array(1),
	new BigInt64Array(8),
	detached(new Uint8Array(64)),
	detached(new Int32Array(64)),
	detached(new Float64Array(64)),
];

export interface Handles {
	readonly monitor: MonitorHandle;
	readonly engine: EngineHandle;
	readonly channel: ChannelHandle;
	readonly stream: StreamHandle;
	readonly tls: TlsThreadHandle;
	readonly port: PortHandle | undefined;
	/** Of each kind one that is closed. */
	readonly closed: readonly unknown[];
	readonly file: number;
}

export function makeEngine(): EngineHandle {
	const operations = new Float64Array(4 * OperationField.count);
	return native.engineOpen(operations, new Float64Array(4 * COMPLETION_FIELDS), noop, false);
}

/** Index of the loopback interface, in every network namespace. */
export const LOOPBACK = 1;

/** A port on the loopback interface; undefined without the privilege. */
export function makePort(): PortHandle | undefined {
	try {
		return native.portOpen(LOOPBACK, 0x88a2, 1514, 64, 65536, new Uint8Array(0), noop).handle;
	} catch (error) {
		if (isNativeError(error) && error.step === "socket") return undefined;
		throw error;
	}
}

/** Its other end stays open, and unread. */
export function makeChannel(): ChannelHandle {
	return native.channelOpen(native.socketPair()[0], noop);
}

export function makeStream(): StreamHandle {
	return native.streamOpen(native.socketPair()[0], noop);
}

export function makeHandles(t: Test): Handles {
	const make = () => ({
		monitor: native.monitorOpen(noop),
		engine: makeEngine(),
		channel: makeChannel(),
		stream: makeStream(),
		tls: native.tlsStart(noop),
		port: makePort(),
	});
	const close = ({ monitor, engine, channel, stream, tls, port }: ReturnType<typeof make>) => {
		native.tlsEnd(tls);
		native.streamClose(stream);
		native.channelClose(channel);
		native.monitorClose(monitor);
		native.engineClose(engine);
		if (port !== undefined) native.portClose(port);
	};
	const [open, shut] = [make(), make()];
	close(shut);
	t.teardown(() => close(open));
	const { file } = native.fileOpen(open.engine, newFile(newDirectory(), 1024 * 1024), 0, 0, 0);
	return { ...open, closed: Object.values(shut).filter((handle) => handle !== undefined), file };
}

export function callsOnBytes(bytes: Uint8Array) {
	return {
		crc32c: [bytes, 0, 8, 0],
		isZero: [bytes, 0, 8],
		copyBytes: [new Uint8Array(8), 0, bytes, 0, 8],
	};
}

export const CALLS_ON_PROCESSES = {
	findUser: ["root"],
	findGroup: ["root"],
	becomeUser: ["no such user", true, 0],
	schedulingOf: [0],
	schedule: [0, 0],
};

export function streamCalls(stream: StreamHandle) {
	return {
		streamOpen: [native.socketPair()[0], noop],
		streamReceive: [stream, new Uint8Array(8), 0, 8, 0],
		streamSend: [stream, new Float64Array(2), 1],
		streamWant: [stream, 0],
		streamAccept: [stream],
		streamError: [stream],
		streamClose: [makeStream()],
		listenUnix: ["/no/such/socket", 0o600, 0],
		listenTcp: ["192.0.2.1", 0, 0],
		connectTcp: ["127.0.0.1", 9, 1000],
		connectUnix: ["/no/such/socket"],
	};
}

export function tlsCalls(thread: TlsThreadHandle) {
	const side = native.tlsSide(1, "", "", "", "", "", "");
	const ended = native.tlsStart(noop);
	native.tlsEnd(ended);
	return {
		tlsStart: [noop],
		tlsNext: [thread],
		tlsSide: [0, "", "", "", "", "", ""],
		// (It has them from then on, and closes them: so these are nobody's.)
		tlsSecure: [thread, 1, 999_998, 999_999, side, "", ""],
		tlsDrop: [thread, 1],
		tlsEnd: [ended],
	};
}

export function engineCalls(engine: EngineHandle) {
	return {
		fileLook: [new Uint8Array(0)],
		memoryOpen: [engine, PAGE, 0],
		memoryMake: [PAGE],
		memoryAdopt: [engine, native.memoryMake(PAGE), 0],
		engineCancel: [engine, 0, 0],
		engineReap: [engine],
		engineRetry: [engine, new Float64Array(2)],
		engineClose: [makeEngine()],
	};
}

/** Of each kind one that is closed, in the order of `Handles`. */
export type Closed = [
	MonitorHandle,
	EngineHandle,
	ChannelHandle,
	StreamHandle,
	TlsThreadHandle,
	PortHandle | undefined,
];

/** Closes what a call has opened after all. */
export function undo(name: string, result: unknown): void {
	if (["takeName", "duplicate", "connectTcp"].includes(name)) closeSync(result as number);
	if (name === "socketPair") for (const end of result as [number, number]) closeSync(end);
	if (name === "channelOpen") native.channelClose(result as ChannelHandle);
	if (name === "streamOpen") native.streamClose(result as StreamHandle);
	if (name === "tlsStart") native.tlsEnd(result as TlsThreadHandle);
	if (name === "monitorOpen") native.monitorClose(result as MonitorHandle);
	if (name === "engineOpen") native.engineClose(result as EngineHandle);
	if (name === "portOpen") native.portClose((result as { handle: PortHandle }).handle);
}
