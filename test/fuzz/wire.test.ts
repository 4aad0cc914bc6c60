/** A moment of the storm on real sockets, with disks in files: see `wire.ts`. `wire.long.ts` is the long form. */

import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { FAMILY_NAMES } from "./families.js";
import { storm } from "./storm.js";
import { cutCable, layCable, WireArena } from "./wire.js";

const FRAMES = 250;

t.setTimeout(230_000);
if (await inNamespace(import.meta.url)) {
	for (const mtu of [1500, 9000]) {
		t.test(`no frame breaks a rule on the wire at MTU ${mtu}`, async (t) => {
			layCable(mtu);
			const arena = new WireArena(mtu);
			for (const family of FAMILY_NAMES) {
				const { seed, frames, failure } = await storm(arena, family, FRAMES, false);
				t.equal(failure, undefined, `${family}: FUZZ_SEED=${seed}, ${frames} frames`);
			}
			const { ata, control, refused } = arena.referee.answered;
			t.ok(ata > FRAMES && control > FRAMES && refused > FRAMES, `answered: ${ata}, ${control}, ${refused}`);
			await arena.close();
			cutCable();
		});
	}

	t.test("a target that lets everyone in is caught on the wire", async (t) => {
		layCable(1500);
		const arena = new WireArena(1500, ({ access }) => {
			access.admits = () => true;
		});
		const { failure } = await storm(arena, "mask", 4 * FRAMES, false);
		t.match(failure, /mask, reservation/);
		await arena.close();
		cutCable();
	});
}
