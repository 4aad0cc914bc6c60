// Figures come out as they went in, whatever they are; and what is no list of figures is noticed.
import * as fc from "fast-check";
import t from "tap";
import {
	FIGURES_LAYOUT,
	type FigureSection,
	FigureWriter,
	readFigures,
} from "../../lib/daemon/figures-frame.js";
import { HISTOGRAM_CLASSES } from "../../lib/histogram.js";

const SECTIONS = Object.keys(FIGURES_LAYOUT) as FigureSection[];
const count = fc.oneof(
	fc.nat(),
	// Moments are counted, too.
	fc.maxSafeNat().map((number) => Math.min(number, 8.64e15)),
);

const row = fc.constantFrom(...SECTIONS).chain((section) => {
	const { length } = FIGURES_LAYOUT[section];
	return fc.record({
		section: fc.constant(section),
		columns: fc.array(count, { minLength: length, maxLength: length }),
	});
});
const latency = fc.record({
	of: fc.constantFrom(...SECTIONS),
	number: fc.nat(),
	kind: fc.nat({ max: 3 }),
	sumUs: fc.nat(),
	/** Most classes have nothing. */
	classes: fc.array(fc.tuple(fc.nat({ max: HISTOGRAM_CLASSES - 1 }), count), { maxLength: 5 }),
});

function countsOf(classes: readonly (readonly [number, number])[]): Float64Array {
	const counts = new Float64Array(HISTOGRAM_CLASSES);
	for (const [index, count] of classes) counts[index] = count;
	return counts;
}

t.test("round trip", async (t) => {
	fc.assert(
		fc.property(fc.nat(), fc.array(row), fc.array(latency), (generation, rows, latencies) => {
			const writer = new FigureWriter(generation);
			for (const { section, columns } of rows) writer.row(section, columns);
			for (const { of, number, kind, sumUs, classes } of latencies)
				writer.latency(of, number, kind, sumUs, countsOf(classes));
			const read = readFigures(Float64Array.from(writer.written));
			t.equal(read.generation, generation);
			for (const section of SECTIONS)
				t.strictSame(
					read[section].map((each) => Object.values(each)),
					rows.filter((each) => each.section === section).map(({ columns }) => columns),
				);
			t.strictSame(
				read.latencies,
				latencies.map(({ of, number, kind, sumUs, classes }) => ({
					of,
					number,
					kind,
					sumSeconds: sumUs / 1e6,
					counts: countsOf(classes),
				})),
			);
		}),
		{ numRuns: 50 },
	);
});

t.test("columns are called by name", async (t) => {
	const writer = new FigureWriter(7);
	writer.row(
		"initiators",
		FIGURES_LAYOUT.initiators.map((_, index) => index),
	);
	t.match(readFigures(writer.written).initiators, [{ number: 0, disk: 1, link: 2, reads: 3, readBytes: 4 }]);
});

t.test("what is none is noticed", async (t) => {
	const writer = new FigureWriter(7);
	writer.row("worker", [1, 2, 3, 4, 5]);
	const { written } = writer;
	t.throws(() => readFigures(written.subarray(0, written.length - 1)), /end within a row/);
	t.throws(() => readFigures(written.with(0, 1)), /another version/);
	t.throws(() => readFigures(written.with(2, 99)), /kind 99/);
	t.throws(() => writer.row("worker", [1]), /other columns/);
});
