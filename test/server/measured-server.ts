/**
 * A server and the load generator in one process, without a test runner around them (its hooks allocate on every callback):
 * started by `steady-state.test.ts` inside a namespace with the cable va-vb; prints what it has measured as JSON.
 * usage: measured-server FILE DURABILITY WRITE-PERCENT VERIFY REQUESTS FIRST-LBA
 */

import { statSync } from "node:fs";
import type { HeapProfiler } from "node:inspector";
import { Session } from "node:inspector/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArguments } from "../../lib/cli/arguments.js";
import { specOf } from "../../lib/cli/specs.js";
import { type LoadOptions, loadRun } from "../../lib/client/load-addon.js";
import { startDaemon } from "../../lib/daemon/start.js";
import { interfaceInfo, interfaceNames } from "../../lib/link/interfaces.js";

const [, , file = "", durability = "", writePercent = "", verify = "", requests = "", firstLba = ""] =
	process.argv;
const BLOCK_SECTORS = 8;
/** Until every function on the way has been compiled, and every pool has its size. */
const WARM_UP_REQUESTS = 50_000;
const COMPILE_MS = 300;
const SAMPLE_EVERY_BYTES = 512;

const silent = { error: () => {}, warn: () => {}, info: () => {}, verbose: () => {} };
const invocation = parseArguments(["9", "0", "va", file, `--durability=${durability}`], interfaceNames);
if (invocation.kind !== "serve") throw new Error("no command line of serving");
const spec = specOf(invocation.blades, invocation.options);
const server = await startDaemon(spec, silent, "0.0.0");

const load: LoadOptions = {
	targetMac: interfaceInfo("va")?.mac ?? 0,
	shelf: 9,
	slot: 0,
	sectors: BLOCK_SECTORS,
	window: 16,
	writePercent: Number(writePercent),
	sequential: 0,
	verify: Number(verify),
	firstLba: Number(firstLba),
	blocks: (statSync(file).size / 512 - Number(firstLba)) / BLOCK_SECTORS,
	seconds: 600,
	requests: Number(requests),
	seed: 1,
};
for (const requests of [WARM_UP_REQUESTS, WARM_UP_REQUESTS / 5]) {
	await loadRun("vb", { ...load, verify: 0, requests });
	// Functions are compiled by other threads, which get little of a machine that is busy.
	await sleep(COMPILE_MS);
}

const session = new Session();
session.connect();
await session.post("HeapProfiler.startSampling", {
	samplingInterval: SAMPLE_EVERY_BYTES,
	includeObjectsCollectedByMajorGC: true,
	includeObjectsCollectedByMinorGC: true,
});
const result = await loadRun("vb", load);
const { profile } = await session.post("HeapProfiler.stopSampling");
session.disconnect();

/** Bytes allocated by functions of this project's library, by function. */
const allocated: Record<string, number> = {};
function add({ callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode): void {
	const place = `${callFrame.functionName} ${callFrame.url.replace(/^.*\/(?=lib\/)/, "")}`;
	if (selfSize > 0 && callFrame.url.includes("/build/lib/"))
		allocated[place] = (allocated[place] ?? 0) + selfSize;
	for (const child of children) add(child);
}
add(profile.head);
process.stdout.write(`${JSON.stringify({ allocated, result })}\n`);
await server.close();
