// A pool that is used in every way there is, and whose power is cut at any request, has a replica on a slow line: the pool is as it would be without, and whoever
// looks at the replica finds one state that the pool was in. A run that is always the same.
import t from "tap";
import { variants } from "../../support/long.js";
import { play } from "./whole-replica.js";

t.setTimeout(230_000);

t.test("what a replica has is what the pool was", async (t) => {
	let [looks, givenUp, staged] = [0, 0, 0];
	for (const seed of variants([40, 41, 1, 2, 4], 0, 1)) {
		const played = await play(seed);
		looks += played.looks;
		givenUp += played.givenUp;
		staged += played.staged;
		t.ok(played.looks > 0, `seed ${seed}: ${JSON.stringify(played)}`);
	}
	t.ok(givenUp > 0, `${givenUp} cuts were given up, and ${looks} replicas looked at`);
	t.ok(staged > 0, "and what had come of them was gone on from");
});
