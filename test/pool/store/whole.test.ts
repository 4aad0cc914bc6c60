// A pool on an object store is used in every way there is, and the power of its host is cut at any request; then the same host goes on with what it has, or
// another one with what the store has, where a flush is one when the store has it. What is found is a state that it was in, none before what was
// promised. The store is as bad as a seed makes it. A run that is always the same.
import t from "tap";
import { variants } from "../../support/long.js";
import { play } from "./whole-store.js";

t.setTimeout(230_000);

for (const stable of ["host", "store"] as const)
	t.test(`stable = ${stable}: what is found is what it was`, async (t) => {
		for (const seed of variants([1, 2, 3], 0)) {
			const there = await play(seed, stable);
			t.ok(there.backend.objects.size > 0, `seed ${seed}: ${there.backend.objects.size} objects`);
		}
	});
