// As `network.test.ts`: a hundred thousand runs, and power cut at every event of many.
import t from "tap";
import { playSound } from "./sound.js";

t.setTimeout(0);

t.test("what is read is what may be there, a hundred thousand times", async (t) => {
	t.setTimeout(0);
	await playSound(
		t,
		[{ scenario: "ordered", seeds: 40_000 }],
		[
			{ scenario: "paths", seeds: 40_000 },
			{ scenario: "copying", seeds: 20_000 },
			{ scenario: "limited", seeds: 5000 },
		],
	);
});
