/**
 * What a linear disk, or a mirror, allocates for each request, without a test runner around it: started by `steady-state.test.ts`; prints it as
 * JSON. usage: measured-device linear|mirror read|write FOLDER REQUESTS
 */

import { randomBytes } from "node:crypto";
import { truncateSync, writeFileSync } from "node:fs";
import type { HeapProfiler } from "node:inspector";
import { Session } from "node:inspector/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BlockDevice } from "../../lib/block/device.js";
import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../../lib/block/request.js";
import { layersOn } from "../../lib/block/stack.js";
import { systemClock } from "../../lib/clock.js";
import { LinearDevice } from "../../lib/compound/linear.js";
import { Member } from "../../lib/compound/member.js";
import { openMirror } from "../../lib/compound/mirror/open.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { StorageStatus } from "../../lib/errors.js";
import { nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";

const [, , kind = "", operation = "", folder = "", count = ""] = process.argv;
const MIB = 1024 * 1024;
const PART_BYTES = 9 * MIB;
const BLOCK_BYTES = 8192;
/** So many go to the engine at once: what is allocated for each of these batches is nothing to each request. */
const DEPTH = 64;
/** Until every function on the way has been compiled, and every pool has its size. */
const WARM_UP_REQUESTS = 50_000;
const COMPILE_MS = 300;
const SAMPLE_EVERY_BYTES = 512;
/** From one place to the next. (A generator of chance has numbers that are on the heap until it has been compiled, which takes as long as the machine is busy.) */
const STRIDE = 1009;

const pump = new Pump();
const engine = new StorageEngine(pump);
const commits = new GroupCommit(pump);
const op = operation === "read" ? BlockOp.read : BlockOp.write;

function part(name: string): Member {
	const file = path.join(folder, name);
	writeFileSync(file, Buffer.alloc(PART_BYTES, 1));
	truncateSync(file, PART_BYTES);
	const device = new FileDevice(engine, file, { readOnly: false, direct: false, synced: false });
	const options = { offsetSectors: 0, lengthSectors: undefined, durability: "flush" } as const;
	return new Member(new Disk(name, makeIdentity(name, "0"), layersOn(device, name, options, commits, 4096)));
}

async function opened(): Promise<BlockDevice> {
	const members = ["a", "b"].map((name) => ({ name, device: part(name) }));
	if (kind === "linear") return new OrderingLayer(new LinearDevice(members));
	const mirror = await openMirror(
		members,
		{
			...{ clock: systemClock, wallMs: Date.now, allocate: nativeMemory },
			identifier: (bytes) => randomBytes(bytes).toString("hex"),
		},
		{ from: "a", resyncRate: 4096 * MIB },
	);
	while (mirror.state.state !== "inSync") await sleep(50);
	return mirror;
}

/** One of the requests that are under way, each of which begins the next. */
class Load implements RequestOwner {
	static left = 0;
	static failed = 0;
	static place = 0;
	readonly request = new BlockRequest(this);
	readonly #device: BlockDevice;
	readonly #onEnd: () => void;

	constructor(device: BlockDevice, onEnd: () => void) {
		this.#device = device;
		this.#onEnd = onEnd;
		this.request.op = op;
		this.request.lengthBytes = BLOCK_BYTES;
		this.request.memory = nativeMemory(BLOCK_BYTES);
	}

	/** At multiples of half its length: of a linear disk some cross the border. */
	submit(): void {
		const places = (this.#device.info.sizeBytes - BLOCK_BYTES) / (BLOCK_BYTES / 2);
		Load.place = (Load.place + STRIDE) % places;
		this.request.offsetBytes = Load.place * (BLOCK_BYTES / 2);
		this.#device.submit(this.request.begin());
	}

	finished({ status }: BlockRequest): void {
		if (status !== StorageStatus.ok) Load.failed++;
		Load.left--;
		if (Load.left < DEPTH) this.#onEnd();
		else if ((Load.left & 63) === 0) setImmediate(submitted, this);
		else this.submit();
	}
}

function submitted(load: Load): void {
	load.submit();
}

async function run(device: BlockDevice, requests: number): Promise<void> {
	Load.left = requests + DEPTH;
	await Promise.all(
		Array.from({ length: DEPTH }, () => new Promise<void>((end) => new Load(device, end).submit())),
	);
}

const device = await opened();
for (const requests of [WARM_UP_REQUESTS, WARM_UP_REQUESTS / 5]) {
	await run(device, requests);
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
await run(device, Number(count));
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
process.stdout.write(`${JSON.stringify({ allocated, failed: Load.failed })}\n`);
await device.close();
process.exit(0);
