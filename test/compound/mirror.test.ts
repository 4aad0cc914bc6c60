// A mirror: the conformance suite, members that fail, return, and are replaced, and what is refused.

import t from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { openMirror } from "../../lib/compound/mirror/open.js";
import { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { StrictLayer, strictly } from "../../lib/testing/strict-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { identifiers, KIB, MIB, Stage, standings } from "./stage.js";

const { ok, mediumError, unreachable } = StorageStatus;

t.setTimeout(120_000);

t.test("it is a block device, while it copies, and while its members are slow", async (t) => {
	for (const maxMs of [0, 5]) {
		let clock = new VirtualClock();
		const make = async (): Promise<BlockDevice> => {
			clock = new VirtualClock();
			const devices = [4 * MIB, 5 * MIB].map((size, seed) => {
				const disk = strictly(new MemoryDevice(size, { physicalBlockBytes: 4096 }));
				return maxMs === 0 ? disk : strictly(new DelayLayer(disk, { clock, minMs: 0, maxMs, seed }));
			});
			const opening = openMirror(
				devices.map((device, i) => ({ name: `m${i}`, device })),
				{ clock, wallMs: () => 0, allocate: heapMemory, identifier: identifiers(new Random()) },
			);
			return new StrictLayer(await clock.until(opening), { isTop: true });
		};
		await blockConformance(t, `mirror, ${maxMs} ms`, make, {
			ordered: true,
			wait: (promise) => clock.until(promise),
		});
	}
});

t.test("a new one is made of empty members only, or of what the operator says", async (t) => {
	const stage = new Stage([3 * MIB, 4 * MIB]);
	const mirror = await stage.open();
	t.equal(mirror.info.sizeBytes, 2 * MIB);
	t.equal(mirror.state.members[0]!.state, "inSync");
	t.not(mirror.state.members[1]!.state, "inSync", "nobody knows yet what is in the middle of the second one");
	await stage.until(mirror, "inSync inSync");
	t.equal((await stage.write(mirror, 4096, 4096, 7)).status, ok);
	for (const disk of stage.disks) t.equal(await stage.byteAt(disk, 4096), 7);
	t.equal((await stage.write(mirror, 2 * MIB - 512, 1024, 7)).status, StorageStatus.outOfRange);
	await stage.close(mirror);

	for (const where of [0, 3 * MIB - 512]) {
		const full = new Stage([3 * MIB, 3 * MIB]);
		await full.write(full.disks[1]!, where, 512, 9);
		await full.write(full.disks[1]!, MIB, 512, 5);
		t.match(
			await full.refusal(),
			/^m1 is not empty, and is no member of a mirror yet: say which one counts with `from`/,
		);
		const taken = await full.open({ from: "m1" });
		t.equal(standings(taken).split(" ")[1], "inSync");
		await full.until(taken, "inSync inSync");
		t.equal(await full.byteAt(full.disks[0]!, MIB), 5);
		await full.close(taken);
	}
	t.match(
		await new Stage([3 * MIB, 3 * MIB]).refusal({}, [0]),
		/^m0 is not here: a new mirror begins with all/,
	);
	t.match(await new Stage([3 * MIB, MIB]).refusal(), /^m1 is too small for a mirror/);
	t.match(await new Stage([3 * MIB]).refusal(), /^1 members: a mirror has 2 to 8/);
	t.match(await new Stage([3 * MIB, 3 * MIB]).refusal({ from: "x" }), /^from x: no member has that name/);
});

t.test("opened again it is in sync at once, and members may change places", async (t) => {
	const stage = new Stage([3 * MIB, 3 * MIB]);
	const first = await stage.open();
	await stage.until(first, "inSync inSync");
	await stage.write(first, 0, 4096, 3);
	await stage.close(first);
	stage.disks.reverse();
	stage.faults.reverse();
	const second = await stage.open();
	t.equal(standings(second), "inSync inSync");
	t.strictSame(
		second.state.members.map(({ uuid }) => uuid),
		first.state.members.map(({ uuid }) => uuid),
		"each has its own place",
	);
	t.ok(second.state.generation > first.state.generation);
	t.equal(await stage.byteAt(second, 0), 3);
	await stage.close(second);
});

t.test("one that fails falls out, and only what it lacks is copied when it is back", async (t) => {
	const stage = new Stage([9 * MIB, 9 * MIB]);
	const mirror = await stage.open();
	await stage.until(mirror, "inSync inSync");
	for (let at = 0; at < 8 * MIB; at += 64 * KIB) await stage.write(mirror, at, 4096, 1);
	await stage.pass(60_000);
	t.equal(mirror.state.intentBytes, 0, "what was written is forgotten");
	stage.faults[1]!.add({ op: BlockOp.write, status: unreachable, errno: 0 });
	t.equal((await stage.write(mirror, MIB, 4096, 2)).status, ok, "the other one has it");
	t.match(mirror.state.members[1], { state: "behind", reason: "unreachable" });
	await stage.write(mirror, 3 * MIB, 4096, 2);
	t.equal(mirror.state.state, "degraded");
	t.equal(mirror.state.members[1]!.behindBytes, 128 * KIB);
	const before = stage.disks[1]!;
	await stage.write(before, 5 * MIB, 512, 99);
	stage.faults[1]!.heal();
	await stage.until(mirror, "inSync inSync");
	t.equal(await stage.byteAt(before, MIB), 2);
	t.equal(await stage.byteAt(before, 3 * MIB), 2);
	t.equal(await stage.byteAt(before, 5 * MIB), 99, "nothing else was touched");

	const found = await stage.clock.until(mirror.verify());
	const range = { offsetBytes: 5 * MIB, lengthBytes: 4096, from: 0, members: [1], isRepaired: false };
	t.same(found.ranges, [range]);
	t.match(found, { comparedBytes: 8 * MIB, differentBytes: 4096, repairedBytes: 0, isComplete: true });
	t.match(await stage.clock.until(mirror.verify({ repairFrom: 0 })), { repairedBytes: 4096 });
	t.match(await stage.clock.until(mirror.verify()), { differentBytes: 0 });
	await stage.close(mirror);
});

t.test("the rate of copies is another one from one slice to the next", async (t) => {
	const stage = new Stage([9 * MIB, 9 * MIB]);
	const mirror = await stage.open({ resyncRate: 64 });
	const tune = (resyncRate: number): void => mirror.tune({ resyncRate, timeoutMs: 30_000 });
	tune(1024 * MIB);
	await stage.until(mirror, "inSync inSync");
	stage.faults[1]!.add({ op: BlockOp.write, status: unreachable, errno: 0 });
	for (let at = 0; at < 4 * MIB; at += 64 * KIB) await stage.write(mirror, at, 4096, 1);
	tune(64);
	stage.faults[1]!.heal();
	await stage.pass(60_000);
	t.equal(standings(mirror), "inSync resyncing", "the first slice takes a quarter of an hour");
	t.ok(mirror.state.members[1]!.behindBytes >= 3 * MIB);
	tune(1024 * MIB);
	await stage.pass(1000);
	t.equal(standings(mirror), "inSync inSync");
	await stage.close(mirror);
});

t.test("the last one never falls out: what fails on it fails, and heals", async (t) => {
	const stage = new Stage([3 * MIB, 3 * MIB]);
	const mirror = await stage.open();
	await stage.until(mirror, "inSync inSync");
	await stage.write(mirror, 0, 512, 1);
	for (const fault of stage.faults) {
		fault.add({ op: BlockOp.write, status: unreachable, errno: 0 });
		fault.add({ op: BlockOp.read, status: unreachable, errno: 0 });
	}
	t.equal((await stage.write(mirror, 0, 512, 2)).status, unreachable);
	t.equal((await stage.read(mirror, 0, 512)).status, unreachable);
	t.equal(standings(mirror), "inSync behind");
	stage.faults[1]!.heal();
	await stage.pass(60_000);
	t.equal(standings(mirror).split(" ")[0], "inSync");
	t.not(standings(mirror).split(" ")[1], "inSync", "there is nobody to copy from");
	stage.faults[0]!.heal();
	t.equal((await stage.write(mirror, 0, 512, 3)).status, ok);
	await stage.until(mirror, "inSync inSync");
	for (const disk of stage.disks) t.equal(await stage.byteAt(disk, 0), 3);
	await stage.close(mirror);
});

t.test("what can't be read is read from another one, and written back", async (t) => {
	const stage = new Stage([3 * MIB, 3 * MIB]);
	const mirror = await stage.open();
	await stage.until(mirror, "inSync inSync");
	await stage.write(mirror, 8192, 4096, 6);
	await stage.write(stage.disks[0]!, 8192, 4096, 0);
	stage.faults[0]!.add({ op: BlockOp.read, startBytes: 8192, endBytes: 12_288, times: 1 });
	t.equal(await stage.byteAt(mirror, 8192), 6);
	t.equal(await stage.byteAt(stage.disks[0]!, 8192), 6, "repaired");
	t.match(stage.events.at(-1), { kind: "repaired", name: "m0", offsetBytes: 8192, lengthBytes: 512 });
	t.equal(standings(mirror), "inSync inSync");
	await stage.write(stage.disks[1]!, 8192, 512, 66);
	const copy = async (which: number) => (await stage.read(mirror, 8192, 512, which)).memory.bytes[0];
	t.strictSame(
		[await copy(1), await copy(1), await copy(2), await copy(3)],
		[6, 6, 66, 6],
		"whoever wants another copy gets that one, whoever else asks for others",
	);
	for (const fault of stage.faults) fault.add({ op: BlockOp.read, startBytes: 8192, endBytes: 12_288 });
	t.equal((await stage.read(mirror, 8192, 4096)).status, mediumError, "nobody has it");
	await stage.close(mirror);
});

t.test("thin stays thin, and zeros cost no writing", async (t) => {
	const stage = new Stage([201 * MIB, 201 * MIB]);
	await stage.write(stage.disks[0]!, 0, 4096, 1);
	await stage.write(stage.disks[1]!, 100 * MIB, 4096, 2);
	const mirror = await stage.open({ from: "m0" });
	await stage.until(mirror, "inSync inSync");
	t.ok(stage.disks[1]!.allocatedBytes < 2 * MIB, `${stage.disks[1]!.allocatedBytes} bytes`);
	t.equal(await stage.byteAt(stage.disks[1]!, 100 * MIB), 0);
	t.equal(await stage.byteAt(stage.disks[1]!, 0), 1);
	await stage.close(mirror);
});

t.test(
	"writes of the same turn share what is stored for them, and more of the same cost nothing",
	async (t) => {
		const stage = new Stage([9 * MIB, 9 * MIB]);
		const mirror = await stage.open();
		await stage.until(mirror, "inSync inSync");
		const before = mirror.state.members[0]!.reads;
		const counts = stage.disks.map(() => 0);
		for (const [i, disk] of stage.disks.entries()) {
			const { submit } = disk;
			const at = stage.reservedAt(i);
			disk.submit = (request) => {
				if (request.op === BlockOp.write && request.offsetBytes >= at) counts[i]!++;
				submit.call(disk, request);
			};
		}
		const writes = Array.from({ length: 32 }, (_, i) => {
			const asked = new PromisedRequest();
			asked.request.op = BlockOp.write;
			asked.request.offsetBytes = i * 128 * KIB;
			asked.request.lengthBytes = 4096;
			asked.request.memory = heapMemory(4096);
			return asked.run(mirror);
		});
		await stage.clock.until(Promise.all(writes));
		t.strictSame(counts, [1, 1]);
		for (let i = 0; i < 32; i++) await stage.write(mirror, i * 128 * KIB + 8192, 4096, 1);
		t.strictSame(counts, [1, 1], "regions that are written again");
		t.equal(mirror.state.members[0]!.reads, before);
		await stage.close(mirror);
	},
);
