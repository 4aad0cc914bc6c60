/** A good initiator is served, and gets its own data, whatever else is on the cable. `flood.long.ts` has the figures. */

import t from "tap";
import { namespacesMissing } from "../support/netns.js";
import { FLOODS, Flooded } from "./flood.js";

const SECONDS = 0.5;

t.setTimeout(230_000);
t.test("a flood does not stop a good initiator", { skip: namespacesMissing() ?? false }, async (t) => {
	const flooded = await Flooded.start();
	t.teardown(() => flooded.stop());
	for (const flood of FLOODS) {
		const { load, floodRate } = await flooded.run(SECONDS, flood);
		t.comment(`${flood}: ${floodRate} frames/s; ${JSON.stringify(load)}`);
		t.ok(floodRate > 0, `${flood}: there was one`);
		t.ok(load.requests > 0, `${flood}: it is served`);
		t.equal(load.errors, 0, `${flood}: without an error`);
		t.equal(load.wrong, 0, `${flood}: with its own data`);
	}
	const { load } = await flooded.run(SECONDS);
	t.match(load, { errors: 0, wrong: 0 }, "and afterwards");
});
