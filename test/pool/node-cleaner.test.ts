// Segments of nodes of which little lives: what does is moved closely together, is found where it was, and the slots come back.

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { decodeNodeRow, encodeNodeRow } from "../../lib/pool/node-rows.js";
import { Random } from "../../lib/random.js";
import { NodeWorld } from "./node-world.js";

const SPARE = 2;

/** Until there is nothing to do. */
async function cleanAll(world: NodeWorld): Promise<number> {
	let rounds = 0;
	while (await world.cleaner.clean()) rounds++;
	return rounds;
}

t.test("whatever lives and dies, and however often it moves, it is where it was, in few slots", async (t) => {
	const random = new Random();
	const world = await NodeWorld.make(random, 4, 32 * 1024, SPARE);
	let cleaned = 0;
	for (let round = 0; round < 60; round++) {
		for (let left = random.below(400); left > 0; left--) world.append();
		world.freeSome(random.pick([0.1, 0.6, 0.95]));
		// (While it is copied, too.)
		world.meanwhile = (): void => world.freeSome(random.pick([0, 0, 0.3]));
		await world.nodes.writeOut();
		cleaned += await cleanAll(world);
		if (random.chance(0.3)) await world.reopen();
		else await world.settle();
		t.same(world.wrong(), [], `seed ${random.seed}, round ${round}`);
		t.equal(world.nodes.liveBytes, world.liveBytes);
		// (What is in memory is not moved: the last one, and of those that are not full there is none.)
		const most = (2 * world.liveBytes) / SEGMENT_BYTES + SPARE + 1;
		t.ok(world.slots <= most, `${world.slots} slots of ${most}, seed ${random.seed}`);
	}
	t.ok(cleaned > 0, `cleaned ${cleaned} times`);
});

t.test("one node in a thousand lives in each of many segments: they come to lie in one slot", async (t) => {
	const random = new Random();
	const world = await NodeWorld.make(random, 3, SEGMENT_BYTES / 16, SPARE);
	while (world.slots < 20) world.append();
	world.freeSome(0.999);
	await world.nodes.writeOut();
	t.equal(await cleanAll(world), 1, "at once");
	t.ok(world.slots <= SPARE + 1, `${world.slots} slots`);
	t.same(world.wrong(), []);
	const { free } = world.segments.slots;
	await world.settle();
	t.ok(world.segments.slots.free >= free + 15, "their slots are free when a checkpoint knows");
	const { movedBytes } = world.cleaner;
	t.equal(await cleanAll(world), 0);
	t.equal(world.cleaner.movedBytes, movedBytes, "what is well is left alone");
	world.freeSome(1);
	await world.reopen();
	t.ok(world.slots <= 1);
});

t.test("where there is no slot, or it can't be written, nothing moves and nothing is lost", async (t) => {
	const random = new Random();
	const world = await NodeWorld.make(random, 1, SEGMENT_BYTES / 64, 0);
	while (world.slots < 8) world.append();
	world.freeSome(0.5);
	await world.nodes.writeOut();
	t.equal(await world.cleaner.clean(), false);
	await world.segments.grow();
	const { free } = world.segments.slots;
	world.nodes.writeSlot = async () => {
		throw new OperatorError("no");
	};
	await t.rejects(world.cleaner.clean(), { message: "no" });
	t.same(world.wrong(), []);
	Reflect.deleteProperty(world.nodes, "writeSlot");
	await world.settle();
	t.equal(world.segments.slots.free, free, "the slot that was meant for it is free again");
});

t.test("a slot that can't be read is left alone until it can, and others are cleaned", async (t) => {
	const random = new Random();
	const world = await NodeWorld.make(random, 4, SEGMENT_BYTES / 64, 0);
	while (world.slots < 12) world.append();
	world.freeSome(0.7);
	await world.nodes.writeOut();
	const closed = [...world.nodes.places.all].filter(({ number }) => !world.nodes.places.isOpen(number));
	const [emptiest] = closed.sort((a, b) => a.liveBytes - b.liveBytes);
	const { slot: bad } = emptiest!;
	const read = world.segments.readSlot.bind(world.segments);
	world.segments.readSlot = async (slot, ...rest) => {
		if (slot === bad) throw new OperatorError("no");
		await read(slot, ...rest);
	};
	await t.rejects(world.cleaner.clean(), { message: "no" });
	t.ok((await cleanAll(world)) > 0, "others are");
	t.equal(emptiest?.slot, bad);
	t.same(world.wrong(), [], `seed ${random.seed}`);
	Reflect.deleteProperty(world.segments, "readSlot");
	world.cleaner.retry();
	await cleanAll(world);
	t.not(emptiest?.slot, bad);
	t.same(world.wrong(), [], `seed ${random.seed}`);
});

t.test("a row that anybody has written is refused, or one of sense", async (t) => {
	const random = new Random();
	const world = await NodeWorld.make(random, 3, 16 * 1024, 0);
	for (let left = 300; left > 0; left--) world.append();
	world.freeSome(0.5);
	await world.nodes.writeOut();
	await cleanAll(world);
	let refused = 0;
	for (const segment of world.nodes.places.all) {
		const row = encodeNodeRow(segment);
		for (let time = 0; time < 100; time++) {
			const bytes = row.slice(0, random.chance(0.2) ? random.below(row.length) : row.length);
			if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
			try {
				const read = decodeNodeRow(bytes, 24, "memory");
				const at = read.locate(random.below(SEGMENT_BYTES));
				if (at < -1 || at >= SEGMENT_BYTES) t.fail(`seed ${random.seed}: byte ${at} of a slot`);
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				refused++;
			}
		}
	}
	t.ok(refused > 0, `${refused} were refused`);
});

/** Nodes of which all are dead afterwards in no case. */
const SOME_NODES = 64;

/** A world whose segments are filled to a quarter, of which little lives; nodes go on in another one: where the last that was filled ends. */
async function quarters(random: Random, count: number): Promise<{ world: NodeWorld; end: number }> {
	const world = await NodeWorld.make(random, 2, SEGMENT_BYTES / 4, SPARE);
	while (world.slots < count) world.append();
	for (let i = 0; i < SOME_NODES; i++) world.append();
	world.freeSome(0.5);
	const { end } = world.nodes;
	world.nodes.begin();
	await world.nodes.writeOut();
	return { world, end };
}

t.test("what lives in other slots is folded in behind what one has, and is where it was", async (t) => {
	const random = new Random();
	const { world, end } = await quarters(random, 4);
	const into = world.nodes.places.of(Math.floor(end / SEGMENT_BYTES))!;
	const { free } = world.segments.slots;
	const before = world.slots;
	// (While it is copied, more dies.)
	world.meanwhile = (): void => world.freeSome(0.1);
	t.ok(await world.cleaner.fold(end), "something has moved");
	t.equal(world.segments.slots.free, free, "without another slot");
	t.same(world.wrong(), [], `seed ${random.seed}`);
	t.ok(world.slots < before, `${world.slots} slots of ${before}`);
	const moved = [...world.nodes.places.all].filter(({ runs }) => runs !== null);
	t.ok(moved.length > 0);
	for (const { slot, at } of moved) {
		t.equal(slot, into.slot);
		t.ok(at >= end % SEGMENT_BYTES, "nothing of what was there is written over");
	}
	await world.reopen();
	t.same(world.wrong(), [], "as a checkpoint has it");
	t.equal(world.nodes.liveBytes, world.liveBytes);
	t.ok(world.segments.slots.free > free, "and their slots are free then");
});

t.test("nothing is folded in where nodes go on, or where there is no room", async (t) => {
	const random = new Random();
	const { world, end } = await quarters(random, 3);
	t.notOk(await world.cleaner.fold(world.nodes.end), "nodes go on there");
	t.notOk(await world.cleaner.fold(1000 * SEGMENT_BYTES + 512), "there is no such segment");
	t.notOk(await world.cleaner.fold(Math.ceil(end / SEGMENT_BYTES) * SEGMENT_BYTES), "it is full");
	t.notOk(await world.cleaner.fold(end - (end % SEGMENT_BYTES) + SEGMENT_BYTES - 1), "as good as full");
	t.equal(world.cleaner.movedBytes, 0);
	t.same(world.wrong(), []);
});

t.test("what can't be written behind others stays where it was", async (t) => {
	const { world, end } = await quarters(new Random(), 4);
	const slots = [...world.nodes.places.all].map(({ slot }) => slot);
	world.nodes.writeSlot = async () => {
		throw new OperatorError("no");
	};
	await t.rejects(world.cleaner.fold(end), { message: "no" });
	t.same(
		[...world.nodes.places.all].map(({ slot }) => slot),
		slots,
	);
	t.same(world.wrong(), []);
});
