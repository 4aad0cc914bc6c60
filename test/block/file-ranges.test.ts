// Zeroes and extents of real files: what becomes of their space, and what the file system tells of them.
import { statSync } from "node:fs";
import t, { type Test } from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { canMount, inMounts, loopDevice, mountTmpfs, newDirectory, newFile } from "../support/mounts.js";
import { makeBench, named, openStack, write } from "./file-bench.js";

const SECTOR = 512;
const MIB = 1024 * 1024;
/** More than is done in one go, whoever makes the zeros. */
const WHOLE_BYTES = 192 * MIB;

function ask(device: BlockDevice, fields: Partial<BlockRequest>): Promise<BlockRequest> {
	const asked = new PromisedRequest();
	Object.assign(asked.request, fields);
	return asked.run(device);
}

function zero(device: BlockDevice, lengthBytes: number, mayUnmap: boolean): Promise<BlockRequest> {
	return ask(device, { op: BlockOp.writeZeroes, lengthBytes, mayUnmap });
}

function keepsSpace(t: Test, name: string, directory: string): void {
	t.test(`${name}: space is kept or given back, as is asked for`, async (t) => {
		const path = newFile(directory, WHOLE_BYTES);
		const device = openStack(path, makeBench(t));
		const used = (): number => statSync(path).blocks * SECTOR;
		await write(device, 8 * MIB, MIB, 1);
		await ask(device, { op: BlockOp.flush });
		t.equal(named(await zero(device, WHOLE_BYTES, false)), "ok");
		t.ok(used() >= WHOLE_BYTES, `kept, and where there was none there is: ${used()} bytes`);
		t.equal(named(await zero(device, WHOLE_BYTES, true)), "ok");
		t.ok(used() < MIB, `given back: ${used()} bytes`);
		await device.close();
	});

	t.test(`${name}: extents are those of the file`, async (t) => {
		const device = openStack(newFile(directory, 64 * MIB), makeBench(t), { offsetSectors: 8 * 1024 });
		t.ok(device.info.knowsExtents);
		await write(device, MIB, MIB, 1);
		const { extents, extentCount } = await ask(device, {
			op: BlockOp.extents,
			lengthBytes: device.info.sizeBytes,
			extents: new Float64Array(16),
		});
		t.strictSame([...(extents?.subarray(0, 2 * extentCount) ?? [])], [MIB, 1, MIB, 0, 58 * MIB, 1]);
		await device.close();
	});
}

function ranges(t: Test): void {
	keepsSpace(t, "file", newDirectory());
	if (!canMount) return;
	keepsSpace(t, "tmpfs", mountTmpfs(256 * MIB));
	t.test("a block device says what its queue does, and that it knows nothing of extents", async (t) => {
		const disk = loopDevice(newFile(newDirectory(), MIB), 4096);
		const device = openStack(disk.path, makeBench(t));
		const { logicalBlockBytes, trimGranularityBytes, knowsExtents, fastZeroes } = device.info;
		t.strictSame(
			[logicalBlockBytes, trimGranularityBytes, knowsExtents, fastZeroes],
			[4096, 4096, false, true],
		);
		await device.close();
		disk.release();
	});
}

if (await inMounts(import.meta.url)) ranges(t);
