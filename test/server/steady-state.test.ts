/**
 * The rule of the hot path, shown: reads and writes leave nothing behind on the heap, however many there are; and what comes
 * back under load is what was written, sector by sector. A server and the load generator in one process, over a cable in a
 * namespace of their own. `test:long` does a million requests of each kind.
 */

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { constants, PerformanceObserver } from "node:perf_hooks";
import t from "tap";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { type LoadOptions, native } from "../../lib/native.js";
import { type Server, startServer } from "../../lib/server.js";
import type { Durability } from "../../lib/server-options.js";
import { inNamespace } from "../support/in-namespace.js";
import { ip } from "../support/netns.js";

const REQUESTS = Number(process.env.STEADY_REQUESTS ?? 100_000);
/** Bytes of heap per request that belong to the batches (a callback of libuv, a timer). The smallest object has 12. */
const BATCH_BYTES = 10;
const BLOCK_SECTORS = 8;
const FILE_BYTES = 64 * 1024 * 1024;

const silent = { error: () => {}, warn: () => {}, info: () => {}, verbose: () => {} };

async function serve(file: string, durability: Durability): Promise<Server> {
	const netifs = [{ kind: "interface", name: "va" }] as const;
	const storage = { kind: "file", name: file, path: file } as const;
	return startServer(
		[{ shelf: 9, slot: 0, netifs, storage }],
		{
			bufferCount: 16,
			direct: false,
			readOnly: false,
			macs: [],
			offsetSectors: 0,
			lengthSectors: undefined,
			durability,
			force: false,
		},
		silent,
		"0.0.0",
	);
}

function load(changes: Partial<LoadOptions>): LoadOptions {
	const targetMac = interfaceInfo("va")?.mac ?? 0;
	return {
		...{ targetMac, shelf: 9, slot: 0, sectors: BLOCK_SECTORS, window: 16, writePercent: 0 },
		...{ sequential: 0, verify: 0, firstLba: 0, blocks: FILE_BYTES / 512 / BLOCK_SECTORS },
		...{ seconds: 60, requests: REQUESTS, seed: 1 },
		...changes,
	};
}

/** Bytes of the JavaScript heap that `run` leaves behind or has had collected, roughly. */
async function heapUse(run: () => Promise<unknown>): Promise<{ bytes: number; collections: number }> {
	let collections = 0;
	const observer = new PerformanceObserver((list) => {
		collections += list.getEntries().length;
	});
	observer.observe({ entryTypes: ["gc"] });
	const before = process.memoryUsage().heapUsed;
	await run();
	const bytes = process.memoryUsage().heapUsed - before;
	// Entries are delivered a turn later.
	await new Promise((resolve) => setTimeout(resolve, 20));
	observer.disconnect();
	return { bytes, collections };
}

if (await inNamespace(import.meta.url)) {
	ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
	for (const name of ["va", "vb"]) ip("link", "set", name, "mtu", "9000", "up");
	const folder = mkdtempSync("/dev/shm/vblade-steady-");
	const file = path.join(folder, "disk.img");
	writeFileSync(file, Buffer.alloc(FILE_BYTES));
	truncateSync(file, FILE_BYTES);
	t.teardown(() => rmSync(folder, { recursive: true }));

	for (const writePercent of [0, 100]) {
		t.test(`${REQUESTS} ${writePercent === 0 ? "reads" : "writes"} leave nothing on the heap`, async (t) => {
			const server = await serve(file, "flush");
			t.teardown(() => server.close());
			// Until every function on the way has been compiled, and every pool has its size.
			await native.loadRun("vb", load({ writePercent, requests: 50_000 }));
			const { bytes, collections } = await heapUse(() => native.loadRun("vb", load({ writePercent })));
			t.comment(`${(bytes / REQUESTS).toFixed(3)} bytes per request, ${collections} collections`);
			t.ok(bytes / REQUESTS < BATCH_BYTES, `${bytes} bytes for ${REQUESTS} requests`);
			// The young generation holds megabytes: with no collection the figure above is all that was allocated.
			t.ok(collections <= 1, `${collections} collections (${constants.NODE_PERFORMANCE_GC_MINOR} is minor)`);
		});
	}

	for (const durability of ["ack", "flush"] as const) {
		t.test(`every sector is the one that was written, with ${durability}`, async (t) => {
			const server = await serve(file, durability);
			t.teardown(() => server.close());
			const result = await native.loadRun("vb", load({ writePercent: 50, verify: 1, blocks: 4096 }));
			t.equal(result.wrong, 0, "no sector with a stamp that can't be there");
			t.equal(result.errors, 0, "no errors");
			t.equal(result.requests, REQUESTS, "every request answered");
		});
	}
}
