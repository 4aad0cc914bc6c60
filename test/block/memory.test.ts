import { constants } from "node:os";
import t from "tap";
import { CHUNK_BYTES, MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { InvariantError, StorageStatus } from "../../lib/errors.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { MIB, run, SECTOR } from "./devices.js";

await blockConformance(t, "memory", () => new MemoryDevice(2 * MIB), {
	ordered: true,
	makeReadOnly: () => new MemoryDevice(2 * MIB, { readOnly: true }),
});
await blockConformance(t, "memory of an odd size", () => new MemoryDevice(MIB + 3 * SECTOR), {
	ordered: true,
});

t.test("memory is taken by writes and given back by trims", async (t) => {
	const device = new MemoryDevice(10 * 1024 ** 4);
	await run(device, BlockOp.read, 5 * CHUNK_BYTES, CHUNK_BYTES);
	t.equal(device.allocatedBytes, 0, "reading takes none");
	await run(device, BlockOp.write, CHUNK_BYTES - SECTOR, 2 * SECTOR, 1);
	await run(device, BlockOp.write, 10 * 1024 ** 4 - SECTOR, SECTOR, 2);
	t.equal(device.allocatedBytes, 3 * CHUNK_BYTES, "a write takes the chunks that it touches");
	await run(device, BlockOp.trim, CHUNK_BYTES - SECTOR, SECTOR);
	t.equal(device.allocatedBytes, 3 * CHUNK_BYTES, "a part of a chunk is only zeroed");
	await run(device, BlockOp.trim, 0, CHUNK_BYTES);
	t.equal(device.allocatedBytes, 2 * CHUNK_BYTES, "a whole chunk is given back");
	t.equal((await run(device, BlockOp.trim, 0, 10 * 1024 ** 4)).status, StorageStatus.ok);
	t.equal(device.allocatedBytes, 0, "a trim of ten terabytes looks only at what is there");
});

t.test("growth is told and the new part is zeros", async (t) => {
	const device = new MemoryDevice(MIB);
	const told: number[] = [];
	device.listen({ changed: () => told.push(device.info.sizeBytes) });
	t.equal((await run(device, BlockOp.read, MIB, SECTOR)).status, StorageStatus.outOfRange);
	device.grow(2 * MIB);
	t.same(told, [2 * MIB]);
	const read = await run(device, BlockOp.read, MIB, SECTOR, 0xff);
	t.equal(read.status, StorageStatus.ok);
	t.ok(read.memory.bytes.every((byte) => byte === 0));
	t.throws(() => device.grow(MIB), InvariantError, "it never shrinks");
	t.throws(() => new MemoryDevice(1000), InvariantError, "sizes are of whole sectors");
});

t.test("when memory runs out the medium is full", async (t) => {
	class Full extends MemoryDevice {
		override allocate(byteLength: number): Uint8Array {
			if (this.allocatedBytes >= CHUNK_BYTES) throw new RangeError("Array buffer allocation failed");
			return super.allocate(byteLength);
		}
	}
	const device = new Full(MIB);
	const write = await run(device, BlockOp.write, CHUNK_BYTES / 2, CHUNK_BYTES, 7);
	t.equal(write.status, StorageStatus.noSpace);
	t.equal(write.errno, constants.errno.ENOMEM);
	t.equal(write.failedOffsetBytes, CHUNK_BYTES, "the first byte that had no room");
});
