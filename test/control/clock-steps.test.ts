/** Somebody sets the clock, a day ahead or back: what is shown of the past, and at which rate, goes on. */

import t from "tap";
import { Observed } from "../../lib/control/observed.js";
import { EXACT, Series } from "../../lib/control/series.js";
import { figuresOf, lookOf } from "./figures.js";

const DAY_MS = 86_400_000;
const BEGIN_MS = 1_700_000_000_000;
const READS = 50;

/** Looks once a second, on a machine whose clock shows so much more or less. */
class Machine {
	readonly observed = new Observed(BEGIN_MS);
	#second = 0;
	wrongMs = 0;

	get nowMs(): number {
		return BEGIN_MS + 1000 * this.#second + this.wrongMs;
	}

	pass(seconds: number): void {
		for (const end = this.#second + seconds; this.#second < end; ) {
			this.#second++;
			const figures = figuresOf("web", READS * this.#second, 0);
			this.observed.take([lookOf([figures])], this.nowMs, 1000 * this.#second);
		}
	}

	shown(window: "5m" | "1d"): (number | null)[] {
		return this.observed.disk("web")?.history?.show("web", window, this.nowMs / 1000).reads ?? [];
	}
}

for (const [what, wrongMs] of [
	["a day ahead", DAY_MS],
	["a day back", -DAY_MS],
	["two minutes back", -120_000],
] as const)
	t.test(what, async (t) => {
		const machine = new Machine();
		machine.pass(130);
		machine.wrongMs = wrongMs;
		machine.pass(1);
		t.equal(machine.observed.rates.reads, READS, "the rate is that of a second");
		machine.pass(70);
		const isRight = (value: number | null): boolean => Math.round(value ?? 0) === READS;
		t.ok(machine.shown("5m").slice(-70).every(isRight), "each second since then");
		t.ok((machine.shown("1d").at(-2) ?? 0) > 0, "and the last minute");
		machine.wrongMs = 0;
		machine.pass(70);
		t.equal(machine.observed.rates.reads, READS);
		t.ok(machine.shown("5m").slice(-69).every(isRight), "also when it is set right");
	});

t.test("what a wrong clock has told of later steps is unknown, all else stays", async (t) => {
	const series = new Series(EXACT, 1, 5, 10);
	for (let step = 10; step <= 14; step++) series.set(step, Float64Array.of(step), 0);
	series.goBack(20);
	const column = (end: number) => series.column(0, end).map((value) => value && Math.round(value));
	t.strictSame(column(14), [10, 11, 12, 13, 14]);
	series.goBack(13);
	series.set(13, Float64Array.of(99), 0);
	t.strictSame(column(13), [null, 10, 11, 12, 99]);
	series.goBack(2);
	series.set(2, Float64Array.of(7), 0);
	t.strictSame(column(2), [null, null, null, null, 7]);
});
