/**
 * The past of a disk: what was seen is told again, by the second and by the minute; where nothing happened there is nothing, where nobody
 * looked it is unknown; and all of it has a fixed size.
 */

import fc from "fast-check";
import t from "tap";
import { DiskHistory } from "../../lib/control/history.js";
import { HistoryFiles } from "../../lib/control/history-files.js";
import { History } from "../../lib/control/model.js";
import { Observed } from "../../lib/control/observed.js";
import { EXACT, ROUGH, Series } from "../../lib/control/series.js";
import { figuresOf, lookOf } from "./figures.js";
import { FakeOpener, Stage, settle } from "./stage.js";

t.test("values come back as they were, nearly", async (t) => {
	for (const [scale, part, max] of [
		[EXACT, 0.001, 1e13],
		[ROUGH, 0.06, 1e9],
	] as const)
		fc.assert(
			fc.property(fc.double({ min: scale.smallest * 100, max, noNaN: true }), (value) => {
				const series = new Series(scale, 1, 4, 10);
				series.set(10, Float64Array.of(value), 0);
				const [read] = series.column(0, 10).slice(-1);
				return read != null && Math.abs(read - value) <= part * value;
			}),
		);
	const series = new Series(EXACT, 1, 4, 10);
	series.set(10, Float64Array.of(0), 0);
	series.set(11, Float64Array.of(1e30), 0);
	t.equal(series.column(0, 10).at(-1), 0, "nothing is exactly nothing");
	t.type(series.column(0, 11).at(-1), "number", "what is too much is much");
});

t.test("a ring is like a list of all steps of which the end is kept", async (t) => {
	const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean()), { maxLength: 30 });
	fc.assert(
		fc.property(steps, fc.integer({ min: 0, max: 9 }), (moves, rest) => {
			const series = new Series(EXACT, 1, 5, 100);
			const all = new Map<number, number | null>();
			let step = 99;
			for (const [ahead, known] of moves) {
				for (let between = step + 1; between < step + ahead; between++) all.set(between, known ? 0 : null);
				step += ahead;
				if (!known) series.unknownUntil(step);
				if (step >= 100) {
					series.set(step, Float64Array.of(step), 0);
					all.set(step, step);
				}
			}
			const end = step + rest;
			const expected = Array.from({ length: 5 }, (_, index) => {
				const each = end - 4 + index;
				return each > step ? 0 : (all.get(each) ?? null);
			});
			const shown = series.column(0, end).map((value) => (value === null ? null : Math.round(value)));
			return JSON.stringify(shown) === JSON.stringify(expected);
		}),
	);
	t.pass("for any moves");
});

t.test("rates and latencies of what was seen", async (t) => {
	const start = 1_700_000_000_000;
	const observed = new Observed(start);
	for (let second = 0; second <= 10; second++)
		observed.take([lookOf([figuresOf("web", 100 * second, 10 * second)])], start + 1000 * second);
	const { rates, history } = observed.disk("web") ?? {};
	t.match(rates, { reads: 100, readBytes: 409_600, writes: 10 });
	t.ok(Math.abs((rates?.readP99 ?? 0) - 100e-6) < 10e-6);
	t.match(observed.rates, { reads: 100 });
	const shown = History.parse(history?.show("web", "5m", start / 1000 + 10));
	t.equal(shown.length, 300);
	t.strictSame(
		shown.reads.slice(-10).map((value) => Math.round(value ?? -1)),
		Array(10).fill(100),
	);
	t.equal(shown.reads[0], null, "nobody looked");
	t.equal(shown.heat.rows.length, shown.heat.boundsSeconds.length + 1);
	const row = shown.heat.boundsSeconds.findIndex((bound) => bound > 100e-6);
	t.ok(Math.abs((shown.heat.rows[row]?.at(-1) ?? 0) - 100) < 8);
	observed.take([lookOf([])], start + 11_000);
	t.equal(observed.disk("web")?.rates.reads, 0, "nothing since");
	t.equal(history?.show("web", "5m", start / 1000 + 11).reads.at(-1), 0);
	const minutes = History.parse(history?.show("web", "1d", start / 1000 + 11));
	t.equal(minutes.length, 1440);
	t.ok((minutes.reads.at(-1) ?? 0) > 0);
});

t.test("a look that comes late, or a little later each time, leaves no gap", async (t) => {
	const observed = new Observed(1_000_000_000);
	let reads = 0;
	for (let atMs = 1_000_000_000, look = 0; look < 20; look++, atMs += look === 12 ? 3400 : 1070) {
		observed.take([lookOf([figuresOf("web", reads, 0)])], atMs);
		reads += (look === 11 ? 3400 : 1070) / 10;
	}
	const history = observed.disk("web")?.history?.show("web", "5m", 1_000_022);
	const seen = history?.reads.slice(-22).map((value) => Math.round(value ?? 0));
	t.strictSame(
		seen,
		Array.from({ length: 22 }, () => 100),
	);
	const rows = history?.heat.rows ?? [];
	const requests = rows.reduce((sum, row) => sum + row.reduce((all, count) => all + count, 0), 0);
	t.ok(Math.abs(requests - 2266) < 200, `about as many as there were: ${requests}`);
});

t.test("a worker that is started again counts from nothing, and sums go on", async (t) => {
	const observed = new Observed(0);
	observed.take([lookOf([figuresOf("web", 1000, 0)])], 1000);
	observed.take([lookOf([figuresOf("web", 1500, 0)])], 2000);
	observed.take([lookOf([figuresOf("web", 20, 0)], { life: 2 })], 3000);
	t.equal(observed.disk("web")?.rates.reads, 20);
	const { read } = observed.latency;
	t.equal(read?.counts && [...(read.counts as Float64Array)].reduce((sum, count) => sum + count), 1520);
});

t.test("minutes are put back, and the time without is unknown", async (t) => {
	const before = new DiskHistory(0);
	const observed = new Observed(0);
	observed.take([lookOf([figuresOf("web", 0, 0)])], 59_000);
	observed.take([lookOf([figuresOf("web", 600, 0)])], 60_000);
	const kept = observed.disk("web")?.history?.keptMinute(1);
	t.ok(kept);
	if (kept) before.restoreMinute(1, kept.values, kept.heat);
	before.resume(4 * 60);
	const { reads } = before.show("web", "1d", 4 * 60);
	t.equal(Math.round(reads.at(-4) ?? 0), 10, "600 in a minute");
	t.strictSame(reads.slice(-3, -1), [null, null]);
});

t.test("the past of a disk by the API, also of one that was never used", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	for (const window of ["5m", "1d"]) {
		const { status, body } = await stage.ask("GET", `/api/v1/disks/web/history?window=${window}`);
		t.equal(status, 200);
		t.ok(History.parse(body));
	}
	t.equal((await stage.ask("GET", "/api/v1/disks/none/history")).status, 404);
	t.equal((await stage.ask("GET", "/api/v1/disks/web/history?window=1y")).status, 400);
});

t.test("what was by the minute is there after a restart; what can't be read is left out", async (t) => {
	const opener = new FakeOpener();
	const minute = 28_000_000;
	const at = (step: number) => 60_000 * (minute + step);
	const observed = new Observed(at(0));
	const files = new HistoryFiles(opener, observed);
	await files.restore();
	for (let step = 0; step <= 25; step++) {
		// Idle from the fifth minute to the tenth.
		const reads = 600 * (step < 5 ? step : Math.max(5, step - 5));
		observed.take([lookOf([figuresOf("web", reads, 0), figuresOf("idle", 0, 0)])], at(step) + 1000);
		await files.looked(at(step) + 1000);
	}
	await files.close();
	t.ok([...opener.files.keys()].every((name) => /^history-\d{3}$/.test(name)));
	t.ok(opener.files.size <= 4);

	const again = new Observed(at(30));
	await new HistoryFiles(opener, again).restore();
	const end = at(30) / 1000;
	const before = observed.disk("web")?.history?.show("web", "1d", end).reads.slice(-31, -5) ?? [];
	const after = again.disk("web")?.history?.show("web", "1d", end).reads ?? [];
	t.ok(before.some((value) => (value ?? 0) > 0));
	t.strictSame(after.slice(-30, -5), before.slice(1), "as it was");
	t.strictSame(after.slice(-5, -1), [null, null, null, null], "nobody looked");
	t.equal(again.disk("idle")?.history, undefined);

	for (const [name, bytes] of opener.files) opener.files.set(name, bytes.subarray(0, 3));
	opener.files.set("history-000", new TextEncoder().encode("no file of ours, but a long one"));
	const broken = new Observed(at(30));
	const unread = await new HistoryFiles(opener, broken).restore();
	t.strictSame(new Set(unread), new Set(opener.files.keys()), "and named");
	t.equal(broken.disk("web"), undefined);
});
