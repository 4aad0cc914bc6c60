/**
 * The storm on real sockets in full: part of `npm run fuzz` and, with an addon that has AddressSanitizer in it, `npm run
 * fuzz:native`: frames as in `storm.long.ts`, through the kernel, the ring and the storage engine.
 */

import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { FAMILY_NAMES } from "./families.js";
import { FRAMES, HEAP_GROWTH_MAX, RSS_GROWTH_MAX, storm } from "./storm.js";
import { cutCable, layCable, WireArena } from "./wire.js";

const LIMIT_MS = 4 * 3_600_000;
/** A frame takes longer here: a tenth of them, unless FUZZ_FRAMES wants more. */
const WIRE_FRAMES = process.env.FUZZ_FRAMES ? FRAMES : FRAMES / 10;

t.setTimeout(0);
if (await inNamespace(import.meta.url, LIMIT_MS)) {
	for (const [i, family] of FAMILY_NAMES.entries()) {
		t.test(`no ${family} frame breaks a rule on the wire`, { timeout: 0 }, async (t) => {
			const mtu = i % 2 === 0 ? 1500 : 9000;
			layCable(mtu);
			const arena = new WireArena(mtu);
			const result = await storm(arena, family, WIRE_FRAMES);
			t.comment(JSON.stringify({ family, ...result, answered: arena.referee.answered }));
			t.equal(result.failure, undefined);
			t.ok(result.heapGrowth < HEAP_GROWTH_MAX, `heap is flat: ${result.heapGrowth} bytes`);
			t.ok(result.rssGrowth < RSS_GROWTH_MAX, `memory is flat: ${result.rssGrowth} bytes`);
			await arena.close();
			cutCable();
		});
	}
}
