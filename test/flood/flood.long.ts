/**
 * What is left of a good initiator's throughput under a flood as fast as one processor sends: part of `npm run test:long`.
 * Each flood on the server's cable is compared with the same flood into a cable that nobody serves, one after the other,
 * several times; the median counts. Prints both figures, the ratio, and the ratio to no flood at all. Then a gigabit a second
 * of long frames, which leaves the flooder's processor time for the initiator: that is compared with no flood.
 */

import t from "tap";
import { namespacesMissing } from "../support/netns.js";
import { FLOODS, Flooded } from "./flood.js";

const ROUNDS = 3;
const SECONDS = 2;
/** A gigabit Ethernet carries as many of the shortest frames in a second, and of the longest (with preamble, checksum, gap). */
const LINE_RATE = 1_488_095;
const LONG_FRAMES = { bytes: 1514, perSecond: 81_274 };
/**
 * What must be left under junk and under frames for others. Whoever aims at a shelf that is served, or sends good requests to
 * another blade of it, can as well send requests for the blade itself, and then gets its share: there the figure is printed,
 * and no more.
 */
const RATIO_MIN = 0.5;

function median(values: readonly number[]): number {
	return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

t.setTimeout(0);
for (const flood of FLOODS) {
	t.test(`a flood: ${flood}`, { skip: namespacesMissing() ?? false, timeout: 0 }, async (t) => {
		const flooded = await Flooded.start();
		t.teardown(() => flooded.stop());
		const [ratios, toCalm, rates, lost] = [[], [], [], []] as number[][] as [
			number[],
			number[],
			number[],
			number[],
		];
		for (let round = 0; round < ROUNDS; round++) {
			const calm = await flooded.run(SECONDS);
			const elsewhere = await flooded.run(SECONDS, flood, "lan1");
			const here = await flooded.run(SECONDS, flood);
			for (const { load } of [calm, elsewhere, here]) t.match(load, { errors: 0, wrong: 0 });
			const [speed, control, best] = [here, elsewhere, calm].map(
				({ load }) => load.requests / load.seconds,
			) as [number, number, number];
			ratios.push(speed / control);
			toCalm.push(speed / best);
			rates.push(here.floodRate);
			lost.push(here.load.lost);
			t.comment(
				`${Math.round(best)} requests/s; flood elsewhere (${elsewhere.floodRate}/s) ${Math.round(control)}; ` +
					`here (${here.floodRate}/s) ${Math.round(speed)}`,
			);
		}
		const share = `${(median(rates) / LINE_RATE).toFixed(2)} of gigabit line rate`;
		t.comment(
			`${flood}: ${median(ratios).toFixed(2)} of the throughput with the flood elsewhere, ${median(toCalm).toFixed(2)} ` +
				`of that without; ${median(rates)} frames/s, ${share}; ${median(lost)} requests repeated`,
		);
		if (flood !== "aimed" && flood !== "trims")
			t.ok(median(ratios) > RATIO_MIN, `${median(ratios).toFixed(2)} is left`);
	});
}

for (const flood of ["junk", "foreign"] as const) {
	const title = `a flood at the rate of a gigabit line: ${flood}`;
	t.test(title, { skip: namespacesMissing() ?? false, timeout: 0 }, async (t) => {
		const flooded = await Flooded.start();
		t.teardown(() => flooded.stop());
		const ratios: number[] = [];
		for (let round = 0; round < ROUNDS; round++) {
			const calm = await flooded.run(SECONDS);
			const here = await flooded.run(SECONDS, flood, "lan0", LONG_FRAMES);
			for (const { load } of [calm, here]) t.match(load, { errors: 0, wrong: 0 });
			t.ok(
				here.floodRate > LONG_FRAMES.perSecond * 0.95,
				`${here.floodRate} frames/s of ${LONG_FRAMES.perSecond}`,
			);
			const [best, speed] = [calm, here].map(({ load }) => Math.round(load.requests / load.seconds)) as [
				number,
				number,
			];
			t.comment(`${best} requests/s without, ${speed} with it, ${here.load.lost} repeated`);
			ratios.push(speed / best);
		}
		t.ok(median(ratios) > RATIO_MIN, `${median(ratios).toFixed(2)} is left`);
	});
}
