// When the next request may go: the arithmetic of limits. Mirrors lib/block/rates.ts.
import t from "tap";
import { BURST_MS, Direction, Rates } from "../../lib/block/rates.js";
import type { LimitSpec } from "../../lib/spec/spec.js";

/** How many requests go in so many milliseconds, if there is always one that wants to. */
function goIn(rates: Rates, direction: Direction, lengthBytes: number, fromMs: number, ms: number): number {
	let gone = 0;
	for (let nowMs = fromMs; nowMs < fromMs + ms; nowMs++)
		while (rates.dueMs(direction) <= nowMs) {
			rates.charge(direction, lengthBytes, nowMs);
			gone++;
		}
	return gone;
}

t.test("on average as many as are allowed, and at most a burst at once", async (t) => {
	const cases: [LimitSpec, Direction, number, perSecond: number][] = [
		[{ iops: 500 }, Direction.read, 4096, 500],
		[{ iops: 500, readIops: 100 }, Direction.read, 4096, 100],
		[{ iops: 500, readIops: 100 }, Direction.write, 4096, 500],
		[{ writeIops: 40 }, Direction.write, 0, 40],
		[{ bandwidth: 2 ** 20 }, Direction.write, 4096, 256],
		[{ bandwidth: 2 ** 20, readBandwidth: 2 ** 18 }, Direction.read, 4096, 64],
		[{ writeBandwidth: 2 ** 16, iops: 1000 }, Direction.write, 512, 128],
	];
	for (const [limit, direction, lengthBytes, perSecond] of cases) {
		const rates = new Rates(limit);
		const burst = (perSecond * BURST_MS) / 1000;
		const name = JSON.stringify(limit);
		t.equal(goIn(rates, direction, lengthBytes, 1000, 1), Math.floor(burst) + 1, `${name}: at once`);
		const later = goIn(rates, direction, lengthBytes, 1001, 60_000);
		t.ok(Math.abs(later - 60 * perSecond) <= 1, `${name}: ${later} in a minute`);
		t.ok(goIn(rates, direction, lengthBytes, 10 ** 9, 1) <= burst + 2, `${name}: idle time is not saved up`);
	}
});

t.test("what is larger than a second's worth goes, and the next one when that is paid", async (t) => {
	const rates = new Rates({ bandwidth: 16_384 });
	t.ok(rates.dueMs(Direction.read) <= 0);
	rates.charge(Direction.read, 65_536, 0);
	t.equal(rates.dueMs(Direction.write), 4000 - BURST_MS);
});

t.test("other limits take over what has been used", async (t) => {
	const slow = new Rates({ iops: 1, readBandwidth: 4096 });
	slow.charge(Direction.read, 40_960, 0);
	const dueMs = (limit: LimitSpec, nowMs: number, direction: Direction = Direction.read): number => {
		const rates = new Rates(limit);
		rates.follow(slow, nowMs);
		return rates.dueMs(direction) + BURST_MS;
	};
	t.equal(dueMs({ iops: 1, readBandwidth: 4096 }, 2000), 10_000, "the same limit is the same debt");
	t.equal(dueMs({ readBandwidth: 8192 }, 2000), 6000, "twice the rate, half the debt");
	t.equal(dueMs({ readBandwidth: 512 }, 2000), 10_000, "a lower one waits no longer than it would have");
	t.equal(dueMs({ iops: 1, readBandwidth: 4096 }, 2000, Direction.write), 2000, "writes owe nothing");
	t.equal(dueMs({}, 2000), 2000, "without a limit there is no debt");
	t.equal(dueMs({ bandwidth: 4096 }, 2000), 2000, "nor for a limit that was none");
});
