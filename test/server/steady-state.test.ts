/**
 * The rule of the hot path, shown: reads and writes leave nothing behind on the heap, however many there are; and what comes
 * back under load is what was written, sector by sector, with every storage engine. `test:long` does a million requests of
 * each kind.
 */

import { execFile } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import type { LoadResult } from "../../lib/client/load-addon.js";
import { inNamespace } from "../support/in-namespace.js";
import { rounds, variants } from "../support/long.js";
import { ip } from "../support/netns.js";

const REQUESTS = Number(process.env.STEADY_REQUESTS ?? rounds(50_000, 1_000_000));
/** Of those whose sectors are looked at. */
const STAMPED_REQUESTS = REQUESTS / 2;
/**
 * Bytes per request that may come from what is done per batch: a fraction that functions not yet compiled hand on, a timer.
 * Anything allocated per request has 12 bytes at least. (What V8 itself needs per callback of the addon is not counted.)
 */
const BATCH_BYTES = 6;
/** What is read and written is behind so much that nobody has written: whoever hands on its offset hands on 34 bits. */
const HOLE_BYTES = 8 * 1024 * 1024 * 1024;
const FILE_BYTES = 64 * 1024 * 1024;
const FIRST_LBA = String(HOLE_BYTES / 512);
const LIMIT_MS = 120_000;
const program = fileURLToPath(new URL("./measured-server.js", import.meta.url));

interface Measured {
	/** Bytes allocated on the heap, by function. */
	readonly allocated: Record<string, number>;
	readonly result: LoadResult;
}

async function measure(engine: string, ...args: (string | number)[]): Promise<Measured> {
	const { stdout } = await promisify(execFile)(process.execPath, [program, ...args.map(String), FIRST_LBA], {
		env: { ...process.env, NODE_OPTIONS: "", VBLADE_ENGINE: engine },
		timeout: LIMIT_MS,
	});
	return JSON.parse(stdout) as Measured;
}

t.setTimeout(8 * LIMIT_MS);
if (await inNamespace(import.meta.url)) {
	ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
	for (const name of ["va", "vb"]) ip("link", "set", name, "mtu", "9000", "up");
	const folder = mkdtempSync("/dev/shm/vblade-steady-");
	t.teardown(() => rmSync(folder, { recursive: true }));
	const file = path.join(folder, "disk.img");
	writeFileSync(file, "");
	truncateSync(file, HOLE_BYTES);
	appendFileSync(file, Buffer.alloc(FILE_BYTES));

	for (const writePercent of [0, 100]) {
		t.test(`${REQUESTS} ${writePercent === 0 ? "reads" : "writes"} leave nothing on the heap`, async (t) => {
			const { allocated, result } = await measure("auto", file, "flush", writePercent, 0, REQUESTS);
			const bytes = Object.values(allocated).reduce((sum, some) => sum + some, 0);
			t.equal(result.requests, REQUESTS, "every request answered");
			t.ok(
				bytes < REQUESTS * BATCH_BYTES,
				`${bytes} bytes for ${REQUESTS} requests: ${JSON.stringify(allocated)}`,
			);
		});
	}

	const kinds = [
		["auto", "flush"],
		["threads", "ack"],
		["auto", "ack"],
		["threads", "flush"],
	] as const;
	for (const [engine, durability] of variants(kinds, 0, 1))
		t.test(`every sector is the one that was written: ${engine}, ${durability}`, async (t) => {
			const { result } = await measure(engine, file, durability, 50, 1, STAMPED_REQUESTS);
			t.equal(result.wrong, 0, "no sector with a stamp that can't be there");
			t.equal(result.errors, 0, "no errors");
			t.equal(result.requests, STAMPED_REQUESTS, "every request answered");
		});
}
