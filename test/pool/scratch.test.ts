// What a volume was, as a disk that can be written: it is a device like others, below nothing changes, and it is forgotten.
import t from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { directoryWorld } from "../../lib/pool/directory.js";
import { openVolume } from "../../lib/pool/openings.js";
import { Pool } from "../../lib/pool/pool.js";
import { ScratchLayer } from "../../lib/pool/scratch.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { heapMemory, memoryOf } from "../../lib/wire/memory.js";
import { isAll, makeBench, named, read, write } from "../block/file-bench.js";
import { newDirectory } from "../support/mounts.js";
import { makePool } from "../support/pools.js";

const MIB = 2 ** 20;

async function ask(device: BlockDevice, op: BlockOp, at: number, bytes: Uint8Array): Promise<StorageStatus> {
	const promised = new PromisedRequest();
	const memory = memoryOf(bytes, 0);
	Object.assign(promised.request, { op, offsetBytes: at, lengthBytes: bytes.length, memory });
	return (await promised.run(device)).status;
}

t.test("it is a device", async (t) => {
	const make = async () =>
		new OrderingLayer(strictly(new ScratchLayer(new MemoryDevice(2 * MIB), heapMemory)));
	await blockConformance(t, "scratch", make, { pump: new Pump(), ordered: true });
});

t.test("reads are what was written last, here or before, and what is below stays", async (t) => {
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	const below = new MemoryDevice(64 * 1024);
	const before = new Uint8Array(64 * 1024).map(() => random.below(256));
	await ask(below, BlockOp.write, 0, before);
	const model = before.slice();
	const scratch = new ScratchLayer(below, heapMemory);
	for (let round = 0; round < 400; round++) {
		const at = 512 * random.below(128);
		const length = 512 * (1 + random.below(Math.min(24, 128 - at / 512)));
		const bytes = new Uint8Array(length).map(() => random.below(256));
		if (round % 40 === 39) {
			await ask(scratch, BlockOp.writeZeroes, at, new Uint8Array(length));
			model.fill(0, at, at + length);
		} else if (random.chance(0.3)) {
			await ask(scratch, BlockOp.write, at, bytes);
			model.set(bytes, at);
		} else {
			await ask(scratch, BlockOp.read, at, bytes);
			if (Buffer.compare(bytes, model.subarray(at, at + length)) !== 0) t.fail(`${length} bytes at ${at}`);
		}
	}
	const now = new Uint8Array(64 * 1024);
	await ask(scratch, BlockOp.read, 0, now);
	t.equal(Buffer.compare(now, model), 0);
	await ask(below, BlockOp.read, 0, now);
	t.equal(Buffer.compare(now, before), 0, "below");
});

t.test("it takes so much and no more, and reads go on", async (t) => {
	const below = new FaultyLayer(new MemoryDevice(4 * MIB));
	const scratch = new ScratchLayer(below, heapMemory, MIB);
	const zeros = (at: number, length: number) => ask(scratch, BlockOp.writeZeroes, at, new Uint8Array(length));
	t.equal(await ask(scratch, BlockOp.write, 0, new Uint8Array(MIB - 4096).fill(7)), 0);
	t.equal(
		await ask(scratch, BlockOp.write, 2 * MIB - 512, new Uint8Array(1024).fill(8)),
		StorageStatus.noSpace,
	);
	t.equal(await ask(scratch, BlockOp.write, 2 * MIB, new Uint8Array(512).fill(8)), 0, "one block has room");
	t.equal(await ask(scratch, BlockOp.write, 3 * MIB, new Uint8Array(512)), StorageStatus.noSpace);
	t.equal(
		await ask(scratch, BlockOp.write, 4096, new Uint8Array(8192).fill(9)),
		0,
		"what is there can be changed",
	);
	t.equal(await zeros(0, 4 * MIB), StorageStatus.noSpace, "zeros, in parts");
	t.equal(scratch.info.canTrim, false);
	below.add({ op: BlockOp.read });
	const bytes = new Uint8Array(512);
	t.equal(await ask(scratch, BlockOp.read, 2 * MIB, bytes), 0, "what is in memory needs nobody");
	t.equal(await ask(scratch, BlockOp.read, 2 * MIB + 512, bytes), StorageStatus.mediumError);
	await scratch.close();
});

t.test("a snapshot is written, and as it was when it is opened again", async (t) => {
	const bench = makeBench(t);
	const folder = newDirectory();
	await makePool(folder, "8M");
	const pool = await Pool.open(directoryWorld(folder, bench.engine, bench.pump));
	await pool.administration.takeSnapshots([{ volume: "web", name: "a" }]);
	await pool.close();
	const whole = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, durability: "ack" } as const;
	const options = { ...whole, scratch: true };
	const seen = new Set<string>();
	for (const name of ["web@a", "web@a", "web@-0s"]) {
		const { device, identity } = await openVolume(bench, folder, name, options);
		seen.add(identity.serial);
		t.equal(device.info.readOnly, false);
		t.ok(isAll((await read(device, 0, 4096)).bytes, 0), `${name} as it was`);
		t.equal(named(await write(device, 0, 4096, 5)), "ok");
		t.ok(isAll((await read(device, 0, 4096)).bytes, 5));
		await device.close();
	}
	t.equal(seen.size, 3, "each time another disk");
	await t.rejects(
		openVolume(bench, folder, "web", options),
		/volume "web": only what one was can be scratch/,
	);
});
