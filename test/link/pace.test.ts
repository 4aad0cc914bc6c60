/** When to watch an empty ring, and for how long. Mirrors lib/link/pace.ts; time is the test's. */

import { createRequire, syncBuiltinESMExports } from "node:module";
import t from "tap";
import { Pace } from "../../lib/link/pace.js";

/** A pace with a limit of 50 us, and the clock it looks at. */
function make(limitUs = 50, processors = 2) {
	const clock = { us: 1000 };
	const pace = new Pace(
		limitUs,
		(into) => {
			into[0] = clock.us;
		},
		processors,
	);
	/** The ring is found empty, and `gapUs` later a frame comes. Returns how long the ring would have been watched. */
	const gap = (gapUs: number): number => {
		const watchUs = pace.emptied();
		clock.us += gapUs;
		pace.arrived();
		return watchUs;
	};
	/**
	 * The same where the sender runs only while we sleep: it takes `gapUs` from then on. Returns how long the ring was watched,
	 * and whether watching was given up.
	 */
	const gapAsleep = (gapUs: number) => {
		const watchUs = pace.emptied();
		clock.us += watchUs;
		const givenUp = watchUs > 0 && pace.watched(false);
		clock.us += gapUs;
		pace.arrived();
		return { watchUs, givenUp };
	};
	return { gap, gapAsleep, pace };
}

t.test("sleeps until frames have come fast for a while, then watches about twice their gap", async (t) => {
	const { gap } = make();
	t.equal(gap(10), 0, "not on the first frame");
	const watched = Array.from({ length: 60 }, () => gap(10));
	t.ok(watched.includes(0), "nor on the second");
	t.equal(watched.at(-1), 26, "twice 10 us and a little");
});

t.test("stops watching when frames become slow, and comes back", async (t) => {
	const { gap } = make();
	for (let i = 0; i < 60; i++) gap(10);
	for (let i = 0; i < 4; i++) gap(1_000_000);
	t.equal(gap(1_000_000), 0, "a pause ends it");
	for (let i = 0; i < 60; i++) gap(10);
	t.ok(gap(10) > 0, "and speed brings it back");
});

t.test("hardly ever watches where the sender needs the same processor", async (t) => {
	const { gap, gapAsleep, pace } = make();
	const FRAMES = 100_000;
	let [watches, watchedUs, givenUp] = [0, 0, 0];
	for (let i = 0; i < FRAMES; i++) {
		const outcome = gapAsleep(20);
		if (outcome.watchUs > 0) watches += 1;
		watchedUs += outcome.watchUs;
		if (outcome.givenUp) givenUp += 1;
	}
	t.ok(watches > 0 && watches < FRAMES / 50, `${watches} watches for ${FRAMES} frames`);
	t.ok(watchedUs / FRAMES < 1, `${watchedUs / FRAMES} us for each`);
	t.ok(givenUp > 2, "tries again now and then");
	for (let i = 0; i < 5000; i++) gap(20);
	t.ok(gap(20) > 0, "and comes back to it when the sender has a processor of its own");
	let given = false;
	for (let i = 0; i < 1000; i++) given ||= pace.watched(i % 31 === 0);
	t.notOk(given, "one watch in 31 that finds a frame is enough to go on");
});

t.test("never watches longer than the limit", async (t) => {
	const { gap } = make();
	for (let i = 0; i < 200; i++) gap(45);
	t.equal(gap(45), 50);
});

t.test("never watches with a limit of 0, or with one processor", async (t) => {
	for (const { gap } of [make(0), make(50, 1)]) {
		for (let i = 0; i < 60; i++) gap(5);
		t.equal(gap(5), 0);
	}
});

t.test("a process that may not look for processors any more has as many as before", async (t) => {
	const os = createRequire(import.meta.url)("node:os") as { cpus: () => unknown[] };
	const { cpus } = os;
	t.teardown(() => {
		os.cpus = cpus;
		syncBuiltinESMExports();
	});
	os.cpus = () => [];
	syncBuiltinESMExports();
	const clock = { us: 1000 };
	const pace = new Pace(50, (into) => {
		into[0] = clock.us;
	});
	for (let i = 0; i < 64; i++) {
		pace.emptied();
		clock.us += 5;
		pace.arrived();
	}
	t.equal(pace.emptied() > 0, cpus().length > 1);
});
