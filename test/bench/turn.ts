/**
 * The longest turn of the server's event loop while another blade of it is sent the dearest frames there are: nothing else of
 * the process happens in that time. Called by `main.ts`.
 */

import { Flooded } from "../flood/flood.js";
import { type Figure, spread } from "./figures.js";
import { named } from "./footprint.js";
import { reasonOf } from "./measure.js";

const MTU = 9000;
/** Lists of 17 blocks, whose ranges are all over the disk; half a million of those a second. */
const LISTS = { bytes: 36 + 17 * 512, perSecond: 500 };
/** What a turn may take at full load by itself: a thousand frames, and waiting for the next without sleeping. */
const TURN_MAX_MS = 10;

export async function turnFigure(rounds: number, seconds: number): Promise<Figure> {
	const values: number[] = [];
	const notes: string[] = [];
	try {
		const flooded = await Flooded.start(MTU);
		try {
			await flooded.run(seconds, "trims", "lan0", LISTS);
			for (let round = 0; round < rounds; round++) {
				await flooded.longestTurnMs();
				const { load, floodRate } = await flooded.run(seconds, "trims", "lan0", LISTS);
				values.push(await flooded.longestTurnMs());
				notes.push(`${floodRate} lists/s, a read waits ${(load.maxUs / 1000).toFixed(1)} ms at most`);
			}
		} finally {
			await flooded.stop();
		}
	} catch (error) {
		notes.push(reasonOf(error));
	}
	return {
		...named("turn"),
		against: "",
		unit: "ms",
		bound: { kind: "at most", value: TURN_MAX_MS },
		value: values.length === rounds ? spread(values) : undefined,
		note: notes.at(-1) ?? "",
	};
}
