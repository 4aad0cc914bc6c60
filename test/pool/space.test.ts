// Space of a pool, in histories of chance: pages are written and die, slots are cleaned and used again, checkpoints are made, and the pool is
// opened again by either copy of its head. Storage is written over whenever a slot is used again, so a page that is lost is seen.

import t from "tap";
import { SEGMENT_SECTORS } from "../../lib/pool/format.js";
import { atOnce } from "../../lib/pool/map/turns.js";
import { decodeMove, encodeMove, isMoveOf } from "../../lib/pool/space/move-form.js";
import { Slots } from "../../lib/pool/space/slots.js";
import { SegmentTable } from "../../lib/pool/space/table.js";
import { rowsIn } from "../../lib/pool/space/table-form.js";
import { Random } from "../../lib/random.js";
import { SLOTS, SpaceWorld } from "./space-world.js";

/** Sectors that may live, so that cleaning has something to gain. */
const LIVE_MAX = 0.5 * SLOTS * SEGMENT_SECTORS;

function liveSectors({ live }: SpaceWorld): number {
	return [...live.values()].reduce((sum, sectors) => sum + sectors, 0);
}

/** Pages die by chance, more where much lives. */
function kill(world: SpaceWorld, random: Random): void {
	const share = liveSectors(world) > LIVE_MAX ? 0.3 : 0.02;
	for (const position of [...world.live.keys()]) if (random.chance(share)) world.die(position);
}

async function step(world: SpaceWorld, random: Random): Promise<void> {
	const choice = random.below(20);
	if (choice < 9) world.appendMany(0.7 * SEGMENT_SECTORS);
	else if (choice < 12) kill(world, random);
	else if (choice < 16) await world.cleaner.clean(world.heads[1].segment, 0.9 * SEGMENT_SECTORS);
	else if (choice < 19) world.checkpoint();
	else world.reopen(random.chance(0.5) ? world.heads[0] : world.heads[1]);
	if (random.chance(0.3)) world.check();
}

for (const [name, pages] of [
	["large", [512, 256, 128]],
	["of all sizes", [512, 256, 64, 8, 8, 4, 2, 1]],
	["of a block", [8]],
] as const)
	t.test(`pages ${name} are found wherever they were moved, whichever head opens the pool`, async (t) => {
		let [reused, moved] = [0, 0];
		for (let round = 0; round < 3; round++) {
			const random = new Random();
			const world = new SpaceWorld(random, pages);
			for (let i = 0; i < 120 && world.wrong.length === 0; i++) await step(world, random);
			world.check();
			world.checkCounts();
			t.strictSame(world.wrong.slice(0, 3), [], `seed ${random.seed}`);
			reused += world.reused;
			moved += world.said.filter(({ kind }) => kind === "move").length;
		}
		t.comment(`${reused} slots used again, ${moved} segments moved`);
		t.ok(reused > 0 && moved > 0, "slots are used again, and segments moved");
	});

/** A world with some segments, each a quarter alive, of which the head knows. */
function sparse(random: Random): SpaceWorld {
	const world = new SpaceWorld(random, [64]);
	world.appendMany(4.5 * SEGMENT_SECTORS);
	for (const position of [...world.live.keys()]) if ((position / 64) % 4 < 3) world.die(position);
	world.checkpoint();
	world.checkpoint();
	return world;
}

t.test("a slot that is being read keeps itself alone from being used again (trap 18)", async (t) => {
	const world = sparse(new Random());
	const { slots, table, cleaner } = world;
	const [position = 0] = world.live.keys();
	t.ok(table.locate(position));
	const { slot } = table;
	slots.hold(slot);
	while (await cleaner.clean(world.segment, SEGMENT_SECTORS / 2));
	world.checkpoint();
	world.checkpoint();
	t.equal(slots.waiting, 1);
	const free: number[] = [];
	for (let taken = slots.take(); taken >= 0; taken = slots.take()) free.push(taken);
	t.notOk(free.includes(slot), "nobody gets it");
	t.ok(free.length > 4, "the others are used again");
	slots.letGo(slot);
	world.checkpoint();
	t.equal(slots.take(), slot);
});

t.test("a slot in which a segment has nothing any more may be somebody else's", async (t) => {
	const emptied: number[] = [];
	const table = new SegmentTable({ took: () => {}, emptied: (slot) => emptied.push(slot) });
	table.begin(0, 0);
	table.born(0, SEGMENT_SECTORS - 8);
	table.seal(0, 8);
	const bits = new Int32Array(64).fill(-1);
	const half = SEGMENT_SECTORS / 2;
	table.move({ segment: 0, slot: 1, at: 0, cut: half, nextSlot: 2, bits });
	t.strictSame(emptied.splice(0), [0]);
	table.free(half, half);
	t.strictSame(emptied.splice(0), [2], "from now on the log may have it, or nodes");
	table.free(0, 64);
	t.strictSame(emptied, []);
	table.move({ segment: 0, slot: 3, at: 0, cut: SEGMENT_SECTORS, nextSlot: 3, bits: bits.fill(0, 32) });
	t.strictSame(emptied, [1]);
});

t.test("what was emptied is not used again before both copies of the head know (trap 16)", async (t) => {
	const world = sparse(new Random());
	const { free } = world.slots;
	await world.cleaner.clean(world.segment, SEGMENT_SECTORS / 2);
	t.equal(world.slots.free, free - 1, "one for what is moved");
	t.equal(world.slots.waiting, 1);
	world.checkpoint();
	t.equal(world.slots.free, free - 1);
	world.checkpoint();
	t.equal(world.slots.free, free);
});

t.test("storage that fails while a slot is cleaned costs nothing but the room", async (t) => {
	const world = sparse(new Random());
	world.fails = true;
	await t.rejects(world.cleaner.clean(world.segment, SEGMENT_SECTORS / 2), { message: "storage fails" });
	world.check();
	world.fails = false;
	t.ok(await world.cleaner.clean(world.segment, SEGMENT_SECTORS / 2));
	world.check();
	world.cleaner.close();
	t.strictSame(world.wrong, []);
});

t.test("a table with any byte changed is refused, or makes sense", async (t) => {
	const random = new Random();
	const world = sparse(random);
	await world.cleaner.clean(world.segment, SEGMENT_SECTORS / 2);
	world.checkpoint();
	const { rows } = world.heads[0];
	let refused = 0;
	for (let i = 0; i < 300; i++) {
		const bytes = rows.slice();
		bytes[i < 48 ? i : random.below(bytes.length)]! ^= 1 << random.below(8);
		const slots = new Slots();
		const table = new SegmentTable(slots);
		try {
			atOnce(rowsIn(table, bytes, SLOTS));
		} catch (error) {
			t.match(error, { message: /^the table of segments is damaged at byte \d+$/ });
			refused++;
			continue;
		}
		for (const segment of table.rows.segments())
			for (let at = 0; at < SEGMENT_SECTORS; at += 8) table.free(segment * SEGMENT_SECTORS + at, 8);
		const living = Array.from({ length: SLOTS }, (_, slot) => table.liveIn(slot));
		if (living.some((sectors) => sectors !== 0)) t.fail(`what lives can't die, with byte ${i} changed`);
	}
	t.ok(refused > 0);
	t.throws(() => atOnce(rowsIn(new SegmentTable(new Slots()), rows.subarray(1), SLOTS)), {
		name: "OperatorError",
	});
});

t.test("a move that can't be is none", async (t) => {
	const bits = new Int32Array(64).fill(-1, 0, 32);
	const move = { segment: 2 ** 35, slot: 7, nextSlot: 9, at: 8_184, cut: 8_192, bits };
	t.strictSame(decodeMove(encodeMove(move)), move);
	t.equal(decodeMove(encodeMove({ ...move, at: 8_200 })), undefined, "behind the slot's end");
	t.equal(decodeMove(encodeMove({ ...move, cut: 12 })), undefined, "within a block");
	t.equal(decodeMove(encodeMove({ ...move, cut: 16_392 })), undefined);
	t.equal(decodeMove(encodeMove({ ...move, bits: new Int32Array(65) })), undefined);
	t.equal(decodeMove("nothing"), undefined);
	const world = sparse(new Random());
	t.ok(isMoveOf(world.table, { ...move, segment: 0 }));
	t.ok(isMoveOf(world.table, move), "of a segment that is gone");
	t.notOk(isMoveOf(world.table, { ...move, segment: 0, bits: new Int32Array(512) }), "of smaller pages");
	t.notOk(isMoveOf(world.table, { ...move, segment: world.segment }), "of one that is being written");
});
