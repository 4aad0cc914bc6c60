/**
 * The rule of the hot path, shown: reads and writes leave nothing behind on the heap, however many there are; and what comes
 * back under load is what was written, sector by sector, with every storage engine. `test:long` does a million requests of
 * each kind.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import type { LoadResult } from "../../lib/native.js";
import { inNamespace } from "../support/in-namespace.js";
import { ip } from "../support/netns.js";

const REQUESTS = Number(process.env.STEADY_REQUESTS ?? 100_000);
/** Bytes of heap per request that belong to the batches (a callback of libuv, a timer). The smallest object has 12. */
const BATCH_BYTES = 8;
const FILE_BYTES = 64 * 1024 * 1024;
/** A young generation so large that it is not collected: what is allocated can then be read off the size of the heap. */
const NO_COLLECTION = ["--min-semi-space-size=64", "--max-semi-space-size=64"];
const LIMIT_MS = 300_000;
const program = fileURLToPath(new URL("./measured-server.js", import.meta.url));

interface Measured {
	readonly heapBytes: number;
	readonly collections: number;
	readonly result: LoadResult;
}

async function measure(engine: string, ...args: (string | number)[]): Promise<Measured> {
	const { stdout } = await promisify(execFile)(
		process.execPath,
		[...NO_COLLECTION, program, ...args.map(String)],
		{
			env: { ...process.env, NODE_OPTIONS: "", VBLADE_ENGINE: engine },
			timeout: LIMIT_MS,
		},
	);
	return JSON.parse(stdout) as Measured;
}

if (await inNamespace(import.meta.url)) {
	ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
	for (const name of ["va", "vb"]) ip("link", "set", name, "mtu", "9000", "up");
	const folder = mkdtempSync("/dev/shm/vblade-steady-");
	t.teardown(() => rmSync(folder, { recursive: true }));
	const file = path.join(folder, "disk.img");
	writeFileSync(file, Buffer.alloc(FILE_BYTES));

	for (const writePercent of [0, 100]) {
		t.test(`${REQUESTS} ${writePercent === 0 ? "reads" : "writes"} leave nothing on the heap`, async (t) => {
			const { heapBytes, collections, result } = await measure(
				"auto",
				file,
				"flush",
				writePercent,
				0,
				REQUESTS,
			);
			t.comment(`${(heapBytes / REQUESTS).toFixed(3)} bytes per request, ${collections} collections`);
			t.equal(result.requests, REQUESTS, "every request answered");
			t.equal(collections, 0, "the figure is all that was allocated, nothing was collected");
			t.ok(heapBytes / REQUESTS < BATCH_BYTES, `${heapBytes} bytes for ${REQUESTS} requests`);
		});
	}

	for (const engine of ["auto", "threads"])
		for (const durability of ["ack", "flush"])
			t.test(`every sector is the one that was written: ${engine}, ${durability}`, async (t) => {
				const { result } = await measure(engine, file, durability, 50, 1, REQUESTS);
				t.equal(result.wrong, 0, "no sector with a stamp that can't be there");
				t.equal(result.errors, 0, "no errors");
				t.equal(result.requests, REQUESTS, "every request answered");
			});
}
