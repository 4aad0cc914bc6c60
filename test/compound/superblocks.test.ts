// What a member says of itself, in two copies, when one of them can't be written, or can't be read for a while.

import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { SUPERBLOCK_BYTES, SUPERBLOCKS, type Superblock } from "../../lib/compound/mirror/format.js";
import { Member } from "../../lib/compound/mirror/member.js";
import { viewOf, writeSuperblock } from "../../lib/compound/mirror/metadata.js";
import { StorageStatus } from "../../lib/errors.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MIB, Stage, standings } from "./stage.js";

const { ok, unreachable } = StorageStatus;
const COPIES = Array.from({ length: SUPERBLOCKS }, (_, copy) => copy);

/** Which copies were to be written, in this order. */
class Telling extends FaultyLayer {
	readonly written: number[] = [];

	constructor(
		device: BlockDevice,
		readonly at: number,
	) {
		super(device);
	}

	protected override handle(request: Parameters<FaultyLayer["submit"]>[0]): void {
		if (request.op === BlockOp.write) this.written.push((request.offsetBytes - this.at) / SUPERBLOCK_BYTES);
		super.handle(request);
	}
}

t.test("a copy that could not be written is written again before the other one", async (t) => {
	const member = new Member(0, "m0", 1);
	const device = new Telling(new MemoryDevice(3 * MIB), 2 * MIB);
	member.device = device;
	const superblock: Superblock = {
		...{ sequence: 0, mirror: "1".repeat(32), index: 0, dataBytes: MIB, regionBytes: 65_536, generation: 1 },
		id: "a".repeat(16),
		entries: [0, 1].map((i) => ({
			...{ uuid: `${i}`.repeat(32), inSync: true, lacksSinceMs: 0 },
			...{ confirmed: "a".repeat(16), attempted: "a".repeat(16) },
		})),
	};
	const write = (id: string): ReturnType<typeof writeSuperblock> =>
		writeSuperblock(member, { ...superblock, id: id.repeat(16) }, heapMemory(SUPERBLOCK_BYTES));
	await write("a");
	device.written.length = 0;
	device.add({ op: BlockOp.write, times: 2 });
	for (const id of ["b", "c"]) t.not((await write(id)).status, StorageStatus.ok);
	t.equal(device.written.length, 2);
	t.equal(device.written[0], device.written[1], "the other one is whole");
	t.match(await viewOf(member, heapMemory), { superblock: { id: "a".repeat(16) }, isHalf: false });
	t.equal((await write("d")).status, ok);
	t.match(await viewOf(member, heapMemory), { superblock: { id: "d".repeat(16) } });
});

t.test(
	"one that can be neither read nor written is no obstacle where another member is as new",
	async (t) => {
		const stage = new Stage([3 * MIB, 3 * MIB]);
		const first = await stage.open();
		await stage.until(first, "inSync inSync");
		await stage.close(first);
		const startBytes = stage.reservedAt(0);
		stage.faults[0]!.add({ op: BlockOp.read, startBytes, endBytes: startBytes + SUPERBLOCK_BYTES });
		stage.faults[0]!.add({ op: BlockOp.write, startBytes });
		t.equal(
			await stage.refusal({ degraded: true }, [1]),
			"m0: a copy of its superblock can be neither read nor written",
		);
		const second = await stage.open();
		t.equal(standings(second), "behind inSync");
		stage.faults[0]!.heal();
		await stage.until(second, "inSync inSync");
		await stage.close(second);
	},
);

t.test("a copy that can't be read for a while brings no other generation back", async (t) => {
	// A generation of which one member has one copy only: which of them that is says whose turn it is.
	for (const lacking of COPIES)
		for (const unread of COPIES)
			for (const isWritten of [false, true]) {
				const stage = new Stage([3 * MIB, 3 * MIB]);
				const rangeOf = (copy: number): { startBytes: number; endBytes: number } => {
					const startBytes = stage.reservedAt(1) + copy * SUPERBLOCK_BYTES;
					return { startBytes, endBytes: startBytes + SUPERBLOCK_BYTES };
				};
				const fault = stage.faults[1]!;
				const first = await stage.open();
				await stage.until(first, "inSync inSync");
				fault.add({ op: BlockOp.write, ...rangeOf(lacking) });
				await stage.close(first);
				fault.heal();
				fault.add({ op: BlockOp.read, ...rangeOf(unread) });
				if (!isWritten) fault.add({ op: BlockOp.write, status: unreachable });
				const second = await stage.open();
				await stage.pass(5000);
				await stage.close(second);
				fault.heal();
				const third = await stage.open();
				await stage.until(third, "inSync inSync");
				await stage.close(third);
				t.pass(`copy ${lacking} lacked it, ${unread} was not read`);
			}
});
