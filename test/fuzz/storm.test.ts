/**
 * A moment of the storm that `npm run fuzz` lets loose for minutes: every family of commands, structured at random and as
 * mutated sessions, against one world; and proof that it would notice what a scenario of forty frames can't show.
 */

import t from "tap";
import { memoryArena } from "./arena.js";
import { FAMILY_NAMES } from "./families.js";
import { HEAP_GROWTH_MAX, storm } from "./storm.js";

const FRAMES = 600;

t.test("no frame of any family breaks a rule", async (t) => {
	for (const [i, family] of FAMILY_NAMES.entries()) {
		const arena = memoryArena({ mtu: i % 2 === 0 ? 1500 : 9000, seed: i + 1 });
		const { seed, frames, failure } = await storm(arena, family, FRAMES, false);
		const { ata, control, refused } = arena.referee.answered;
		t.comment(
			`${family}: FUZZ_SEED=${seed}, ${frames} frames; answered: ATA ${ata}, control ${control}, refused ${refused}`,
		);
		t.equal(failure, undefined, family);
		// Else the storm blows past the target.
		t.ok(ata + control + refused > frames / 4, `${family}: many of them are answered`);
	}
});

t.test("a target that keeps something of every request is caught", async (t) => {
	const kept: Buffer[] = [];
	const arena = memoryArena({
		mtu: 1500,
		seed: 1,
		sabotage: (_slot, headBytes, send) => {
			kept.push(Buffer.alloc(2000));
			send(headBytes);
		},
	});
	const { failure, heapGrowth } = await storm(arena, "config", 6 * FRAMES);
	t.equal(failure, undefined);
	t.ok(heapGrowth > HEAP_GROWTH_MAX, `${heapGrowth} bytes`);
});

t.test("data of one initiator in another's reply is caught", async (t) => {
	let last = Buffer.alloc(0);
	const arena = memoryArena({
		mtu: 1500,
		seed: 1,
		sabotage: ({ memory, offset }, headBytes, send) => {
			// What a slot held before shows in the next one's reply.
			if (headBytes > 60) last = Buffer.from(memory.bytes.subarray(offset + 36, offset + 60));
			else last.copy(memory.bytes, offset + 36);
			send(headBytes);
		},
	});
	const { failure } = await storm(arena, "transfer", FRAMES);
	t.match(failure, /padding is zero|another has sent|must/);
});
