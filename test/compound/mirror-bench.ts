/**
 * `node build/test/compound/mirror-bench.js [FOLDER]`: what a mirror of two local files does, beside one file: hot reads and durable writes of
 * 4 KiB at random, 16 at a time. In turns, so that what the machine does otherwise is on both sides; the median of the rounds is told. No test
 * depends on what it finds.
 */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { DurabilityLayer } from "../../lib/block/durability.js";
import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../../lib/block/request.js";
import { layersOn } from "../../lib/block/stack.js";
import { systemClock } from "../../lib/clock.js";
import { openMirror } from "../../lib/compound/mirror/open.js";
import { StorageStatus } from "../../lib/errors.js";
import { nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";

const MIB = 1024 * 1024;
const DATA_BYTES = 256 * MIB;
const BLOCK_BYTES = 4096;
const DEPTH = 16;
const ROUNDS = 7;
const ROUND_MS = 1500;

const pump = new Pump();
const engine = new StorageEngine(pump);
const commits = new GroupCommit(pump);
const random = new Random(1);
const folder = mkdtempSync(path.join(process.argv[2] ?? tmpdir(), "mirror-bench-"));

function open(name: string, sizeBytes: number): FileDevice {
	const file = path.join(folder, name);
	writeFileSync(file, "");
	truncateSync(file, sizeBytes);
	return new FileDevice(engine, file, { readOnly: false, direct: false, synced: true });
}

function disk(bottom: BlockDevice): BlockDevice {
	return layersOn(
		bottom,
		"bench",
		{ offsetSectors: 0, lengthSectors: undefined, durability: "ack" },
		commits,
		4096,
	);
}

/** One of the requests that are under way. */
class Load implements RequestOwner {
	static done = 0;
	static failed = 0;
	static endMs = 0;
	readonly request = new BlockRequest(this);
	readonly #device: BlockDevice;
	readonly #onEnd: () => void;

	constructor(device: BlockDevice, op: BlockOp, onEnd: () => void) {
		this.#device = device;
		this.#onEnd = onEnd;
		this.request.op = op;
		this.request.lengthBytes = BLOCK_BYTES;
		this.request.memory = nativeMemory(BLOCK_BYTES);
	}

	submit(): void {
		this.request.offsetBytes = random.below(DATA_BYTES / BLOCK_BYTES) * BLOCK_BYTES;
		this.#device.submit(this.request.begin());
	}

	finished({ status }: BlockRequest): void {
		Load.done++;
		if (status !== StorageStatus.ok) Load.failed++;
		if (performance.now() > Load.endMs) this.#onEnd();
		else if ((Load.done & 63) === 0) setImmediate(() => this.submit());
		else this.submit();
	}
}

async function rate(device: BlockDevice, op: BlockOp): Promise<number> {
	Load.done = 0;
	const begin = performance.now();
	Load.endMs = begin + ROUND_MS;
	await Promise.all(
		Array.from(
			{ length: DEPTH },
			() => new Promise<void>((resolve) => new Load(device, op, resolve).submit()),
		),
	);
	return (Load.done * 1000) / (performance.now() - begin);
}

async function fill(device: BlockDevice): Promise<void> {
	const asked = new PromisedRequest();
	asked.request.op = BlockOp.write;
	asked.request.lengthBytes = MIB;
	asked.request.memory = nativeMemory(MIB);
	for (let at = 0; at < DATA_BYTES; at += MIB) {
		asked.request.offsetBytes = at;
		await asked.run(device);
	}
}

function median(values: number[]): number {
	return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

const plain = disk(open("plain", DATA_BYTES));
const mirror = await openMirror(
	[0, 1].map((i) => ({ name: `m${i}`, device: open(`m${i}`, DATA_BYTES + MIB) })),
	{
		...{ clock: systemClock, wallMs: Date.now, allocate: nativeMemory },
		identifier: (bytes) => randomBytes(bytes).toString("hex"),
	},
	{ resyncRate: 4096 * MIB },
);
// The mirror keeps requests in order itself.
const mirrored = new DurabilityLayer(mirror, commits, { mode: "ack" });
for (const device of [plain, mirrored]) await fill(device);
while (mirror.state.state !== "inSync") await new Promise((resolve) => setTimeout(resolve, 100));
for (const op of [BlockOp.read, BlockOp.write]) {
	const ratios: number[] = [];
	const rates: [number[], number[]] = [[], []];
	for (let round = 0; round < ROUNDS; round++) {
		const one = await rate(plain, op);
		const two = await rate(mirrored, op);
		rates[0].push(one);
		rates[1].push(two);
		ratios.push(two / one);
	}
	const name = op === BlockOp.read ? "hot reads" : "durable writes";
	console.log(
		`${name}: one file ${median(rates[0]).toFixed(0)}/s, mirror ${median(rates[1]).toFixed(0)}/s, median of ratios ${median(ratios).toFixed(2)}, failed ${Load.failed}`,
	);
}
await plain.close();
await mirrored.close();
engine.close();
rmSync(folder, { recursive: true });
