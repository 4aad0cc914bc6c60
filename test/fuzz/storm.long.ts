/**
 * The storm in full: `npm run fuzz`. A million frames of every family of commands structured at random, and a million in
 * mutated sessions of initiators, against one world per family that lives through all of them: 22 million frames, some
 * ten or twenty minutes. FUZZ_FRAMES=n: so many instead of a million.
 */

import t from "tap";
import { memoryArena } from "./arena.js";
import { FAMILY_NAMES } from "./families.js";
import { FRAMES, HEAP_GROWTH_MAX, RSS_GROWTH_MAX, storm } from "./storm.js";

t.setTimeout(0);

for (const [i, family] of FAMILY_NAMES.entries()) {
	t.test(`no ${family} frame breaks a rule`, { timeout: 0 }, async (t) => {
		const arena = memoryArena({ mtu: [1500, 9000, 4200][i % 3] ?? 1500, seed: i + 1 });
		const result = await storm(arena, family, FRAMES);
		t.comment(JSON.stringify({ ...result, answered: arena.referee.answered }));
		t.equal(result.failure, undefined);
		t.ok(result.heapGrowth < HEAP_GROWTH_MAX, `heap is flat: ${result.heapGrowth} bytes`);
		t.ok(result.rssGrowth < RSS_GROWTH_MAX, `memory is flat: ${result.rssGrowth} bytes`);
	});
}
