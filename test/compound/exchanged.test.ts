// Members of a mirror that are others than they were: copies of themselves, exchanged with each other, overwritten at their end, smaller, or one
// storage by two names; while the mirror is closed, and while it is open. Nothing is called in sync that is not, and what counts is not overwritten.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { SUPERBLOCK_BYTES } from "../../lib/compound/mirror/format.js";
import type { Mirror } from "../../lib/compound/mirror/mirror.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { KIB, MIB, Stage, standings } from "./stage.js";

const SIZE = 3 * MIB;
const HALF_HOUR_MS = 1_800_000;
/** Where the last thing was written. */
const LAST = 512 * KIB;

async function opened(count = 2): Promise<{ stage: Stage; mirror: Mirror }> {
	const stage = new Stage(Array.from({ length: count }, () => SIZE));
	const mirror = await stage.open();
	await stage.until(mirror, inSync(count));
	for (let at = 0; at < MIB; at += 64 * KIB) await stage.write(mirror, at, 4096, 1);
	await stage.pass(60_000);
	return { stage, mirror };
}

function inSync(count: number): string {
	return Array.from({ length: count }, () => "inSync").join(" ");
}

/** All of a disk as it is now. */
async function copyOf(stage: Stage, index: number): Promise<Uint8Array> {
	const disk = stage.disks[index]!;
	return (await stage.read(disk, 0, disk.info.sizeBytes)).memory.bytes;
}

/** Writes to a disk behind the mirror's back. */
async function put(stage: Stage, index: number, bytes: Uint8Array, offsetBytes = 0): Promise<void> {
	const memory = heapMemory(bytes.length);
	memory.bytes.set(bytes);
	const asked = new PromisedRequest();
	const fields = { op: BlockOp.write, offsetBytes, lengthBytes: bytes.length, memory };
	Object.assign(asked.request, fields);
	await stage.clock.until(asked.run(stage.disks[index]!));
}

/** From now on nothing is read from it or written to it. */
function fail(stage: Stage, index: number): void {
	for (const op of [BlockOp.read, BlockOp.write, BlockOp.flush]) stage.faults[index]!.add({ op });
}

async function hours(stage: Stage, count: number): Promise<void> {
	for (let half = 0; half < 2 * count; half++) await stage.pass(HALF_HOUR_MS);
}

/** Something by which data can be told from what it was. */
async function writeLast(stage: Stage, mirror: Mirror, byte: number): Promise<void> {
	await stage.write(mirror, LAST, 4096, byte);
	await stage.pass(60_000);
}

t.test("a copy from when the mirror was open is not in sync once that has been closed", async (t) => {
	for (const index of [0, 1]) {
		const { stage, mirror } = await opened();
		const yesterday = await copyOf(stage, index);
		await writeLast(stage, mirror, 9);
		await stage.close(mirror);
		await put(stage, index, yesterday);
		t.match(await stage.refusal(), /both gone on without the other, or one is an older copy: say which one/);
		const again = await stage.open({ from: `m${1 - index}` });
		await stage.until(again, inSync(2));
		t.equal(await stage.byteAt(again, LAST), 9);
		t.match(await stage.clock.until(again.verify()), { differentBytes: 0, isComplete: true });
		await stage.close(again);
	}
});

t.test(
	"one that fell out and is back as an older copy is not copied to as if it had what it had",
	async (t) => {
		const { stage, mirror } = await opened();
		const yesterday = await copyOf(stage, 1);
		await writeLast(stage, mirror, 9);
		await hours(stage, 1.5);
		fail(stage, 1);
		await writeLast(stage, mirror, 10);
		t.equal(standings(mirror), "inSync behind");
		await put(stage, 1, yesterday);
		stage.faults[1]!.heal();
		await stage.pass(120_000);
		t.equal(standings(mirror), "inSync refused");
		t.match(mirror.state.members[1]?.reason, /has gone on without the others, or is an older copy/);
		await stage.close(mirror);
	},
);

t.test("two generations an hour are all that this takes, and none where nothing is written", async (t) => {
	const { stage, mirror } = await opened();
	await hours(stage, 2);
	const { generation } = mirror.state;
	await hours(stage, 5);
	t.equal(mirror.state.generation, generation, "nothing was written");
	for (let i = 0; i < 120; i++) {
		await stage.write(mirror, LAST, 4096, i);
		await stage.pass(60_000);
	}
	t.ok(mirror.state.generation > generation && mirror.state.generation <= generation + 6);
	await stage.close(mirror);
});

t.test("members that were exchanged are where they say", async (t) => {
	const { stage, mirror } = await opened(3);
	fail(stage, 2);
	await writeLast(stage, mirror, 9);
	t.equal(standings(mirror), "inSync inSync behind");
	await stage.close(mirror);
	stage.faults[2]!.heal();
	const all = [await copyOf(stage, 0), await copyOf(stage, 1), await copyOf(stage, 2)];
	for (const i of [0, 1, 2]) await put(stage, i, all[(i + 1) % 3]!);
	const again = await stage.open();
	await stage.until(again, inSync(3));
	for (const copy of [0, 1, 2, 3]) {
		const { memory } = await stage.read(again, LAST, 512, copy);
		t.equal(memory.bytes[0], 9);
	}
	await stage.close(again);
});

t.test(
	"exchanged while they serve, as when two servers have changed places: what counts stays",
	async (t) => {
		const { stage, mirror } = await opened(3);
		for (const index of [1, 2]) fail(stage, index);
		await writeLast(stage, mirror, 9);
		t.equal(standings(mirror), "inSync behind behind");
		const [one, two] = [await copyOf(stage, 1), await copyOf(stage, 2)];
		await put(stage, 1, two);
		await put(stage, 2, one);
		for (const index of [1, 2]) stage.faults[index]!.heal();
		await stage.pass(120_000);
		t.equal(standings(mirror), "inSync refused refused");
		t.equal(await stage.byteAt(mirror, LAST), 9);
		await stage.close(mirror);
	},
);

t.test("noise or zeros at the end of a member, while it is closed and while it is open", async (t) => {
	const noise = Uint8Array.from({ length: MIB }, (_, i) => (i * 7919) >>> 3);
	for (const end of [noise, new Uint8Array(MIB)])
		for (const index of [0, 1]) {
			const { stage, mirror } = await opened();
			await writeLast(stage, mirror, 9);
			await put(stage, index, end, stage.reservedAt(index));
			await writeLast(stage, mirror, 10);
			await stage.close(mirror);
			const open = await stage.open();
			await stage.until(open, inSync(2));
			t.equal(await stage.byteAt(open, LAST), 10, "what was overwritten while it was open is written again");
			t.match(await stage.clock.until(open.verify()), { differentBytes: 0 });
			await stage.close(open);
			await put(stage, index, end, stage.reservedAt(index));
			t.match(await stage.refusal(), new RegExp(`m${index} was in sync and is not here`));
			const degraded = await stage.open({ degraded: true });
			await stage.pass(60_000);
			t.equal(standings(degraded), index === 0 ? "refused inSync" : "inSync refused");
			degraded.attach(index, stage.faults[index]!, true);
			await stage.until(degraded, inSync(2));
			t.match(await stage.clock.until(degraded.verify()), { differentBytes: 0 });
			t.equal(await stage.byteAt(degraded, LAST), 10);
			await stage.close(degraded);
		}
});

t.test("of the two copies of a superblock an older one does not count", async (t) => {
	const { stage, mirror } = await opened();
	const at = stage.reservedAt(1);
	const old = (await copyOf(stage, 1)).slice(at, at + 2 * SUPERBLOCK_BYTES);
	await writeLast(stage, mirror, 9);
	await stage.close(mirror);
	for (const copy of [0, 1]) {
		const now = (await copyOf(stage, 1)).slice(at, at + 2 * SUPERBLOCK_BYTES);
		const from = copy * SUPERBLOCK_BYTES;
		await put(stage, 1, old.subarray(from, from + SUPERBLOCK_BYTES), at + from);
		const again = await stage.open();
		t.equal(standings(again), "inSync inSync", "the other one is as it was");
		await stage.close(again);
		t.ok(now.length > 0);
	}
});

t.test("one that is smaller when it is back takes no part", async (t) => {
	const { stage, mirror } = await opened();
	fail(stage, 1);
	await writeLast(stage, mirror, 9);
	const all = await copyOf(stage, 1);
	stage.swap(1, SIZE - 64 * KIB);
	await put(stage, 1, all.subarray(0, SIZE - 64 * KIB));
	mirror.attach(1, stage.faults[1]!);
	await stage.pass(60_000);
	t.match(mirror.state.members[1], { state: "refused", reason: /has 3080192 bytes, and must have 3145728/ });
	await stage.close(mirror);
	stage.swap(1, SIZE - 64 * KIB);
	t.match(await stage.refusal({ degraded: true }), "opened");
});

t.test("one storage by two names is one member, also where it may be overwritten", async (t) => {
	const stage = new Stage([SIZE, SIZE]);
	const same = new MemoryDevice(SIZE);
	stage.disks.fill(same);
	stage.faults.splice(0, 2, new FaultyLayer(same), new FaultyLayer(same));
	stage.onMember = (device) => device;
	const mirror = await stage.open();
	await writeLast(stage, mirror, 9);
	t.match(mirror.state.members[1], { state: "refused", reason: "is m0, or a copy of it" });
	mirror.attach(1, stage.faults[1]!, true);
	await stage.pass(500);
	t.match(mirror.state.members[1], { state: "refused", reason: "is the same storage as m0" });
	await stage.pass(60_000);
	t.equal(standings(mirror), "inSync refused");
	t.equal(await stage.byteAt(mirror, LAST), 9);
	t.same(mirror.state.state, "degraded");
});

t.test("a copy of another member is overwritten where that is asked for", async (t) => {
	const { stage, mirror } = await opened();
	await writeLast(stage, mirror, 9);
	await stage.close(mirror);
	await put(stage, 1, await copyOf(stage, 0));
	t.match(await stage.refusal(), /m1 is the same member as m0/);
	const again = await stage.open({ degraded: true }, [1]);
	again.attach(1, stage.faults[1]!);
	await stage.pass(60_000);
	t.match(again.state.members[1], { state: "refused", reason: "is m0, or a copy of it" });
	again.attach(1, stage.faults[1]!, true);
	await stage.until(again, inSync(2));
	t.match(await stage.clock.until(again.verify()), { differentBytes: 0, isComplete: true });
	await stage.close(again);
});
