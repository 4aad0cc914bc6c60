// Histograms: what is read from them is within 5 % of what went in, however long it took.
import * as fc from "fast-check";
import t from "tap";
import {
	addCounts,
	bucketsOf,
	classOf,
	countOf,
	HISTOGRAM_CLASSES,
	Histogram,
	Latencies,
	quantileOf,
} from "../../lib/histogram.js";

/** In microseconds, from one to two minutes, as many short ones as long ones. */
const time = fc.double({ min: 0, max: Math.log(1.2e8), noNaN: true }).map((log) => Math.floor(Math.exp(log)));

function histogramOf(times: readonly number[]): Histogram {
	const histogram = new Histogram();
	for (const us of times) histogram.record(us);
	return histogram;
}

t.test("classes are in order, and none is beyond the last", async (t) => {
	let before = 0;
	for (let us = 0; us < 2 ** 31; us = Math.max(us + 1, Math.floor(us * 1.001))) {
		const now = classOf(us);
		if (now < before || now >= HISTOGRAM_CLASSES) t.fail(`${us} us is of class ${now} behind ${before}`);
		before = now;
	}
	t.equal(before, HISTOGRAM_CLASSES - 1);
	t.equal(classOf(2 ** 31 - 1), HISTOGRAM_CLASSES - 1);
	t.equal(classOf(0), 0);
});

t.test("quantiles are those of the sorted times", async (t) => {
	const parts = fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1);
	fc.assert(
		fc.property(fc.array(time, { minLength: 1, maxLength: 200 }), parts, (times, part) => {
			const sorted = [...times].sort((a, b) => a - b);
			const exact = sorted[Math.ceil(part * times.length) - 1]!;
			const told = quantileOf(histogramOf(times).counts, part) * 1e6;
			// A whole number of microseconds stands for what lies between it and the next.
			return told >= exact * 0.95 && told <= (exact + 1) * 1.05;
		}),
	);
	t.equal(quantileOf(new Histogram().counts, 0.99), 0, "of nothing");
});

t.test("sums and buckets count what they should", async (t) => {
	const many = fc.array(time, { maxLength: 100 });
	fc.assert(
		fc.property(many, many, fc.constantFrom(1, 2, 4, 8), (some, others, fineness) => {
			const sum = Float64Array.from(histogramOf(some).counts);
			addCounts(sum, histogramOf(others).counts);
			const all = [...some, ...others];
			return (
				countOf(sum) === all.length &&
				bucketsOf(sum, fineness).every(
					({ seconds, count }) => count === all.filter((us) => us < seconds * 1e6).length,
				)
			);
		}),
	);
	const bounds = bucketsOf(new Histogram().counts, 1).map(({ seconds }) => seconds);
	t.equal(bounds[0], 16e-6);
	t.equal(bounds.at(-1), 2 ** 24 / 1e6);
	t.ok(
		bounds.every((bound, index) => index === 0 || bound === 2 * bounds[index - 1]!),
		"each twice the one before",
	);
	t.equal(bucketsOf(new Histogram().counts, 8).length, 8 * (bounds.length - 1) + 1);
	t.equal(histogramOf([3, 4, 1000]).sumUs, 1007);
});

t.test("a count goes on past 32 bits", async (t) => {
	const histogram = histogramOf([5]);
	const narrow = histogram.counts as Uint32Array;
	t.ok(narrow instanceof Uint32Array, "half as large until then");
	narrow[5] = 2 ** 31;
	t.equal(histogram.counts[5], 2 ** 31);
	(histogram.counts as Float64Array)[5] = 2 ** 32 - 1;
	histogram.record(5);
	t.equal(histogram.counts[5], 2 ** 32);
	histogram.clear();
	t.equal(countOf(histogram.counts), 0);
});

t.test("histograms of kinds come as they are needed", async (t) => {
	const latencies = new Latencies();
	t.same(latencies.of, [null, null, null, null]);
	latencies.record(1, 77);
	latencies.record(1, 78);
	t.same(
		latencies.of.map((each) => each && countOf(each.counts)),
		[null, 2, null, null],
	);
});
