// The addon's functions called with everything that is wrong: each throws a TypeError, or does nothing; none crashes.

import { openSync } from "node:fs";
import t from "tap";
import {
	CHANNEL_FILES_MAX,
	type ChannelHandle,
	COMPLETION_FIELDS,
	FILE_TRAITS,
	isNativeError,
	native,
	nativeMemory,
	OPEN_READ_ONLY,
	OperationField,
	ReceivedFiles,
	SEND_FIELDS,
	SeekTo,
} from "../../lib/native.js";
import { newDirectory, newFile } from "../support/mounts.js";
import {
	ARRAYS,
	addon,
	CALLS_ON_PROCESSES,
	type Closed,
	callsOnBytes,
	detached,
	engineCalls,
	type Handles,
	LOOPBACK,
	makeChannel,
	makeHandles,
	makePort,
	noop,
	PAGE,
	SCALARS,
	streamCalls,
	tlsCalls,
	undo,
} from "./arguments-bench.js";

/**
 * Calls a function with sound arguments, one of which is replaced. Returns what is wrong with the outcome: an error that is
 * not of ours, or none at all where `mustThrow` says so.
 */
function attempt(name: string, args: unknown[], mustThrow: boolean): string | undefined {
	const call = () => `${name}(${args.map(describe).join(", ")})`;
	try {
		const result = addon[name]?.(...args);
		if (result instanceof Promise) result.catch(noop);
		undo(name, result);
		return mustThrow ? `${call()} did not throw` : undefined;
	} catch (error) {
		const isOurs = error instanceof TypeError || error instanceof RangeError || isNativeError(error);
		return isOurs ? undefined : `${call()} threw ${String(error)}`;
	}
}

function describe(value: unknown): string {
	if (typeof value === "string") return JSON.stringify(value.slice(0, 20));
	if (typeof value === "object" && value !== null) return Object.prototype.toString.call(value);
	return String(value);
}

/** To nowhere. */
const NOWHERE = openSync("/dev/null", "w");

/** Sound arguments for each function. */
function soundArguments(handles: Handles, writer: unknown): Record<string, unknown[]> {
	const { monitor, engine, port, channel, stream, tls, file } = handles;
	const bytes = new Uint8Array(8);
	const doubles = new Float64Array(64);
	const memory = nativeMemory(PAGE);
	const sound: Record<string, unknown[]> = {
		memory: [PAGE],
		addressOf: [bytes],
		clock: [doubles],
		now: [],
		sinceBoot: [],
		copy: [memory.address, memory.address + 64, 64],
		interfaceNames: [],
		interfaceName: [LOOPBACK],
		interfaceInfo: ["lo"],
		interfaceAsk: ["lo"],
		interfaceHardware: ["lo"],
		clockState: [],
		takeName: [`a test ${process.pid}`],
		routeTo: ["127.0.0.1"],
		monitorOpen: [noop],
		monitorNext: [monitor],
		monitorClose: [native.monitorOpen(noop)],
		engineOpen: [doubles, doubles, noop, false],
		engineUring: [engine],
		engineSubmit: [engine, 0],
		...engineCalls(engine),
		fileOpen: [engine, "/nowhere", OPEN_READ_ONLY, 0, 0],
		fileOpenLater: [engine, "/nowhere", OPEN_READ_ONLY, 0, 0],
		fileOpenFor: ["", "/nowhere", OPEN_READ_ONLY, 0, 0],
		fileAdopt: [engine, native.duplicate(NOWHERE), OPEN_READ_ONLY, new Float64Array(FILE_TRAITS)],
		fileSizes: [engine, 0, new Float64Array(3)],
		fileClose: [engine, file + 1],
		fileSeek: [NOWHERE, 0, SeekTo.end],
		loadRun: ["no such interface", {}],
		...callsOnBytes(bytes),
		...CALLS_ON_PROCESSES,
		...channelCalls(channel),
		...streamCalls(stream),
		...tlsCalls(tls),
		notify: ["/no/such/socket", "READY=1"],
		writerOpen: [NOWHERE, PAGE],
		writerPut: [writer, "a line\n"],
		writerFlush: [writer, 1],
		exitIfHungUp: [0],
	};
	if (port !== undefined)
		Object.assign(sound, {
			portOpen: [LOOPBACK, 0x88a2, 1514, 64, 65536, bytes.subarray(0, 0), noop],
			portUseXdp: [port],
			portSetFilter: [port, bytes.subarray(0, 0)],
			portSend: [port, new Float64Array(SEND_FIELDS), 0, new Int32Array(1)],
			portWantWritable: [port, false],
			portNext: [port, 0, 0, 1],
			portDrops: [port],
			portClose: [makePort()],
		});
	return sound;
}

t.test("every argument of every function", async (t) => {
	const handles = makeHandles(t);
	const { monitor, engine, port, channel, stream, tls } = handles;
	const writer = native.writerOpen(NOWHERE, PAGE);
	const sound = soundArguments(handles, writer);
	const known = Object.keys(sound);
	const missing = Object.keys(addon).filter((name) => !known.includes(name) && !name.startsWith("port"));
	t.strictSame(missing, [], "every function is tried");

	const junk = [
		...SCALARS,
		...ARRAYS,
		monitor,
		engine,
		port,
		channel,
		stream,
		tls,
		writer,
		...handles.closed,
	];
	// Numbers that may be addresses or lengths would be taken at their word.
	const isAddress = (name: string, value: unknown) =>
		name === "copy" && typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
	let tried = 0;
	for (const [name, args] of Object.entries(sound)) {
		const faults: string[] = [];
		const check = (changed: unknown[], mustThrow: boolean) => {
			tried += 1;
			const fault = attempt(name, changed, mustThrow);
			if (fault !== undefined) faults.push(fault);
		};
		for (const position of args.keys()) {
			const isHandle = [monitor, engine, port, channel, stream, writer].includes(args[position] as never);
			for (const value of junk) {
				if (isAddress(name, value) || value === args[position]) continue;
				// What is closed may be closed and emptied again.
				const mustThrow = isHandle && !(name === "monitorNext" && handles.closed.includes(value));
				check(args.with(position, value), mustThrow);
			}
			check(args.slice(0, position), !name.startsWith("interface"));
		}
		check([...args, ...junk], false);
		t.strictSame(faults, [], name);
	}
	t.ok(tried > 1000, `${tried} calls`);
});

function channelCalls(channel: ChannelHandle) {
	return {
		socketPair: [],
		socketName: [0, false],
		duplicate: [NOWHERE],
		channelOpen: [native.socketPair()[0], noop],
		channelSend: [channel, new Uint8Array(8), new Int32Array(0)],
		channelReceive: [channel, new Uint8Array(8), new Int32Array(ReceivedFiles.first + CHANNEL_FILES_MAX)],
		channelWantWritable: [channel, false],
		channelClose: [makeChannel()],
	};
}

t.test("a closed handle is refused, and may be closed again", async (t) => {
	const { closed } = makeHandles(t);
	const [monitor, engine, channel, stream, tls, port] = closed as Closed;
	native.monitorClose(monitor);
	native.monitorNext(monitor);
	native.engineClose(engine);
	native.channelClose(channel);
	native.streamClose(stream);
	native.tlsEnd(tls);
	for (const call of [
		() => native.engineSubmit(engine, 0),
		() => native.engineCancel(engine, 0, 0),
		() => native.engineReap(engine),
		() => native.engineUring(engine),
		() => native.fileOpen(engine, "/", 0, 0, 0),
		() => native.memoryOpen(engine, PAGE, 0),
		() => native.fileSizes(engine, 0, new Float64Array(3)),
		() => native.fileClose(engine, 0),
		() => native.channelSend(channel, new Uint8Array(1), new Int32Array(0)),
		() => native.channelReceive(channel, new Uint8Array(1), new Int32Array(PAGE)),
		() => native.channelWantWritable(channel, true),
		() => native.streamReceive(stream, new Uint8Array(1), 0, 1, 0),
		() => native.streamSend(stream, new Float64Array(2), 1),
		() => native.streamWant(stream, 1),
		() => native.streamAccept(stream),
		() => native.tlsNext(tls),
		() => native.tlsDrop(tls, 1),
	])
		t.throws(call, TypeError);
	if (port === undefined) return;
	native.portClose(port);
	for (const call of [
		() => native.portUseXdp(port),
		() => native.portSetFilter(port, new Uint8Array(0)),
		() => native.portSend(port, new Float64Array(4), 1, new Int32Array(1)),
		() => native.portWantWritable(port, true),
		() => native.portNext(port, 0, 0, 1),
		() => native.portDrops(port),
	])
		t.throws(call, TypeError);
});

t.test("the ring of a closed port is empty", { skip: makePortMissing() }, async (t) => {
	const port = native.portOpen(LOOPBACK, 0x88a2, 1514, 64, 65536, new Uint8Array(0), noop);
	const words = new Int32Array(port.ring);
	t.ok(port.ring.byteLength >= 64 * 1514 && words.length > 0);
	t.ok(port.frameOffsets.length >= 64);
	native.portClose(port.handle);
	t.equal(port.ring.byteLength, 0);
	t.equal(words.length, 0);
});

function makePortMissing(): string | false {
	const port = makePort();
	if (port === undefined) return "packet sockets need CAP_NET_RAW";
	native.portClose(port);
	return false;
}

t.test("operations of nonsense end with an error", async (t) => {
	const F = OperationField;
	const operations = new Float64Array(64 * F.count);
	const completions = new Float64Array(64 * COMPLETION_FIELDS);
	const engine = native.engineOpen(operations, completions, noop, true);
	t.teardown(() => native.engineClose(engine));
	const { file } = native.fileOpen(engine, newFile(newDirectory(), 1024 * 1024), 0, 0, 0);
	const { address } = nativeMemory(PAGE);
	const sound = [0, file, 0, 512, address, 0, 0, 0];
	const nonsense = [Number.NaN, -1, 1e300, Number.POSITIVE_INFINITY, 2 ** 60];
	let count = 0;
	for (const field of [F.kind, F.file, F.offset, F.length])
		for (const value of nonsense) {
			operations.set(sound.with(field, value), count * F.count);
			count += 1;
		}
	for (const kind of [5, 6, 15, 6 + 16, 64, 256]) {
		operations.set(sound.with(F.kind, kind), count * F.count);
		count += 1;
	}
	t.equal(native.engineSubmit(engine, count), 0, "none is under way");
	for (let i = 0; i < count; i++) t.ok((operations[i * F.count] ?? 0) < 0, `operation ${i} is refused`);
	t.throws(() => native.engineSubmit(engine, 65), TypeError, "more operations than there is room for");
	t.throws(() => native.fileClose(engine, file + 1), TypeError, "a file that is not open");
	detached(operations);
	t.throws(() => native.engineSubmit(engine, 1), TypeError, "operations without memory");
	detached(completions);
	t.throws(() => native.engineReap(engine), TypeError, "completions without memory");
});

t.test("an option that throws when it is looked at", async (t) => {
	const options = {
		get shelf(): number {
			throw new Error("on purpose");
		},
	};
	t.throws(() => addon.loadRun?.("lo", options), { message: "on purpose" });
});
