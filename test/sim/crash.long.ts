// As `crash.test.ts`, for many more seeds.
import t from "tap";
import { playSound } from "./sound.js";

t.setTimeout(0);

t.test("what was promised survives, wherever the power is cut", async (t) => {
	t.setTimeout(0);
	await playSound(
		t,
		[
			{ scenario: "power ack", seeds: 300, everyEvent: true },
			{ scenario: "failing sync ack", seeds: 5000 },
		],
		[
			{ scenario: "power flush", seeds: 300, everyEvent: true },
			{ scenario: "failing sync flush", seeds: 5000 },
		],
	);
});
