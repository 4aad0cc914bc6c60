// A disk as a part of another one: it counts what is asked of it, fails under its own name, keeps its limit, and stays open.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { LinearDevice } from "../../lib/compound/linear.js";
import { Member } from "../../lib/compound/member.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { StorageStatus } from "../../lib/errors.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { MIB, run, SECTOR } from "../block/devices.js";

const clock = new VirtualClock();

function parts() {
	const faulty = new FaultyLayer(new MemoryDevice(MIB));
	const [a, b] = [new MemoryDevice(MIB), faulty].map(
		(device, index) => new Disk("ab"[index]!, makeIdentity(`${index}`, "1"), device, clock),
	) as [Disk, Disk];
	const linear = new LinearDevice([a, b].map((disk) => ({ name: disk.name, device: new Member(disk) })));
	return { a, b, faulty, linear };
}

t.test("what is asked of it counts, and what fails is told of it", async (t) => {
	const { a, b, faulty, linear } = parts();
	const told: string[] = [];
	for (const disk of [a, b])
		disk.onFault = ({ name }, op, status, errno, lba) => told.push([name, op, status, errno, lba].join(" "));
	await run(linear, BlockOp.write, MIB - 4 * SECTOR, 8 * SECTOR, 1);
	await run(linear, BlockOp.read, 0, SECTOR);
	await run(linear, BlockOp.flush);
	t.match(a.stats, {
		reads: 1,
		readBytes: SECTOR,
		writes: 1,
		writtenBytes: 4 * SECTOR,
		flushes: 1,
		errors: 0,
	});
	t.match(b.stats, { reads: 0, writes: 1, writtenBytes: 4 * SECTOR, flushes: 1 });
	faulty.add({ op: BlockOp.read, startBytes: 9 * SECTOR, errno: 5 });
	faulty.add({ op: BlockOp.trim, status: StorageStatus.noSpace, errno: 28 });
	faulty.add({ op: BlockOp.writeZeroes, status: StorageStatus.writeProtected, errno: 1 });
	t.equal((await run(linear, BlockOp.read, MIB, 16 * SECTOR)).failedOffsetBytes, MIB + 9 * SECTOR);
	await run(linear, BlockOp.trim, MIB, SECTOR);
	await run(linear, BlockOp.writeZeroes, MIB, SECTOR);
	t.match(b.stats, { reads: 0, errors: 3, causes: { medium: 1, space: 1, protected: 1, sync: 0 } });
	t.equal(b.faults, 1, "a full file system is no broken disk");
	t.strictSame(told, [
		`b ${BlockOp.read} ${StorageStatus.mediumError} 5 9`,
		`b ${BlockOp.trim} ${StorageStatus.noSpace} 28 0`,
		`b ${BlockOp.writeZeroes} ${StorageStatus.writeProtected} 1 0`,
	]);
	t.strictSame([a.underWay, b.underWay], [0, 0]);
});

t.test("its limit is kept, and it stays open", async (t) => {
	const { a, b, linear } = parts();
	a.device.limit = { iops: 1 };
	const all = Array.from({ length: 3 }, () => run(linear, BlockOp.read, 0, SECTOR));
	const others = await Promise.all(Array.from({ length: 3 }, () => run(linear, BlockOp.read, MIB, SECTOR)));
	t.equal(others.length, 3, "others don't wait for it");
	t.equal(a.device.waiting + a.underWay > 0, true);
	await clock.until(Promise.all(all));
	t.ok(a.device.delayed > 0);
	await linear.close();
	t.strictSame([a.phase, b.phase], ["open", "open"]);
	t.equal((await run(linear, BlockOp.read, 0, SECTOR)).status, StorageStatus.closed);
	t.equal((await run(new Member(a), BlockOp.flush)).status, StorageStatus.ok);
	await b.close();
	t.equal((await run(new Member(b), BlockOp.read, 0, SECTOR)).status, StorageStatus.closed);
});
