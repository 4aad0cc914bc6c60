// What is opened and closed a hundred times leaves nothing behind: descriptors, threads, mappings; nor does what fails to
// open, nor what is just forgotten. And a socket whose link is down does not keep its thread busy.

import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import t, { type Test } from "tap";
import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { interfaceInfo, interfaceMonitor } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { COMPLETION_FIELDS, native, nativeMemory, OperationField } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { makeBench, openFile, read, write } from "../block/file-bench.js";
import { pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { ip } from "../support/netns.js";
import { hasNetwork, withCable } from "./load-bench.js";

const TIMES = 100;
const MIB = 1024 * 1024;
/** How many threads may come and go at an open engine's wish. */
const WORKERS_MAX = 8;
const EMPTY = new Uint8Array(0);
const network = hasNetwork ? {} : { skip: "packet sockets need root" };
const noop = (): void => {};

interface Holdings {
	descriptors: number;
	threads: number;
	/** Rings, files, and memory of a size that nobody else uses. */
	mappings: number;
}

function holdings(): Holdings {
	const maps = readFileSync("/proc/self/maps", "utf8").split("\n");
	return {
		descriptors: readdirSync("/proc/self/fd").length,
		threads: readdirSync("/proc/self/task").length,
		mappings: maps.filter((line) => /\/image|socket:|io_uring/.test(line)).length,
	};
}

/** Does something a hundred times, and a few times before that, for what is made at the first time and kept. */
async function leaksNothing(t: Test, what: () => unknown, times = TIMES): Promise<void> {
	for (let i = 0; i < 5; i++) await what();
	const before = holdings();
	for (let i = 0; i < times; i++) await what();
	let after = holdings();
	const isBack = () => {
		after = holdings();
		const { descriptors, threads, mappings } = after;
		return (
			descriptors <= before.descriptors &&
			threads <= before.threads + WORKERS_MAX &&
			mappings <= before.mappings
		);
	};
	// Threads end, and the kernel closes rings of io_uring, in their own time.
	await until("all is given back", isBack, LIMIT_MS).catch(noop);
	t.ok(isBack(), `${JSON.stringify(before)} before, ${JSON.stringify(after)} afterwards`);
}

function engines(t: Test): void {
	for (const kind of ["auto", "threads"] as const)
		t.test(`engines, ${kind}`, async (t) => {
			const file = newFile(newDirectory(), MIB);
			await leaksNothing(t, async () => {
				const engine = new StorageEngine(new Pump(), kind);
				const device = new FileDevice(engine, file, { readOnly: false, direct: false });
				await write(device, 0, 4096, 1, true);
				await device.close();
				engine.close();
				engine.close();
			});
		});

	t.test("engines that are closed while their files are open", async (t) => {
		const file = newFile(newDirectory(), MIB);
		await leaksNothing(t, async () => {
			const engine = new StorageEngine(new Pump());
			const device = new FileDevice(engine, file, { readOnly: false, direct: false });
			await read(device, 0, 4096);
			engine.close();
			await device.close();
		});
	});
}

function files(t: Test): void {
	t.test("files", async (t) => {
		const bench = makeBench(t);
		const files = [1, 2, 3].map(() => newFile(newDirectory(), MIB));
		await leaksNothing(t, async () => {
			const devices = files.map(
				(file) => new FileDevice(bench.engine, file, { readOnly: false, direct: false }),
			);
			await Promise.all(devices.map((device) => write(device, 0, 65536, 1, true)));
			await Promise.all(devices.map((device) => device.close()));
		});
	});

	t.test("files that can't be opened", async (t) => {
		const bench = makeBench(t);
		const locked = newFile(newDirectory(), MIB);
		openFile(t, locked, bench);
		const bad = [newDirectory(), "/dev/null", "/no/such/file", newFile(newDirectory(), 100)];
		const tryAll = (files: string[]) => {
			for (const file of files) t.throws(() => openFile(t, file, bench), { name: "OperatorError" });
		};
		await leaksNothing(t, () => tryAll(bad));
		const before = holdings();
		for (let i = 0; i < 3; i++) tryAll([locked]);
		const { threads, ...after } = holdings();
		t.strictSame({ ...after, threads: before.threads }, before);
		t.ok(threads <= before.threads, "a thread of before may have ended");
	});
}

function memory(t: Test): void {
	t.test("memory", async (t) => {
		setFlagsFromString("--expose-gc");
		const collect = runInNewContext("gc") as () => void;
		const addressSpace = () =>
			Number(/^VmSize:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
		const before = addressSpace();
		for (let i = 0; i < TIMES; i++) nativeMemory(1024 * MIB);
		t.ok(addressSpace() > before, "taking it shows");
		const isBack = () => {
			collect();
			return addressSpace() < before + 2 * 1024 * 1024;
		};
		await until("it is given back when nobody has it any more", isBack, LIMIT_MS);
		t.throws(() => nativeMemory(2 ** 47), /Cannot allocate memory/, "more than there is");
	});

	t.test("what is forgotten is closed", async (t) => {
		setFlagsFromString("--expose-gc");
		const collect = runInNewContext("gc") as () => void;
		const before = holdings();
		for (let i = 0; i < 10; i++) {
			const [operations, completions] = [OperationField.count, COMPLETION_FIELDS].map(
				(n) => new Float64Array(n),
			);
			if (operations === undefined || completions === undefined) throw new Error("no arrays");
			native.engineOpen(operations, completions, noop, true);
			native.monitorOpen(noop);
			if (hasNetwork)
				native.portOpen(interfaceInfo("near")?.index ?? 0, 0x88a2, 1514, 64, 65536, EMPTY, noop);
		}
		t.ok(holdings().descriptors >= before.descriptors + 20);
		const isBack = () => {
			collect();
			return holdings().descriptors <= before.descriptors;
		};
		await until("all is given back", isBack, LIMIT_MS);
		t.pass("closed by the garbage collector");
	});
}

function links(t: Test): void {
	t.test("links", network, async (t) => {
		await leaksNothing(t, async () => {
			const pump = new Pump();
			const link = new PacketLink("near", pump, { framesInFlight: 16 });
			link.attach({ frame: noop, linkChanged: noop });
			await link.close();
		});
	});

	t.test("links that can't be opened", async (t) => {
		await leaksNothing(t, () => {
			t.throws(() => new PacketLink("nothere0", new Pump(), { framesInFlight: 16 }), /No such device/);
		});
	});

	t.test("links whose interface is made anew", network, async (t) => {
		const link = new PacketLink("near", new Pump(), { framesInFlight: 16 });
		t.teardown(() => link.close());
		let mtu = 1500;
		await leaksNothing(
			t,
			async () => {
				mtu = mtu === 1500 ? 1400 : 1500;
				ip("link", "set", "near", "mtu", String(mtu));
				await until("the MTU", () => link.mtu === mtu, LIMIT_MS);
			},
			TIMES / 4,
		);
	});

	t.test("monitors", async (t) => {
		await leaksNothing(t, () => interfaceMonitor.watch(noop)());
	});

	t.test("a link that is down keeps nobody busy", network, async (t) => {
		let calls = 0;
		const port = native.portOpen(interfaceInfo("near")?.index ?? 0, 0x88a2, 1514, 64, 65536, EMPTY, () => {
			calls += 1;
		});
		t.teardown(() => native.portClose(port.handle));
		ip("link", "set", "near", "down");
		await until("word of it", () => calls > 0, LIMIT_MS);
		await pause(100);
		t.ok(calls < 10, `${calls} calls`);
		ip("link", "set", "near", "up");
		native.portWantWritable(port.handle, true);
		calls = 0;
		await until("the port can be written to", () => calls > 0, LIMIT_MS);
		native.portWantWritable(port.handle, false);
		await pause(20);
		calls = 0;
		await pause(100);
		t.ok(calls < 10, `${calls} calls when nobody wants to know`);
	});
}

await withCable(import.meta.url, () => {
	engines(t);
	files(t);
	memory(t);
	links(t);
});
